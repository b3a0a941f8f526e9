"""Train a model of the package on drawn plates.

    python -m skdeblurbin.pretrained.train_binarizer plate [--work DIR] [-o FILE]
        [--start FILE --first-part N [--average]]

Draws the plates (once, on all processors), trains, and writes the weights. An
interrupted run goes on where it was: from the drawn parts and the checkpoint in --work.
Drawing takes twelve minutes on two cores, training "plate" an hour and forty minutes on
one; the model cards in the documentation tell what came out. --start goes on from a
model that was trained before, with a rate that begins anew; --first-part is for it to
see other plates than that one did. With --average the weights written are the means of
those before and after, which read better than either (Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models", doi 10.1109/CVPR52688.2022.00780).
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from skdeblurbin._files import write_atomically
from skdeblurbin._gan import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets.plates import DEFAULT_SHAPES, Layout

#: The models, named as the layouts of `make_blurred_plates` that they are trained on.
MODELS: tuple[Layout, ...] = ("plate", "characters")
N_PARTS, PLATES_A_PART = 200, 250
#: Of the parts in turn: from photos that are hardly blurred to such as cannot be read.
SEVERITIES = (0.1, 0.25, 0.4, 0.5, 0.6, 0.8)
PARAMETERS: dict[str, Any] = {
    "adversarial_weight": 0,
    "n_blocks": 8,
    "downsampling": 4,
    "max_epochs": 6,
    "batch_size": 4,
    "learning_rate_decay": "cosine",
    "average_decay": 0.999,
    "random_state": 0,
}

Images = NDArray[np.uint8]


def main() -> None:
    """Draw, train and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=MODELS, help="the model")
    parser.add_argument(
        "--work",
        type=Path,
        help="folder of drawn plates and checkpoints; default: runs/NAME",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="the model; default: NAME.safetensors"
    )
    parser.add_argument("--parts", type=int, default=N_PARTS, help="of 250 plates each")
    parser.add_argument(
        "--first-part", type=int, default=0, help="from which number on; each is a seed"
    )
    parser.add_argument("--epochs", type=int, default=PARAMETERS["max_epochs"])
    parser.add_argument("--start", type=Path, help="a model to go on from")
    parser.add_argument(
        "--average", action="store_true", help="the mean with the weights of --start"
    )
    arguments = parser.parse_args()
    if arguments.average and arguments.start is None:
        parser.error("--average needs --start.")
    work = arguments.work or Path("runs") / arguments.name
    output = arguments.output or Path(f"{arguments.name}.safetensors")
    numbers = range(arguments.first_part, arguments.first_part + arguments.parts)
    X, Y = training_set(arguments.name, work / "drawn", numbers)
    model = prepare(X.shape[1:], arguments.epochs, arguments.start)
    train(model, X, Y, work / "checkpoints")
    if arguments.average:
        average(model, GANBinarizer.load(arguments.start))
    model.save(output, half_precision=True)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def training_set(layout: Layout, folder: Path, numbers: range) -> tuple[Images, Images]:
    """Draw the parts that are not in the folder yet; all of them together."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {number: folder / f"{number:03}.npy" for number in numbers}
    Parallel(n_jobs=-1, verbose=1)(
        delayed(_draw_part)(layout, file, number)
        for number, file in files.items()
        if not file.exists()
    )
    # Bit 0 is the truth, whose grey level the photo does not miss.
    drawn = np.concatenate([np.load(file) for file in files.values()])
    one = np.uint8(1)
    return drawn & ~one, drawn & one


def _draw_part(layout: Layout, file: Path, number: int) -> None:
    X, Y = make_blurred_plates(
        PLATES_A_PART,
        DEFAULT_SHAPES[layout],
        layout,
        severity=SEVERITIES[number % len(SEVERITIES)],
        effects="all",
        random_state=number,
    )
    with io.BytesIO() as buffer:
        np.save(buffer, X & 0xFE | Y)
        write_atomically(file, buffer.getvalue())


def prepare(
    shape: tuple[int, ...], max_epochs: int, start: Path | None
) -> GANBinarizer:
    """Make the model that is to be trained."""
    model = GANBinarizer() if start is None else GANBinarizer.load(start)
    parameters = {**PARAMETERS, "max_epochs": max_epochs, "working_shape": shape}
    model.set_params(**parameters, warm_start=start is not None)
    return model


def train(model: GANBinarizer, X: Images, Y: Images, checkpoints: Path) -> None:
    """Train, with a checkpoint each minute."""
    model.set_params(checkpoint_dir=checkpoints, verbose=1)
    model.fit(X, Y)
    model.set_params(checkpoint_dir=None, verbose=0, warm_start=False)


def average(model: GANBinarizer, other: GANBinarizer) -> None:
    """Give a model the means of its weights and of another's."""
    weights, others = model.generator_.state_dict(), other.generator_.state_dict()
    means = {
        name: (value + others[name]) / 2 if value.is_floating_point() else value
        for name, value in weights.items()
    }
    model.generator_.load_state_dict(means)


if __name__ == "__main__":
    main()

"""Train a model of the package on drawn plates.

    python -m skdeblurbin.pretrained.train_binarizer plate [--work DIR] [-o FILE]

Draws the plates (once, on all processors), trains, and writes the weights. An
interrupted run goes on where it was: from the drawn parts and the checkpoint in --work.
Drawing takes twelve minutes on two cores, training "plate" an hour and forty minutes on
one; the model cards in the documentation tell what came out.
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
    parser.add_argument("--epochs", type=int, default=PARAMETERS["max_epochs"])
    arguments = parser.parse_args()
    work = arguments.work or Path("runs") / arguments.name
    output = arguments.output or Path(f"{arguments.name}.safetensors")
    X, Y = training_set(arguments.name, work / "drawn", arguments.parts)
    model = train(X, Y, work / "checkpoints", arguments.epochs)
    model.save(output, half_precision=True)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def training_set(layout: Layout, folder: Path, n_parts: int) -> tuple[Images, Images]:
    """Draw the parts that are not in the folder yet; all of them together."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:03}.npy" for number in range(n_parts)]
    Parallel(n_jobs=-1, verbose=1)(
        delayed(_draw_part)(layout, file, number)
        for number, file in enumerate(files)
        if not file.exists()
    )
    # Bit 0 is the truth, whose grey level the photo does not miss.
    drawn = np.concatenate([np.load(file) for file in files])
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


def train(X: Images, Y: Images, checkpoints: Path, max_epochs: int) -> GANBinarizer:
    """Train, with a checkpoint each minute."""
    model = GANBinarizer(
        **{**PARAMETERS, "max_epochs": max_epochs, "working_shape": X.shape[1:]}
    )
    model.set_params(checkpoint_dir=checkpoints, verbose=1)
    model.fit(X, Y)
    model.set_params(checkpoint_dir=None, verbose=0)
    return model


if __name__ == "__main__":
    main()

"""Train a model of the package on drawn plates.

    python -m skdeblurbin.pretrained.train_binarizer plate [--work DIR] [-o FILE]

Draws sharp plates (once, on all processors), trains on photos of them, each of which is
made anew, and writes the weights. An interrupted run goes on where it was: from the
drawn parts and the checkpoint in --work. What it costs is in the model cards in the
documentation; a graphics processor is used if there is one. --start goes on from a
model that was trained before, with a rate that begins anew; --first-part is for it to
see other plates than that one did.
"""

from __future__ import annotations

import argparse
import io
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from skdeblurbin._files import write_atomically
from skdeblurbin._gan import GANBinarizer
from skdeblurbin.datasets.plates import DEFAULT_SHAPES, Layout, draw_scenes
from skdeblurbin.pretrained.photographs import PhotographedGANBinarizer

#: The models, named as the layouts of `make_blurred_plates` that they are trained on.
MODELS: tuple[Layout, ...] = ("plate", "characters")
N_PARTS, PLATES_A_PART = 320, 250
#: Where long motion leaves streaks of light and dark, a model that has to allow for
#: either polarity reads neither; of real plates few are light on dark.
LIGHT_ON_DARK = 0.1
#: Of the drawings, in turn: in any view, and nearly straight, as detectors crop.
EFFECTS = (("lettering", "surface", "view"), ("lettering", "surface"))
PARAMETERS: dict[str, Any] = {
    "adversarial_weight": 0,
    "max_epochs": 20,
    "batch_size": 64,
    "learning_rate_decay": "cosine",
    "average_decay": 0.999,
    "random_state": 0,
}
#: The networks. Whole plates have finer strokes, and more around them that is not ink.
NETWORKS: dict[Layout, dict[str, int]] = {
    "plate": {"n_blocks": 14, "downsampling": 2, "n_levels": 2},
    "characters": {"n_blocks": 8, "downsampling": 4, "n_levels": 2},
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
        "--workers",
        type=int,
        default=max(1, cpu_count() - 1),
        help="processes that photograph; they do not change the result",
    )
    arguments = parser.parse_args()
    work = arguments.work or Path("runs") / arguments.name
    output = arguments.output or Path(f"{arguments.name}.safetensors")
    numbers = range(arguments.first_part, arguments.first_part + arguments.parts)
    X, Y = drawn_plates(arguments.name, work / "drawn", numbers)
    learner = prepare(arguments.name, arguments.epochs, arguments.start)
    learner.n_workers = arguments.workers
    model = train(learner, X, Y, work / "checkpoints")
    model.save(output, half_precision=True)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def drawn_plates(layout: Layout, folder: Path, numbers: range) -> tuple[Images, Images]:
    """Draw the parts that are not in the folder yet; all of them together.

    Returns
    -------
    X, Y : uint8 ndarray of shape (n_plates, height, width)
        Sharp plates, and their truth in {0, 1}.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {number: folder / f"{number:03}.npy" for number in numbers}
    Parallel(n_jobs=-1, verbose=1)(
        delayed(_write_part)(layout, file, number)
        for number, file in files.items()
        if not file.exists()
    )
    # Bit 0 is the truth, whose grey level the plate does not miss.
    drawn = np.concatenate([np.load(file) for file in files.values()])
    one = np.uint8(1)
    return drawn & ~one, drawn & one


def _write_part(layout: Layout, file: Path, number: int) -> None:
    scenes = draw_scenes(
        DEFAULT_SHAPES[layout],
        layout,
        light_on_dark=LIGHT_ON_DARK,
        effects=EFFECTS[number % len(EFFECTS)],
        random_state=number,
    )
    part = [
        np.rint(scene.grey * 255).astype(np.uint8) & 0xFE | scene.truth
        for scene in islice(scenes, PLATES_A_PART)
    ]
    with io.BytesIO() as buffer:
        np.save(buffer, np.stack(part))
        write_atomically(file, buffer.getvalue())


def prepare(
    name: Layout, max_epochs: int, start: Path | None
) -> PhotographedGANBinarizer:
    """Make the model that is to be trained."""
    learner = PhotographedGANBinarizer()
    if start is not None:
        known = GANBinarizer.load(start)
        learner.__setstate__(known.__getstate__())
    learner.set_params(
        **{**PARAMETERS, **NETWORKS[name], "max_epochs": max_epochs},
        working_shape=DEFAULT_SHAPES[name],
        freeze_batch_norm=False,  # so many plates tell what they are
        warm_start=start is not None,
    )
    return learner


def train(
    learner: PhotographedGANBinarizer, X: Images, Y: Images, checkpoints: Path
) -> GANBinarizer:
    """Train, with a checkpoint each minute."""
    learner.set_params(checkpoint_dir=checkpoints, verbose=1)
    learner.fit(X, Y)
    model = GANBinarizer()
    model.__setstate__(learner.__getstate__())
    # Who trains it on has tens of pairs, not tens of thousands.
    usual = GANBinarizer()
    model.set_params(
        checkpoint_dir=None,
        verbose=0,
        warm_start=False,
        max_epochs=usual.max_epochs,
        batch_size=usual.batch_size,
        freeze_batch_norm=True,
    )
    return model


if __name__ == "__main__":
    main()

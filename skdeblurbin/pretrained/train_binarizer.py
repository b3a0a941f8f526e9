"""Train a model of the package on drawn plates.

    python -m skdeblurbin.pretrained.train_binarizer plate [--work DIR] [-o FILE]
        [--start FILE --first-part N [--plain] [--average FILE...]]

Draws the plates (once, on all processors), trains, and writes the weights. An
interrupted run goes on where it was: from the drawn parts and the checkpoint in --work.
Drawing takes twelve minutes on two cores, training "plate" an hour and forty minutes on
one; the model cards in the documentation tell what came out. --start goes on from a
model that was trained before, with a rate that begins anew; --first-part is for it to
see other plates than that one did. With --plain the plates are blurred by one straight
movement or out of focus, and photographed well, as by cameras that are made for it;
that teaches long motion, once all effects have been learnt. With --average the weights
written are the means of this training's and of those of other models that began alike,
which read better than any of them (Wortsman et al. 2022, "Model soups", doi
10.48550/arXiv.2203.05482).
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray

from skdeblurbin._files import write_atomically
from skdeblurbin._gan import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets.degradations import (
    REFERENCE_HEIGHT,
    add_noise,
    gaussian_blur,
    motion_blur,
    uneven_light,
)
from skdeblurbin.datasets.plates import DEFAULT_SHAPES, Layout

#: The models, named as the layouts of `make_blurred_plates` that they are trained on.
MODELS: tuple[Layout, ...] = ("plate", "characters")
N_PARTS, PLATES_A_PART = 200, 250
#: Of the parts in turn: from photos that are hardly blurred to such as cannot be read.
SEVERITIES = (0.1, 0.25, 0.4, 0.5, 0.6, 0.8)
#: Where long motion leaves streaks of light and dark, a model that has to allow for
#: either polarity reads neither; of real plates few are light on dark.
LIGHT_ON_DARK = 0.05
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
        "--plain", action="store_true", help="one cause of blur, by a good camera"
    )
    parser.add_argument(
        "--average", type=Path, nargs="+", default=[], help="models to average with"
    )
    arguments = parser.parse_args()
    others = [GANBinarizer.load(file) for file in arguments.average]
    work = arguments.work or Path("runs") / arguments.name
    output = arguments.output or Path(f"{arguments.name}.safetensors")
    numbers = range(arguments.first_part, arguments.first_part + arguments.parts)
    drawn = work / "drawn"
    X, Y = training_set(arguments.name, drawn, numbers, plain=arguments.plain)
    model = prepare(X.shape[1:], arguments.epochs, arguments.start)
    train(model, X, Y, work / "checkpoints")
    average(model, others)
    model.save(output, half_precision=True)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def draw_part(layout: Layout, number: int, *, plain: bool) -> tuple[Images, Images]:
    """Draw the plates of a part: all effects at a severity, or photographed well."""
    X, Y = make_blurred_plates(
        PLATES_A_PART,
        DEFAULT_SHAPES[layout],
        layout,
        severity=0 if plain else SEVERITIES[number % len(SEVERITIES)],
        light_on_dark=LIGHT_ON_DARK,
        effects=("lettering", "surface") if plain else "all",
        random_state=number,
    )
    if plain:
        rng = np.random.default_rng(number)
        photos = [photograph_plainly(plate / np.float32(255), rng) for plate in X]
        X = np.rint(255 * np.stack(photos)).astype(np.uint8)
    return X, Y


def photograph_plainly(
    plate: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Blur by one straight movement, or out of focus, or not; noise, uneven light.

    Lengths are in pixels for 64 rows of plate.
    """
    unit = plate.shape[0] / REFERENCE_HEIGHT
    photo = plate
    if rng.random() < 0.5:
        photo = uneven_light(photo, rng, rng.uniform(0, 1))
    cause = rng.choice(["motion", "defocus", "none"], p=[0.7, 0.2, 0.1])
    if cause == "motion":
        length, angle = rng.uniform(1.5, 16), rng.uniform(0, np.pi)
        photo = motion_blur(photo, length * unit, angle)
    elif cause == "defocus":
        photo = gaussian_blur(photo, rng.uniform(0.5, 2.8) * unit)
    if rng.random() < 0.5:
        photo = add_noise(photo, rng, shot=0, read=rng.uniform(0, 10 / 255))
    return photo


def training_set(
    layout: Layout, folder: Path, numbers: range, *, plain: bool = False
) -> tuple[Images, Images]:
    """Draw the parts that are not in the folder yet; all of them together."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "plain_" if plain else ""
    files = {number: folder / f"{kind}{number:03}.npy" for number in numbers}
    Parallel(n_jobs=-1, verbose=1)(
        delayed(_write_part)(layout, file, number, plain=plain)
        for number, file in files.items()
        if not file.exists()
    )
    # Bit 0 is the truth, whose grey level the photo does not miss.
    drawn = np.concatenate([np.load(file) for file in files.values()])
    one = np.uint8(1)
    return drawn & ~one, drawn & one


def _write_part(layout: Layout, file: Path, number: int, *, plain: bool) -> None:
    X, Y = draw_part(layout, number, plain=plain)
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
    # What the model trains with if somebody fits it anew, not how it was trained last.
    epochs = PARAMETERS["max_epochs"]
    model.set_params(
        checkpoint_dir=None, verbose=0, warm_start=False, max_epochs=epochs
    )


def average(model: GANBinarizer, others: list[GANBinarizer]) -> None:
    """Give a model the means of its weights and of those of others."""
    states = [one.generator_.state_dict() for one in (model, *others)]
    means = {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }
    model.generator_.load_state_dict(means)


if __name__ == "__main__":
    main()

"""The paper's own configuration on drawn data of the paper's sizes, beside the default.

    python tests/benchmarks/paper_check.py plates --epochs 3
    python tests/benchmarks/paper_check.py characters --epochs 1

Trains the paper's network (10 blocks at full resolution, batches of 4, K1 = 145,
K2 = 170, no augmentation, no averaging) for so many epochs on 500 pairs of 128x128
characters or on 80 pairs of 128x192 plates with border, then the default for the same
processor time; prints RMSE and F-measure of ink on training and on new plates against
Otsu's threshold, and the seconds for a plate; and draws new plates side by side.

A run can be interrupted: it goes on from the last epoch in --work, and with a larger
--epochs from where an earlier one ended.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import joblib
import numpy as np
import torch
from _measure import DENSE

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay

DATA = {"characters": (500, (128, 128)), "plates": (80, (128, 192))}
LAYOUTS = {"characters": "characters", "plates": "plate"}
N_TEST = 80
PAPER = DENSE | {
    "downsampling": 1,
    "perceptual": "glyph",
    "discriminator_channels": 64,
    "augment": False,
    "average_decay": None,
    "content_loss": "l1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", choices=DATA)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("runs/paper-check"))
    parser.add_argument("-o", "--output", type=Path, help="picture of new plates")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    n_train, shape = DATA[arguments.data]
    # Vietnam's plates, the paper's, are dark on light.
    X, Y = make_blurred_plates(
        n_train + N_TEST,
        shape,
        LAYOUTS[arguments.data],
        light_on_dark=0,
        random_state=0,
    )
    parts = {
        "training": (X[:n_train], Y[:n_train]),
        "new": (X[n_train:], Y[n_train:]),
    }
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"{arguments.threads} threads; {n_train} pairs of {shape[0]}x{shape[1]}, "
        f"{N_TEST} new ones",
        flush=True,
    )

    def build(**settings) -> GANBinarizer:
        return GANBinarizer(random_state=0, n_threads=arguments.threads, **settings)

    train = parts["training"]
    paper, cost = train_further(
        build(**PAPER),
        train,
        arguments.work / f"{arguments.data}-paper.joblib",
        lambda n_epochs, _: n_epochs >= arguments.epochs,
    )
    fast, _ = train_further(
        build(),
        train,
        arguments.work / f"{arguments.data}-default.joblib",
        lambda _, seconds: seconds >= cost,
    )
    models = {
        "Otsu": OtsuBinarizer().fit(*train),
        "paper's network": paper,
        "default": fast,
    }
    print_table(models, parts)
    if arguments.output:
        draw(models, *parts["new"], arguments.output)


def train_further(
    model: GANBinarizer, pairs, file: Path, is_done
) -> tuple[GANBinarizer, float]:
    """Train epoch by epoch; returns the model and the processor time it took."""
    seconds = 0.0
    if file.exists():
        model, seconds = joblib.load(file)
    while not is_done(getattr(model, "n_epochs_", 0), seconds):
        start = time.process_time()
        model.partial_fit(*pairs)
        seconds += time.process_time() - start
        # Written beside and moved: an interruption leaves the old file or the new.
        joblib.dump((model, seconds), file.with_suffix(".new"))
        file.with_suffix(".new").replace(file)
        last = model.history_[-1]
        print(
            f"{file.stem}: epoch {model.n_epochs_}, {seconds:.0f} s, "
            f"RMSE {last['rmse']:.3f}, L1 {last['content_loss']:.3f}",
            flush=True,
        )
    return model, seconds


def print_table(models, parts) -> None:
    header = "".join(f"{f'{part}: RMSE':>17}{'F':>8}" for part in parts)
    print(f"{'':18}{header}{'epochs':>8}{'ms a plate':>12}")
    for name, model in models.items():
        line = f"{name:18}"
        for X, Y in parts.values():
            predicted = model.predict(X)
            line += f"{root_mean_squared_error(Y, predicted):17.4f}"
            line += f"{f_measure(Y, predicted):8.4f}"
        n_epochs = getattr(model, "n_epochs_", 0)
        print(f"{line}{n_epochs:8d}{1000 * seconds_a_plate(model, X):12.1f}")


def seconds_a_plate(model, X) -> float:
    """Median over plates, each predicted alone."""
    times = []
    for image in X[:20]:
        start = time.perf_counter()
        model.predict(image[np.newaxis])
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def draw(models, X, Y, file: Path) -> None:
    chosen = slice(0, 6)
    paper, fast = models["paper's network"], models["default"]
    columns = {
        "Otsu": models["Otsu"].predict(X[chosen]),
        "paper, grey": paper.deblur(X[chosen]),
        "paper": paper.predict(X[chosen]),
        "default, grey": fast.deblur(X[chosen]),
        "default": fast.predict(X[chosen]),
    }
    display = BinarizationDisplay.from_predictions(X[chosen], columns, Y[chosen])
    display.figure_.savefig(file, dpi=150)


if __name__ == "__main__":
    main()

"""Compare settings of GANBinarizer at equal processor time, on one thread.

    python tests/benchmarks/compare_settings.py [--minutes 4] [--only NAME ...]
    python tests/benchmarks/compare_settings.py --folder BLURRED BINARY

Trains each setting for the same processor time (the number of epochs comes from one
timed epoch) and prints RMSE and F-measure of ink on pairs that no setting was trained
on, with standard errors of the difference to the default over plates. Without --folder
the pairs are drawn: 400 to train, 200 to test, 64x96 pixels, with border.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.model_selection import train_test_split

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin.datasets import load_image_pairs, make_blurred_plates
from skdeblurbin.metrics import f_measure, root_mean_squared_error

SETTINGS = {
    "default": {},
    "downsampling=1": {"downsampling": 1},
    "downsampling=2": {"downsampling": 2},
    "augment=False": {"augment": False},
    "learning_rate_decay=None": {"learning_rate_decay": None},
    "no decay, no average": {"learning_rate_decay": None, "average_decay": None},
    "average_decay=None": {"average_decay": None},
    "adversarial_weight=0": {"adversarial_weight": 0},
    "adversarial_weight=10": {"adversarial_weight": 10},
    "conditional=True": {"conditional": True},
    "learning_rate=0.0002": {"learning_rate": 0.0002},
    "learning_rate=0.0005": {"learning_rate": 0.0005},
    "learning_rate=0.002": {"learning_rate": 0.002},
    "batch_size=8": {"batch_size": 8},
    "n_blocks=4": {"n_blocks": 4},
    "discriminator_channels=32": {"discriminator_channels": 32},
}


def load(folder: list[Path] | None):
    if folder is None:
        X, Y = make_blurred_plates(600, (64, 96), layout="plate", random_state=0)
        return train_test_split(X, Y, test_size=200, random_state=0)
    X, Y = load_image_pairs(*folder)
    return train_test_split(X, Y, test_size=0.3, random_state=0)


def train(settings: dict, X, Y, seconds: float) -> tuple[GANBinarizer, float]:
    """Fit for about `seconds` of processor time."""
    probe = GANBinarizer(n_threads=1, random_state=0, **settings)
    n_probe = min(len(X), 40)
    probe.partial_fit(X[:4], Y[:4])  # the first step pays for set-up
    start = time.process_time()
    probe.partial_fit(X[:n_probe], Y[:n_probe])
    epoch = (time.process_time() - start) * len(X) / n_probe
    max_epochs = max(1, round(seconds / epoch))
    start = time.process_time()
    model = GANBinarizer(
        n_threads=1, random_state=0, max_epochs=max_epochs, **settings
    ).fit(X, Y)
    return model, time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--folder", type=Path, nargs=2, metavar=("BLURRED", "BINARY"))
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    arguments = parser.parse_args()
    X_train, X_test, Y_train, Y_test = load(arguments.folder)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn "
        f"{sklearn.__version__}, {platform.machine()}; {len(X_train)} pairs to train, "
        f"{len(X_test)} to test; {arguments.minutes:g} minutes of one thread each"
    )
    print(
        f"{'setting':26}{'RMSE':>8}{'- default':>18}{'F ink':>8}{'epochs':>8}{'s':>6}"
    )
    otsu = OtsuBinarizer().fit(X_train, Y_train)
    report("Otsu", otsu.predict(X_test), Y_test)
    reference = None
    for name in arguments.only:
        model, seconds = train(SETTINGS[name], X_train, Y_train, arguments.minutes * 60)
        errors = report(
            name, model.predict(X_test), Y_test, reference, model.n_epochs_, seconds
        )
        reference = errors if reference is None else reference


def report(name, predicted, truth, reference=None, epochs=0, seconds=0.0):
    errors = root_mean_squared_error(truth, predicted, per_image=True)
    difference = ""
    if reference is not None:
        gap = errors - reference
        standard_error = gap.std(ddof=1) / np.sqrt(len(gap))
        difference = f"{gap.mean():+.4f} +- {standard_error:.4f}"
    print(
        f"{name:26}{errors.mean():8.4f}{difference:>18}"
        f"{f_measure(truth, predicted):8.4f}{epochs:8d}{seconds:6.0f}",
        flush=True,
    )
    return errors


if __name__ == "__main__":
    main()

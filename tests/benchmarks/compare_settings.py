"""Compare settings of GANBinarizer at equal processor time, on one thread.

    python tests/benchmarks/compare_settings.py [--minutes 4] [--only NAME ...]
    python tests/benchmarks/compare_settings.py --folder BLURRED BINARY
    python tests/benchmarks/compare_settings.py --group features --seeds 2

Trains each setting for the same processor time (the number of epochs comes from steps
of all settings timed in turn) and prints RMSE and F-measure of ink on pairs that no
setting was trained on, with standard errors over plates of the difference to the first
setting, and the size of each weighted loss term in the last epoch. With several seeds,
errors are averaged over them plate by plate. Without --folder the pairs are drawn: 400
to train, 200 to test, 64x96 pixels, with border.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
import torch
from _measure import network_parameters
from sklearn.model_selection import train_test_split

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)
from skdeblurbin.datasets import load_image_pairs, make_blurred_plates
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.networks.vgg import find_vgg16

GROUPS = {
    "training": {
        "default": {},
        "dense, downsampling=1": network_parameters(1),
        "dense, downsampling=2": network_parameters(2),
        "dense, downsampling=4": network_parameters(4),
        "content_loss=l1": {"content_loss": "l1"},
        "augment=False": {"augment": False},
        "learning_rate_decay=cosine": {"learning_rate_decay": "cosine"},
        "cosine, no average": {"learning_rate_decay": "cosine", "average_decay": None},
        "average_decay=None": {"average_decay": None},
        "adversarial_weight=0": {"adversarial_weight": 0},
        "adversarial_weight=1": {"adversarial_weight": 1},
        "conditional=True": {"conditional": True},
        "optimizer=adam": {"optimizer": "adam", "learning_rate": 0.001},
        "learning_rate=0.001": {"learning_rate": 0.001},
        "learning_rate=0.002": {"learning_rate": 0.002},
        "learning_rate=0.005": {"learning_rate": 0.005},
        "batch_size=8": {"batch_size": 8},
        "n_blocks=10": {"n_blocks": 10},
        "discriminator_channels=32": {"discriminator_channels": 32},
    },
    "features": {
        "no features": {"perceptual": None},
        "glyph, K1=1.45": {"perceptual": "glyph", "K1": 1.45},
        "glyph, K1=14.5": {"perceptual": "glyph", "K1": 14.5},
        "glyph, K1=145": {"perceptual": "glyph", "K1": 145},
        "glyph, K1=1450": {"perceptual": "glyph", "K1": 1450},
        "discriminator, K1=145": {"perceptual": "discriminator", "K1": 145},
        "vgg16, K1=145": {"perceptual": "vgg16", "K1": 145},
    },
}
SETTINGS = {name: s for group in GROUPS.values() for name, s in group.items()}


def load(folder: list[Path] | None):
    if folder is None:
        X, Y = make_blurred_plates(600, (64, 96), layout="plate", random_state=0)
        return train_test_split(X, Y, test_size=200, random_state=0)
    X, Y = load_image_pairs(*folder)
    return train_test_split(X, Y, test_size=0.3, random_state=0)


def seconds_a_pair(names: list[str], X, Y) -> dict[str, float]:
    """Processor time of each setting, measured in turn: a drift hits all alike."""
    models = {
        name: GANBinarizer(n_threads=1, random_state=0, **SETTINGS[name])
        for name in names
    }
    for model in models.values():
        model.partial_fit(X[:4], Y[:4])  # the first step pays for set-up
    rounds = []
    for _ in range(3):
        for model in models.values():
            start = time.process_time()
            model.partial_fit(X[:16], Y[:16])
            rounds.append((time.process_time() - start) / 16)
    medians = np.median(np.reshape(rounds, (3, -1)), axis=0)
    return dict(zip(names, medians, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--epochs", type=int, help="for all, instead of equal time")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--folder", type=Path, nargs=2, metavar=("BLURRED", "BINARY"))
    parser.add_argument("--group", choices=GROUPS, default="training")
    parser.add_argument("--only", nargs="+", choices=SETTINGS)
    arguments = parser.parse_args()
    names = available(arguments.only or list(GROUPS[arguments.group]))
    X_train, X_test, Y_train, Y_test = load(arguments.folder)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn "
        f"{sklearn.__version__}, {platform.machine()}; {len(X_train)} pairs to train, "
        f"{len(X_test)} to test; {arguments.minutes:g} minutes of one thread each, "
        f"{arguments.seeds} seeds"
    )
    print(
        f"{'setting':26}{'RMSE':>8}{'- first':>18}{'F ink':>8}{'- first':>18}"
        f"{'epochs':>8}{'s':>6}"
    )
    for rival in (OtsuBinarizer(), SauvolaBinarizer(), WienerBinarizer()):
        start = time.process_time()
        predicted = rival.fit(X_train, Y_train).predict(X_test)
        seconds = time.process_time() - start
        report(type(rival).__name__, measure(predicted, Y_test), seconds=seconds)
    first = None
    cost = seconds_a_pair(names, X_train, Y_train)
    sizes = {}
    for name in names:
        seconds_an_epoch = cost[name] * len(X_train)
        n_epochs = arguments.epochs or round(60 * arguments.minutes / seconds_an_epoch)
        start = time.process_time()
        found = []
        for seed in range(arguments.seeds):
            model = GANBinarizer(
                n_threads=1,
                random_state=seed,
                max_epochs=max(1, n_epochs),
                **SETTINGS[name],
            ).fit(X_train, Y_train)
            found.append(measure(model.predict(X_test), Y_test))
        seconds = (time.process_time() - start) / arguments.seeds
        measures = np.mean(found, axis=0)
        report(name, measures, first, model.n_epochs_, seconds)
        first = measures if first is None else first
        sizes[name] = weighted_terms(model)
    print(
        f"\n{'weighted terms':26}{'adversarial':>14}{'perceptual':>14}{'content':>14}"
    )
    for name, terms in sizes.items():
        print(f"{name:26}" + "".join(f"{value:14.2f}" for value in terms))


def available(names: list[str]) -> list[str]:
    """Leave out VGG16 where its weights are not at hand, and say so."""
    try:
        find_vgg16()
    except FileNotFoundError:
        left_out = [name for name in names if name.startswith("vgg16")]
        for name in left_out:
            print(f"{name}: left out, its weights are not at hand")
        return [name for name in names if name not in left_out]
    return names


def measure(predicted, truth) -> np.ndarray:
    """RMSE and F-measure of each plate, of shape (2, n_plates)."""
    return np.stack(
        [
            root_mean_squared_error(truth, predicted, per_image=True),
            f_measure(truth, predicted, per_image=True),
        ]
    )


def weighted_terms(model: GANBinarizer) -> list[float]:
    last = model.history_[-1]
    return [
        model.adversarial_weight * last.get("adversarial_loss", 0),
        model.K1 * last.get("perceptual_loss", 0),
        model.K2 * last.get("content_loss", 0),
    ]


def report(name, measures, first=None, epochs=0, seconds=0.0) -> None:
    line = f"{name:26}"
    for i, values in enumerate(measures):
        line += f"{values.mean():8.4f}"
        gap = "" if first is None else values - first[i]
        if first is not None:
            error = gap.std(ddof=1) / np.sqrt(len(gap))
            gap = f"{gap.mean():+.4f} +- {error:.4f}"
        line += f"{gap:>18}"
    print(f"{line}{epochs:8d}{seconds:6.0f}", flush=True)


if __name__ == "__main__":
    main()

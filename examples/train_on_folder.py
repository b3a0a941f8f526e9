"""
Your own data: train on two folders and measure by cross-validation
===================================================================

    python examples/train_on_folder.py BLURRED BINARY --picture sheet.png

BLURRED holds photos, BINARY their hand-made binary images, paired by file name. The
pairs are split into folds; each fold is binarized by a GAN, and by its classical
rivals, that were trained on the others, so that every plate is measured unseen. Prints
a table and writes a picture.

Interrupt with Ctrl-C. With ``--results FILE``, folds already done are read from that
file when the same command is started again.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import KFold

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)
from skdeblurbin.datasets import load_image_pairs
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.plotting import BinarizationDisplay


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("blurred", type=Path, help="folder of blurred photos")
    parser.add_argument("binary", type=Path, help="folder of their binary images")
    parser.add_argument("--folds", type=int, default=5, help="default: 5")
    parser.add_argument("--epochs", type=int, default=200, help="default: 200")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--content-loss", choices=["cross_entropy", "l1"], default="cross_entropy"
    )
    parser.add_argument(
        "--threshold", type=float, help="binary image = grey value above this"
    )
    parser.add_argument("--picture", type=Path, default=Path("train_on_folder.png"))
    parser.add_argument("--plates", type=int, default=12, help="shown in the picture")
    parser.add_argument("--results", type=Path, help=".npz file to resume from")
    return parser.parse_args()


def binarize_unseen(X, Y, splits, model, results):
    """The binary image of each plate, by a GAN that was not trained on it."""
    folds, epochs = len(splits), model.max_epochs
    settings = (
        f"{folds} folds, {epochs} epochs, {model.content_loss}, "
        f"seed {model.random_state}, {digest(X, Y)}"
    )
    done = read_results(results, settings)
    for number, (train, test) in enumerate(splits, start=1):
        if all(str(i) in done for i in test):
            print(f"fold {number} of {folds}: done before")
            continue
        print(f"fold {number} of {folds}: {len(train)} pairs to train", flush=True)
        start = time.perf_counter()
        model.fit([X[i] for i in train], [Y[i] for i in train])
        if model.n_epochs_ < epochs:
            raise SystemExit(f"interrupted; folds 1 to {number - 1} are done")
        print(f"fold {number}: {time.perf_counter() - start:.0f} s", flush=True)
        predicted = model.predict([X[i] for i in test])
        done |= {str(i): image for i, image in zip(test, predicted, strict=True)}
        if results:
            np.savez_compressed(results, settings=settings, **done)
    return [done[str(i)] for i in range(len(X))]


def digest(X, Y):
    """A name for the data, so that results of other data are not mixed in."""
    return hashlib.sha256(b"".join(i.tobytes() for i in (*X, *Y))).hexdigest()[:16]


def read_results(results, settings):
    """Binary images of the folds done before, if they are of the same run."""
    if not results or not results.exists():
        return {}
    with np.load(results) as file:
        if str(file["settings"]) != settings:
            raise SystemExit(f"{results} is of another run: {file['settings']}")
        return {name: file[name] for name in file.files if name != "settings"}


def constant_plates(Y, splits):
    """All paper, and the plate that most training plates agree on, pixel by pixel."""
    low, high = np.unique(np.concatenate([np.unique(y) for y in Y]))
    rows = {"all paper": [np.full_like(y, high) for y in Y]}
    if len({y.shape for y in Y}) == 1:
        average = [None] * len(Y)
        for train, test in splits:
            majority = np.mean([Y[i] == high for i in train], axis=0) > 0.5
            for i in test:
                average[i] = np.where(majority, high, low).astype(Y[i].dtype)
        rows["average plate"] = average
    return rows


def rival_plates(X, Y, splits):
    """Binary images by the classical rivals, their settings chosen in each fold."""
    rows = {}
    for model in (SauvolaBinarizer(), WienerBinarizer()):
        found = [None] * len(Y)
        for train, test in splits:
            model.fit([X[i] for i in train], [Y[i] for i in train])
            predicted = model.predict([X[i] for i in test])
            for i, image in zip(test, predicted, strict=True):
                found[i] = image
        rows[type(model).__name__.removesuffix("Binarizer")] = found
    return rows


def print_table(rows, Y):
    """Mean and standard error over the plates, and paired differences to Otsu."""
    figures = {
        name: (
            root_mean_squared_error(Y, images, per_image=True),
            f_measure(Y, images, per_image=True),
        )
        for name, images in rows.items()
    }
    print(f"\n{len(Y)} plates, each binarized by a model that was not trained on it")
    print(f"{'':14}{'RMSE':>17}{'- Otsu':>20}{'F ink':>18}{'- Otsu':>20}")
    for name, measured in figures.items():
        line = f"{name:14}"
        for values, otsu in zip(measured, figures["Otsu"], strict=True):
            line += f"  {mean_and_error(values):>16}"
            line += f"  {mean_and_error(values - otsu, '+'):>17}"
        print(line)


def mean_and_error(values, sign=""):
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():{sign}.4f} +- {error:.4f}"


def main():
    arguments = parse_arguments()
    X, Y = load_image_pairs(
        arguments.blurred, arguments.binary, threshold=arguments.threshold
    )
    X, Y = list(X), list(Y)
    seed = arguments.seed
    folds = KFold(arguments.folds, shuffle=True, random_state=seed)
    splits = list(folds.split(X))
    model = GANBinarizer(
        max_epochs=arguments.epochs,
        content_loss=arguments.content_loss,
        random_state=seed,
        verbose=1,
    )
    ours = binarize_unseen(X, Y, splits, model, arguments.results)
    otsu_fitted = OtsuBinarizer().fit(X, Y)
    otsu = otsu_fitted.predict(X)
    rows = {
        "Otsu": otsu,
        **rival_plates(X, Y, splits),
        **constant_plates(Y, splits),
        "GAN": ours,
    }
    print_table(rows, Y)
    shown = np.linspace(0, len(X) - 1, min(arguments.plates, len(X))).astype(int)
    display = BinarizationDisplay.from_predictions(
        [X[i] for i in shown],
        {"Otsu": [otsu[i] for i in shown], "GAN": [ours[i] for i in shown]},
        [Y[i] for i in shown],
        classes=otsu_fitted.classes_,
    )
    display.figure_.savefig(arguments.picture, dpi=150)
    print(f"\n{arguments.picture}: blurred | Otsu | GAN | truth | errors")


if __name__ == "__main__":
    main()

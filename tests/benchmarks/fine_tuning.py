"""What a pretrained model is worth on real pairs: as it is, and trained on.

    python tests/benchmarks/fine_tuning.py BLURRED BINARY [--results FILE]

Five folds over the pairs of two folders. On each fold's test pairs: Otsu, Sauvola, the
pretrained model as it is, the same trained on for --epochs on 20, 40, 80 and all of the
fold's training pairs, and a new model trained on as many, for --new-epochs. The file of
results keeps what was measured; an interrupted run goes on from there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from _measure import machine, named_model, read_results, write_results
from sklearn.model_selection import KFold

from skdeblurbin import GANBinarizer, OtsuBinarizer, SauvolaBinarizer
from skdeblurbin.datasets import load_image_pairs
from skdeblurbin.metrics import f_measure, root_mean_squared_error

N_FOLDS = 5
SIZES = (20, 40, 80, 0)  # 0 is all


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """By name: on how many pairs, and what fits (X, Y) -> fitted binarizer."""

    def tuned(X: Any, Y: Any) -> GANBinarizer:
        model = named_model(arguments.model).set_params(
            warm_start=True,
            max_epochs=arguments.epochs,
            learning_rate=arguments.learning_rate,
            learning_rate_decay="cosine",
            random_state=0,
        )
        return model.fit(X, Y)

    def new(X: Any, Y: Any) -> GANBinarizer:
        return GANBinarizer(max_epochs=arguments.new_epochs, random_state=0).fit(X, Y)

    found: dict[str, Any] = {
        "Otsu": (0, OtsuBinarizer().fit),
        "Sauvola": (0, SauvolaBinarizer().fit),
        "pretrained": (0, lambda X, Y: named_model(arguments.model)),
    }
    for size in SIZES:
        many = "all" if size == 0 else str(size)
        found[f"pretrained, {many} pairs"] = (size, tuned)
        found[f"new, {many} pairs"] = (size, new)
    return found


def scores(model: Any, X: list[Any], Y: list[Any]) -> dict[str, list[float]]:
    """RMSE and F-measure of ink of each image, whatever the encodings are."""
    truth = [image > 127 for image in Y]
    found = [image == model.classes_[1] for image in model.predict(X)]
    return {
        "rmse": [
            float(root_mean_squared_error([t], [f]))
            for t, f in zip(truth, found, strict=True)
        ],
        "f": [
            float(f_measure([t], [f], classes=[False, True]))
            for t, f in zip(truth, found, strict=True)
        ],
    }


def report(results: dict[str, Any]) -> None:
    print(
        f"\n{'':26}{'RMSE':>8}{'+-':>8}{'F':>8}{'seconds':>9}   RMSE against pretrained"
    )
    for name in dict.fromkeys(key.split(" | ")[0] for key in results):
        folds = [v for key, v in results.items() if key.split(" | ")[0] == name]
        rmse = np.concatenate([fold["rmse"] for fold in folds])
        f = np.concatenate([fold["f"] for fold in folds])
        same = [f"pretrained | {fold['fold']}" for fold in folds]
        against = ""
        if all(key in results for key in same):
            difference = rmse - np.concatenate([results[key]["rmse"] for key in same])
            error = difference.std(ddof=1) / len(difference) ** 0.5
            against = f"{difference.mean():+.4f} +- {error:.4f}"
        error, seconds = (
            rmse.std(ddof=1) / len(rmse) ** 0.5,
            [v["seconds"] for v in folds],
        )
        print(
            f"{name:26}{rmse.mean():8.4f}{error:8.4f}{f.mean():8.4f}"
            f"{np.mean(seconds):9.1f}   {against}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("blurred", type=Path)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--model", default="plate", help="a name, or a file")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--new-epochs", type=int, default=45)
    parser.add_argument("--only", nargs="+", default=[], help="settings by name")
    parser.add_argument("--results", type=Path, default=Path("runs/fine_tuning.json"))
    arguments = parser.parse_args()
    X, Y = load_image_pairs(arguments.blurred, arguments.binary)
    X, Y = list(X), list(Y)
    results = read_results(arguments.results)
    print(machine(), flush=True)
    folds = list(KFold(N_FOLDS, shuffle=True, random_state=0).split(X))
    for name, (size, fit) in settings(arguments).items():
        for number, (train, test) in enumerate(folds):
            key = f"{name} | {number}"
            if key in results or (arguments.only and name not in arguments.only):
                continue
            chosen = np.random.default_rng(number).permutation(train)[: size or None]
            start = time.perf_counter()
            model = fit([X[i] for i in chosen], [Y[i] for i in chosen])
            seconds = time.perf_counter() - start
            found = scores(model, [X[i] for i in test], [Y[i] for i in test])
            results[key] = {"fold": number, "seconds": seconds, **found}
            write_results(arguments.results, results)
            print(
                f"{key}: RMSE {np.mean(found['rmse']):.4f}, {seconds:.0f} s", flush=True
            )
    report(results)


if __name__ == "__main__":
    main()

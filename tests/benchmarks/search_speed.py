"""A grid search with one process and with two: seconds, and threads inside.

    python tests/benchmarks/search_speed.py [--quick] [--n-jobs 1 2]

GridSearchCV over 4 candidates and 2 folds of drawn plates (48x64), with the bundled
features in the loss. `n_jobs` above 1 starts processes by loky, which gives each its
share of the cores: the scorer tells how many torch threads and processes there were, so
that the product beyond the number of cores would be seen. Workers are started before
the clock is, as in a search of usual length their start does not count; `cold` is the
first search, with their start and imports.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

import numpy as np
import torch
from _measure import machine, peak
from sklearn.model_selection import GridSearchCV

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

GRID = {"K1": [0, 145], "n_blocks": [4, 10]}


def scores(model: GANBinarizer, X: np.ndarray, Y: np.ndarray) -> dict[str, float]:
    """The score, and where it was computed."""
    return {
        "rmse": model.score(X, Y),
        "threads": torch.get_num_threads(),
        "process": os.getpid(),
    }


def search(X: np.ndarray, Y: np.ndarray, n_jobs: int, epochs: int) -> GridSearchCV:
    model = GANBinarizer(
        max_epochs=epochs, perceptual="glyph", device="cpu", random_state=0
    )
    return GridSearchCV(
        model, GRID, scoring=scores, refit=False, cv=2, n_jobs=n_jobs
    ).fit(X, Y)


def inside(results: dict[str, Any]) -> tuple[int, int]:
    """The most torch threads of a process, and the number of processes."""
    threads, processes = (
        {
            int(value)
            for name, values in results.items()
            if name.startswith("split") and name.endswith(kind)
            for value in values
        }
        for kind in ("_threads", "_process")
    )
    return max(threads), len(processes)


def print_table(times: dict[int, list[float]], found: dict[int, GridSearchCV]) -> None:
    print(
        f"{'n_jobs':>8}{'seconds':>10}{'gain':>8}{'cold':>8}"
        f"{'processes':>11}{'torch threads each':>20}"
    )
    medians = {n: statistics.median(values[1:]) for n, values in times.items()}
    reference = next(iter(medians.values()))
    for n_jobs, seconds in times.items():
        threads, processes = inside(found[n_jobs].cv_results_)
        print(
            f"{n_jobs:8}{medians[n_jobs]:10.2f}{reference / medians[n_jobs]:7.2f}x"
            f"{seconds[0]:8.2f}{processes:11}{threads:20}"
        )
        if threads * processes > (os.cpu_count() or 1):
            print(f"{'':8}oversubscribed: {threads * processes} threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n-jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="tiny: tries the script")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.pairs, arguments.epochs = 1, 8, 1
    print(machine())
    print(f"matrix-product peak {peak() / 1e9:.1f} GFLOP/s")
    X, Y = make_blurred_plates(arguments.pairs, (48, 64), "plate", random_state=0)
    times: dict[int, list[float]] = {n_jobs: [] for n_jobs in arguments.n_jobs}
    found: dict[int, GridSearchCV] = {}
    for _ in range(arguments.rounds + 1):  # the first is the cold one
        for n_jobs, seconds in times.items():
            start = time.perf_counter()
            found[n_jobs] = search(X, Y, n_jobs, arguments.epochs)
            seconds.append(time.perf_counter() - start)
    print(
        f"\n4 candidates x 2 folds, {arguments.pairs} pairs of 48x64, "
        f"{arguments.epochs} epochs"
    )
    print_table(times, found)
    same = {
        tuple(np.round(search.cv_results_["mean_test_rmse"], 3))
        for search in found.values()
    }
    print(f"scores agree to three digits: {len(same) == 1}")


if __name__ == "__main__":
    main()

"""What a search with two jobs takes by threads for each fit.

    python tests/benchmarks/oversubscription.py [--repeats 3]

The same grid search, in processes of loky, with `n_jobs` of 1 and 2 and `n_threads` of
None, 1 and 2. Where jobs times threads is more than the cores, threads wait for each
other. Prints medians of the wall times, and whether all scores are those of one job
with as many threads.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
from _measure import machine
from sklearn.model_selection import GridSearchCV

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

GRID = {"K2": [100, 170]}


def search(X, Y, n_jobs: int, n_threads: int | None) -> tuple[float, np.ndarray]:
    """Seconds, and the scores of all fits."""
    model = GANBinarizer(max_epochs=3, random_state=0, n_threads=n_threads)
    start = time.perf_counter()
    found = GridSearchCV(model, GRID, cv=2, n_jobs=n_jobs, refit=False).fit(X, Y)
    seconds = time.perf_counter() - start
    results = found.cv_results_
    return seconds, np.stack([results[f"split{i}_test_score"] for i in range(2)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    print(machine())
    X, Y = make_blurred_plates(24, (64, 96), "plate", random_state=0)
    settings = list(itertools.product((1, 2), (None, 1, 2)))
    seconds = {setting: [] for setting in settings}
    scores = {}
    for setting in settings:
        search(X, Y, *setting)  # starts the workers
        for _ in range(repeats):
            taken, scores[setting] = search(X, Y, *setting)
            seconds[setting].append(taken)
    print("n_jobs  n_threads  seconds  scores as with one job")
    for n_jobs, n_threads in settings:
        same = np.array_equal(scores[n_jobs, n_threads], scores[1, n_threads])
        median = np.median(seconds[n_jobs, n_threads])
        print(f"{n_jobs:6}  {n_threads!s:>9}  {median:7.2f}  {same}")


if __name__ == "__main__":
    main()

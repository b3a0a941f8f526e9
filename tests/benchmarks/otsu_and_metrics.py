"""Otsu's threshold of many plates against scikit-image's in a loop; time of metrics.

python tests/benchmarks/otsu_and_metrics.py [--plates 10000]

One thread, medians of 3 rounds; rivals in turn, in one process, so that a drift of the
machine hits all alike. Plates are some drawn ones again and again, each time with other
noise, so that no two histograms are the same. The limits are those for 10,000 plates,
in proportion.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

# Read when numpy is imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
from skimage.filters import threshold_otsu

from skdeblurbin import OtsuBinarizer, metrics
from skdeblurbin._thresholding import otsu_thresholds
from skdeblurbin.datasets import make_blurred_plates

SHAPE = (128, 192)
DRAWN = 200
NOISE = 4  # grey levels, at most
WRONG = 0.02  # of the pixels of predictions, besides those moved by one column
ROUNDS = 3
LEAST_RATIO = 5
SECONDS_FOR_10_000 = {
    "root_mean_squared_error": 2,
    "f_measure": 2,
    "psnr": 2,
    "drd": 10,
    "pseudo_f_measure": 60,
}


def make_plates(n_plates: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blurred plates, their truth and a noisy prediction of it, all in bytes."""
    drawn, sharp = make_blurred_plates(
        min(DRAWN, n_plates), SHAPE, layout="plate", random_state=0
    )
    rng = np.random.default_rng(0)
    X, truth, predicted = (np.empty((n_plates, *SHAPE), np.uint8) for _ in range(3))
    for i in range(n_plates):
        noise = rng.integers(-NOISE, NOISE, SHAPE, np.int16, endpoint=True)
        X[i] = (drawn[i % len(drawn)] + noise + rng.integers(-9, 10)).clip(0, 255)
        truth[i] = sharp[i % len(sharp)] * 255
        predicted[i] = np.roll(truth[i], 1, axis=1)
        predicted[i][rng.random(SHAPE, np.float32) < WRONG] ^= 255
    return X, truth, predicted


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def thresholds_in_a_loop(X) -> list:
    return [threshold_otsu(image) for image in X]


def binarize_in_a_loop(X) -> np.ndarray:
    binary = np.empty(X.shape, bool)
    for image, bright in zip(X, binary, strict=True):
        np.greater(image, threshold_otsu(image), out=bright)
    return binary.view(np.uint8)


def compare_otsu(X) -> None:
    ours = OtsuBinarizer().fit(X[:10])
    rivals = {
        "scikit-image, thresholds alone": thresholds_in_a_loop,
        "scikit-image, binary images": binarize_in_a_loop,
        "ours, thresholds alone": lambda X: list(otsu_thresholds(X)),
        "ours, OtsuBinarizer.predict": ours.predict,
    }
    times = {name: [] for name in rivals}
    for _ in range(ROUNDS):
        for name, rival in rivals.items():
            times[name].append(seconds(rival, X))
    medians = {name: statistics.median(some) for name, some in times.items()}
    for name, median in medians.items():
        print(f"{name:32}{median:8.2f} s{1e6 * median / len(X):8.1f} us a plate")
    loop, loop_with_images, thresholds, predict = medians.values()
    for what, ratio in {
        "OtsuBinarizer.predict against the loop": loop / predict,
        "the same, if the loop makes images too": loop_with_images / predict,
        "thresholds alone": loop / thresholds,
    }.items():
        print(f"{what}: {ratio:.1f} times as fast (wanted: {LEAST_RATIO})")
    same = thresholds_in_a_loop(X) == list(otsu_thresholds(X))
    print("thresholds identical:", same)
    same = np.array_equal(ours.predict(X), binarize_in_a_loop(X))
    print("binary images identical:", same)


def time_metrics(truth, predicted) -> None:
    for name, limit in SECONDS_FOR_10_000.items():
        metric = getattr(metrics, name)
        median = statistics.median(
            seconds(metric, truth, predicted) for _ in range(ROUNDS)
        )
        allowed = limit * len(truth) / 10_000
        print(
            f"{name:26}{median:8.2f} s, {median / allowed:5.0%} of the {allowed:g} s "
            "allowed"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plates", type=int, default=10_000)
    n_plates = parser.parse_args().plates
    X, truth, predicted = make_plates(n_plates)
    print(f"{n_plates} plates of {SHAPE[0]}x{SHAPE[1]} uint8")
    compare_otsu(X)
    time_metrics(truth, predicted)


if __name__ == "__main__":
    main()

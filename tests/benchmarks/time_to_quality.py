"""RMSE on plates never trained on, against seconds of training.

    python tests/benchmarks/time_to_quality.py --results runs/quality.json \
        [--only NAME ...] [--minutes 5] [--plot FILE.png] [--quick]

400 drawn plates (64x96, with border) to train on, 200 to test. Each setting trains for
--minutes of wall time on --threads threads; only training counts (drawing batches and
augmentation included), not the evaluation at ten moments on the way, evenly spaced in
the logarithm of time. Settings of the library train through `partial_fit`, a tenth of
an epoch a call; their time is the one that `history_` tells, which leaves out the
set-up of each call, since `fit` makes it once. The file of results keeps all settings
that were measured, in earlier calls too; settings that are there whole are not trained
again, and one that was interrupted begins afresh.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from _measure import (
    as_pairs,
    machine,
    network_parameters,
    peak,
    read_results,
    write_results,
)
from _rivals import PlainLoop, UNetLoop, binarize_with
from sklearn.model_selection import train_test_split

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin._ranges import scale_to_unit
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import root_mean_squared_error
from skdeblurbin.training import OPTIMIZERS, PairBatches, augment_pair

N_MOMENTS = 10
FIRST_SHARE = 0.02  # of the whole time, at the first moment
_RANGE = (0.0, 255.0)
_BATCH_SIZE = 4


class Learner(Protocol):
    """A setting that is being trained."""

    def train(self) -> float:
        """Train a little; the seconds that it took."""

    def predict(self, X: np.ndarray) -> Any:
        """Binary images, of the training's encoding or bool (True is paper)."""

    def n_parameters(self) -> int:
        """Weights of the generator."""


class LibraryLearner:
    """`GANBinarizer`, by calls of `partial_fit`."""

    def __init__(
        self,
        X: np.ndarray,
        Y: np.ndarray,
        threads: int,
        *,
        n_batches: int = 10,  # of a call
        **parameters: Any,
    ) -> None:
        self._X, self._Y = X, Y
        self._n_batches = n_batches
        self.model = GANBinarizer(
            random_state=0, n_threads=threads, device="cpu", **parameters
        )
        self._parts = self._shuffled_parts()

    def _shuffled_parts(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        while True:
            order = rng.permutation(len(self._X))
            n_parts = max(1, len(order) // (self._n_batches * _BATCH_SIZE))
            yield from np.array_split(order, n_parts)

    def train(self) -> float:
        part = next(self._parts)
        # The range of the whole is [0, 255], and either class is in each part.
        self.model.partial_fit(self._X[part], self._Y[part])
        return float(self.model.history_[-1]["seconds"])

    def predict(self, X: np.ndarray) -> Any:
        return self.model.predict(X) == self.model.classes_[1]

    def n_parameters(self) -> int:
        network: Any = self.model.generator_
        return sum(p.numel() for p in network.parameters())


class RivalLearner:
    """A rival's loop, with the library's batches and augmentation."""

    def __init__(
        self, X: np.ndarray, Y: np.ndarray, threads: int, make: Callable[[], Any]
    ) -> None:
        torch.set_num_threads(threads)
        self._loop = make()
        self.network: Any = self._loop.network
        self._batches = self._endless(X, Y)

    def _endless(self, X: np.ndarray, Y: np.ndarray) -> Iterator[Any]:
        batches = PairBatches(
            as_pairs(X, Y),
            batch_size=_BATCH_SIZE,
            minimum_size=16,
            rng=np.random.default_rng(0),
            device=torch.device("cpu"),
            augmentation=augment_pair,
        )
        while True:
            yield from batches

    def train(self) -> float:
        start = time.perf_counter()
        for _ in range(10):
            self._loop.step(next(self._batches))
        return time.perf_counter() - start

    def predict(self, X: np.ndarray) -> Any:
        return binarize_with(
            self.network, [scale_to_unit(image, _RANGE) for image in X]
        )

    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())


SETTINGS: dict[str, Callable[..., Learner]] = {
    "default": LibraryLearner,
    "U-Net": partial(RivalLearner, make=UNetLoop),
    "plain loop": partial(RivalLearner, make=PlainLoop),
    "dense, downsampling=4": partial(LibraryLearner, **network_parameters(4)),
    "dense, downsampling=2": partial(LibraryLearner, **network_parameters(2)),
    "dense, downsampling=1": partial(LibraryLearner, **network_parameters(1)),
    "optimizer=adam": partial(LibraryLearner, optimizer="adam", learning_rate=0.001),
    "U-Net, averaged": partial(RivalLearner, make=partial(UNetLoop, average=0.995)),
    "U-Net, averaged, Muon": partial(
        RivalLearner,
        make=partial(
            UNetLoop, optimizers=OPTIMIZERS["muon"], learning_rate=0.003, average=0.995
        ),
    ),
}


def measure(learner: Learner, moments: list[float], X, Y, found: list[Any]) -> None:
    """Train, and note (seconds, RMSE) in `found` at each of the moments."""
    seconds = 0.0
    truth = np.equal(Y, Y.max())
    begin = time.perf_counter()
    for moment in moments:
        while seconds < moment:
            seconds += learner.train()
        if found and seconds < found[-1]["seconds"] * 1.001:
            continue  # one call of training went past several moments
        rmse = float(root_mean_squared_error(truth, learner.predict(X)))
        found.append({"seconds": seconds, "rmse": rmse})
        passed = time.perf_counter() - begin
        left = passed * max(0.0, moments[-1] / seconds - 1)
        print(
            f"  {seconds:8.1f} s  RMSE {rmse:.4f}  about {left:.0f} s left", flush=True
        )


def run_setting(name: str, parts: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one setting; what was measured until Ctrl-C is kept."""
    X_train, X_test, Y_train, Y_test = parts
    whole = 60 * arguments.minutes
    moments = np.geomspace(FIRST_SHARE * whole, whole, N_MOMENTS).tolist()
    points: list[dict[str, float]] = []
    result = {"minutes": arguments.minutes, "complete": False, "points": points}
    result["machine"] = f"{machine()}; peak {peak() / 1e9:.1f} GFLOP/s"
    print(f"{name}: {arguments.minutes:g} minutes of training", flush=True)
    try:
        learner = SETTINGS[name](X_train, Y_train, arguments.threads)
        measure(learner, moments, X_test, Y_test, points)
        result["complete"] = True
        result["n_parameters"] = learner.n_parameters()
    except KeyboardInterrupt:
        result["interrupted"] = True
        print(f"{name}: interrupted; {len(points)} moments are kept", flush=True)
    return result


def print_table(results: dict[str, Any], otsu: float) -> None:
    print(f"\n{'setting':18}{'parameters':>11}  seconds: RMSE   (Otsu: {otsu:.4f})")
    for name, result in results.items():
        points = "  ".join(
            f"{point['seconds']:.0f}: {point['rmse']:.4f}" for point in result["points"]
        )
        mark = "" if result["complete"] else "  (interrupted)"
        print(f"{name:18}{result.get('n_parameters', 0):11}  {points}{mark}")


def draw(results: dict[str, Any], otsu: float, file: Path) -> None:
    """RMSE against seconds, a line for each setting, with its name at its end."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogFormatter

    figure, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    markers = iter("osD^vP*X" * len(results))
    for name, result in results.items():
        seconds = [point["seconds"] for point in result["points"]]
        values = [point["rmse"] for point in result["points"]]
        ax.plot(seconds, values, marker=next(markers), markersize=5, label=name)
    ax.axhline(otsu, color="0.5", linestyle="--", label="Otsu, untrained")
    ax.set_xscale("log")
    for which in (ax.xaxis.set_major_formatter, ax.xaxis.set_minor_formatter):
        which(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    ax.set_xlabel("seconds of training")
    ax.set_ylabel("RMSE on new plates (less is better)")
    ax.grid(which="both", alpha=0.25)
    # In the order of the lines' ends, so that each is found beside its own.
    handles, labels = ax.get_legend_handles_labels()
    ends = [handle.get_ydata()[-1] for handle in handles]
    order = sorted(range(len(ends)), key=lambda i: -ends[i])
    ax.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )
    figure.savefig(file, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=5, help="for each setting")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=[])
    parser.add_argument("--results", type=Path, help="JSON file, read and completed")
    parser.add_argument("--plot", type=Path, help="PNG file to draw the results in")
    parser.add_argument("--no-training", action="store_true", help="table and plot")
    parser.add_argument("--quick", action="store_true", help="tiny: tries the script")
    arguments = parser.parse_args()
    n_train, n_test = 400, 200
    if arguments.quick:
        n_train, n_test, arguments.minutes = 40, 4, 0.05
    torch.set_num_threads(arguments.threads)
    X, Y = make_blurred_plates(n_train + n_test, (64, 96), "plate", random_state=0)
    parts = train_test_split(X, Y, test_size=n_test, random_state=0)
    results = read_results(arguments.results)
    for name in [] if arguments.no_training else arguments.only or SETTINGS:
        earlier = results.get(name, {})
        if earlier.get("complete") and earlier["minutes"] == arguments.minutes:
            print(f"{name}: measured already")
            continue
        results[name] = run_setting(name, parts, arguments)
        write_results(arguments.results, results)
        if "interrupted" in results[name]:
            break
    otsu = OtsuBinarizer().fit(parts[0], parts[2]).predict(parts[1])
    otsu_rmse = float(root_mean_squared_error(parts[3], otsu))
    print_table(results, otsu_rmse)
    if arguments.plot and results:
        draw(results, otsu_rmse, arguments.plot)


if __name__ == "__main__":
    main()

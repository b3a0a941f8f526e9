"""How time and memory grow with batch, image area, depth and threads.

    python tests/benchmarks/scaling.py [--quick] [--only predict fit memory]

Each table varies one thing and leaves the others as the default has them (predict: 8
images of 64x96; fit: 4 images of 64x96). Values of one table are timed in turn. Below
each stands the least-squares line through them, t = a + b * x, with the share of the
variance that it leaves unexplained taken from 1 (R^2): near 1 the growth is linear.
Memory is the growth of a fresh process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from _measure import (
    drawn_batches,
    in_turn,
    library_trainer,
    machine,
    mebibytes,
    network_parameters,
    peak,
    peak_growth,
)

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

Shape = tuple[int, int]

PREDICTED = (1, 2, 4, 8, 16, 32, 64)
BATCHES = (1, 2, 4, 8, 16)
SHAPES: tuple[Shape, ...] = ((32, 48), (64, 96), (128, 192), (256, 384))
BLOCKS = (2, 5, 10, 20)
SHAPE: Shape = (64, 96)


def fitted(shape: Shape, threads: int | None = None, **parameters: Any) -> GANBinarizer:
    """A model after one step: how fast it predicts does not hang on what it learnt."""
    X, Y = make_blurred_plates(4, shape, "plate", random_state=0)
    model = GANBinarizer(random_state=0, device="cpu", n_threads=threads, **parameters)
    return model.partial_fit(X, Y)


def prediction(
    n_images: int = 8, shape: Shape = SHAPE, threads: int | None = None, **options: Any
) -> Callable[[], Any]:
    """The call of `predict` that is timed."""
    model = fitted(shape, threads, **options)
    X, _ = make_blurred_plates(n_images, shape, "plate", random_state=1)
    return partial(model.predict, X)


def step(
    batch_size: int = 4,
    shape: Shape = SHAPE,
    threads: int | None = None,
    **options: Any,
) -> Callable[[], Any]:
    """The training step that is timed."""
    trainer = library_trainer(**options)
    batches = drawn_batches(batch_size, shape, "plate")

    def run() -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(threads or before)
        trainer.train_step(next(batches))
        torch.set_num_threads(before)

    return run


def several_steps(
    batch_size: int, shape: Shape, downsampling: int | None
) -> Callable[[], Any]:
    """Two steps, the second with Adam's moments; libraries are loaded before."""
    step(1, (32, 48), n_blocks=1)()
    run = step(batch_size, shape, **network_parameters(downsampling))
    return lambda: [run(), run()]


def first_prediction(n_images: int, shape: Shape, downsampling: int | None) -> Any:
    """One `predict`, after a small one for what is loaded at the first call."""
    model = fitted((32, 48), **network_parameters(downsampling))
    X, _ = make_blurred_plates(n_images, shape, "plate", random_state=1)
    model.predict(X[:1, :32, :48])
    return partial(model.predict, X)


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Intercept, slope and R^2 of the least-squares line."""
    slope, intercept = np.polyfit(x, y, 1)
    left = np.asarray(y) - (intercept + slope * np.asarray(x))
    variance = float(np.var(y))
    return intercept, slope, 1 - float(np.mean(left**2)) / (variance or np.inf)


def time_table(
    title: str,
    unit: str,
    functions: dict[float, Callable[[], Any]],
    rounds: int,
    n_images: dict[float, int],
) -> None:
    """Time functions in turn, print milliseconds a call and an image, and the line."""
    named = {str(x): function for x, function in functions.items()}
    found = in_turn(named, rounds)
    seconds = {x: found[str(x)] for x in functions}
    print(f"\n{title}")
    print(f"  {unit:>16}{'ms a call':>12}{'ms an image':>14}")
    for x, value in seconds.items():
        print(f"  {x:16g}{1000 * value:12.2f}{1000 * value / n_images[x]:14.3f}")
    intercept, slope, linear = line(list(seconds), [1000 * s for s in seconds.values()])
    print(
        f"  ms a call = {intercept:.3f} (a, for a call) + {slope:.4g} (b, for each of "
        f"the {unit}) * x, R^2 = {linear:.4f}",
        flush=True,
    )


def tables(
    what: str,
    make: Callable[..., Callable[[], Any]],
    batches: Sequence[int],
    arguments: argparse.Namespace,
) -> None:
    """Time against batch size, area, depth and threads, for predict or a step."""
    shapes = arguments.shapes
    n = 4 if make is step else 8
    rounds, options = arguments.rounds, network_parameters(arguments.downsampling)
    time_table(
        f"{what}, {SHAPE[0]}x{SHAPE[1]}, against the number of images",
        "images",
        {size: make(size, **options) for size in batches},
        rounds,
        {size: size for size in batches},
    )
    areas = {height * width: (height, width) for height, width in shapes}
    time_table(
        f"{what}, {n} images of {', '.join(f'{h}x{w}' for h, w in shapes)}",
        "pixels",
        {area: make(n, shape, **options) for area, shape in areas.items()},
        rounds,
        dict.fromkeys(areas, n),
    )
    blocks = arguments.blocks
    time_table(
        f"{what}, {n} images, against n_blocks (its FLOP grow faster: wider inputs)",
        "blocks",
        {number: make(n, **(options | {"n_blocks": number})) for number in blocks},
        rounds,
        dict.fromkeys(blocks, n),
    )
    counts = range(1, arguments.threads + 1)
    found = in_turn(
        {str(threads): make(n, threads=threads, **options) for threads in counts},
        rounds,
    )
    print(f"\n{what}, {n} images, against threads")
    for threads, seconds in found.items():
        gain = found["1"] / seconds
        print(f"  {threads:>16}{1000 * seconds:12.2f} ms a call{gain:8.2f}x of one")


def memory_table(
    title: str, unit: str, rows: dict[float, tuple[Any, ...]], threads: int
) -> None:
    """Peak memory of functions, each in a process of its own, and the line."""
    print(f"\n{title}\n  {unit:>16}{'peak memory':>14}")
    found = {}
    for x, (prepare, *given) in rows.items():
        found[x] = peak_growth(prepare, *given, threads=threads)
        print(f"  {x:16g}{mebibytes(found[x]):>14}", flush=True)
    intercept, slope, linear = line(list(found), list(found.values()))
    print(
        f"  bytes = {mebibytes(intercept)} (a) + {slope:.0f} (b, for each of the "
        f"{unit}) * x, R^2 = {linear:.4f}",
        flush=True,
    )


def memory_tables(arguments: argparse.Namespace) -> None:
    threads, side = arguments.threads, arguments.downsampling
    areas = {height * width: (height, width) for height, width in arguments.shapes}
    memory_table(
        f"predict, {SHAPE[0]}x{SHAPE[1]}: memory against the number of images",
        "images",
        {size: (first_prediction, size, SHAPE, side) for size in arguments.predicted},
        threads,
    )
    memory_table(
        "predict, 4 images: memory against the area",
        "pixels",
        {area: (first_prediction, 4, shape, side) for area, shape in areas.items()},
        threads,
    )
    memory_table(
        f"two steps of fit, {SHAPE[0]}x{SHAPE[1]}: memory against the batch size",
        "images",
        {size: (several_steps, size, SHAPE, side) for size in arguments.batches},
        threads,
    )
    memory_table(
        "two steps of fit, 4 images: memory against the area",
        "pixels",
        {area: (several_steps, 4, shape, side) for area, shape in areas.items()},
        threads,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kinds = ("predict", "fit", "memory")
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--downsampling", type=int, choices=[1, 2, 4], help="of the dense network"
    )
    parser.add_argument("--quick", action="store_true", help="tiny: tries the script")
    arguments = parser.parse_args()
    arguments.predicted, arguments.batches = PREDICTED, BATCHES
    arguments.shapes, arguments.blocks = SHAPES, BLOCKS
    if arguments.quick:
        arguments.rounds, arguments.predicted, arguments.batches = 2, (1, 4, 8), (1, 4)
        arguments.shapes, arguments.blocks = SHAPES[:2], BLOCKS[:2]
    torch.set_num_threads(arguments.threads)
    print(machine())
    print(f"matrix-product peak {peak() / 1e9:.1f} GFLOP/s")
    if "predict" in arguments.only:
        tables("predict", prediction, arguments.predicted, arguments)
    if "fit" in arguments.only:
        tables("step of fit", step, arguments.batches, arguments)
    if "memory" in arguments.only:
        memory_tables(arguments)


if __name__ == "__main__":
    main()

"""A training step of the library against the plain loop: time and peak memory.

    python tests/benchmarks/fit_step.py [--quick] [--threads 2] [--rounds 7]

The paper's configuration (batches of 4 characters of 128x128, 10 dense blocks, K1 = 145
with the bundled features, K2 = 170, adversarial) at downsampling 1, and the same at
downsampling 4. Both sides get the same batches and the library's default discriminator.
Steps are timed in turn in one process; the peak memory of two steps is the growth of a
fresh process for each side. The library does more in a step than the loop: averaged
weights, norms of the gradients, accuracies and RMSE.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from _measure import (
    DENSE,
    drawn_batches,
    in_turn,
    library_trainer,
    machine,
    mebibytes,
    peak,
    peak_growth,
)
from _rivals import PlainLoop

PARAMETERS = DENSE | {"K1": 145, "K2": 170, "perceptual": "glyph"}
PARAMETERS |= {"optimizer": "adam", "learning_rate": 0.001}  # the paper's
# Of time and of memory that the plain loop takes as a multiple of the library's.
TARGETS = {1: (3.0, 2.0), 4: (1.5, None)}
SIDES = ("plain loop", "library")


def step_of(side: str, parameters: dict[str, Any]) -> Callable[[Any], Any]:
    """The step function of one side: takes a batch."""
    if side == "library":
        return library_trainer(**parameters).train_step
    return PlainLoop(**parameters).step


def prepare(
    side: str, parameters: dict[str, Any], batch_size: int, shape: tuple[int, int]
) -> Callable[[], Any]:
    """Two steps, the second with Adam's moments; libraries are loaded before."""
    step_of(side, parameters | {"n_blocks": 1})(next(drawn_batches(1, (32, 32))))
    step = step_of(side, parameters)
    batches = drawn_batches(batch_size, shape)
    pairs = [next(batches), next(batches)]
    return lambda: [step(batch) for batch in pairs]


def compare(downsampling: int, arguments: argparse.Namespace) -> None:
    shape = (arguments.side, arguments.side)
    size = arguments.batch_size
    parameters = PARAMETERS | {"downsampling": downsampling}
    if arguments.n_blocks:
        parameters["n_blocks"] = arguments.n_blocks
    batches = drawn_batches(size, shape)

    def call(step: Callable[[Any], Any]) -> None:
        step(next(batches))

    steps = {side: partial(call, step_of(side, parameters)) for side in SIDES}
    seconds = in_turn(steps, arguments.rounds)
    del steps
    memory = {
        side: peak_growth(
            prepare, side, parameters, size, shape, threads=arguments.threads
        )
        for side in SIDES
    }
    print(f"\ndownsampling={downsampling}, {size} x {shape[0]}x{shape[1]}")
    for side in SIDES:
        print(f"  {side:12}{seconds[side]:9.4f} s{mebibytes(memory[side]):>12}")
    print_ratio("time", seconds, TARGETS[downsampling][0])
    print_ratio("memory", memory, TARGETS[downsampling][1])


def print_ratio(what: str, found: dict[str, float], target: float | None) -> None:
    ratio = found["plain loop"] / found["library"]
    aim = "no target" if target is None else f"target {target:g}"
    print(f"  {what:12}{ratio:9.2f} x  (plain loop / library; {aim})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--side", type=int, default=128, help="of the images, pixels")
    parser.add_argument("--n-blocks", type=int, help="instead of 10")
    parser.add_argument(
        "--downsampling", type=int, nargs="+", choices=TARGETS, default=[1, 4]
    )
    parser.add_argument("--quick", action="store_true", help="tiny: tries the script")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.side, arguments.n_blocks = 3, 32, 3
    torch.set_num_threads(arguments.threads)
    print(machine())
    print(f"matrix-product peak {peak() / 1e9:.1f} GFLOP/s")
    for downsampling in arguments.downsampling:
        compare(downsampling, arguments)
    print(f"\nmatrix-product peak afterwards {peak() / 1e9:.1f} GFLOP/s")


if __name__ == "__main__":
    main()

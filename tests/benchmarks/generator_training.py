r"""Forward and backward of the generator in training: seconds, and share of the peak.

    python tests/benchmarks/generator_training.py [--quick] [--threads 2] \
        [--compile] [--bfloat16]

The generator of the default width (10 dense blocks) in training mode on 4 images of
128x128; the backward is that of the sum of the output times random numbers, to all
parameters. FLOP are those that the plain modules' convolutions need, counted once a
downsampling, for all rows alike: a row that computes something twice gets no credit for
it. The peak is that of a 2048x2048 float32 matrix product in the same run, before and
after.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from _measure import (
    count_flop,
    in_turn,
    library_trainer,
    machine,
    n_parameters,
    peak,
)
from torch import Tensor, nn

from skdeblurbin.networks import DenseGenerator


def plain(parameters: dict[str, int]) -> nn.Module:
    """The modules as torch runs them."""
    return DenseGenerator(**parameters).train()


class Library(nn.Module):
    """What the trainer of `GANBinarizer` calls."""

    def __init__(self, parameters: dict[str, int]) -> None:
        super().__init__()
        trainer = library_trainer(**parameters)
        self.generator = trainer.generator.train()  # whose gradients are set to zero
        self.forward = trainer.generate


class MixedPrecision(nn.Module):
    """The modules as torch runs them in mixed precision."""

    def __init__(self, parameters: dict[str, int]) -> None:
        super().__init__()
        self.generator = plain(parameters)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.generator(images).float()


# A row of the table each: makes the network from its parameters.
FORMS: dict[str, Callable[[dict[str, int]], nn.Module]] = {
    "plain modules": plain,
    "library": Library,
}


def forward_backward(network: nn.Module, images: Tensor, cotangent: Tensor) -> None:
    network.zero_grad()
    (network(images) * cotangent).sum().backward()


def compiled(parameters: dict[str, int], images: Tensor, cotangent: Tensor):
    """torch.compile of the plain modules; its first call, which compiles, is timed."""
    network = torch.compile(plain(parameters))
    start = time.perf_counter()
    forward_backward(network, images, cotangent)
    print(f"  torch.compile starts in {time.perf_counter() - start:.1f} s")
    return network


def compare(downsampling: int, arguments: argparse.Namespace, fastest: float) -> None:
    size, side = arguments.batch_size, arguments.side
    parameters = {
        "n_blocks": arguments.n_blocks,
        "downsampling": downsampling,
        "n_levels": 0,
    }
    seeded = torch.Generator().manual_seed(0)
    images = torch.rand(size, 1, side, side, generator=seeded) * 2 - 1
    cotangent = torch.randn(images.shape, generator=seeded)
    networks = {name: make(parameters) for name, make in FORMS.items()}
    reference = networks["plain modules"]
    flop = count_flop(partial(forward_backward, reference, images, cotangent))
    print(
        f"\ndownsampling={downsampling}, {size} x {side}x{side}, "
        f"{n_parameters(reference)} parameters, {flop / 1e9:.2f} GFLOP"
    )
    if arguments.bfloat16:
        networks["bfloat16"] = MixedPrecision(parameters)
    if arguments.compile:
        networks["torch.compile"] = compiled(parameters, images, cotangent)
    seconds = in_turn(
        {
            name: partial(forward_backward, network, images, cotangent)
            for name, network in networks.items()
        },
        arguments.rounds,
    )
    print(f"  {'':16}{'seconds':>10}{'GFLOP/s':>10}{'of peak':>10}{'plain / row':>13}")
    for name, value in seconds.items():
        speed = flop / value
        print(
            f"  {name:16}{value:10.4f}{speed / 1e9:10.1f}{speed / fastest:10.1%}"
            f"{seconds['plain modules'] / value:12.2f}x",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--side", type=int, default=128, help="of the images, pixels")
    parser.add_argument("--n-blocks", type=int, default=10)
    parser.add_argument(
        "--downsampling", type=int, nargs="+", choices=[1, 2, 4], default=[1, 2, 4]
    )
    parser.add_argument("--compile", action="store_true", help="a row of it too")
    parser.add_argument("--bfloat16", action="store_true", help="a row of it too")
    parser.add_argument("--quick", action="store_true", help="tiny: tries the script")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.side, arguments.n_blocks = 3, 32, 3
    torch.set_num_threads(arguments.threads)
    print(machine())
    fastest = peak()
    print(f"matrix-product peak {fastest / 1e9:.1f} GFLOP/s")
    for downsampling in arguments.downsampling:
        compare(downsampling, arguments, fastest)
    print(f"\nmatrix-product peak afterwards {peak() / 1e9:.1f} GFLOP/s")


if __name__ == "__main__":
    main()

"""`predict` against the plain modules, ONNX Runtime and OpenVINO, end to end.

    python tests/benchmarks/predict_speed.py [--quick] [--threads 2] [--downsampling 4]

The default model on 1 and on 64 plates of 128x192, uint8. Every rival runs the same
weights in float32 and gets the library's own scaling, Otsu's threshold and encoding
around its network; the first column of seconds is with them, the second of the network
alone. The last lines say what `predict` takes beside its network. Everything is timed
in turn in one process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from _exported import (
    Network,
    export,
    in_batches,
    onnx_runtime,
    openvino_compiled,
    openvino_latency,
    openvino_precision,
    openvino_throughput,
)
from _measure import count_flop, in_turn, machine, network_parameters, peak

from skdeblurbin import GANBinarizer
from skdeblurbin._ranges import scale_to_unit
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.networks import DenseGenerator
from skdeblurbin.networks.inference import deblur_images

LIBRARY = "predict"
# The largest difference from the library's grey image, in [0, 1], that is rounding.
_ROUNDING = 1e-3


def plain_network(model: GANBinarizer) -> DenseGenerator:
    """The fitted generator as plain modules, whatever form the library keeps it in."""
    fitted: Any = model.generator_
    network = DenseGenerator(**fitted.options)
    network.load_state_dict(fitted.state_dict())
    return network.eval().requires_grad_(False)


def eager(network: DenseGenerator) -> Network:
    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return run


def rivals(network: DenseGenerator, X: np.ndarray, threads: int) -> dict[str, Network]:
    """Every rival in every way of feeding it that fits the number of images."""
    found: dict[str, Network] = {"eager, one by one": in_batches(eager(network), 1)}
    shape, n_images = X.shape[1:], len(X)
    if n_images > 1:
        found["eager, one batch"] = eager(network)
    for size in sorted({1, min(8, n_images), n_images}):
        exported = export(network, size, shape)
        ort = onnx_runtime(exported, threads)
        found[f"ONNX Runtime, batches of {size}"] = in_batches(ort, size)
        latency = openvino_compiled(exported, threads, "LATENCY")
        found[f"OpenVINO latency, batches of {size}"] = in_batches(
            openvino_latency(latency), size
        )
        if n_images > 1:
            many = openvino_compiled(exported, threads, "THROUGHPUT")
            found[f"OpenVINO throughput, batches of {size}"] = openvino_throughput(
                many, size
            )
        own = openvino_compiled(exported, threads, "LATENCY", precision=None)
        if openvino_precision(own) != "f32":
            name = f"(OpenVINO {openvino_precision(own)}, batches of {size})"
            found[name] = in_batches(openvino_latency(own), size)
    return found


def end_to_end(network: Network, X: np.ndarray, model: GANBinarizer) -> np.ndarray:
    """What `predict` gives, with a rival's network; the checks of X are left out."""
    unit = np.stack([scale_to_unit(image, model.input_range_) for image in X])
    grey = (network(unit[:, None] * 2 - 1)[:, 0] + 1) / 2
    return model.classes_[np.stack([binarize_otsu(g) for g in grey]).astype(np.intp)]


def check_agreement(networks: dict[str, Network], scaled: np.ndarray, model) -> None:
    """All must compute the same, or the comparison means nothing."""
    wanted = np.stack(list(deblur_images(model.generator_, (scaled + 1) / 2)))
    for name, network in networks.items():
        found = (network(scaled[:, None])[:, 0] + 1) / 2
        gap = float(np.abs(found - wanted).max())
        if gap > _ROUNDING:
            print(f"  {name} differs from the library's grey by {gap:.4f}")


def compare(model: GANBinarizer, X: np.ndarray, arguments: argparse.Namespace) -> None:
    n_images = len(X)
    network = plain_network(model)
    networks = rivals(network, X, arguments.threads)
    unit = [scale_to_unit(image, model.input_range_) for image in X]
    scaled = np.stack(unit) * 2 - 1
    print(f"\n{n_images} plates of {X.shape[1]}x{X.shape[2]}; milliseconds a plate")
    check_agreement(networks, scaled, model)

    def own_network() -> list[np.ndarray]:
        return list(deblur_images(model.generator_, unit))

    whole: dict[str, Callable[[], Any]] = {LIBRARY: partial(model.predict, X)}
    alone: dict[str, Callable[[], Any]] = {LIBRARY: own_network}
    for name, rival in networks.items():
        whole[name] = partial(end_to_end, rival, X, model)
        alone[name] = partial(rival, scaled[:, None])
    flop = count_flop(partial(eager(network), scaled[:, None]))
    # In one measurement, so that their difference below is not a drift.
    functions = {
        **{f"{name}|whole": function for name, function in whole.items()},
        **{f"{name}|alone": function for name, function in alone.items()},
    }
    if n_images > 1:
        seconds = in_turn(functions, arguments.rounds)
        print_table(list(whole), seconds, n_images, flop, peak())
        return
    for n_calls, when in ((1, "after a pause"), (5, "the fifth in a row")):
        print(f"one plate, {when}:")
        seconds = in_turn(functions, 10 * arguments.rounds, n_calls=n_calls)
        print_table(list(whole), seconds, n_images, flop, peak())


def print_table(
    names: list[str],
    seconds: dict[str, float],
    n_images: int,
    flop: float,
    fastest: float,
) -> None:
    print(f"matrix-product peak {fastest / 1e9:.1f} GFLOP/s; {flop / 1e9:.2f} GFLOP")
    titles = f"{'end to end':>12}{'network':>10}{'of peak':>9}{'row / predict':>15}"
    print(f"  {'':42}{titles}{'networks':>10}")
    for name in names:
        whole, alone = seconds[f"{name}|whole"], seconds[f"{name}|alone"]
        print(
            f"  {name:42}{1000 * whole / n_images:12.3f}"
            f"{1000 * alone / n_images:10.3f}{flop / alone / fastest:9.1%}"
            f"{whole / seconds[f'{LIBRARY}|whole']:14.2f}x"
            f"{alone / seconds[f'{LIBRARY}|alone']:9.2f}x",
            flush=True,
        )
    print_overhead(seconds, n_images)


def print_overhead(seconds: dict[str, float], n_images: int) -> None:
    whole, alone = seconds[f"{LIBRARY}|whole"], seconds[f"{LIBRARY}|alone"]
    beside = whole - alone
    target = "1 ms for one" if n_images == 1 else "5 % of predict at 64"
    print(
        f"  predict beside its network: {1000 * beside / n_images:.3f} ms a plate, "
        f"{beside / whole:.1%} of predict (target: {target})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="ten times as many of 1")
    parser.add_argument(
        "--downsampling", type=int, choices=[1, 2, 4], help="of the dense network"
    )
    parser.add_argument("--n-images", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--shape", type=int, nargs=2, default=[128, 192])
    parser.add_argument("--n-blocks", type=int)
    parser.add_argument("--quick", action="store_true", help="tiny: tries the script")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.n_blocks = 2, 2
        arguments.shape, arguments.n_images = [32, 48], [1, 16]
    torch.set_num_threads(arguments.threads)
    print(machine())
    X, Y = make_blurred_plates(
        max(4, *arguments.n_images), tuple(arguments.shape), "plate", random_state=0
    )
    parameters = network_parameters(arguments.downsampling)
    if arguments.n_blocks:
        parameters["n_blocks"] = arguments.n_blocks
    model = GANBinarizer(device="cpu", random_state=0, **parameters)
    model.partial_fit(X[:4], Y[:4])
    for n_images in arguments.n_images:
        compare(model, X[:n_images], arguments)


if __name__ == "__main__":
    main()

"""What `to_onnx` writes, in ONNX Runtime: exactness, time and space of its variants.

    python tests/benchmarks/onnx_speed.py [--quick] [--model plate] [--pairs FOLDER]

`predict` against the exported file: in float32; with convolutions in 8-bit integers
(`calibration`, 32 drawn plates); and, which `to_onnx` does not offer, with integers
whose ranges are found anew for each image, and in float16. One thread, one plate of
128x192 at a time, everything in turn; processor time, least and quartiles over the
rounds. RMSE is the mean over drawn plates of all severities and effects, or over the
pairs in FOLDER/blurred and FOLDER/binary.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from _measure import draw_all_severities, machine, named_model
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin.datasets import load_image_pairs

# Operators of the network alone: scaling, resizing and Otsu's threshold stay exact.
_OF_NETWORK = {"Conv", "ConvTranspose", "LeakyRelu", "Concat", "MaxPool"}

Binarize = Callable[[np.ndarray], np.ndarray]  # one photo


def exports(model: Any, calibration: np.ndarray, folder: Path) -> dict[str, Path]:
    """Files of all variants."""
    files = {
        name: folder / f"{name}.onnx"
        for name in ("float32", "int8", "int8, dynamic", "float16")
    }
    for name, photos in (("float32", None), ("int8", calibration)):
        begin = time.perf_counter()
        model.to_onnx(files[name], calibration=photos)
        print(f"to_onnx, {name}: {time.perf_counter() - begin:.1f} s")
    plain = onnx.shape_inference.infer_shapes(onnx.load(files["float32"]))
    quantize_dynamic(
        plain,
        files["int8, dynamic"],
        op_types_to_quantize=["Conv"],
        weight_type=QuantType.QUInt8,
    )
    others = {node.op_type for node in plain.graph.node} - _OF_NETWORK
    halved = convert_float_to_float16(
        plain, keep_io_types=True, op_block_list=sorted(others)
    )
    onnx.save(halved, files["float16"])
    return files


def runner(file: Path) -> Binarize:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(file), options, providers=["CPUExecutionProvider"]
    )
    if file.stem == "float16":
        # The converter rounds Otsu's sums too, whatever it is told, and they overflow.
        return lambda photo: binarize_otsu(
            session.run(["deblurred"], {"image": photo[None]})[0][0]
        )
    return lambda photo: session.run(["binary"], {"image": photo[None]})[0][0] > 0


def measure_times(
    variants: dict[str, Binarize], photo: np.ndarray, n_rounds: int
) -> dict[str, np.ndarray]:
    """Least and the three quartiles of processor milliseconds, all in turn."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(n_rounds + 2):
        for name, binarize in variants.items():
            # Of this process's one thread: others that want the core do not count.
            begin = time.process_time()
            binarize(photo)
            times[name].append(1000 * (time.process_time() - begin))
    return {name: np.quantile(t[2:], [0, 0.25, 0.5, 0.75]) for name, t in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="plate", help="of the package, or a file")
    parser.add_argument("--pairs", type=Path, help="folder with blurred/ and binary/")
    parser.add_argument("--n-plates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="few: tries the script")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.n_plates, arguments.rounds = 8, 2
    torch.set_num_threads(1)
    print(machine())
    model = named_model(arguments.model).set_params(n_threads=1, device="cpu")
    calibration, _ = draw_all_severities("all", 32, seed=1)
    X, Y = draw_all_severities("all", arguments.n_plates, seed=1000)
    photo = X[0]
    if arguments.pairs:
        X, Y = load_image_pairs(arguments.pairs / "blurred", arguments.pairs / "binary")
    truth = [y > y.min() for y in Y]
    with tempfile.TemporaryDirectory() as folder:
        files = exports(model, calibration, Path(folder))
        sizes = {name: file.stat().st_size / 1e6 for name, file in files.items()}
        variants: dict[str, Binarize] = {
            "predict": lambda image: model.predict(image[None])[0] > 0
        }
        variants |= {name: runner(file) for name, file in files.items()}
    found = {n: [binarize(x) for x in X] for n, binarize in variants.items()}
    times = measure_times(variants, photo, arguments.rounds)
    print_table(found, truth, sizes, times)


def print_table(
    found: dict[str, list[np.ndarray]],
    truth: list[np.ndarray],
    sizes: dict[str, float],
    times: dict[str, np.ndarray],
) -> None:
    print(f"{len(truth)} photos\n")
    print(
        "| | MB | RMSE | - predict | other pixels | least ms | median (quartiles) "
        "| / predict |"
    )
    print("|---|---|---|---|---|---|---|---|")
    n_pixels = sum(image.size for image in truth)
    expected = found["predict"]
    for name, binary in found.items():
        errors, exact = (
            np.array([np.mean(p != t) ** 0.5 for p, t in zip(some, truth, strict=True)])
            for some in (binary, expected)
        )
        gap = errors - exact
        other = sum(map(np.count_nonzero, map(np.not_equal, binary, expected)))
        least, low, middle, high = times[name]
        print(
            f"| {name} | {sizes.get(name, np.nan):.2f} | {errors.mean():.4f} | "
            f"{gap.mean():+.4f} +- {gap.std() / len(gap) ** 0.5:.4f} | "
            f"{other / n_pixels:.5%} | {least:.1f} | "
            f"{middle:.1f} ({low:.1f} to {high:.1f}) | "
            f"{middle / times['predict'][2]:.2f} |"
        )


if __name__ == "__main__":
    main()

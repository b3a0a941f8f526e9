"""The generator in ONNX Runtime and OpenVINO, as fast as they run it.

Not a script. Both get the plain network, exported with fixed shapes, which lets them
fold BatchNorm and choose layouts; both compute in float32, as the library does.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

# Of images (n, 1, height, width) in [-1, 1], to the same.
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def export(network: nn.Module, n_images: int, image_shape: tuple[int, int]) -> bytes:
    """The network for one shape of batches, as the bytes of an ONNX file."""
    # torchvision's operators are not needed, and torch says so for each of them.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    example = torch.zeros(n_images, 1, *image_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter, about itself
        program = torch.onnx.export(
            network.eval(), (example,), dynamo=True, verbose=False
        )
    assert program is not None
    return program.model_proto.SerializeToString()


def onnx_runtime(model: bytes, threads: int) -> Network:
    """A session of ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def openvino_compiled(
    model: bytes, threads: int, hint: str, precision: str | None = "f32"
) -> Any:
    """OpenVINO's network; with `precision` None it may choose bfloat16 itself."""
    import openvino

    core = openvino.Core()
    options: dict[str, Any] = {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_NUM_THREADS": threads,
    }
    if precision is not None:
        options["INFERENCE_PRECISION_HINT"] = precision
    return core.compile_model(core.read_model(model), "CPU", options)


def openvino_precision(compiled: Any) -> str:
    """The type that a compiled network computes in, such as "f32"."""
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())


def openvino_latency(compiled: Any) -> Network:
    """One request at a time."""
    request = compiled.create_infer_request()
    # Copied: the request's own output is overwritten by the next call.
    return lambda images: request.infer([images])[0].copy()


def openvino_throughput(compiled: Any, size: int) -> Network:
    """Requests of `size` images each that run beside each other."""
    import openvino

    queue = openvino.AsyncInferQueue(compiled)  # as many as it finds best

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        result = np.empty_like(images)

        def keep(request: Any, start: int) -> None:
            result[start : start + size] = request.get_output_tensor(0).data

        queue.set_callback(keep)
        for start in range(0, len(images), size):
            queue.start_async([images[start : start + size]], start)
        queue.wait_all()
        return result

    return run


def in_batches(network: Network, size: int) -> Network:
    """Run a network of fixed batch size over any multiple of it."""

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        parts: Sequence[NDArray[np.float32]] = [
            network(images[start : start + size])
            for start in range(0, len(images), size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return run

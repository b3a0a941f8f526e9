"""Convolutions of an ONNX graph in 8-bit integers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# Tells ONNX Runtime that there is nothing to be prepared: shapes are inferred here, and
# norms are folded. Else it would set up the process's logging, in order to warn.
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}


def quantized(model: Any, feeds: Iterable[Mapping[str, Any]]) -> Any:
    """The model with its convolutions in integers; all else stays as it is.

    Parameters
    ----------
    model : onnx.ModelProto
    feeds : iterable of dict of str to ndarray
        Inputs, whose least and greatest feature maps become the ranges of the integers.

    Returns
    -------
    onnx.ModelProto
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType
    from onnxruntime.quantization import quantize_static as quantize

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.feeds = iter(feeds)

        def get_next(self) -> Mapping[str, Any] | None:
            return next(self.feeds, None)

    prepared = onnx.shape_inference.infer_shapes(model)
    onnx.helper.set_model_props(prepared, _PREPARED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        quantize(
            prepared,
            path,
            Reader(),
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(path)

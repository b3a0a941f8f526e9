"""A program as the bytes of an ONNX file."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from skdeblurbin._tensors import full_precision
from skdeblurbin.export._format import (
    ABOUT,
    ADDED,
    BINARY,
    BLANK,
    CHECKSUM,
    DEBLURRED,
    FORMAT,
    GREY,
    IMAGE,
    RESERVED,
    sealed,
)
from skdeblurbin.export._program import BinarizerProgram

#: Of the operators; ONNX Runtime 1.14 and later know it, and what came out in its time.
OPSET, IR_VERSION = 18, 8

_PACKAGES = ("onnx", "onnxscript")
# Sizes of the example that is traced: two images, since torch takes one for a size that
# cannot change, and no side that a working shape or a multiple could be taken for.
_EXAMPLE = (2, 40, 72)
_DESCRIPTION = (
    "Deblurs and binarizes photos of licence plates. What it makes is a guess, and no "
    f"evidence. Input {IMAGE}: uint8 (n_images, height, width), grey, any sizes. "
    f"Outputs: {BINARY}, uint8, 0 is ink and 255 paper; {GREY}, uint8, the deblurred "
    f"image before Otsu's threshold; {DEBLURRED}, float32, the same in [0, 1]. "
    f"Optional input {ADDED}: float32, 0 unless given, is added to {IMAGE} / 255; so "
    "photos that are no bytes can be given in [0, 1], with zeros as the image."
)


def check_packages() -> None:
    """Check that what the export needs is there.

    Raises
    ------
    ImportError
        If it is not.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"to_onnx needs the packages {' and '.join(_PACKAGES)}, and there is no "
            f'{" and no ".join(missing)}: pip install "skdeblurbin[onnx]".'
        )


def check_metadata(metadata: Any) -> dict[str, str]:
    """Check a caller's metadata; the texts that a file has for them.

    Raises
    ------
    TypeError
        If it is no dict with texts as keys, or holds what JSON does not know.
    ValueError
        If a key is the library's own.
    """
    if not isinstance(metadata, Mapping) or not all(
        isinstance(key, str) for key in metadata
    ):
        raise TypeError(
            f"metadata must be a dict with str keys or None, got {metadata!r}."
        )
    own = sorted(set(metadata) & set(RESERVED))
    if own:
        raise ValueError(
            f"metadata must not have the keys {', '.join(own)}, which the library sets."
        )
    texts = {}
    for key, value in metadata.items():
        try:
            text = value if isinstance(value, str) else json.dumps(value)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"metadata[{key!r}] must be a text, or what JSON can hold: {error}."
            ) from error
        texts[key] = text
    return texts


def onnx_bytes(
    program: BinarizerProgram, about: dict[str, Any], metadata: dict[str, str]
) -> bytes:
    """The ONNX file of a program; the same bytes for the same program.

    Parameters
    ----------
    program : BinarizerProgram
        On the CPU.
    about : dict
        What JSON can hold, for the runner.
    metadata : dict of str to str
        For everybody, with a name and a version.

    Returns
    -------
    bytes
    """
    import onnx

    exported = _export(program)
    _forget_origin(exported)
    _make_optional(exported.graph)
    exported.ir_version = IR_VERSION
    exported.producer_name = "skdeblurbin"
    exported.producer_version = metadata["version"]
    exported.doc_string = _DESCRIPTION
    exported.graph.name = metadata["name"]
    entries = metadata | {
        ABOUT: json.dumps({"format": FORMAT, **about}, allow_nan=False),
        CHECKSUM: BLANK,
    }
    onnx.helper.set_model_props(exported, entries)
    onnx.checker.check_model(exported, full_check=True)
    return sealed(exported.SerializeToString(deterministic=True))


def _export(program: BinarizerProgram) -> Any:
    """The graph, as torch writes it."""
    n_images, height, width = map(torch.export.Dim, ("n_images", "height", "width"))
    cpu = torch.device("cpu")
    # The caller's default device, autocast and inference mode stay outside.
    with _silence(), cpu, full_precision(cpu), torch.inference_mode(False):
        program.eval().requires_grad_(False)
        example = (
            torch.zeros(*_EXAMPLE, dtype=torch.uint8),
            torch.zeros(1, 1, 1, dtype=torch.float32),
        )
        traced = torch.onnx.export(
            program,
            example,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[IMAGE, ADDED],
            output_names=[BINARY, GREY, DEBLURRED],
            dynamic_shapes=({0: n_images, 1: height, 2: width}, None),
        )
    assert traced is not None
    return traced.model_proto


@contextmanager
def _silence() -> Iterator[None]:
    """Keep torch's exporter from telling of itself."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def _forget_origin(exported: Any) -> None:
    """Remove torch's notes: lines of source files of this machine, for each node.

    Shapes of what lies between are left to the runtimes.
    """
    graph = exported.graph
    del graph.value_info[:]
    values = (*graph.input, *graph.output, *graph.initializer)
    for part in (exported, graph, *graph.node, *values):
        del part.metadata_props[:]
        part.doc_string = ""


def _make_optional(graph: Any) -> None:
    """Give the second input a default, and any shape that fits the image's."""
    import onnx

    (added,) = [value for value in graph.input if value.name == ADDED]
    for name, dimension in zip(
        ("images", "height", "width"), added.type.tensor_type.shape.dim, strict=True
    ):
        dimension.dim_param = f"{ADDED}_{name}"
    nothing = onnx.helper.make_tensor(ADDED, onnx.TensorProto.FLOAT, [1, 1, 1], [0.0])
    graph.initializer.append(nothing)

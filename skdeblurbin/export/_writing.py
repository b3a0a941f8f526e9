"""A program as the bytes of an ONNX file."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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
    feed_of,
    looks_like_checksum,
    sealed,
)
from skdeblurbin.export._program import BinarizerProgram
from skdeblurbin.export._quantization import quantized

#: Of the operators; ONNX Runtime 1.14 and later know it, and what came out in its time.
OPSET, IR_VERSION = 18, 8

_PACKAGES = ("onnx", "onnxscript")
_RUNTIME = "onnxruntime"
# Sizes of the example that is traced: two images, since torch takes one for a size that
# cannot change, and no side that a working shape or a multiple could be taken for.
_EXAMPLE = (2, 40, 72)
_DESCRIPTION = (
    "Deblurs and binarizes photos of licence plates. What it makes is a guess, and no "
    f"evidence. Input {IMAGE}: uint8 (n_images, height, width), grey, any sizes. "
    f"Outputs: {BINARY}, uint8, 0 is ink and 255 paper; {GREY}, uint8, the deblurred "
    f"image before Otsu's threshold; {DEBLURRED}, float32, the same in [0, 1]."
)


def check_packages(*, for_integers: bool) -> None:
    """Check that what the export needs is there, to integers where it is asked for.

    Raises
    ------
    ImportError
        If it is not.
    """
    needed = (*_PACKAGES, _RUNTIME) if for_integers else _PACKAGES
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"to_onnx needs the packages {' and '.join(needed)}, and there is no "
            f'{" and no ".join(missing)}: pip install "skdeblurbin[onnx]".'
        )


def check_metadata(metadata: Any) -> dict[str, str]:
    """Check a caller's metadata; the texts that a file has for them.

    Raises
    ------
    TypeError
        If it is no dict with texts as keys, or holds what JSON does not know.
    ValueError
        If a key is the library's own; if "name" is empty; if a key or a text has no
        UTF-8, or looks like the file's checksum.
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
            is_text = isinstance(value, str)
            text = value if is_text else json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"metadata[{key!r}] must be a text, or what JSON can hold: {error}."
            ) from error
        for part in (key, text):
            _check_text(part, f"metadata[{key!r}]")
        texts[key] = text
    if texts.get("name") == "":
        raise ValueError("metadata['name'] must not be empty: it is the graph's name.")
    return texts


def _check_text(text: str, name: str) -> None:
    """Check that an ONNX file can hold a text."""
    try:
        looks_bad = looks_like_checksum(text)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be a text that UTF-8 can encode, key and value: {error}."
        ) from error
    if looks_bad:
        raise ValueError(
            f"{name} must not hold what looks like the file's checksum, got {text!r}."
        )


def onnx_bytes(
    program: BinarizerProgram,
    about: dict[str, Any],
    metadata: dict[str, str],
    calibration: Iterable[NDArray[np.float32]] | None = None,
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
    calibration : iterable of float32 ndarray of shape (height, width), default=None
        Photos in [0, 1]. Convolutions compute in 8-bit integers, whose ranges are those
        met on them. None keeps float32.

    Returns
    -------
    bytes
    """
    import onnx

    with _silence():
        exported = _export(program)
        if calibration is not None:
            exported = quantized(exported, map(feed_of, calibration))
    _forget_origin(exported)
    _take_input_away(exported.graph)
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
    with cpu, full_precision(cpu), torch.inference_mode(False):
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
    exported = traced.model_proto
    for side in exported.graph.input[1].type.tensor_type.shape.dim:
        side.Clear()  # it is 1 in the example only
    return exported


@contextmanager
def _silence() -> Iterator[None]:
    """Keep others from telling of themselves, and from setting up the logging."""
    everything, torchs = logging.getLogger(), logging.getLogger("torch.onnx")
    handlers, levels = everything.handlers[:], (everything.level, torchs.level)
    torchs.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        everything.handlers[:] = handlers
        everything.setLevel(levels[0])
        torchs.setLevel(levels[1])


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


def _take_input_away(graph: Any) -> None:
    """Make zeros of the second input, which `with_added` makes an input again.

    Callers in other languages see one input, and need not care.
    """
    import onnx

    del graph.input[1]
    zero = onnx.helper.make_tensor(ADDED, onnx.TensorProto.FLOAT, [1, 1, 1], [0.0])
    graph.initializer.append(zero)

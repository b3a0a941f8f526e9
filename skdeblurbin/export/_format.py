"""What an ONNX file holds beside its graph, and how it is known to be whole.

Without onnx, which only the export needs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._files import ModelFileError

#: Of what the export writes. The runner reads all up to it.
FORMAT = 1
#: The graph's input and outputs, ...
IMAGE = "image"
BINARY, GREY, DEBLURRED = "binary", "grey", "deblurred"
#: ... and what is added to the image when it is scaled to [0, 1]: zeros in a file.
ADDED = "added"
#: Metadata that are the library's own.
ABOUT, CHECKSUM = "skdeblurbin", "sha256"
RESERVED = (ABOUT, CHECKSUM)

#: Stands where the checksum will, and while it is computed.
BLANK = "0" * 64
# An entry of the metadata in Protocol Buffers: key and value, each with its length.
_CHECKSUM_ENTRY = re.compile(rb"\n\x06sha256\x12@([0-9a-f]{64})")


def sealed(data: bytes) -> bytes:
    """An ONNX file with its checksum in place of the blank one."""
    found = _find_checksum(data)
    if found is None:
        raise ValueError("data must hold an entry for the checksum.")
    start, end = found.span(1)
    return data[:start] + hashlib.sha256(data).hexdigest().encode() + data[end:]


def read_sealed(path: str | os.PathLike[str]) -> bytes:
    """Read an ONNX file, whose checksum is looked at before anything else is.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is damaged, or none that the export wrote.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(path, error.strerror or str(error)) from error
    found = _find_checksum(data)
    if found is None:
        raise ModelFileError(path, "it is no file that GANBinarizer.to_onnx wrote")
    start, end = found.span(1)
    blank = data[:start] + BLANK.encode() + data[end:]
    if hashlib.sha256(blank).hexdigest().encode() != found.group(1):
        raise ModelFileError(path, "its checksum is wrong, so it is damaged")
    return data


def looks_like_checksum(text: str) -> bool:
    """Whether a text holds what an entry with a checksum is known by."""
    return _find_checksum(text.encode()) is not None


def _find_checksum(data: bytes) -> re.Match[bytes] | None:
    """The last entry with a checksum: the export's own comes after all others."""
    entries = list(_CHECKSUM_ENTRY.finditer(data))
    return entries[-1] if entries else None


def with_added(data: bytes) -> bytes:
    """An ONNX file in which what is added to the image may be given, too.

    Photos that are no bytes can be given so without rounding. In Protocol Buffers,
    messages one after the other are merged, and lists in them joined: this is a model
    with one more input to its graph, of float32 with three axes.
    """
    return data + b":\x17Z\x15\n\x05added\x12\x0c\n\n\x08\x01\x12\x06\n\0\n\0\n\0"


def feed_of(unit: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Both inputs for one photo in [0, 1], of shape (height, width)."""
    return {IMAGE: np.zeros((1, *unit.shape), np.uint8), ADDED: unit[np.newaxis]}


def parse_about(text: str) -> dict[str, Any]:
    """What the library says of the model in its own entry of the metadata.

    Raises
    ------
    ValueError
        If it is of another version.
    """
    about: dict[str, Any] = json.loads(text)
    version = about["format"]
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"its format is {version!r}, which never was")
    if version > FORMAT:
        raise ValueError(
            f"it has format {version}, and this version of skdeblurbin reads up to "
            f"{FORMAT}: update it"
        )
    return about

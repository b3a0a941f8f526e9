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

from skdeblurbin._files import ModelFileError

#: Of what the export writes. The runner reads all up to it.
FORMAT = 1
#: The graph's inputs and outputs.
IMAGE, ADDED = "image", "added"
BINARY, GREY, DEBLURRED = "binary", "grey", "deblurred"
#: Metadata that are the library's own.
ABOUT, CHECKSUM = "skdeblurbin", "sha256"
RESERVED = (ABOUT, CHECKSUM)

#: Stands where the checksum will, and while it is computed.
BLANK = "0" * 64
# An entry of the metadata in Protocol Buffers: key and value, each with its length.
_CHECKSUM_ENTRY = re.compile(rb"\n\x06sha256\x12@([0-9a-f]{64})")


def sealed(data: bytes) -> bytes:
    """An ONNX file with its checksum in place of the blank one."""
    ((start, end),) = [found.span(1) for found in _CHECKSUM_ENTRY.finditer(data)]
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
    found = _CHECKSUM_ENTRY.search(data)
    if found is None:
        raise ModelFileError(path, "it is no file that GANBinarizer.to_onnx wrote")
    start, end = found.span(1)
    blank = data[:start] + BLANK.encode() + data[end:]
    if hashlib.sha256(blank).hexdigest().encode() != found.group(1):
        raise ModelFileError(path, "its checksum is wrong, so it is damaged")
    return data


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

"""Files that survive: nested states as checksummed bytes, written whole or not at all.

The format is safetensors, which holds arrays and text and nothing that is executed on
reading. The text says how the arrays nest.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

#: Arrays by their names.
Arrays = dict[str, NDArray[Any]]

#: What using a file's content raises that lacks, or mixes up, what it should have.
OF_BAD_CONTENT = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)

# How a file that is being written is called, beside the one that it will replace.
_UNFINISHED = ".unfinished"


class ModelFileError(ValueError):
    """A file is not what it should be: damaged, of another kind, or of another version.

    Attributes
    ----------
    path : str
    reason : str

    Examples
    --------
    >>> from skdeblurbin import ModelFileError
    >>> raise ModelFileError("plates.safetensors", "it is empty")
    Traceback (most recent call last):
      ...
    skdeblurbin._files.ModelFileError: plates.safetensors: it is empty
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")
        self.path, self.reason = os.fspath(path), reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.reason)  # not the message: pickle


def pack(state: Any) -> bytes:
    """Nested dicts, lists and tuples of arrays and plain values as bytes.

    Parameters
    ----------
    state : dict, list, tuple, ndarray, str, int, float, bool or None
        Keys of dicts are plain values. An array that occurs twice is kept once.

    Raises
    ------
    TypeError
        If there is anything else in it.
    """
    arrays: Arrays = {}
    tree = json.dumps(_tree(state, arrays, {}))
    metadata = {"tree": tree, "sha256": checksum(tree, arrays)}
    return save(arrays, metadata)


def unpack(data: bytes, path: str | os.PathLike[str]) -> Any:
    """Invert `pack`; `path` is where the bytes come from.

    Raises
    ------
    ModelFileError
        If the bytes are not exactly what `pack` gave.
    """
    try:
        arrays = load(data)
        metadata = _metadata(data)
        tree = metadata["tree"]
        if metadata["sha256"] != checksum(tree, arrays):
            raise ModelFileError(path, "its checksum is wrong, so it is damaged")
        return _state(json.loads(tree), arrays)
    except (SafetensorError, RecursionError, *OF_BAD_CONTENT) as error:
        if isinstance(error, ModelFileError):
            raise
        reason = f"it is damaged, or no file of skdeblurbin ({error})"
        raise ModelFileError(path, reason) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that at every moment the old one or the new one is there, whole.

    Raises
    ------
    OSError
        If it cannot be written; the old file is then as it was.
    """
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name too is to survive a power cut
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def unfinished(folder: Path, name: str) -> list[Path]:
    """What is being written, or was when a process died, of the files of a name.

    `name` may be a pattern, as for `Path.glob`.
    """
    return list(folder.glob(f"{name}.*{_UNFINISHED}"))


def _tree(value: Any, arrays: Arrays, names: dict[int, str]) -> list[Any]:
    """How a state nests, as JSON knows it: a letter for the kind, and the content.

    Arrays go to `arrays`; `names` has theirs by their identity.
    """
    if isinstance(value, np.ndarray):
        if id(value) not in names:
            names[id(value)] = str(len(names))
            arrays[names[id(value)]] = np.array(value, order="C")
        return ["a", names[id(value)]]
    if isinstance(value, Mapping):
        return ["d", [[key, _tree(v, arrays, names)] for key, v in value.items()]]
    if isinstance(value, list | tuple):
        kind = "l" if isinstance(value, list) else "t"
        return [kind, [_tree(v, arrays, names) for v in value]]
    if value is None or isinstance(value, str | int | float):
        return ["v", value]
    raise TypeError(f"A file cannot hold a {type(value).__name__}, {value!r}.")


def _state(tree: Any, arrays: Arrays) -> Any:
    kind, content = tree
    if kind == "a":
        return arrays[content]
    if kind == "d":
        return {key: _state(value, arrays) for key, value in content}
    if kind in ("l", "t"):
        items = [_state(value, arrays) for value in content]
        return items if kind == "l" else tuple(items)
    if kind == "v":
        return content
    raise ValueError(f"unknown kind {kind!r}")


def checksum(tree: str, arrays: Arrays) -> str:
    """SHA-256 in hexadecimal: over a text, all arrays, their shapes and types."""
    found = hashlib.sha256(tree.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(array.data if array.flags.c_contiguous else array.tobytes())
    return found.hexdigest()


def _metadata(data: bytes) -> dict[str, str]:
    """The text in bytes that safetensors has read, and so found to be sound."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    found: dict[str, str] = header["__metadata__"]
    return found

"""Files of models: safetensors with a JSON header, checked before anything is read.

A file holds arrays and text. Nothing in it is executed, and no name in it is imported.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from skdeblurbin._files import (
    OF_BAD_CONTENT,
    Arrays,
    ModelFileError,
    checksum,
    write_atomically,
)

#: Of what `write_model` writes. `read_model` reads all up to it.
FORMAT = 1
#: The largest file and header, in bytes, that `read_model` looks into. A file's arrays
#: are held once while its checksum is not known yet.
LARGEST_FILE = 2**27
LARGEST_HEADER = 2**20

_KEY = "skdeblurbin"
_SUFFIX = ".safetensors"
_FLOATS: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_INTEGERS: dict[str, np.dtype[Any]] = {"I64": np.dtype("<i8")}
_MOST_AXES = 8  # of an array; kernels have four


class Expected(NamedTuple):
    """What an array of a model is to be.

    Attributes
    ----------
    shape : tuple of int
    is_integer : bool
        Whether it holds whole numbers, int64; else it is float32 or float16.
    """

    shape: tuple[int, ...]
    is_integer: bool = False


Layout = dict[str, Expected]


def pretrained_names() -> list[str]:
    """The names of the models in the package."""
    return sorted(
        file.name.removesuffix(_SUFFIX)
        for file in pretrained_folder().iterdir()
        if file.name.endswith(_SUFFIX)
    )


def pretrained_file(name: str) -> AbstractContextManager[Path]:
    """The file of a model in the package, on the disk within a ``with``."""
    return resources.as_file(pretrained_folder().joinpath(f"{name}{_SUFFIX}"))


def pretrained_folder() -> Traversable:
    """Where the models in the package are, with what is known of them."""
    return resources.files("skdeblurbin").joinpath("pretrained", "models")


def write_model(
    path: str | os.PathLike[str], about: dict[str, Any], arrays: Arrays
) -> None:
    """Write a model's file, whole or not at all.

    Parameters
    ----------
    path : path
    about : dict
        What JSON can hold, and `read_model` gives back.
    arrays : dict of str to ndarray
        Of dtype float32, float16 or int64.

    Raises
    ------
    ValueError
        If the model is larger than what `read_model` takes.
    OSError
        If the file cannot be written; one that was there stays.
    """
    text = json.dumps({"format": FORMAT, **about}, allow_nan=False)
    metadata = {_KEY: text, "sha256": checksum(text, arrays)}
    data = save(arrays, metadata)
    length = int.from_bytes(data[:8], "little")
    if length > LARGEST_HEADER or len(data) > LARGEST_FILE:
        raise ValueError(
            f"The model takes {len(data)} bytes, of which {length} describe its "
            f"{len(arrays)} arrays; more than {LARGEST_FILE} and {LARGEST_HEADER} "
            "could not be loaded again. Pickle it instead."
        )
    write_atomically(Path(path), data)


def read_model(
    path: str | os.PathLike[str],
    expected: Callable[[dict[str, Any], int], Layout] | None,
) -> tuple[dict[str, Any], Arrays]:
    """Read a model's file, after checks of all that it says of itself.

    Parameters
    ----------
    path : path
    expected : callable (about, n_arrays) -> dict of str to Expected, or None
        The arrays that such a model has; a ValueError or TypeError if there can be no
        such model, or none with as few arrays as the file has. None takes the arrays
        that there are: to look at a file, without the network that it describes.

    Returns
    -------
    about : dict
        As it was written.
    arrays : dict of str to ndarray
        Finite.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a sound model's.
    """
    try:
        file, header = _opened(path)
        with file:
            metadata, about, entries = _described(header)
            layout = None if expected is None else expected(about, len(entries))
            _check_entries(entries, layout)
            arrays = _read_arrays(file, entries)
        if checksum(metadata[_KEY], arrays) != metadata.get("sha256"):
            raise ValueError("its checksum is wrong, so it is damaged")
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds numbers that are not finite")
    except ModelFileError:
        raise
    except (*OF_BAD_CONTENT, OSError) as error:
        raise ModelFileError(path, str(error) or type(error).__name__) from error
    return about, arrays


def _opened(path: str | os.PathLike[str]) -> tuple[IO[bytes], bytes]:
    """An open file, and its header, if they are of a reasonable size."""
    if not os.path.isfile(path):
        raise ModelFileError(path, "there is no such file")
    file = Path(path).open("rb")  # noqa: SIM115
    try:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_FILE:
            raise ValueError(f"it has {size} bytes, and {LARGEST_FILE} are allowed")
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, LARGEST_HEADER):
            raise ValueError("it is no safetensors file, or truncated")
        return file, file.read(length)
    except BaseException:
        file.close()
        raise


def _described(header: bytes) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A header's texts, what they say of the model, and what it says of each array."""
    try:
        entries = json.loads(header)
        metadata = entries.pop("__metadata__")
        about = json.loads(metadata[_KEY])
        version = about["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("its header is not that of a model of skdeblurbin") from None
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"its format is {version!r}, which never was")
    if version > FORMAT:
        raise ValueError(
            f"it has format {version}, and this version of skdeblurbin reads up to "
            f"{FORMAT}: update it"
        )
    return metadata, about, entries


def _check_entries(entries: dict[str, Any], layout: Layout | None) -> None:
    """Check what a header says of the arrays, against what the model has, if known."""
    if layout is not None:
        missing, surplus = layout.keys() - entries, entries.keys() - layout
        if missing or surplus:
            named = ", ".join([*sorted(missing), *sorted(surplus)][:3])
            raise ValueError(
                f"it lacks {len(missing)} arrays and has {len(surplus)} too many "
                f"({named})"
            )
    for name, entry in entries.items():
        kind, shape = entry["dtype"], entry["shape"]
        if layout is None:
            kinds = _FLOATS | _INTEGERS
        else:
            kinds = _INTEGERS if layout[name].is_integer else _FLOATS
        if kind not in kinds:
            raise ValueError(
                f"{name} has type {kind}, which is none of {', '.join(kinds)}"
            )
        if not _is_shape(shape):
            raise ValueError(f"{name} has shape {shape}, which no array has")
        if layout is not None and tuple(shape) != layout[name].shape:
            raise ValueError(f"{name} has shape {shape}, not {layout[name].shape}")
        begin, end = entry["data_offsets"]
        if end - begin != kinds[kind].itemsize * math.prod(shape):
            raise ValueError(f"{name} does not have the length of its shape")


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) <= _MOST_AXES
        and all(type(length) is int and 0 <= length < 2**63 for length in shape)
    )


def _read_arrays(file: IO[bytes], entries: dict[str, Any]) -> Arrays:
    """Read the arrays that follow a header, each of them once and into its place."""
    place, begin = 0, file.tell()
    in_order = sorted(entries.items(), key=lambda item: item[1]["data_offsets"])
    for name, entry in in_order:
        if entry["data_offsets"][0] != place:
            raise ValueError(f"{name} does not begin where the one before it ends")
        place = entry["data_offsets"][1]
    if os.fstat(file.fileno()).st_size != begin + place:
        raise ValueError("its length is not what its header says")
    arrays: Arrays = {}
    for name, entry in in_order:
        kind = (_FLOATS | _INTEGERS)[entry["dtype"]]
        array: NDArray[Any] = np.empty(math.prod(entry["shape"]), kind)
        if file.readinto(array) != array.nbytes:  # type: ignore[attr-defined]
            raise ValueError("it became shorter while it was read")
        arrays[name] = array.reshape(entry["shape"])
    return arrays

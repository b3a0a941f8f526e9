"""Read pairs of a blurred photo and its binary image from two folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from skdeblurbin.datasets._reading import IMAGE_SUFFIXES, is_image_file, read_grey

__all__ = ["load_image_pairs"]

Grey = NDArray[Any]
Stack = Grey | list[Grey]
Folder = str | os.PathLike[str]


@overload
def load_image_pairs(
    blurred_dir: Folder,
    binary_dir: Folder,
    *,
    threshold: float | None = ...,
    return_names: Literal[False] = ...,
) -> tuple[Stack, Stack]: ...


@overload
def load_image_pairs(
    blurred_dir: Folder,
    binary_dir: Folder,
    *,
    threshold: float | None = ...,
    return_names: Literal[True],
) -> tuple[Stack, Stack, list[str]]: ...


def load_image_pairs(
    blurred_dir: Folder,
    binary_dir: Folder,
    *,
    threshold: float | None = None,
    return_names: bool = False,
) -> tuple[Stack, Stack] | tuple[Stack, Stack, list[str]]:
    """Read blurred photos and their binary images, paired by file name.

    Two files are a pair if their names without suffix are the same, case included:
    ``blurred/17.JPG`` and ``binary/17.png``. Files are read if their suffix, in
    any case, is bmp, jpeg, jpg, png, tif, tiff or webp; hidden files, other files and
    subfolders are ignored.

    Colour becomes Rec. 601 luma, transparent parts are laid over white, palettes are
    resolved and the EXIF orientation is applied. Images of 16 bits stay uint16, all
    others become uint8, or, among such of 16 bits, uint16 of the same brightness (times
    257). Of files with several frames the first one is read.

    Parameters
    ----------
    blurred_dir : str or path-like
        Folder of the blurred photos.
    binary_dir : str or path-like
        Folder of the binary images, each as large as its photo.
    threshold : float, default=None
        None requires that the grey levels of all binary images together are exactly
        two, and keeps them. A number makes ``Y`` 255 where the image is above it and
        0 elsewhere: for binary images that were saved as JPEG, say 128.
    return_names : bool, default=False
        Whether to return the names too.

    Returns
    -------
    X_blur : ndarray of shape (n_pairs, height, width), or list of ndarray
        The photos, grey, all uint8 or all uint16. One array if all have the same
        size, else a list of 2-D arrays.
    Y_bin : ndarray of shape (n_pairs, height, width), or list of ndarray
        The binary images, likewise.
    names : list of str
        The file names without suffix. Only if `return_names` is True.
        The order of pairs is that of names, with runs of digits compared as numbers:
        "plate2" comes before "plate10".

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If a folder does not exist, or is a file.
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a folder holds no images, two images of one name, images without a
        partner, files that cannot be read, pairs of different size, or binary images
        that are not binary. The message names the files, ten at most.

    See Also
    --------
    make_blurred_plates : Draw pairs instead.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from skdeblurbin.datasets import load_image_pairs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for kind in ("blurred", "binary"):
    ...         Path(folder, kind).mkdir()
    ...         picture = Image.fromarray(np.eye(32, dtype=np.uint8) * 255)
    ...         picture.save(Path(folder, kind, "plate1.png"))
    ...     X, Y = load_image_pairs(Path(folder, "blurred"), Path(folder, "binary"))
    >>> X.shape, Y.dtype
    ((1, 32, 32), dtype('uint8'))
    """
    _check_options(threshold, return_names)
    photos = _list_images(blurred_dir, "blurred_dir")
    truths = _list_images(binary_dir, "binary_dir")
    names = _match(photos, truths)
    pairs = [(photos[name], truths[name]) for name in names]
    read = _read_all(path for pair in pairs for path in pair)
    X, Y = _one_depth(read[0::2]), read[1::2]
    _check_sizes(X, Y, pairs)
    if threshold is None:
        Y = _one_depth(Y)
        _check_binary(Y, [truth for _, truth in pairs])
    else:
        Y = [np.where(y > threshold, 255, 0).astype(np.uint8) for y in Y]
    if return_names:
        return _stack(X), _stack(Y), names
    return _stack(X), _stack(Y)


def _check_options(threshold: object, return_names: object) -> None:
    if threshold is not None and (
        isinstance(threshold, bool)
        or not isinstance(threshold, Real)
        or not np.isfinite(float(threshold))
    ):
        raise TypeError(f"threshold must be None or a finite float, got {threshold!r}.")
    if not isinstance(return_names, (bool, np.bool_)):
        raise TypeError(f"return_names must be a bool, got {return_names!r}.")


def _list_images(folder: object, parameter: str) -> dict[str, Path]:
    """Map the stem of each image file in a folder to its path."""
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"{parameter} must be a str or a path, got {folder!r}.")
    path = Path(folder)
    if not path.exists():
        raise FileNotFoundError(f"{parameter} does not exist: {str(path)!r}.")
    if not path.is_dir():
        raise NotADirectoryError(f"{parameter} is not a folder: {str(path)!r}.")
    images: dict[str, Path] = {}
    duplicates = []
    for file in sorted(path.iterdir()):
        if not is_image_file(file):
            continue
        if file.stem in images:
            duplicates.append(f"{images[file.stem].name} and {file.name}")
        images.setdefault(file.stem, file)
    if duplicates:
        raise ValueError(
            f"{parameter} holds {len(duplicates)} image(s) of the same name as "
            f"another, but of a different suffix: {_some(duplicates)}."
        )
    if not images:
        raise ValueError(
            f"{parameter} holds no images: {str(path)!r}. Files with these suffixes "
            f"are read: {', '.join(IMAGE_SUFFIXES)}."
        )
    return images


def _some(items: list[str], limit: int = 10) -> str:
    """List the first items, and tell when there are more."""
    more = f", and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key: digits as numbers, before letters; the name itself breaks ties."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    key = [(0, int(p), "") if p[0] in "0123456789" else (1, 0, p) for p in parts]
    return key, name


def _match(photos: dict[str, Path], truths: dict[str, Path]) -> list[str]:
    """Return the names common to both folders, or name the files left alone."""
    alone = [
        (photos if name in photos else truths)[name]
        for name in sorted(photos.keys() ^ truths.keys(), key=_natural)
    ]
    if alone:
        shown = [f"{path.parent.name}/{path.name}" for path in alone]
        raise ValueError(
            f"{len(alone)} image(s) have no partner of the same name (case counts, "
            f"the suffix does not) in the other folder: {_some(shown)}."
        )
    return sorted(photos, key=_natural)


def _read_all(paths: Iterable[Path]) -> list[Grey]:
    images, unreadable = [], []
    for path in paths:
        try:
            images.append(read_grey(path))
        # Pillow's decoders raise many classes for corrupt files, SyntaxError too.
        except Exception as error:
            reason = str(error) if isinstance(error, OSError) else repr(error)
            unreadable.append(f"{path.parent.name}/{path.name} ({reason})")
    if unreadable:
        raise ValueError(
            f"{len(unreadable)} image(s) cannot be read: {_some(unreadable)}."
        )
    return images


def _one_depth(images: list[Grey]) -> list[Grey]:
    """Images of 8 bits among such of 16 on their scale: white is 65535."""
    if len({image.dtype for image in images}) == 1:
        return images
    return [
        image if image.dtype == np.uint16 else image.astype(np.uint16) * 257
        for image in images
    ]


def _check_sizes(X: list[Grey], Y: list[Grey], pairs: list[tuple[Path, Path]]) -> None:
    wrong = [
        f"{photo.name} ({x.shape[0]}x{x.shape[1]}) and {truth.name} "
        f"({y.shape[0]}x{y.shape[1]})"
        for x, y, (photo, truth) in zip(X, Y, pairs, strict=True)
        if x.shape != y.shape
    ]
    if wrong:
        raise ValueError(
            f"{len(wrong)} pair(s) differ in size (height x width, photo and binary "
            f"image): {_some(wrong)}."
        )


def _check_binary(images: list[Grey], paths: list[Path]) -> None:
    """Require two grey levels over all images, else name those with other levels."""
    levels = [np.unique(image) for image in images]
    together = np.unique(np.concatenate(levels))
    if len(together) == 2:
        return
    if len(together) < 2:
        raise ValueError(
            "The binary images must hold two grey levels, but all their pixels "
            f"are {together[0]}."
        )
    # The intended levels are those that most images of at most two levels have.
    clean = [found for found in levels if len(found) <= 2] or levels
    candidates, n_images = np.unique(np.concatenate(clean), return_counts=True)
    usual = candidates[np.argsort(-n_images, kind="stable")[:2]]
    offending = [
        f"{path.name} ({len(found)} values)"
        for path, found in zip(paths, levels, strict=True)
        if not np.isin(found, usual).all()
    ]
    raise ValueError(
        f"The binary images must hold exactly two grey levels, got {len(together)}; "
        f"{len(offending)} image(s) are to blame: {_some(offending, 5)}. Were they "
        "saved as JPEG or resized? Pass threshold=128 to make them binary."
    )


def _stack(images: list[Grey]) -> Stack:
    """Make one array of images of equal size."""
    if len({image.shape for image in images}) == 1:
        return np.stack(images)
    return images

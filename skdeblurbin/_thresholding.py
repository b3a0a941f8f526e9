"""Otsu's threshold, exact and image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.filters import threshold_otsu

_BYTES = (np.uint8, np.bool_)
# Images of bytes whose histograms are looked at together: enough that numpy's calls
# cost little for each, few enough that the arrays stay in the cache.
_AT_ONCE = 64
# Grey values, in order, that are summed up before single ones are looked at.
_BLOCK = 32
# Images of more pixels are split by a histogram of so many levels.
_MOST_SORTED, _MOST_LEVELS = 2**26, 2**16
_AT_A_TIME = 2**20
# The criterion in single precision, as scikit-image weighs it, is off by less than
# this, relatively; ...
_ROUNDING_OF_WEIGHTS = 1e-6
# ... and two ways to add up n values make it differ by less than this and n roundings.
# Measured: 5e-14 on plates, 4e-12 on four million pixels.
_ROUNDING_OF_SUMS = 1e-11


def binarize_otsu(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Split one grey image at Otsu's threshold.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Any finite real values.

    Returns
    -------
    ndarray of bool of shape (height, width)
        True where the image is bright (paper). A constant image is all paper.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin._thresholding import binarize_otsu
    >>> binarize_otsu(np.array([[10, 12, 200], [11, 190, 210]])).astype(int)
    array([[0, 0, 1],
           [0, 1, 1]])
    """
    return next(binarize_all_by_otsu([image]))


def binarize_all_by_otsu(
    images: Sequence[NDArray[Any]],
) -> Iterator[NDArray[np.bool_]]:
    """Split grey images as `binarize_otsu` does, each at its own threshold.

    Many images of bytes take less time together than one by one.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width)

    Yields
    ------
    ndarray of bool of shape (height, width)
    """
    for image, threshold in zip(images, otsu_thresholds(images), strict=True):
        bright: NDArray[np.bool_] = image > threshold
        # Only a constant image has no level above its threshold.
        yield bright if bright.any() else ~bright


def otsu_thresholds(images: Sequence[NDArray[Any]]) -> Iterator[Any]:
    """Find Otsu's threshold [1]_ of each of some grey images.

    The histogram has one bin for every grey level that occurs, so that the result does
    not depend on dtype, brightness or contrast. It is that of scikit-image on integers;
    of splits that are equally good, either may choose another one, except on uint8,
    where the thresholds are the same (below 2**24 pixels, from where on scikit-image
    does not count exactly). Of more than 2**26 pixels that are not bytes, the levels
    are first rounded to 65,536, evenly spaced over the image's range: to sort so many
    would take thirty bytes for each.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width)
        Any finite real values.

    Yields
    ------
    scalar
        The highest of the dark levels, which occurs in the image; its only level if it
        is constant.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE
       Trans. Systems, Man, and Cybernetics 9(1), 62-66, 1979.
       :doi:`10.1109/TSMC.1979.4310076`
    """
    for start in range(0, len(images), _AT_ONCE):
        some = images[start : start + _AT_ONCE]
        if all(image.dtype in _BYTES for image in some):
            yield from _split_histograms(_count_levels(some))
        else:
            yield from map(_find_threshold, some)


def _count_levels(images: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Histograms of images of bytes, one in each column of 256 rows.

    Pillow counts bytes twice as fast as :func:`numpy.bincount`. The image that it looks
    at shares the memory of an array, into which one image after the other is copied.
    """
    pixels = np.empty(0, np.uint8)
    counts = []
    for image in images:
        if image.size != pixels.size:
            pixels = np.empty(image.size, np.uint8)
            shown = Image.frombuffer("L", (image.size, 1), pixels, "raw", "L", 0, 1)
        np.copyto(pixels.reshape(image.shape), image)
        counts.append(shown.histogram())
    flat = np.fromiter(chain.from_iterable(counts), np.int64, 256 * len(counts))
    return np.ascontiguousarray(flat.reshape(-1, 256).T)


def _split_histograms(counts: NDArray[np.int64]) -> Sequence[np.uint8]:
    """Find the thresholds of histograms (columns), as scikit-image computes them.

    Of splits that are equally good its rounding chooses, so it is repeated here: single
    precision for the product of the counts, double precision for the rest. All sums are
    whole numbers, and exact.
    """
    n_dark = np.cumsum(counts, axis=0)
    n_bright = n_dark[-1] - n_dark
    dark = np.cumsum(counts * np.arange(256)[:, np.newaxis], axis=0)
    bright = dark[-1] - dark
    between = dark / np.maximum(n_dark, 1) - bright / np.maximum(n_bright, 1)
    between *= between
    between *= n_dark.astype(np.float32) * n_bright.astype(np.float32)
    between[n_dark == 0] = -1  # so that a constant image is split at its level
    return list(between.argmax(axis=0).astype(np.uint8))


def _find_threshold(image: NDArray[Any]) -> Any:
    if image.dtype in _BYTES:
        return _split_histograms(_count_levels([image]))[0]
    if image.size > _MOST_SORTED:
        return _split_rounded(image)
    ordered = np.sort(image, axis=None)
    if ordered[0] == ordered[-1]:
        return ordered[0]
    split = _find_sure_split(ordered)
    return _split_by_definition(ordered) if split is None else ordered[split]


def _split_rounded(image: NDArray[Any]) -> Any:
    """Otsu's threshold of an image whose levels are rounded, in little memory."""
    low, high = image.min(), image.max()
    if low == high:
        return low
    n_levels = _MOST_LEVELS
    if image.dtype.kind in "iu":  # then nothing need be rounded
        n_levels = min(n_levels, int(high) - int(low) + 1)
    number = partial(_numbers_of_levels, low=low, high=high, n_levels=n_levels)
    counts = np.zeros(n_levels, np.int64)
    for block in _blocks(image):
        counts += np.bincount(number(block), minlength=n_levels)
    split = threshold_otsu(hist=(counts, np.arange(n_levels)))
    # The highest level that is dark, since levels that are rounded alike go together.
    dark = (block[number(block) <= split] for block in _blocks(image))
    return max(values.max() for values in dark if values.size)


def _blocks(image: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """All pixels, a million at a time, in whatever order they lie in memory."""
    flags: Any = ["external_loop", "buffered"]
    blocks: Any = np.nditer(image, flags=flags, order="K", buffersize=_AT_A_TIME)
    return iter(blocks)


def _numbers_of_levels(
    values: NDArray[Any], low: Any, high: Any, n_levels: int
) -> NDArray[np.int64]:
    """In which of so many even parts of their range values lie, from 0."""
    if values.dtype.kind in "iu" and n_levels > int(high) - int(low):
        # Differences may wrap; read without sign they are right again.
        steps = np.subtract(values, low)
        unsigned: NDArray[Any] = steps.view(steps.dtype.str.replace("i", "u"))
        return unsigned.astype(np.int64)
    # Quarters do not overflow where the whole would.
    factor = 1.0 if max(-float(low), float(high)) < 1e300 else 0.25
    span = float(high) * factor - float(low) * factor
    shares = (values.astype(np.float64) * factor - float(low) * factor) / span
    numbers: NDArray[np.int64] = (shares * n_levels).astype(np.int64)
    return numbers.clip(max=n_levels - 1)


def _split_by_definition(ordered: NDArray[Any]) -> Any:
    levels, counts = np.unique(ordered, return_counts=True)
    centers = _steps(levels)
    centers /= centers[-1]
    return levels[np.searchsorted(centers, threshold_otsu(hist=(counts, centers)))]


def _find_sure_split(ordered: NDArray[Any]) -> int | None:
    """Find the split that is best whatever the rounding errors, if there is one.

    Parameters
    ----------
    ordered : ndarray of shape (n,)
        Grey values in increasing order, at least two different ones.

    Returns
    -------
    int or None
        Index of a value of the highest dark level. None if another split is as good,
        but for what the order of additions may change.
    """
    n, steps = ordered.size, _steps(ordered)
    if not 1e-100 < steps[-1] < 1e100:
        steps /= steps[-1]  # or their squares might overflow, or vanish
    first, last, before, total = _narrow_down(steps)
    n_dark = np.arange(first + 1, last + 1)
    dark = np.cumsum(steps[first:last])
    dark += before
    between = dark / n_dark - (total - dark) / (n - n_dark)
    between *= between
    between *= n_dark.astype(np.float32) * (n - n_dark).astype(np.float32)
    between[ordered[first:last] == ordered[first + 1 : last + 1]] = 0
    best = between.argmax()
    rounding = _ROUNDING_OF_SUMS + n * np.finfo(np.float64).eps
    if np.count_nonzero(between >= between[best] * (1 - rounding)) > 1:
        return None
    # The first of those that double precision does not tell apart, as by definition.
    return int(np.searchsorted(steps, steps[first + best]))


def _narrow_down(steps: NDArray[np.float64]) -> tuple[int, int, float, float]:
    """Find out which values may be the last dark one, from sums over blocks alone.

    Parameters
    ----------
    steps : ndarray of shape (n,)
        In increasing order, from 0.

    Returns
    -------
    first, last : int
        The best split is after one of ``steps[first:last]``, and not after the last.
    before, total : float
        The sum of ``steps[:first]``, and of all.
    """
    n = steps.size
    ends = np.append(np.arange(0, n, _BLOCK), n)
    sums = np.append(0, np.cumsum(np.add.reduceat(steps, ends[:-1])))
    mean = sums[-1] / n
    # With k dark values of the sum S, the variance between the groups goes with
    # (mean * k - S)**2 / (k * (n - k)). Within runs of a level it is least inside.
    lack = mean * ends - sums
    share = 1 / np.maximum(ends * (n - ends), n - 1)
    # While k passes through a block, the lack rises below the mean, and falls above:
    # only in the block of the mean it may be greater than at both ends.
    most = np.maximum(lack[:-1], lack[1:])
    middle = np.searchsorted(steps[::_BLOCK], mean) - 1
    most[middle] = lack[middle] + _BLOCK * (mean - steps[middle * _BLOCK])
    bounds = most**2 * np.maximum(share[:-1], share[1:])
    reached = (lack**2 * share).max()
    near = np.flatnonzero(bounds >= reached * (1 - _ROUNDING_OF_WEIGHTS))
    last = min(int(ends[near[-1] + 1]), n - 1)
    return int(ends[near[0]]), last, float(sums[near[0]]), float(sums[-1])


def _steps(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Increasing levels above the least, up to a factor, for every real dtype."""
    steps: NDArray[np.float64]
    if levels.dtype.kind == "f":
        steps = levels.astype(np.float64)
        if max(-steps[0], steps[-1]) > 1e300:
            steps *= 0.5  # or the difference might overflow
        steps -= steps[0]
        return steps
    if levels.dtype.kind == "i":
        # Differences may wrap; read without sign they are right again.
        wrapped = levels - levels[0]
        steps = wrapped.view(wrapped.dtype.str.replace("i", "u")).astype(np.float64)
    else:
        steps = (levels - levels[0]).astype(np.float64)
    return steps

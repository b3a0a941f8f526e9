"""Otsu's threshold, exact and image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
# Grey values, in order, that are summed up before single ones are looked at: so many,
# or more of large images, of which there are so many blocks at most.
_BLOCK, _MOST_BLOCKS = 32, 2**15
# Images of more pixels are split by a histogram of so many levels.
_MOST_SORTED, _MOST_LEVELS = 2**26, 2**16
# Pixels for which there are arrays in double precision, so that memory for these does
# not grow with the image.
_AT_A_TIME = 2**18
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
    does not count exactly). Beside the image there is one sorted copy of it, of all but
    bytes. Of more than 2**26 pixels that are not bytes, the levels are instead rounded
    to 65,536, evenly spaced over the image's range.

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

    All sums are whole numbers, and exact.
    """
    n_dark = np.cumsum(counts, axis=0)
    dark = np.cumsum(counts * np.arange(256)[:, np.newaxis], axis=0)
    between = _separation(n_dark, n_dark[-1] - n_dark, dark, dark[-1] - dark)
    between[n_dark == 0] = -1  # so that a constant image is split at its level
    return list(between.argmax(axis=0).astype(np.uint8))


def _separation(
    n_dark: NDArray[np.int64],
    n_bright: NDArray[np.int64],
    dark: NDArray[Any],
    bright: NDArray[Any],
) -> NDArray[np.float64]:
    """Otsu's criterion from numbers and sums of dark and of bright pixels.

    Of splits that are equally good scikit-image's rounding chooses, so it is repeated
    here: single precision for the product of the counts, double precision for the rest.
    """
    between: NDArray[np.float64] = dark / np.maximum(n_dark, 1)
    between -= bright / np.maximum(n_bright, 1)
    between *= between
    between *= n_dark.astype(np.float32) * n_bright.astype(np.float32)
    return between


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
    """Otsu's threshold of grey values in order, with all the rounding of scikit-image.

    Its sums are repeated in its order: those of the dark levels from the darkest on,
    those of the bright ones from the brightest; one piece of the values after another.
    """
    low, high = ordered[0], ordered[-1]
    top = _steps(ordered[-1:], low, high)[0]

    def look_at(piece: slice) -> tuple[Any, NDArray[np.int64], NDArray[np.float64]]:
        levels, counts = _levels_of(ordered[piece])
        return levels, counts, _steps(levels, low, high) / top

    pieces, dark = _pieces(ordered), [0.0]
    for piece in pieces:
        _, counts, centers = look_at(piece)
        dark.append(_running_sums(dark[-1], counts * centers)[-1])
    best, center, bright, threshold = -1.0, 0.0, 0.0, low
    for piece, before in zip(reversed(pieces), reversed(dark[:-1]), strict=True):
        levels, counts, centers = look_at(piece)
        n_dark = piece.start + np.cumsum(counts)
        of_dark = _running_sums(before, counts * centers)[1:]
        of_bright = _running_sums(bright, (counts * centers)[::-1])
        between = _separation(n_dark, ordered.size - n_dark, of_dark, of_bright[-2::-1])
        bright, first = of_bright[-1], between.argmax()
        if between[first] >= best:  # of equal ones, the darkest
            best, center = between[first], centers[first]
        # Levels may be apart by so little that their centers are equal.
        if center <= centers[-1]:
            threshold = levels[np.searchsorted(centers, center)]
    return threshold


def _pieces(ordered: NDArray[Any]) -> list[slice]:
    """Parts of values in order that are not too large, each with all of its levels."""
    pieces, start = [], 0
    while start < ordered.size:
        last = ordered[min(start + _AT_A_TIME, ordered.size) - 1]
        stop = int(np.searchsorted(ordered, last, side="right"))
        pieces.append(slice(start, stop))
        start = stop
    return pieces


def _levels_of(ordered: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Different values, and how often they occur: `np.unique` of values in order."""
    starts = np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)
    return ordered[starts], np.diff(starts, append=ordered.size)


def _running_sums(before: float, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running sums that go on from one, which is the first of them."""
    return np.cumsum(np.append(before, values))


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
        but for what the order of additions may change, or if too many splits may be.
    """
    n, low, high = ordered.size, ordered[0], ordered[-1]
    top = _steps(ordered[-1:], low, high)[0]
    unit = 1 if 1e-100 < top < 1e100 else top  # or squares might overflow, or vanish

    def measure(values: NDArray[Any]) -> NDArray[np.float64]:
        steps = _steps(values, low, high)
        return steps if unit == 1 else steps / unit

    first, last, before, total = _narrow_down(ordered, measure)
    if last - first > _AT_A_TIME:
        return None
    n_dark = np.arange(first + 1, last + 1)
    steps = measure(ordered[first:last])
    dark = np.cumsum(steps)
    dark += before
    between = _separation(n_dark, n - n_dark, dark, total - dark)
    between[ordered[first:last] == ordered[first + 1 : last + 1]] = 0
    best = between.argmax()
    rounding = _ROUNDING_OF_SUMS + n * np.finfo(np.float64).eps
    if np.count_nonzero(between >= between[best] * (1 - rounding)) > 1:
        return None
    # The first of those that double precision does not tell apart, as by definition.
    split = first + int(np.searchsorted(steps, steps[best]))
    while 0 < split <= first and measure(ordered[split - 1 : split])[0] == steps[best]:
        split = int(np.searchsorted(ordered, ordered[split - 1]))
    return split


def _in_parts(values: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _narrow_down(
    ordered: NDArray[Any], measure: Callable[[NDArray[Any]], NDArray[np.float64]]
) -> tuple[int, int, float, float]:
    """Find out which values may be the last dark one, from sums over blocks alone.

    Parameters
    ----------
    ordered : ndarray of shape (n,)
        In increasing order.
    measure : callable
        Maps some of these to the same on a scale from 0.

    Returns
    -------
    first, last : int
        The best split is after one of ``ordered[first:last]``, not after the last.
    before, total : float
        The sum of the measures of ``ordered[:first]``, and of all.
    """
    n = ordered.size
    block = max(_BLOCK, n // _MOST_BLOCKS)
    ends = np.append(np.arange(0, n, block), n)
    of_blocks = [
        np.add.reduceat(measure(part), np.arange(0, len(part), block))
        for part in _in_parts(ordered, max(_AT_A_TIME // block, 1) * block)
    ]
    sums = np.append(0, np.cumsum(np.concatenate(of_blocks)))
    mean = sums[-1] / n
    # With k dark values of the sum S, the variance between the groups goes with
    # (mean * k - S)**2 / (k * (n - k)). Within runs of a level it is least inside.
    lack = mean * ends - sums
    share = 1 / np.maximum(ends * (n - ends), n - 1)
    # While k passes through a block, the lack rises below the mean, and falls above:
    # only in the block of the mean it may be greater than at both ends.
    most = np.maximum(lack[:-1], lack[1:])
    starts = measure(ordered[::block])
    middle = np.searchsorted(starts, mean) - 1
    most[middle] = lack[middle] + block * (mean - starts[middle])
    bounds = most**2 * np.maximum(share[:-1], share[1:])
    reached = (lack**2 * share).max()
    near = np.flatnonzero(bounds >= reached * (1 - _ROUNDING_OF_WEIGHTS))
    last = min(int(ends[near[-1] + 1]), n - 1)
    return int(ends[near[0]]), last, float(sums[near[0]]), float(sums[-1])


def _steps(levels: NDArray[Any], low: Any, high: Any) -> NDArray[np.float64]:
    """Levels above the lowest, up to a factor, for every real dtype."""
    if levels.dtype.kind == "f":
        steps: NDArray[np.float64] = levels.astype(np.float64)
        low, high = np.float64(low), np.float64(high)
        if max(-low, high) > 1e300:
            steps *= 0.5  # or the difference might overflow
            low *= 0.5
        steps -= low
        return steps
    above = levels - low
    if levels.dtype.kind == "i":
        # Differences may wrap; read without sign they are right again.
        above = above.view(above.dtype.str.replace("i", "u"))
    counted: NDArray[np.float64] = above.astype(np.float64)
    return counted

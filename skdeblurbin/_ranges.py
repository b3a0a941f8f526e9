"""The range of grey values of images, and the way from it to [0, 1]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._warnings import warn_user

# Where the values of images way off their scale are cut, in widths of the range.
_FAR_OFF = 1e6
# Floats up to here overshoot 1, as resizing does, rather than count grey levels.
_HARDLY = 1.1


class Extent(NamedTuple):
    """The dtype and the extreme values of an image."""

    dtype: np.dtype[Any]
    low: float
    high: float

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to be seen."""
        return self.low == self.high


def extents_of(images: Iterable[NDArray[Any]]) -> list[Extent]:
    """Look at each image once, for all that is to be known of its scale."""
    return [
        Extent(image.dtype, float(image.min()), float(image.max())) for image in images
    ]


def infer_input_range(extents: Sequence[Extent]) -> tuple[float, float]:
    """Find the first of [0, 1], [0, 255], [0, 65535], [min, max] that holds all images.

    uint8 images with a value above 1 are always [0, 255]; bool images are [0, 1].
    """
    low = min(extent.low for extent in extents)
    high = max(extent.high for extent in extents)
    for top in (1.0, 255.0, 65535.0):
        if low >= 0 and high <= top:
            return 0.0, top
    return low, high


def scale_to_unit(
    image: NDArray[Any], input_range: tuple[float, float]
) -> NDArray[np.float32]:
    """Map `input_range` to [0, 1], as float32.

    Raises nothing: the caller has decided on the range, and has warned of values off
    it. Those lie outside [0, 1], too, but stay so small that networks cannot overflow.
    """
    low, high = input_range
    if image.dtype == np.bool_:
        return image.astype(np.float32)
    if high == low:
        return np.zeros(image.shape, np.float32)
    # Halves cannot overflow where the difference of the whole would.
    factor = 0.5 if max(abs(low), abs(high)) > 1e300 else 1.0
    # float32 holds the small integers of photos exactly, in half the memory; on [0, 1]
    # it stays as it is.
    is_photo = image.dtype.itemsize <= 2 and 1 <= high - low <= 65535
    is_unit = image.dtype == np.float32 and (low, high) == (0, 1)
    values: NDArray[Any] = image.astype(
        np.float32 if is_photo or is_unit else np.float64
    )
    if factor != 1:
        values *= factor
    if low != 0:
        values -= low * factor
    with np.errstate(over="ignore"):  # infinite only far off the range; clipped below
        values /= high * factor - low * factor
    values.clip(-_FAR_OFF, _FAR_OFF, out=values)
    return values.astype(np.float32, copy=False)


def image_range(
    extent: Extent, fitted_range: tuple[float, float], fitted_on_integers: bool
) -> tuple[float, float]:
    """Tell the range by which one image given to `predict` is scaled.

    The range of `fit`, except that what unmistakably looks like another scale is read
    as such: bool is [0, 1]; floats within [0, 1] after a fit on integers are [0, 1];
    uint8 above 1 after a fit on [0, 1] is [0, 255]. Decided image by image, so that an
    image alone and in a batch are scaled alike.
    """
    dtype, low, high = extent
    if dtype == np.bool_:
        return 0.0, 1.0
    is_float = dtype.kind == "f"
    if is_float and fitted_on_integers and low >= 0 and high <= 1:
        return 0.0, 1.0
    if dtype == np.uint8 and high > 1 and fitted_range == (0.0, 1.0):
        return 0.0, 255.0
    return fitted_range


def learn_scale(extents: Sequence[Extent]) -> tuple[tuple[float, float], bool]:
    """What `fit` keeps of the scale: the input range, and whether of integers."""
    on_integers = any(extent.dtype.kind in "iu" for extent in extents)
    return infer_input_range(extents), on_integers


def ranges_of(
    extents: Sequence[Extent],
    input_range: tuple[float, float],
    on_integers: bool,
) -> list[tuple[float, float]]:
    """The range that each image is read on, with a warning if some are off the scale.

    Parameters
    ----------
    extents : sequence of Extent
        Of the images.
    input_range, on_integers
        Of `learn_scale` on the training images.

    Returns
    -------
    list of (low, high)
    """
    ranges = [image_range(extent, input_range, on_integers) for extent in extents]
    warn_off_scale(extents, ranges, input_range)
    return ranges


def scale_all_to_unit(
    images: Iterable[NDArray[Any]],
    extents: Sequence[Extent],
    input_range: tuple[float, float],
    on_integers: bool,
) -> Iterator[NDArray[np.float32]]:
    """Map images to [0, 1], each by its own range, as they are asked for.

    Parameters
    ----------
    images : iterable of ndarray of shape (height, width)
    extents : sequence of Extent
        Of the images. Some that are off the scale are warned of at once.
    input_range, on_integers
        Of `learn_scale` on the training images.

    Returns
    -------
    iterator of float32 ndarray
    """
    return map(scale_to_unit, images, ranges_of(extents, input_range, on_integers))


def warn_off_scale(
    extents: Sequence[Extent],
    ranges: Sequence[tuple[float, float]],
    fitted_range: tuple[float, float],
) -> None:
    """Warn, once, of images whose values lie outside the range they are scaled by."""
    off = [
        (extent.low, extent.high)
        for extent, (low, high) in zip(extents, ranges, strict=True)
        if extent.low < low or extent.high > high
    ]
    if off:
        low, high = min(pair[0] for pair in off), max(pair[1] for pair in off)
        warn_user(
            f"{len(off)} of {len(extents)} images of X hold values in [{low:.9g}, "
            f"{high:.9g}], outside the input range [{fitted_range[0]:.9g}, "
            f"{fitted_range[1]:.9g}] seen by fit: scale them as the training images "
            "were."
        )


def warn_doubtful_range(
    extents: Sequence[Extent], ranges: Sequence[tuple[float, float]]
) -> None:
    """Warn of floats hardly above 1 that are read on [0, 255]: nearly black images."""
    for extent, (_, top) in zip(extents, ranges, strict=True):
        if extent.dtype.kind == "f" and top >= 255 and 1 < extent.high <= _HARDLY:
            warn_user(
                f"X holds floats up to {extent.high:.9g}, which are read on the scale "
                f"[0, {top:g}] as nearly black. If they are meant to lie in [0, 1], "
                "clip them: np.clip(X, 0, 1)."
            )
            return

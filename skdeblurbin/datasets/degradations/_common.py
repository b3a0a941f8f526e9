"""What all effects share: checks, limits and resampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatImage = NDArray[np.float32]
# Resampling and noise go so far beyond black and white; uint8 goes farther.
_OVERSHOOT = 0.1


def check_image(image: ArrayLike) -> FloatImage:
    """A grey image as float32, if it is one."""
    array = np.asarray(image, dtype=np.float32)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            "image must be a non-empty 2-D array (height, width), got an array of "
            f"shape {array.shape}."
        )
    low, high = float(array.min()), float(array.max())
    if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):
        raise ValueError(
            f"image must hold grey values in [0, 1], got values from {low:g} to "
            f"{high:g}: divide uint8 by 255."
        )
    return array


def clip(image: NDArray[np.floating]) -> FloatImage:
    """Values below 0 become 0, above 1 become 1."""
    clipped: FloatImage = np.clip(image, 0.0, 1.0).astype(np.float32, copy=False)
    return clipped


def reduced_shape(shape: tuple[int, ...], factor: float) -> tuple[int, int]:
    """Height and width of a picture that is `factor` times as coarse."""
    height, width = shape
    return max(1, round(height / factor)), max(1, round(width / factor))

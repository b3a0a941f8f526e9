"""Resampling of grey images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resize(image: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resample with an area-aware cubic; keeps the picture's centre in place.

    Parameters
    ----------
    image : float32 ndarray of shape (height, width)
        In [0, 1].
    shape : tuple (height, width)

    Returns
    -------
    float32 ndarray of that shape
        In [0, 1].
    """
    if image.shape == shape:
        return image.copy()
    resized = Image.fromarray(np.ascontiguousarray(image)).resize(
        (shape[1], shape[0]), Image.Resampling.BICUBIC
    )
    result: NDArray[np.float32] = np.asarray(resized, dtype=np.float32).clip(0, 1)
    return result

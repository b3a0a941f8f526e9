"""Blur: motion along a path, defocus."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from skdeblurbin._parameters import check_number
from skdeblurbin.datasets._kernels import disk_kernel, motion_kernel, shake_kernel
from skdeblurbin.datasets.degradations._common import FloatImage, check_image, clip


def motion_blur(
    image: ArrayLike, length: float, angle: float = 0.0, curvature: float = 0.0
) -> FloatImage:
    """Blur an image along a straight or curved path.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    length, angle, curvature : float
        The path, as in `motion_kernel`: pixels, radians, radians.

    Returns
    -------
    blurred : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import motion_blur
    >>> line = np.zeros((1, 5)); line[0, 2] = 1
    >>> motion_blur(line, length=2.0).round(1)
    array([[0. , 0.2, 0.5, 0.2, 0. ]], dtype=float32)
    """
    return _convolve(check_image(image), motion_kernel(length, angle, curvature))


def defocus_blur(image: ArrayLike, radius: float) -> FloatImage:
    """Blur an image as a lens out of focus does.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    radius : float
        Radius of the disk of confusion in pixels, in [0, inf).

    Returns
    -------
    blurred : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `radius` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import defocus_blur
    >>> dot = np.zeros((7, 7)); dot[3, 3] = 1
    >>> bool(defocus_blur(dot, radius=2.0).max() < 0.1)
    True
    """
    return _convolve(check_image(image), disk_kernel(radius))


def gaussian_blur(image: ArrayLike, sigma: float) -> FloatImage:
    """Blur an image as poor lenses, haze and enlargement do.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    sigma : float
        Standard deviation in pixels, in [0, inf). A disk of twice that radius blurs
        about as much.

    Returns
    -------
    blurred : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `sigma` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import gaussian_blur
    >>> dot = np.zeros((7, 7)); dot[3, 3] = 1
    >>> bool(gaussian_blur(dot, sigma=1.0).max() < 0.2)
    True
    """
    array = check_image(image)
    check_number(sigma, "sigma", low=0)
    return clip(gaussian_filter(array, sigma, mode="nearest"))


def shake_blur(
    image: ArrayLike, length: float, rng: np.random.Generator, jitter: float = 0.5
) -> FloatImage:
    """Blur an image as a hand that shakes, or a car on a rough road, does.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    length : float
        Length of the path in pixels, in [0, inf).
    rng : numpy.random.Generator
        Draws the path, as in `shake_kernel`.
    jitter : float, default=0.5
        How much the direction changes on the way, in radians.

    Returns
    -------
    blurred : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import shake_blur
    >>> dot = np.zeros((15, 15)); dot[7, 7] = 1
    >>> bool(shake_blur(dot, 8.0, np.random.default_rng(0)).max() < 0.5)
    True
    """
    return _convolve(check_image(image), shake_kernel(length, rng, jitter))


def _convolve(image: FloatImage, kernel: FloatImage) -> FloatImage:
    """Convolve with replicated borders; FFT, since kernels are up to 27 x 27."""
    half = kernel.shape[0] // 2
    if half == 0:
        return image.copy()
    padded = np.pad(image, half, mode="edge")
    blurred = fftconvolve(padded, kernel, mode="valid")
    return clip(blurred)

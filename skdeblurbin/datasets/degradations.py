"""What a camera does to a picture: blur, low resolution, noise, light, JPEG.

Every effect is a pure function of a grey image, float32 in [0, 1] and of shape
``(height, width)``, that returns a new image of the same shape, dtype and range.
Random effects take an explicit :class:`numpy.random.Generator`. No effect shifts the
picture: kernels have their centroid in their centre, and resampling keeps the centre
of the picture where it was. Lengths are in pixels unless said otherwise.

`degrade` composes the effects in the order in which they happen in a camera.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.signal import fftconvolve

from skdeblurbin._parameters import check_number
from skdeblurbin.datasets._kernels import disk_kernel, motion_kernel

__all__ = [
    "add_noise",
    "defocus_blur",
    "degrade",
    "disk_kernel",
    "jpeg_compress",
    "lower_resolution",
    "motion_blur",
    "motion_kernel",
    "uneven_light",
]

FloatImage = NDArray[np.float32]
# Resampling and noise go so far beyond black and white; uint8 goes farther.
_OVERSHOOT = 0.1

#: The image height, in pixels, at which the lengths in `degrade` are quoted.
REFERENCE_HEIGHT = 64
#: The longest motion and the largest defocus radius, in pixels at that height.
MAX_MOTION = 13.0
MAX_DEFOCUS = 2.6


def _check_image(image: ArrayLike) -> FloatImage:
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


def _convolve(image: FloatImage, kernel: FloatImage) -> FloatImage:
    """Convolve with replicated borders; FFT, since kernels are up to 27 x 27."""
    half = kernel.shape[0] // 2
    if half == 0:
        return image.copy()
    padded = np.pad(image, half, mode="edge")
    blurred = fftconvolve(padded, kernel, mode="valid")
    return _clip(blurred)


def _clip(image: NDArray[np.floating]) -> FloatImage:
    clipped: FloatImage = np.clip(image, 0.0, 1.0).astype(np.float32, copy=False)
    return clipped


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
    return _convolve(_check_image(image), motion_kernel(length, angle, curvature))


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
    return _convolve(_check_image(image), disk_kernel(radius))


def _resize(image: FloatImage, shape: tuple[int, int]) -> FloatImage:
    """Resample with an area-aware cubic; keeps the picture's centre in place."""
    if image.shape == shape:
        return image.copy()
    resized = Image.fromarray(image).resize(
        (shape[1], shape[0]), Image.Resampling.BICUBIC
    )
    return _clip(np.asarray(resized, dtype=np.float32))


def _reduced_shape(shape: tuple[int, ...], factor: float) -> tuple[int, int]:
    height, width = shape
    return max(1, round(height / factor)), max(1, round(width / factor))


def lower_resolution(image: ArrayLike, factor: float) -> FloatImage:
    """Sample an image more coarsely and enlarge it to its old size.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    factor : float
        How many pixels become one, along each axis; in [1, inf).

    Returns
    -------
    coarse : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `factor` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import lower_resolution
    >>> checkers = np.indices((8, 8)).sum(axis=0) % 2
    >>> float(lower_resolution(checkers, factor=4.0).std().round(2))
    0.0
    """
    array = _check_image(image)
    check_number(factor, "factor", low=1)
    small = _resize(array, _reduced_shape(array.shape, factor))
    return _resize(small, (array.shape[0], array.shape[1]))


def add_noise(
    image: ArrayLike, rng: np.random.Generator, shot: float = 0.02, read: float = 0.01
) -> FloatImage:
    """Add the noise of a sensor: shot noise grows with light, read noise does not.

    The variance at a pixel of value ``v`` is ``shot**2 * v + read**2``; both parts are
    Gaussian, the limit of the Poisson law for many electrons.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    rng : numpy.random.Generator
        Where the noise comes from.
    shot, read : float, default=0.02, 0.01
        Standard deviations, in [0, 1], of the shot noise at white and of the
        read noise.

    Returns
    -------
    noisy : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import add_noise
    >>> noisy = add_noise(np.full((64, 64), 0.5), np.random.default_rng(0), 0, 0.1)
    >>> round(float(noisy.std()), 1)
    0.1
    """
    array = _check_image(image)
    check_number(shot, "shot", low=0, high=1)
    check_number(read, "read", low=0, high=1)
    sigma = np.sqrt(shot**2 * array.clip(0) + read**2)
    noise = rng.standard_normal(array.shape, dtype=np.float32)
    return _clip(array + sigma * noise)


def uneven_light(
    image: ArrayLike, rng: np.random.Generator, strength: float = 0.5
) -> FloatImage:
    """Light an image unevenly: a gradient, sometimes a shadow's edge or a glare spot.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image, read as the share of light that the scene reflects.
    rng : numpy.random.Generator
        Decides direction, place and kind.
    strength : float, default=0.5
        In [0, 1]; 0 changes nothing, 1 takes up to three quarters of the light away
        on the dark side.

    Returns
    -------
    lit : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `strength` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import uneven_light
    >>> lit = uneven_light(np.ones((32, 32)), np.random.default_rng(0))
    >>> bool(np.ptp(lit) > 0.1)
    True
    """
    array = _check_image(image)
    check_number(strength, "strength", low=0, high=1)
    height, width = array.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * x + np.sin(angle) * y
    light = 1 - strength * rng.uniform(0.1, 0.35) * (1 + across / np.sqrt(2))
    if rng.random() < 0.3:
        edge = rng.uniform(-0.6, 0.6)
        softness = rng.uniform(0.05, 0.4)
        shadow = 1 / (1 + np.exp(-np.clip((across - edge) / softness, -30, 30)))
        light = light * (1 - strength * rng.uniform(0.2, 0.6) * shadow)
    lit = array * light
    if rng.random() < 0.2:
        x0, y0 = rng.uniform(-1, 1, size=2)
        spread = rng.uniform(0.1, 0.5)
        spot = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * spread**2))
        lit = lit + strength * rng.uniform(0.2, 0.7) * spot
    return _clip(lit)


def jpeg_compress(image: ArrayLike, quality: int = 50) -> FloatImage:
    """Send an image through JPEG, with its 8 x 8 blocks and ringing.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    quality : int, default=50
        libjpeg's quality, in [1, 100].

    Returns
    -------
    compressed : ndarray of shape (height, width), float32 in [0, 1]
        Multiples of 1/255.

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `quality` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import jpeg_compress
    >>> jpeg_compress(np.zeros((4, 6))).shape
    (4, 6)
    """
    array = _check_image(image)
    check_number(quality, "quality", low=1, high=100, integer=True)
    levels = np.rint(_clip(array) * 255).astype(np.uint8)
    with io.BytesIO() as buffer:
        Image.fromarray(levels).save(buffer, format="JPEG", quality=quality)
        with Image.open(buffer) as decoded:
            return np.asarray(decoded, dtype=np.float32) / np.float32(255)


def degrade(image: ArrayLike, severity: float, rng: np.random.Generator) -> FloatImage:
    """Take a picture of a sharp scene with a moving, cheap camera.

    In physical order: uneven light, exposure and haze; defocus and motion; coarse
    sampling; noise and JPEG on the coarse grid; enlargement to the old size. The
    strength of each effect is drawn between 0.4 and 1.2 times `severity` (at most 1),
    so that pictures of one severity differ. Lengths grow with the image's height: at
    height 64 the motion is up to 13 pixels (3 to 9 at severity 0.5) and the radius
    of defocus up to 2.6.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        The sharp scene.
    severity : float
        In [0, 1]: 0 hardly changes the picture, 1 makes it hard to read.
    rng : numpy.random.Generator
        The source of all that is random here.

    Returns
    -------
    degraded : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `severity` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import degrade
    >>> scene = np.ones((64, 64)); scene[20:40, 20:30] = 0
    >>> degrade(scene, 0.5, np.random.default_rng(0)).shape
    (64, 64)
    """
    array = _check_image(image)
    check_number(severity, "severity", low=0, high=1)
    shape = (array.shape[0], array.shape[1])

    def strength() -> float:
        return float(min(1.0, severity * rng.uniform(0.4, 1.2)))

    lit = _expose(uneven_light(array, rng, strength()), strength(), rng)
    blurred = _blur(lit, strength(), rng)
    factor = 1 + 2.2 * strength() * rng.uniform(0, 1)
    # A picture of under eight rows or columns would hold no characters at all.
    factor = max(1.0, min(factor, min(shape) / 8))
    small = _resize(blurred, _reduced_shape(shape, factor))
    noise = strength()
    noisy = add_noise(small, rng, shot=0.01 + 0.05 * noise, read=0.002 + 0.025 * noise)
    if rng.random() < 0.7:
        noisy = jpeg_compress(noisy, quality=round(95 - 60 * strength()))
    return _resize(noisy, shape)


def _expose(image: FloatImage, strength: float, rng: np.random.Generator) -> FloatImage:
    """Squeeze the range of greys: exposure too long or too short, veiling haze."""
    contrast = 1 - strength * rng.uniform(0.0, 0.6)
    black = rng.uniform(0.0, 1.0) * (1 - contrast)
    return _clip(image * np.float32(contrast) + np.float32(black))


def _blur(image: FloatImage, strength: float, rng: np.random.Generator) -> FloatImage:
    """Blur by motion, defocus or both; the two share the strength when both occur."""
    unit = image.shape[0] / REFERENCE_HEIGHT
    kind = rng.choice(["motion", "defocus", "both"], p=[0.5, 0.15, 0.35])
    blurred = image
    if kind != "motion":
        share = rng.uniform(0.3, 0.7) if kind == "both" else 1.0
        blurred = defocus_blur(blurred, MAX_DEFOCUS * strength * share * unit)
    if kind != "defocus":
        # Cars drive and cameras pan sideways more often than not.
        sideways = rng.random() < 0.5
        angle = rng.normal(0, 0.2) if sideways else rng.uniform(0, np.pi)
        curvature = rng.normal(0, 1.0) if rng.random() < 0.5 else 0.0
        length = min(MAX_MOTION, 15 * strength) * unit
        blurred = motion_blur(blurred, length, angle, curvature)
    return blurred

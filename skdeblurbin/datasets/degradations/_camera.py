"""The camera: resolution, noise, what it does to its pictures, compression."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

from skdeblurbin._parameters import check_number
from skdeblurbin._resizing import resize
from skdeblurbin.datasets.degradations._common import (
    FloatImage,
    check_image,
    clip,
    reduced_shape,
)


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
    array = check_image(image)
    check_number(factor, "factor", low=1)
    small = resize(array, reduced_shape(array.shape, factor))
    return resize(small, (array.shape[0], array.shape[1]))


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
    array = check_image(image)
    check_number(shot, "shot", low=0, high=1)
    check_number(read, "read", low=0, high=1)
    sigma = np.sqrt(shot**2 * array.clip(0) + read**2)
    noise = rng.standard_normal(array.shape, dtype=np.float32)
    return clip(array + sigma * noise)


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
    array = check_image(image)
    check_number(quality, "quality", low=1, high=100, integer=True)
    levels = np.rint(clip(array) * 255).astype(np.uint8)
    with io.BytesIO() as buffer:
        Image.fromarray(levels).save(buffer, format="JPEG", quality=quality)
        with Image.open(buffer) as decoded:
            return np.asarray(decoded, dtype=np.float32) / np.float32(255)


def sharpen(image: ArrayLike, amount: float, radius: float = 1.0) -> FloatImage:
    """Sharpen an image as cameras do: with halos on both sides of each edge.

    An unsharp mask: the difference to a Gaussian blur is added `amount` times.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    amount : float
        In [0, inf); 0 changes nothing, 1 is strong.
    radius : float, default=1.0
        Standard deviation of the blur in pixels, in [0, inf).

    Returns
    -------
    sharper : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import sharpen
    >>> step = np.tile([0.2] * 4 + [0.8] * 4, (3, 1))
    >>> sharper = sharpen(step, amount=1.0)
    >>> bool(sharper.min() < 0.2 and sharper.max() > 0.8)
    True
    """
    array = check_image(image)
    check_number(amount, "amount", low=0)
    check_number(radius, "radius", low=0)
    return clip(array + amount * (array - gaussian_filter(array, radius)))


def rolling_gain(
    image: ArrayLike, rng: np.random.Generator, strength: float = 0.5
) -> FloatImage:
    """Let the gain roll over the rows, as under lamps on alternating current.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    rng : numpy.random.Generator
        Decides the number of bands, a quarter to three, and their place.
    strength : float, default=0.5
        In [0, 1]; 0 changes nothing, at 1 dark bands have half of the light.

    Returns
    -------
    banded : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or `strength` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import rolling_gain
    >>> banded = rolling_gain(np.ones((32, 4)), np.random.default_rng(0), 1.0)
    >>> bool(np.ptp(banded[:, 0]) > 0.2), float(np.ptp(banded[0]))
    (True, 0.0)
    """
    array = check_image(image)
    check_number(strength, "strength", low=0, high=1)
    rows = np.linspace(0, 1, array.shape[0], dtype=np.float32)[:, None]
    n_bands, phase = rng.uniform(0.25, 3), rng.uniform(0, 2 * np.pi)
    wave = np.cos(2 * np.pi * n_bands * rows + phase)
    return clip(array * (1 - 0.25 * strength * (1 - wave)))


def video_blocks(
    image: ArrayLike, rng: np.random.Generator, strength: float = 0.5, side: int = 8
) -> FloatImage:
    """Compress an image as starved video does: blocks keep few frequencies, or none.

    The discrete cosine transform of each block is rounded in steps that grow with
    the frequency; blocks at random keep their lowest frequencies only, as where an
    encoder has skipped what changed.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    rng : numpy.random.Generator
        Chooses the blocks, and where their grid begins.
    strength : float, default=0.5
        In [0, 1]: how coarse the steps are, and how many blocks lose their detail, up
        to a third.
    side : int, default=8
        Of the blocks, in pixels, at least 2.

    Returns
    -------
    compressed : ndarray of shape (height, width), float32 in [0, 1]

    Raises
    ------
    TypeError, ValueError
        If `image` is not 2-D or a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.datasets.degradations import video_blocks
    >>> noise = np.random.default_rng(0).random((32, 32))
    >>> coarse = video_blocks(noise, np.random.default_rng(0), strength=1.0)
    >>> bool(coarse.std() < noise.std())
    True
    """
    array = check_image(image)
    check_number(strength, "strength", low=0, high=1)
    check_number(side, "side", low=2, integer=True)
    height, width = array.shape
    top, left = rng.integers(side, size=2)
    # To whole blocks, with the grid's corner above and left of the picture.
    below, right = -(top + height) % side, -(left + width) % side
    padded = np.pad(array, ((top, below), (left, right)), mode="edge")
    n_rows, n_columns = padded.shape[0] // side, padded.shape[1] // side
    blocks = padded.reshape(n_rows, side, n_columns, side).swapaxes(1, 2)
    waves = dctn(blocks, axes=(2, 3), norm="ortho")
    frequency = np.add.outer(np.arange(side), np.arange(side)) * (8 / side)
    step = strength * (0.02 + 0.06 * frequency)
    step[0, 0] = strength * 0.02
    if strength > 0:
        waves = np.rint(waves / step) * step
    skipped = rng.random((n_rows, n_columns)) < strength / 3
    waves[skipped] *= frequency <= rng.integers(0, 3)
    found = idctn(waves, axes=(2, 3), norm="ortho").swapaxes(1, 2).reshape(padded.shape)
    return clip(found[top : top + height, left : left + width])

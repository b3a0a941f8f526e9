"""Light: gradients, shadows, glare, night."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skdeblurbin._parameters import check_number
from skdeblurbin.datasets.degradations._common import FloatImage, check_image, clip


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
    array = check_image(image)
    check_number(strength, "strength", low=0, high=1)
    y, x = _places(array.shape)
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
    return clip(lit)


def glare(
    image: ArrayLike, rng: np.random.Generator, strength: float = 0.5
) -> FloatImage:
    """Let the sun or a headlight shine into the lens: bright spots and a veil.

    One or two lights, in or beside the picture; around each a core that drowns
    everything, a halo that falls off slowly, and sometimes a horizontal streak.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image.
    rng : numpy.random.Generator
        Decides number, places and sizes.
    strength : float, default=0.5
        In [0, 1]; 0 changes nothing.

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
    >>> from skdeblurbin.datasets.degradations import glare
    >>> lit = glare(np.zeros((32, 32)), np.random.default_rng(0))
    >>> bool(lit.max() > 0.1)
    True
    """
    array = check_image(image)
    check_number(strength, "strength", low=0, high=1)
    y, x = _places(array.shape)
    light = np.zeros_like(array)
    for _ in range(rng.integers(1, 3)):
        x0, y0 = rng.uniform(-1.3, 1.3, size=2)
        distance = (x - x0) ** 2 + (y - y0) ** 2
        core, halo = rng.uniform(0.05, 0.25), rng.uniform(0.3, 1.0)
        light = light + rng.uniform(0.5, 1.0) * np.exp(-distance / core**2)
        light = light + rng.uniform(0.1, 0.5) / (1 + distance / halo**2)
        if rng.random() < 0.3:
            streak = np.exp(-(((y - y0) / 0.06) ** 2) - ((x - x0) / 1.5) ** 2)
            light = light + rng.uniform(0.1, 0.4) * streak
    # Light adds up, and what is bright already gains less.
    return clip(1 - (1 - array) * np.exp(-1.5 * strength * light))


def night(
    image: ArrayLike, rng: np.random.Generator, strength: float = 0.5
) -> FloatImage:
    """Light an image by a lamp of one's own, or by the plate's lights, at night.

    What is far from the lamp sinks into the dark, as does what reflects little; the
    camera's tone curve then lifts the shadows.

    Parameters
    ----------
    image : array-like of shape (height, width), float in [0, 1]
        Grey image, read as the share of light that the scene reflects.
    rng : numpy.random.Generator
        Decides the lamp's place and reach.
    strength : float, default=0.5
        In [0, 1]; 0 changes nothing.

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
    >>> from skdeblurbin.datasets.degradations import night
    >>> lit = night(np.full((32, 32), 0.8), np.random.default_rng(0))
    >>> bool(lit.mean() < 0.8)
    True
    """
    array = check_image(image)
    check_number(strength, "strength", low=0, high=1)
    y, x = _places(array.shape)
    # The plate's lights are above it, a car's headlights anywhere.
    x0, y0 = rng.uniform(-0.8, 0.8), rng.uniform(-1.5, 0.5)
    reach = rng.uniform(0.8, 2.0)
    lamp = 1 / (1 + ((x - x0) ** 2 + (y - y0) ** 2) / reach**2)
    level = rng.uniform(0.1, 0.6)
    dark = (array.clip(0) * lamp) ** rng.uniform(1.0, 1.6) * level
    return clip((1 - strength) * array + strength * dark)


def _places(shape: tuple[int, ...]) -> tuple[FloatImage, FloatImage]:
    """A column of rows' places and a row of columns', from -1 to 1."""
    height, width = shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return y, x

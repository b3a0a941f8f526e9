"""All effects together, in the order in which they happen in a camera."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import ArrayLike

from skdeblurbin._parameters import check_number
from skdeblurbin._resizing import resize
from skdeblurbin.datasets.degradations._blur import (
    defocus_blur,
    gaussian_blur,
    motion_blur,
    shake_blur,
)
from skdeblurbin.datasets.degradations._camera import (
    add_noise,
    jpeg_compress,
    rolling_gain,
    sharpen,
    video_blocks,
)
from skdeblurbin.datasets.degradations._common import (
    FloatImage,
    check_image,
    clip,
    reduced_shape,
)
from skdeblurbin.datasets.degradations._light import glare, night, uneven_light

#: The image height, in pixels, at which the lengths in `degrade` are quoted.
REFERENCE_HEIGHT = 64
#: The longest motion and the largest defocus radius, in pixels at that height.
MAX_MOTION = 13.0
MAX_DEFOCUS = 2.6
#: The longest motion and the largest defocus with the effect "motion".
MAX_LONG_MOTION = 20.0
MAX_LARGE_DEFOCUS = 6.0
#: The share of cameras that are good ones, with the effect "camera".
GOOD_CAMERAS = 0.6
#: How much stronger the blur of a good camera may be, to be as hard to undo.
GOOD_CAMERA_BLUR = 2.0
#: The families of effects that `make_blurred_plates` can add: the first three are of
#: the plate and the view on it, the others of light and camera.
EFFECTS = ("lettering", "surface", "view", "light", "camera", "motion")

# Draws how strong the next effect is.
Strength = Callable[[], float]


def degrade(
    image: ArrayLike,
    severity: float,
    rng: np.random.Generator,
    effects: Collection[str] = (),
) -> FloatImage:
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
    effects : collection of str, default=()
        What may happen besides. "light": glare and night. "camera": halos of
        sharpening, rolling gain, blocks of video compression, plates that were 16
        rows high; and good cameras, with full resolution and hardly any noise, whose
        blur is up to twice as strong.
        "motion": paths of up to 20 pixels at height 64, shaky ones too, and defocus
        of a radius of up to 6. Other names of `EFFECTS` are without effect here.

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
    array = check_image(image)
    check_number(severity, "severity", low=0, high=1)

    def strength() -> float:
        return float(min(1.0, severity * rng.uniform(0.4, 1.2)))

    lit = _expose(uneven_light(array, rng, strength()), strength(), rng)
    if "light" in effects:
        lit = _strong_light(lit, strength(), rng)
    blur = _strong_blur if "motion" in effects else _blur
    if "camera" in effects and rng.random() < GOOD_CAMERAS:
        blurred = blur(lit, min(1.0, GOOD_CAMERA_BLUR * strength()), rng)
        return _record_by_good_camera(blurred, strength, rng)
    blurred = blur(lit, strength(), rng)
    record = _record_by_any_camera if "camera" in effects else _record
    return record(blurred, strength, rng)


def _record(
    image: FloatImage, strength: Strength, rng: np.random.Generator
) -> FloatImage:
    """What a cheap camera makes of a scene: coarse, noisy, compressed, enlarged."""
    small = _sample(image, 1 + 2.2 * strength() * rng.uniform(0, 1))
    noisy = _add_noise(small, strength(), rng)
    return _enlarge(_compress(noisy, strength, rng), image)


def _record_by_good_camera(
    image: FloatImage, strength: Strength, rng: np.random.Generator
) -> FloatImage:
    """Full resolution and little noise: what blur alone has done can be undone."""
    noise = strength() * rng.uniform(0, 1) ** 2
    return add_noise(image, rng, shot=0.06 * noise, read=0.002 + 0.025 * noise)


def _record_by_any_camera(
    image: FloatImage, strength: Strength, rng: np.random.Generator
) -> FloatImage:
    """What worse cameras make of it."""
    factor = 1 + 2.2 * strength() * rng.uniform(0, 1)
    if rng.random() < 0.3:  # far away: 16 rows at the least
        farthest = image.shape[0] / 16
        factor = max(factor, 1 + strength() * (farthest - 1) * rng.uniform(0, 1))
    small = _sample(image, factor)
    if rng.random() < 0.2:
        small = rolling_gain(small, rng, strength())
    noisy = _add_noise(small, strength() * rng.uniform(0, 1), rng)
    noisy = _process(noisy, strength(), rng)
    return _enlarge(_compress(noisy, strength, rng), image)


def _sample(image: FloatImage, factor: float) -> FloatImage:
    """Lower the resolution, but not to under eight rows or columns."""
    shape = (image.shape[0], image.shape[1])
    return resize(image, reduced_shape(shape, max(1.0, min(factor, min(shape) / 8))))


def _add_noise(
    image: FloatImage, strength: float, rng: np.random.Generator
) -> FloatImage:
    shot, read = 0.01 + 0.05 * strength, 0.002 + 0.025 * strength
    return add_noise(image, rng, shot=shot, read=read)


def _compress(
    image: FloatImage, strength: Strength, rng: np.random.Generator
) -> FloatImage:
    """Store most images as JPEG."""
    if rng.random() < 0.7:
        return jpeg_compress(image, quality=round(95 - 60 * strength()))
    return image


def _enlarge(image: FloatImage, original: FloatImage) -> FloatImage:
    return resize(image, (original.shape[0], original.shape[1]))


def _expose(image: FloatImage, strength: float, rng: np.random.Generator) -> FloatImage:
    """Squeeze the range of greys: exposure too long or too short, veiling haze."""
    contrast = 1 - strength * rng.uniform(0.0, 0.6)
    black = rng.uniform(0.0, 1.0) * (1 - contrast)
    return clip(image * np.float32(contrast) + np.float32(black))


def _strong_light(
    image: FloatImage, strength: float, rng: np.random.Generator
) -> FloatImage:
    """Let it be night sometimes, or something shine into the lens."""
    kind = rng.random()
    if kind < 0.15:
        return glare(image, rng, strength)
    if kind < 0.35:
        return night(image, rng, strength)
    return image


def _process(
    image: FloatImage, strength: float, rng: np.random.Generator
) -> FloatImage:
    """What a camera does to its pictures: it sharpens some, and compresses some."""
    if rng.random() < 0.4:
        amount = strength * rng.uniform(0.3, 2.0)
        image = sharpen(image, amount, rng.uniform(0.6, 1.6))
    if rng.random() < 0.25:
        share = strength * rng.uniform(0.2, 1)
        image = video_blocks(image, rng, share, int(rng.choice([4, 8, 8, 16])))
    return image


def _strong_blur(
    image: FloatImage, strength: float, rng: np.random.Generator
) -> FloatImage:
    """Blur by motion, defocus or both, each up to twice as much as `_blur` does."""
    unit = image.shape[0] / REFERENCE_HEIGHT
    kind = rng.choice(["motion", "defocus", "both"], p=[0.45, 0.3, 0.25])
    share = rng.uniform(0.1, 0.6) if kind == "both" else 1.0
    blurred = image
    if kind != "motion":
        radius = MAX_LARGE_DEFOCUS * strength * share * unit
        if rng.random() < 0.5:
            blurred = gaussian_blur(blurred, radius / 2)
        else:
            blurred = defocus_blur(blurred, radius)
    if kind != "defocus":
        length = MAX_LONG_MOTION * strength * unit
        if kind == "both":
            length *= 1 - 0.5 * share
        if rng.random() < 0.1:
            return shake_blur(blurred, length, rng, rng.uniform(0.2, 1.0))
        blurred = _move(blurred, length, rng, sideways=0.3, curved=0.15)
    return blurred


def _blur(image: FloatImage, strength: float, rng: np.random.Generator) -> FloatImage:
    """Blur by motion, defocus or both; the two share the strength when both occur."""
    unit = image.shape[0] / REFERENCE_HEIGHT
    kind = rng.choice(["motion", "defocus", "both"], p=[0.5, 0.15, 0.35])
    blurred = image
    if kind != "motion":
        share = rng.uniform(0.3, 0.7) if kind == "both" else 1.0
        blurred = defocus_blur(blurred, MAX_DEFOCUS * strength * share * unit)
    if kind != "defocus":
        length = min(MAX_MOTION, 15 * strength) * unit
        # Cars drive and cameras pan sideways more often than not.
        blurred = _move(blurred, length, rng, sideways=0.5, curved=0.5)
    return blurred


def _move(
    image: FloatImage,
    length: float,
    rng: np.random.Generator,
    *,
    sideways: float,
    curved: float,
) -> FloatImage:
    """Blur along a path; shares of the paths are `sideways`, and `curved`."""
    level = rng.random() < sideways
    angle = rng.normal(0, 0.2) if level else rng.uniform(0, np.pi)
    curvature = rng.normal(0, 1.0) if rng.random() < curved else 0.0
    return motion_blur(image, length, angle, curvature)

"""Drawn, blurred characters: what the feature network for glyphs is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from skdeblurbin.datasets._drawing import ABOVE, glyph
from skdeblurbin.datasets._palette import DARK_ON_LIGHT
from skdeblurbin.datasets.degradations import REFERENCE_HEIGHT, degrade
from skdeblurbin.networks.glyph import CHARACTERS, PICTURE_SIDE

# The scene around a picture, so that blur brings in what lies outside; degradations
# quote their lengths at this height.
_SCENE = REFERENCE_HEIGHT
_SAMPLES = 4  # a pixel, along each axis
_CAP_HEIGHT = 96  # of the glyphs that are scaled down from
_NEIGHBOURS = CHARACTERS + "-. "
#: How many pictures in a row are of one font.
RUN = 10 * len(CHARACTERS)


def draw_characters(
    n_samples: int,
    fonts: Sequence[str],
    *,
    severity: tuple[float, float],
    cap_height: tuple[float, float] = (15.0, 27.0),
    share_binary: float = 0.0,
    seed: int = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw dark characters on light ground, as cameras see them.

    Each picture shows one character in its middle, neighbours beside it, and
    sometimes other lines or a border.

    Parameters
    ----------
    n_samples : int
        How many; the characters take turns.
    fonts : sequence of str
        Names of bundled fonts, or paths of font files.
    severity : (float, float)
        Bounds in [0, 1] of :func:`~skdeblurbin.datasets.degradations.degrade`'s
        parameter.
    cap_height : (float, float)
        Bounds of the height of capitals, in pixels.
    share_binary : float
        Share of the pictures that are the sharp binary truth instead.
    seed : int
        Picture ``i`` depends on `seed` and ``i`` alone.

    Returns
    -------
    pictures : uint8 ndarray of shape (n_samples, 32, 32)
    labels : ndarray of shape (n_samples,)
        Indices into `CHARACTERS`.
    """
    pictures = np.empty((n_samples, PICTURE_SIDE, PICTURE_SIDE), np.uint8)
    labels = np.arange(n_samples) % len(CHARACTERS)
    margin = (_SCENE - PICTURE_SIDE) // 2
    inside = slice(margin, margin + PICTURE_SIDE)
    for i in range(n_samples):
        rng = np.random.default_rng([seed, i])
        # Fonts take turns in runs: glyphs of one font are drawn once and kept.
        font = fonts[i // RUN % len(fonts)]
        height = np.exp(rng.uniform(*np.log(cap_height)))
        ink = _draw_ink(CHARACTERS[labels[i]], font, float(height), rng)
        if rng.random() < share_binary:
            scene = (ink < 0.5).astype(np.float32)
        else:
            paper, dark, _ = DARK_ON_LIGHT[rng.integers(len(DARK_ON_LIGHT))]
            scene = degrade(
                paper + (dark - paper) * ink, float(rng.uniform(*severity)), rng
            )
        pictures[i] = np.rint(scene[inside, inside] * 255)
    return pictures, labels


def _draw_ink(
    character: str, font: str, cap_height: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Share of ink of each pixel, with the character in the middle."""
    scale = cap_height * _SAMPLES / _CAP_HEIGHT
    stretch = np.exp(rng.uniform(np.log(0.7), np.log(1.4)))
    gap = rng.uniform(0.09, 0.2) * _CAP_HEIGHT
    canvas = Image.new("L", (_SCENE * _SAMPLES,) * 2)
    middle = np.array(canvas.size) / 2 + rng.uniform(-2, 2, size=2) * _SAMPLES
    for row in (-1, 0, 1):
        if row and rng.random() < 0.75:
            continue
        line = [_NEIGHBOURS[k] for k in rng.integers(len(_NEIGHBOURS), size=3)]
        if row == 0:
            line[1] = character
        masks = [glyph(font, c, _CAP_HEIGHT) for c in line]
        left = -masks[0].shape[1] - gap - masks[1].shape[1] / 2
        top = middle[1] - (0.5 + ABOVE - 1.25 * row) * _CAP_HEIGHT * scale
        for mask in masks:
            size = (
                max(1, round(mask.shape[1] * scale * stretch)),
                max(1, round(mask.shape[0] * scale)),
            )
            drawn = Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR)
            x = middle[0] + left * scale * stretch
            canvas.paste(255, (round(x), round(top)), drawn)
            left += mask.shape[1] + gap
    canvas = _distort(canvas, rng)
    if rng.random() < 0.2:
        _add_border(canvas, cap_height, rng)
    return np.asarray(canvas.reduce(_SAMPLES), np.float32) / np.float32(255)


def _distort(canvas: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Shear, turn, and make strokes thicker or thinner."""
    if rng.random() < 0.3:
        kind = ImageFilter.MaxFilter if rng.random() < 0.5 else ImageFilter.MinFilter
        canvas = canvas.filter(kind(3))
    a, b = rng.normal(0, 0.05), rng.normal(0, 0.04)
    centre = canvas.size[0] / 2
    return canvas.transform(
        canvas.size,
        Image.Transform.AFFINE,
        (1, a, -a * centre, b, 1, -b * centre),
        Image.Resampling.BILINEAR,
    )


def _add_border(
    canvas: Image.Image, cap_height: float, rng: np.random.Generator
) -> None:
    """Paint one edge of a plate beside, above or below the character."""
    distance = round((0.5 + rng.uniform(0.1, 0.3)) * cap_height * _SAMPLES)
    width = round(rng.uniform(0.5, 2) * _SAMPLES)
    side = canvas.size[0]
    start = side // 2 + distance
    turns = rng.integers(4)
    box = [
        (start, 0, start + width, side),
        (0, start, side, start + width),
        (side - start - width, 0, side - start, side),
        (0, side - start - width, side, side - start),
    ][turns]
    canvas.paste(255, box)

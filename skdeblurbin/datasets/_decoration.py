"""What is on a plate besides its number: names, pictures, stickers, relief, dirt.

None of it is ink in the truth: what is wanted is the number.
"""

from __future__ import annotations

from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from skdeblurbin.datasets._drawing import Box, Lettering, place_lines
from skdeblurbin.datasets._palette import ON_PLATE, PAPER, Palette

Placed = list[tuple[Image.Image, tuple[int, int]]]

_VOWELS, _CONSONANTS = "AEIOU", "BCDFGHKLMNPRSTVW"


def decorate(
    canvas: Image.Image,
    field: Box,
    box: Box,
    palette: Palette,
    rng: np.random.Generator,
) -> Box:
    """Paint a picture, an emblem, lines of small text and stickers.

    Parameters
    ----------
    canvas : Image
        Painted on, before the number is.
    field, box : tuple (x0, y0, x1, y1)
        The plate inside its border, and the part of it meant for the number.
    palette : Palette
    rng : numpy.random.Generator

    Returns
    -------
    tuple (x0, y0, x1, y1)
        What is left for the number.
    """
    x0, y0, x1, y1 = box
    height = y1 - y0
    painted = canvas.copy()
    if rng.random() < 0.4:
        _paint_picture(painted, field, palette, rng)
    if rng.random() < 0.3:
        _paint_emblem(painted, box, palette, rng)
    if rng.random() < 0.6:
        y0 += rng.uniform(0.14, 0.27) * height
        _paint_small_text(painted, field, (x0, box[1], x1, y0), palette, rng)
    if rng.random() < 0.45:
        y1 -= rng.uniform(0.1, 0.2) * height
        _paint_small_text(painted, field, (x0, y1, x1, box[3]), palette, rng)
    # Where there is paper only: the border stays.
    canvas.paste(painted, mask=canvas.getchannel("G"))
    return x0, y0, x1, y1


def mask_character(
    canvas: Image.Image, box: Box, palette: Palette, rng: np.random.Generator
) -> None:
    """Paint a box over a character, as those do who publish photos of plates."""
    x0, y0, x1, y1 = box
    width = rng.uniform(0.07, 0.13) * (x1 - x0)
    left = rng.uniform(x0, x1 - width)
    grey = palette.between(rng.uniform(0.1, 1.0))
    corners = (left, y0, left + width, y1)
    ImageDraw.Draw(canvas).rectangle(corners, (grey, PAPER, ON_PLATE))


def stamp(
    canvas: Image.Image,
    placed: Placed,
    lines: tuple[str, ...],
    palette: Palette,
    rng: np.random.Generator,
) -> Placed:
    """Make strokes bolder or finer, and paint the light and the shade of relief.

    Parameters
    ----------
    canvas : Image
        Painted on with what relief shows beside the strokes.
    placed : list of (mask, corner)
        The number.
    lines : tuple of str
        What it reads.
    palette : Palette
    rng : numpy.random.Generator

    Returns
    -------
    list of (mask, corner)
        With the new strokes.
    """
    change = rng.uniform(-0.02, 0.03) if rng.random() < 0.6 else 0.0
    embossed = rng.random() < 0.5
    depth, angle = rng.uniform(0.008, 0.03), rng.uniform(0, 2 * np.pi)
    light = (palette.between(-rng.uniform(0.1, 0.5)), PAPER, ON_PLATE)
    shade = (palette.between(rng.uniform(0.15, 0.5)), PAPER, ON_PLATE)
    changed = []
    for (mask, corner), line in zip(placed, lines, strict=True):
        # Characters that are squeezed to a box have strokes as thin as they are narrow.
        side = min(mask.height, 1.6 * mask.width / len(line))
        steps = round(abs(change) * side)
        kind = ImageFilter.MaxFilter if change > 0 else ImageFilter.MinFilter
        bold = mask.filter(kind(2 * steps + 1)) if steps else mask
        changed.append((bold, corner))
        if embossed:
            shift = np.array([np.cos(angle), np.sin(angle)]) * depth * side
            for sign, fill in ((1, shade), (-1, light)):
                x, y = np.rint(corner + sign * shift).astype(int).tolist()
                canvas.paste(fill, (x, y), bold)
    return changed


def soil(grey: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Make a plate's surface uneven: stains, dents, dirt, grain.

    Parameters
    ----------
    grey : ndarray of shape (height, width), float32 in [0, 255]

    Returns
    -------
    ndarray of the same shape, float32
    """
    shape = (grey.shape[1], grey.shape[0])
    factor = np.ones_like(grey)
    for cells, strength in ((4, 0.12), (12, 0.08), (40, 0.05)):
        size = (cells, max(2, round(cells * shape[1] / shape[0])))
        noise = rng.standard_normal(size[::-1], dtype=np.float32)
        factor += strength * rng.uniform(0, 1) * _stretched(noise, shape)
    if rng.random() < 0.3:  # mud splashes from below
        size = (24, 12)
        noise = rng.random(size[::-1], dtype=np.float32)
        noise += np.linspace(-0.5, 0.1, size[1], dtype=np.float32)[:, None]
        factor *= 1 - rng.uniform(0.2, 0.6) * (_stretched(noise, shape) > 0.8)
    soiled: NDArray[np.float32] = grey * factor.clip(0.2, 1.6)
    return soiled


def _stretched(
    noise: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Coarse noise, of any range, smoothly over a picture of width and height."""
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image)


def _paint_picture(
    canvas: Image.Image, field: Box, palette: Palette, rng: np.random.Generator
) -> None:
    """Paint a landscape in tones near to the paper's: hills, sky, a sun."""
    x0, y0, x1, y1 = field
    draw = ImageDraw.Draw(canvas)
    if rng.random() < 0.5:  # a sky that changes from top to bottom
        tones = rng.uniform(-0.1, 0.3, size=2)
        n_bands = 24
        for i in range(n_bands):
            share = tones[0] + (tones[1] - tones[0]) * i / (n_bands - 1)
            top = y0 + (y1 - y0) * i / n_bands
            strip = (x0, top, x1, top + (y1 - y0) / n_bands)
            draw.rectangle(strip, (palette.between(share), PAPER, ON_PLATE))
    if rng.random() < 0.3:
        radius = rng.uniform(0.1, 0.35) * (y1 - y0)
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        tone = (palette.between(rng.uniform(-0.2, 0.3)), PAPER, ON_PLATE)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), tone)
    for _ in range(rng.integers(1, 4)):
        n_points = int(rng.integers(4, 16))
        base, height = rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.35)
        xs = np.linspace(x0, x1, n_points)
        ys = y1 - (y1 - y0) * (base + height * rng.uniform(-0.5, 0.5, n_points))
        outline = [(x0, y1), *zip(xs.tolist(), ys.tolist(), strict=True), (x1, y1)]
        tone = (palette.between(rng.uniform(0.05, 0.5)), PAPER, ON_PLATE)
        draw.polygon(outline, tone)


def _paint_emblem(
    canvas: Image.Image, box: Box, palette: Palette, rng: np.random.Generator
) -> None:
    """Paint a blot with edges, as an outline of a country or a coat of arms has."""
    x0, y0, x1, y1 = box
    radius = rng.uniform(0.1, 0.3) * (y1 - y0)
    centre = np.array([rng.uniform(x0, x1), rng.uniform(y0, y1)])
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 14))))
    radii = radius * rng.uniform(0.4, 1.0, len(angles))
    points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    tone = (palette.between(rng.uniform(0.1, 0.6)), PAPER, ON_PLATE)
    ImageDraw.Draw(canvas).polygon([tuple(p) for p in points.tolist()], tone)


def _paint_small_text(
    canvas: Image.Image,
    field: Box,
    box: Box,
    palette: Palette,
    rng: np.random.Generator,
) -> None:
    """Paint a line above or below the number, on a band of its own maybe; stickers."""
    x0, y0, x1, y1 = box
    draw = ImageDraw.Draw(canvas)
    tone = rng.uniform(0.4, 1.05)
    if rng.random() < 0.2:  # light text on a dark band, from edge to edge
        band = (field[0], y0, field[2], y1)
        draw.rectangle(band, (palette.between(tone), PAPER, ON_PLATE))
        tone = rng.uniform(-0.1, 0.15)
    height = (y1 - y0) * rng.uniform(0.45, 0.75)
    middle = (y0 + y1) / 2
    text = _words(rng)
    width = min(0.8 * (x1 - x0), len(text) * height * rng.uniform(0.5, 0.9))
    left = rng.uniform(x0, x1 - width) if rng.random() < 0.3 else (x0 + x1 - width) / 2
    line_box = (left, middle - height / 2, left + width, middle + height / 2)
    fill = (palette.between(tone), PAPER, ON_PLATE)
    for mask, corner in place_lines((text,), line_box, Lettering.draw(rng), rng):
        canvas.paste(fill, corner, mask)
    for side in (x0, x1):
        if rng.random() < 0.25:
            half = rng.uniform(0.3, 0.5) * (y1 - y0)
            across = half * rng.uniform(1.0, 1.6)
            centre = side + across if side == x0 else side - across
            sticker = (centre - across, middle - half, centre + across, middle + half)
            draw.rectangle(
                sticker, (palette.between(rng.uniform(-0.2, 1.0)), PAPER, ON_PLATE)
            )


def _words(rng: np.random.Generator) -> str:
    """One to three words that can be pronounced; some with digits."""
    words = []
    for _ in range(rng.integers(1, 4)):
        kinds = islice(cycle((_CONSONANTS, _VOWELS)), int(rng.integers(3, 9)))
        words.append("".join(kind[rng.integers(len(kind))] for kind in kinds))
    if rng.random() < 0.1:
        words.append(str(rng.integers(1900, 2030)))
    return " ".join(words)

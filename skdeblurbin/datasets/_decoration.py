"""What is on a plate besides its number: names, pictures, stickers, relief, dirt.

None of it is ink in the truth: what is wanted is the number.
"""

from __future__ import annotations

from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from skdeblurbin.datasets._dies import Box
from skdeblurbin.datasets._drawing import NAME_FONTS, Lettering, place_lines, written
from skdeblurbin.datasets._palette import INK, ON_PLATE, PAPER, Palette

Placed = list[tuple[Image.Image, tuple[int, int]]]

_VOWELS, _CONSONANTS = "AEIOU", "BCDFGHKLMNPRSTVW"


def decorate(
    canvas: Image.Image,
    field: Box,
    box: Box,
    palette: Palette,
    rng: np.random.Generator,
    n_lines: int,
) -> Box:
    """Paint a picture, emblems, lines of small text, a badge and stickers.

    Parameters
    ----------
    canvas : Image
        Painted on, before the number is.
    field, box : tuple (x0, y0, x1, y1)
        The plate inside its border, and the part of it meant for the number.
    palette : Palette
    rng : numpy.random.Generator
    n_lines : int
        Of the number; two leave less room.

    Returns
    -------
    tuple (x0, y0, x1, y1)
        What is left for the number.
    """
    x0, y0, x1, y1 = box
    height = y1 - y0
    room = 1.0 if n_lines == 1 else 0.6
    painted = canvas.copy()
    if rng.random() < 0.4:
        _paint_picture(painted, field, palette, rng)
    for _ in range(rng.choice(3, p=[0.55, 0.35, 0.1])):
        _paint_emblem(painted, box, palette, rng)
    # Names begin at the plate's edge, and their tails come near to the number.
    if rng.random() < 0.6:
        y0 += rng.uniform(0.14, 0.35) * height * room
        top = rng.uniform(field[1], box[1])
        _paint_small_text(painted, field, (x0, top, x1, y0), palette, rng)
    if rng.random() < 0.5:
        y1 -= rng.uniform(0.1, 0.25) * height * room
        bottom = rng.uniform(box[3], field[3])
        _paint_small_text(painted, field, (x0, y1, x1, bottom), palette, rng)
    if rng.random() < 0.15:
        width = rng.uniform(0.1, 0.28) * (x1 - x0)
        _paint_badge(painted, (x0, y0, x0 + width, y1), palette, rng)
        x0 += 1.05 * width
    if rng.random() < 0.5:
        _paint_stickers(painted, field, palette, rng)
    # Where there is paper only: the border stays.
    canvas.paste(painted, mask=canvas.getchannel("G"))
    return x0, y0, x1, y1


def shine(
    canvas: Image.Image, placed: Placed, palette: Palette, rng: np.random.Generator
) -> None:
    """Let light fall on one flank of embossed characters, whose paint reflects it.

    Painted after the number; the truth stays ink there.
    """
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.06)
    tone = (palette.between(rng.uniform(0.3, 0.85)), INK, ON_PLATE)
    for mask, corner in placed:
        shift = depth * min(mask.size) * np.array([np.cos(angle), np.sin(angle)])
        x, y = np.rint(shift).astype(int).tolist()
        moved = ImageChops.offset(mask, x, y)
        canvas.paste(tone, corner, ImageChops.subtract(mask, moved))


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
    radius = rng.uniform(0.06, 0.3) * (y1 - y0)
    centre = np.array([rng.uniform(x0, x1), rng.uniform(y0, y1)])
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 14))))
    radii = radius * rng.uniform(0.4, 1.0, len(angles))
    points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    # Small ones stand between characters, and may be as dark as these.
    darkest = 0.6 if radius > 0.15 * (y1 - y0) else 1.0
    tone = (palette.between(rng.uniform(0.1, darkest)), PAPER, ON_PLATE)
    ImageDraw.Draw(canvas).polygon([tuple(p) for p in points.tolist()], tone)


def _paint_small_text(
    canvas: Image.Image,
    field: Box,
    box: Box,
    palette: Palette,
    rng: np.random.Generator,
) -> None:
    """Paint a line above or below the number, on a band of its own maybe."""
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
    fill = (palette.between(tone), PAPER, ON_PLATE)
    if rng.random() < 0.5:
        font = NAME_FONTS[rng.integers(len(NAME_FONTS))]
        mask = Image.fromarray(written(font, text.title(), 96))
        # Tails and loops need more room than capitals do.
        size = (max(1, round(width)), max(1, round(height * mask.height / 96)))
        corner = (round(left), round(middle - size[1] / 2))
        canvas.paste(fill, corner, mask.resize(size, Image.Resampling.BILINEAR))
        return
    line_box = (left, middle - height / 2, left + width, middle + height / 2)
    lettering = Lettering.draw(rng, dies=True)
    for line, corner in place_lines((text,), line_box, lettering, rng):
        canvas.paste(fill, corner, line)


def _paint_stickers(
    canvas: Image.Image, field: Box, palette: Palette, rng: np.random.Generator
) -> None:
    """Paint stickers into corners, some with numbers on them."""
    x0, y0, x1, y1 = field
    half = rng.uniform(0.06, 0.12) * (y1 - y0)
    for x, direction in ((x0, 1), (x1, -1)):
        for y, down in ((y0, 1), (y1, -1)):
            if rng.random() > 0.4:
                continue
            across = half * rng.uniform(0.8, 1.5)
            column, row = x + direction * across * 1.2, y + down * half * 1.2
            box = (column - across, row - half, column + across, row + half)
            _paint_badge(canvas, box, palette, rng)


def _paint_badge(
    canvas: Image.Image, box: Box, palette: Palette, rng: np.random.Generator
) -> None:
    """Paint a patch of one tone, with a few marks or characters of another on it."""
    x0, y0, x1, y1 = box
    draw = ImageDraw.Draw(canvas)
    tones = rng.permutation([rng.uniform(-0.2, 0.3), rng.uniform(0.4, 1.0)])
    ground, fill = ((palette.between(tone), PAPER, ON_PLATE) for tone in tones)
    if rng.random() < 0.7:
        paint = draw.rectangle if rng.random() < 0.7 else draw.ellipse
        paint(box, ground)
    room = 0.15 * min(x1 - x0, y1 - y0)
    inner = (x0 + room, y0 + room, x1 - room, y1 - room)
    for _ in range(rng.integers(0, 4)):
        marks = rng.uniform(inner[:2], inner[2:], size=(2, 2)).tolist()
        draw.line([tuple(mark) for mark in marks], fill, max(1, round(room / 2)))
    if rng.random() < 0.6:
        lines = tuple(_words(rng)[:4].strip() for _ in range(rng.integers(1, 3)))
        lettering = Lettering.draw(rng, dies=True)
        for mask, corner in place_lines(lines, inner, lettering, rng):
            canvas.paste(fill, corner, mask)


def _words(rng: np.random.Generator) -> str:
    """One to three words that can be pronounced; some with digits."""
    words = []
    for _ in range(rng.integers(1, 4)):
        kinds = islice(cycle((_CONSONANTS, _VOWELS)), int(rng.integers(3, 9)))
        words.append("".join(kind[rng.integers(len(kind))] for kind in kinds))
    if rng.random() < 0.1:
        words.append(str(rng.integers(1900, 2030)))
    return " ".join(words)

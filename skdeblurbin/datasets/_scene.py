"""The sharp scene: a plate as artwork, its surroundings and the view on it.

Everything is painted once, on a supersampled canvas of three bands (`_palette`). One
perspective warp and one box average then give photo and truth from the same geometry,
so that they are aligned exactly.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from skdeblurbin.datasets._decoration import decorate, mask_character, shine, stamp
from skdeblurbin.datasets._dies import Box, Dies
from skdeblurbin.datasets._drawing import Lettering, place_lines
from skdeblurbin.datasets._palette import INK, ON_PLATE, PAPER, Palette
from skdeblurbin.datasets._texts import SIGN

#: How strong turn, shear and perspective are in free views, and how often each.
STEEPNESS = (0.3, 1.0, 2.0)
STEEPNESS_SHARES = (0.4, 0.4, 0.2)


def paint_lines(
    canvas: Image.Image,
    lines: tuple[str, ...],
    box: Box,
    palette: Palette,
    rng: np.random.Generator,
    effects: Collection[str] = (),
    squeeze: float | None = None,
) -> None:
    """Paint lines of text into a box of the canvas.

    With "lettering" in `effects` by dies maybe, and no wider than in nature if
    `squeeze` is given; with "surface" like embossed metal.
    """
    named = "lettering" in effects
    lettering = Lettering.draw(rng, dies=named)
    if any(SIGN in line for line in lines):  # no font has it
        lettering = replace(lettering, dies=lettering.dies or Dies.draw(rng))
    placed = place_lines(lines, box, lettering, rng, squeeze if named else None)
    if "surface" in effects:
        placed = stamp(canvas, placed, lines, palette, rng)
    for mask, corner in placed:
        canvas.paste((palette.ink, INK, ON_PLATE), (*corner,), mask)
    if "surface" in effects and rng.random() < 0.35:
        shine(canvas, placed, palette, rng)


def characters_artwork(
    size: tuple[int, int],
    lines: tuple[str, ...],
    palette: Palette,
    rng: np.random.Generator,
    effects: Collection[str] = (),
) -> Image.Image:
    """Paint a rectified plate without border: characters that fill the canvas."""
    width, height = size
    canvas = Image.new("RGB", size, (palette.paper, PAPER, ON_PLATE))
    left, right = rng.uniform(0.03, 0.09, size=2) * width
    top = rng.uniform(0.04, 0.11) * height
    # The lower margin is the larger one: tails of J and Q hang into it.
    bottom = rng.uniform(0.08, 0.13) * height
    box = (left, top, width - right, height - bottom)
    if "lettering" in effects:
        field = (0, 0, width, height)
        box = decorate(canvas, field, box, palette, rng, len(lines))
    paint_lines(canvas, lines, box, palette, rng, effects)
    return canvas


def plate_artwork(
    size: tuple[int, int],
    lines: tuple[str, ...],
    palette: Palette,
    rng: np.random.Generator,
    effects: Collection[str] = (),
    aspect: float = 2.0,
) -> Image.Image:
    """Paint a whole plate: holder, border, side band, bolts and characters.

    In nature it is `aspect` times as wide as high.
    """
    width, height = size
    canvas = Image.new("RGB", size)
    draw = ImageDraw.Draw(canvas)
    unit = min(width, 2 * height)
    radius = rng.uniform(0.0, 0.06) * unit
    paper = (palette.paper, PAPER, ON_PLATE)
    # What lies between the inner edge of the border and the outside is frame: ink.
    margin = (palette.paper, INK, ON_PLATE)
    inset = 0.0
    if rng.random() < 0.4:  # a dark plastic holder around the plate
        grey = int(rng.uniform(8, 60))
        draw.rounded_rectangle((0, 0, width, height), radius, (grey, INK, ON_PLATE))
        inset = rng.uniform(0.015, 0.04) * unit
    line = rng.uniform(0.010, 0.025) * unit
    rim = rng.uniform(0, 0.012) * unit if rng.random() < 0.5 else 0.0
    for fill in (margin, (palette.ink, INK, ON_PLATE), paper):
        box = (inset, inset, width - inset, height - inset)
        draw.rounded_rectangle(box, max(0.0, radius - inset), fill)
        inset += rim if fill is margin else line
    inset -= line
    left = inset
    if len(lines) == 1 and rng.random() < 0.25:  # the blue band of EU plates
        left += rng.uniform(0.05, 0.08) * width
        band = (int(rng.uniform(30, 80)), INK, ON_PLATE)
        draw.rectangle((inset, inset, left, height - inset), band)
    bolted = rng.random() < 0.4
    pad_x = rng.uniform(0.03, 0.07) * width
    pad_y = rng.uniform(0.11 if bolted else 0.07, 0.14) * height
    box = (left + pad_x, inset + pad_y, width - inset - pad_x, height - inset - pad_y)
    field = (left, inset, width - inset, height - inset)
    if "lettering" in effects:
        box = decorate(canvas, field, box, palette, rng, len(lines))
    squeeze = width / height / aspect
    paint_lines(canvas, lines, box, palette, rng, effects, squeeze)
    if "lettering" in effects and rng.random() < 0.05:
        mask_character(canvas, box, palette, rng)
    if bolted:
        _paint_bolts(draw, field, pad_y, palette, rng)
    return canvas


def _paint_bolts(
    draw: ImageDraw.ImageDraw,
    field: Box,
    room: float,
    palette: Palette,
    rng: np.random.Generator,
) -> None:
    """Paint two or four bolts in the margins of height `room`, off the characters."""
    x0, y0, x1, y1 = field
    radius = rng.uniform(0.17, 0.27) * room
    grey = round(palette.ink + rng.uniform(0, 0.3) * (palette.paper - palette.ink))
    share = rng.uniform(0.15, 0.35)
    columns = (x0 + share * (x1 - x0), x1 - share * (x1 - x0))
    rows = [y0 + 0.33 * room, y1 - 0.33 * room][: rng.integers(1, 3)]
    for x in columns:
        for y in rows:
            corners = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(corners, (grey, INK, ON_PLATE))


def surroundings(
    shape: tuple[int, int], rng: np.random.Generator, *, cluttered: bool = False
) -> NDArray[np.uint8]:
    """Paint what is around a plate: bodywork, a shadow, the edge of a bumper.

    With `cluttered` lamps, seams and reflections too, bright and dark.
    """
    height, width = shape
    base = rng.uniform(0.04, 0.3) if rng.random() < 0.65 else rng.uniform(0.3, 0.8)
    coarse = base * (1 + rng.normal(0, 0.18, size=(4, 5)))
    for row in (0, -1):
        if rng.random() < 0.4:
            coarse[row] *= rng.uniform(0.2, 0.7)
    image = Image.fromarray((255 * np.clip(coarse, 0, 1)).astype(np.uint8))
    array = np.array(image.resize((width, height), Image.Resampling.BICUBIC))
    if rng.random() < 0.5:  # the lower edge of a bumper, or a moulding
        row = int(rng.uniform(0, 1) * height)
        factor = rng.uniform(0.3, 1.0)
        array[row:] = (array[row:] * factor).astype(np.uint8)
    if cluttered and rng.random() < 0.6:
        array = _clutter(array, rng)
    return array


def _clutter(array: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    image = Image.fromarray(array)
    draw = ImageDraw.Draw(image)
    scale = np.array(image.size)
    for _ in range(rng.integers(1, 6)):
        centre, half = rng.uniform(0, 1, 2) * scale, rng.uniform(0.02, 0.4, 2) * scale
        corners = (*(centre - half).tolist(), *(centre + half).tolist())
        grey = int(rng.uniform(0, 255))
        if rng.random() < 0.5:
            draw.ellipse(corners, grey)
        else:
            draw.line(corners, grey, int(rng.integers(1, 8)))
    return np.array(image)


def view_corners(
    size: tuple[int, int],
    aspect: float,
    rng: np.random.Generator,
    *,
    free: bool = False,
) -> NDArray[np.float64]:
    """Choose where the four corners of a plate lie in a picture of `size`.

    The plate, `aspect` times as wide as high, is turned, sheared and put into a weak
    perspective; then the box around it is stretched to the picture, less a margin. If
    it is `free`, views are steeper now and then, or nearly straight as those of barrier
    cameras are; crops are so tight that the border is cut off, or so wide that the
    plate fills two thirds.

    Returns
    -------
    corners : ndarray of shape (4, 2)
        x and y of the corners: top left, top right, bottom right, bottom left.
    """
    corners = np.array([(0, 0), (aspect, 0), (aspect, 1), (0, 1)], float)
    steep = float(rng.choice(STEEPNESS, p=STEEPNESS_SHARES)) if free else 1.0
    angle = steep * np.clip(rng.normal(0, 0.04), -0.12, 0.12)
    cos, sin = np.cos(angle), np.sin(angle)
    shear = steep * np.clip(rng.normal(0, 0.06), -0.15, 0.15)
    corners = corners @ np.array([[cos, sin], [-sin, cos]])
    corners[:, 0] += shear * corners[:, 1]
    corners += steep * rng.uniform(-0.03, 0.03, size=(4, 2)) * (aspect, 1.0)
    corners -= corners.min(axis=0)
    corners /= corners.max(axis=0)
    margin = (0.005, 0.07)
    if free:
        kind = rng.random()
        margin = (-0.05, 0.04) if kind < 0.5 else (0.0, 0.15) if kind < 0.7 else margin
    low = rng.uniform(*margin, size=2)
    high = 1 - rng.uniform(*margin, size=2)
    placed: NDArray[np.float64] = (low + corners * (high - low)) * size
    return placed


def warp(
    artwork: Image.Image,
    corners: NDArray[np.float64],
    size: tuple[int, int],
    outside: tuple[int, int, int],
) -> Image.Image:
    """Show the artwork with its corners at `corners` of a picture of `size`."""
    width, height = artwork.size
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    (x, y), (u, v) = corners.T, source.T
    zero, one = np.zeros(4), np.ones(4)
    # Pillow wants the map from the picture back to the artwork:
    # u = (a x + b y + c) / (g x + h y + 1), v = (d x + e y + f) / (g x + h y + 1).
    rows_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1)
    rows_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1)
    solution = np.linalg.solve(np.concatenate([rows_u, rows_v]), np.concatenate([u, v]))
    return artwork.transform(
        size,
        Image.Transform.PERSPECTIVE,
        tuple(solution.tolist()),
        Image.Resampling.BILINEAR,
        fillcolor=outside,
    )

"""Characters as masks: fonts, glyphs, lines of text and where they go on a plate.

Coordinates are in pixels of the supersampled canvas, x to the right and y downwards.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from skdeblurbin.datasets._dies import Box, Dies

#: Names of the font files in ``skdeblurbin/datasets/fonts``, without ``.ttf``.
FONTS = (
    "B612Mono-Bold",
    "B612Mono-Regular",
    "BarlowCondensed-Bold",
    "BarlowCondensed-Medium",
    "BarlowSemiCondensed-SemiBold",
    "BigShouldersDisplay-Bold",
    "Oswald-Medium",
    "OverpassMono-Bold",
    "Rajdhani-Bold",
    "SofiaSansExtraCondensed-Bold",
)
#: Those for names and slogans, which have small letters too.
NAME_FONTS = (
    "CrimsonPro-Bold",
    "Damion-Regular",
    "Pacifico-Regular",
    "ZillaSlab-SemiBold",
)
# Glyphs are drawn at one of these heights of capitals and scaled down from there.
CAP_HEIGHTS = (48, 96, 192, 384, 768)
# Room above and below the capitals, as a share of their height: round letters
# overshoot, and the tails of J and Q hang down.
ABOVE, BELOW = 0.06, 0.32
# How far tails may hang below the box of a text, as a share of the capitals' height.
TAIL_ROOM = 0.06

Mask = NDArray[np.uint8]


@lru_cache(maxsize=len(FONTS) + len(NAME_FONTS))
def _font_bytes(name: str) -> bytes:
    if name not in FONTS + NAME_FONTS:
        return Path(name).read_bytes()
    fonts = resources.files("skdeblurbin.datasets").joinpath("fonts")
    return fonts.joinpath(f"{name}.ttf").read_bytes()


@lru_cache(maxsize=64)
def load_font(name: str, cap_height: int) -> ImageFont.FreeTypeFont:
    """Load a font at the size that makes a capital H `cap_height` high.

    `name` is one of `FONTS` or `NAME_FONTS`, or the path of a font file.
    """
    probe = ImageFont.truetype(io.BytesIO(_font_bytes(name)), 1000)
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    size = 1000 * cap_height / (bottom - top)
    return ImageFont.truetype(io.BytesIO(_font_bytes(name)), size)


@lru_cache(maxsize=1024)
def glyph(name: str, character: str, cap_height: int) -> Mask:
    """Draw one character, as narrow as its ink; 255 is ink.

    All glyphs of a font and cap height have the same number of rows: the capitals'
    plus the room of `ABOVE` and `BELOW`.
    """
    font = load_font(name, cap_height)
    above, below = round(ABOVE * cap_height), round(BELOW * cap_height)
    left, _, right, _ = font.getbbox(character, anchor="ls")
    size = (max(1, int(np.ceil(right - left)) + 2), above + cap_height + below)
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    draw.text((1 - left, above + cap_height), character, 255, font, anchor="ls")
    array = np.array(image)
    inked = np.flatnonzero(array.any(axis=0))
    array = array[:, inked[0] : inked[-1] + 1] if inked.size else array[:, :1]
    array.flags.writeable = False  # the cache shares it
    return array


def written(name: str, text: str, cap_height: int) -> Mask:
    """Write a text as its font is meant to be written; 255 is ink, no margin."""
    font = load_font(name, cap_height)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    image = Image.new("L", (max(1, round(right - left)), max(1, round(bottom - top))))
    ImageDraw.Draw(image).text((-left, -top), text, 255, font, anchor="ls")
    return np.array(image)


@dataclass(frozen=True)
class Lettering:
    """How the characters of one plate look.

    Attributes
    ----------
    font : str
        One of `FONTS`.
    gap : float
        Free space between two characters as a share of the height of capitals.
    space : float
        Width of a blank, likewise.
    fixed_pitch : bool
        Whether letters and digits stand in cells of equal width.
    dies : Dies, default=None
        Dies that draw the characters instead of the font.
    """

    font: str
    gap: float
    space: float
    fixed_pitch: bool
    dies: Dies | None = None

    @classmethod
    def draw(cls, rng: np.random.Generator, *, dies: bool = False) -> Lettering:
        """Choose a font, or `dies` in three of four cases, and the spacing."""
        lettering = cls(
            font=FONTS[rng.integers(len(FONTS))],
            gap=rng.uniform(0.09, 0.18),
            space=rng.uniform(0.2, 0.45),
            fixed_pitch=bool(rng.random() < 0.5),
        )
        if dies and rng.random() < 0.75:
            gap = rng.uniform(0.07, 0.26)
            return replace(lettering, dies=Dies.draw(rng), gap=gap)
        return lettering

    def _glyph(self, character: str, cap_height: int) -> Mask:
        if self.dies is None:
            return glyph(self.font, character, cap_height)
        above, below = round(ABOVE * cap_height), round(BELOW * cap_height)
        return self.dies.glyph(character, cap_height, above, below)

    def line(self, text: str, cap_height: int) -> Mask:
        """Draw one line of text as a mask; see `glyph` for its rows."""
        glyphs = [self._glyph(c, cap_height) for c in text]
        cells = [g.shape[1] for g in glyphs]
        if self.fixed_pitch:
            widest = max(w for c, w in zip(text, cells, strict=True) if c.isalnum())
            cells = [
                widest if c.isalnum() else w for c, w in zip(text, cells, strict=True)
            ]
        gap = round(self.gap * cap_height)
        cells = [
            round(self.space * cap_height) if c == " " else w
            for c, w in zip(text, cells, strict=True)
        ]
        mask = np.zeros((glyphs[0].shape[0], sum(cells) + gap * (len(text) - 1)), "u1")
        x = 0
        for drawn, cell in zip(glyphs, cells, strict=True):
            start = x + (cell - drawn.shape[1]) // 2 if drawn.any() else x
            if drawn.any():
                mask[:, start : start + drawn.shape[1]] = drawn
            x += cell + gap
        inked = np.flatnonzero(mask.any(axis=0))
        return mask[:, inked[0] : inked[-1] + 1]


def place_lines(
    lines: tuple[str, ...],
    box: Box,
    lettering: Lettering,
    rng: np.random.Generator,
    squeeze: float | None = None,
) -> list[tuple[Image.Image, tuple[int, int]]]:
    """Set lines of text into a box, stretched to fill it as rectification would.

    Returns a mask for each line and the corner where it is to be pasted. All lines
    share one horizontal scale, that of the longest line, and are centred. With
    `squeeze`, by which the canvas is narrower than the plate in nature, characters
    become no wider than they are in nature.
    """
    x0, y0, x1, y1 = box
    leading = rng.uniform(0.1, 0.2) if len(lines) == 2 else 0.0
    # On many two-line plates the upper line is the smaller one.
    upper = rng.uniform(0.38, 0.5) if len(lines) == 2 else 1.0
    usable = (y1 - y0) * (1 - leading)
    source = next((c for c in CAP_HEIGHTS if c >= usable / len(lines)), CAP_HEIGHTS[-1])
    masks = [lettering.line(text, source) for text in lines]
    # A long tail of the last line shortens the capitals, lest it leave the plate.
    last = 1 - upper if len(lines) == 2 else 1.0
    usable /= 1 + last * max(0.0, _tail(masks[-1], source) - TAIL_ROOM)
    heights = [usable * upper, usable * (1 - upper)][: len(lines)]
    scale = (x1 - x0) / max(mask.shape[1] for mask in masks)
    natural = [np.inf] * len(lines)
    if squeeze is not None:
        stretched = squeeze * rng.uniform(0.8, 1.2) / source
        natural = [stretched * height for height in heights]
    placed = []
    top = y0
    for mask, height, widest in zip(masks, heights, natural, strict=True):
        size = (
            max(1, round(mask.shape[1] * min(scale, widest))),
            max(1, round(mask.shape[0] * height / source)),
        )
        resized = Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR)
        corner = (round((x0 + x1 - size[0]) / 2), round(top - ABOVE * height))
        placed.append((resized, corner))
        top += height + (y1 - y0) * leading
    return placed


def _tail(mask: Mask, cap_height: int) -> float:
    """How far a line reaches below its baseline, as a share of `cap_height`."""
    lowest = int(np.flatnonzero(mask.any(axis=1))[-1])
    baseline = round(ABOVE * cap_height) + cap_height
    return max(0.0, (lowest + 1 - baseline) / cap_height)

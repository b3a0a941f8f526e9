"""Characters as strokes, as the dies that stamp licence plates have them.

No two countries' dies are alike, and no font at hand is like most of them: tall,
narrow, of even thickness, with round ends. So each plate can get dies of its own, whose
proportions are drawn at random. Coordinates of strokes are shares of a character's box,
x to the right and y downwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = list[tuple[float, float]]
Box = tuple[float, float, float, float]
Strokes = list[Points]

_SUPERSAMPLING = 2
_POINTS_A_TURN = 40
# In the width of most characters. A sign of another script ("*") has many strokes:
# finer ones, in more room.
_WIDTHS = {"1": 0.55, "I": 0.3, "-": 0.6, ".": 0.1, "J": 0.9, "*": 1.4}
_WIDE = "MW"
_SIGN_PEN = 0.6
_SIGN_GRID = (0.0, 0.33, 0.67, 1.0)


@dataclass(frozen=True)
class Dies:
    """The proportions of one set of dies.

    Attributes
    ----------
    width : float
        Of most characters, as a share of their height.
    pen : float
        Thickness of the strokes, as a share of the height.
    square : float
        Exponent of the superellipse that bowls are: 2 is an ellipse, more is squarer.
    round_ends : float or None
        Height of the ends of bowls, in half the bowl's width: 1 makes half circles.
        Between them sides are straight. If None, bowls have no straight sides.
    waist : float
        Height of crossbars, as a share from the top.
    opening : float
        How far open C, G, S and their like are, in radians.
    wide : float
        Width of M and W, in that of other characters.
    variants : frozenset of str
        Which of `_VARIANTS` the characters have.
    sign : tuple of strokes
        What stands for "*": a sign that is neither letter nor digit, as on plates in
        China, Korea or Japan.
    """

    width: float
    pen: float
    square: float
    round_ends: float | None
    waist: float
    opening: float
    wide: float
    variants: frozenset[str]
    sign: tuple[tuple[tuple[float, float], ...], ...]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Dies:
        """Choose the proportions at random."""
        # Half of them narrow, as those of the USA are.
        width = rng.uniform(0.36, 0.5) if rng.random() < 0.5 else rng.uniform(0.4, 0.7)
        pen = float(np.exp(rng.uniform(np.log(0.08), np.log(0.19))))
        straight = rng.random() < 0.65
        return cls(
            width=width,
            pen=min(pen, 0.28 * width),  # or the eyes of characters close
            square=rng.uniform(2.0, 2.6) if straight else rng.uniform(2.0, 5.0),
            round_ends=rng.uniform(0.8, 1.3) if straight else None,
            waist=rng.uniform(0.43, 0.56),
            opening=rng.uniform(0.35, 1.0),
            wide=rng.uniform(1.0, 1.4),
            variants=frozenset(
                name for name, share in _VARIANTS.items() if rng.random() < share
            ),
            sign=_draw_sign(rng),
        )

    def bowl(self, box: Box, begin: float, end: float) -> Points:
        """Part of a bowl in a box; degrees from the right, clockwise as seen."""
        if self.round_ends is None:
            return _arc(box, begin, end, self.square)
        x0, y0, x1, y1 = box
        # Boxes are shares of a character's, which is `width` times as wide as high.
        room = self.round_ends * self.width * (x1 - x0) / (y1 - y0)
        return _arc(box, begin, end, self.square, min(1.0, room))

    def glyph(
        self, character: str, cap_height: int, above: int, below: int
    ) -> NDArray[np.uint8]:
        """Draw one character, as narrow as its ink; 255 is ink.

        The array has `above` rows, the height of capitals, and `below` rows.
        """
        if character == " ":
            return np.zeros((above + cap_height + below, 1), np.uint8)
        scale = _SUPERSAMPLING
        pen = self.pen * cap_height * scale * (_SIGN_PEN if character == "*" else 1)
        high = cap_height * scale - pen
        share = self.wide if character in _WIDE else _WIDTHS.get(character, 1.0)
        wide = max(0.0, self.width * cap_height * scale * share - pen)
        x0, y0 = pen / 2 + scale, above * scale + pen / 2
        size = (int(wide + 2 * x0) + 1, (above + cap_height + below) * scale)
        image = Image.new("L", size)
        draw = ImageDraw.Draw(image)
        for stroke in _STROKES[character](self):
            path = [(x0 + x * wide, y0 + y * high) for x, y in stroke]
            draw.line(path, 255, round(pen), joint="curve")
            for x, y in (path[0], path[-1]):
                half = pen / 2
                draw.ellipse((x - half, y - half, x + half, y + half), 255)
        array = np.array(image.reduce(scale))
        inked = np.flatnonzero(array.any(axis=0))
        return array[:, inked[0] : inked[-1] + 1]


# Less common forms of some characters, and their share.
_VARIANTS = {
    "flag and foot of 1": 0.3,
    "flat 3": 0.25,
    "straight 6 and 9": 0.25,
    "crossed 0": 0.07,
    "serifs of I": 0.3,
    "bar of J": 0.3,
    "round A": 0.2,
    "low M": 0.4,
    "high W": 0.3,
    "spur of G": 0.3,
}


def _draw_sign(
    rng: np.random.Generator,
) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Five to eight strokes along, down and across, and a ring maybe."""
    strokes: list[tuple[tuple[float, float], ...]] = []
    for _ in range(rng.integers(5, 9)):
        a, b = np.sort(rng.choice(4, 2, replace=False))
        begin, end, at = _SIGN_GRID[a], _SIGN_GRID[b], _SIGN_GRID[rng.integers(4)]
        kind = rng.random()
        if kind < 0.45:
            strokes.append(((begin, at), (end, at)))
        elif kind < 0.85:
            strokes.append(((at, begin), (at, end)))
        else:
            strokes.append(((begin, at), (end, 1 - at)))
    if rng.random() < 0.3:
        strokes.append(tuple(_arc((0.25, 0.6, 0.75, 1), 0, 360, 2.0)))
    return tuple(strokes)


def _arc(
    box: Box, begin: float, end: float, square: float, round_share: float = 1.0
) -> Points:
    """Part of a superellipse in a box; degrees from the right, clockwise as seen.

    Its upper and lower half take `round_share` of the box's height; what is left
    between them are straight sides.
    """
    x0, y0, x1, y1 = box
    n_points = max(3, round(_POINTS_A_TURN * abs(end - begin) / 360))
    angles = np.deg2rad(np.linspace(begin, end, n_points))
    cos, sin = np.cos(angles), np.sin(angles)
    rise = round_share * np.abs(sin) ** (2 / square) + (1 - round_share)
    x = (x0 + x1) / 2 + (x1 - x0) / 2 * np.sign(cos) * np.abs(cos) ** (2 / square)
    y = (y0 + y1) / 2 + (y1 - y0) / 2 * np.sign(sin) * rise
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    # A whole turn ends where the other half of its last straight side begins.
    return [*points, points[0]] if abs(end - begin) >= 360 else points


def _flipped(strokes: Strokes) -> Strokes:
    """Turned by half a turn: a 6 becomes a 9."""
    return [[(1 - x, 1 - y) for x, y in stroke] for stroke in strokes]


def _one(d: Dies) -> Strokes:
    if "flag and foot of 1" in d.variants:
        return [[(0.1, 0.2), (0.5, 0), (0.5, 1)], [(0, 1), (1, 1)]]
    return [[(0.2, 0.2), (1, 0), (1, 1)]]


def _two(d: Dies) -> Strokes:
    top = d.bowl((0, 0, 1, 1.1 * d.waist), 190, 390)
    return [[*top, (0, 1), (1, 1)]]


def _three(d: Dies) -> Strokes:
    low = d.bowl((0, d.waist - 0.05, 1, 1), 270, 530 - np.rad2deg(d.opening))
    if "flat 3" in d.variants:
        return [[(0, 0), (1, 0), (0.45, d.waist - 0.05), *low]]
    high = d.bowl((0.05, 0, 0.95, d.waist), 190 + np.rad2deg(d.opening) / 2, 450)
    return [high, [(0.4, d.waist), (0.55, d.waist)], low]


def _four(d: Dies) -> Strokes:
    bar = 0.2 + d.waist
    return [[(0.75, 1), (0.75, 0), (0, bar), (1, bar)]]


def _five(d: Dies) -> Strokes:
    low = d.bowl((0, d.waist - 0.1, 1, 1), 215, 515 - np.rad2deg(d.opening) / 2)
    return [[(0.95, 0), (0.06, 0), (0.03, d.waist), *low]]


def _six(d: Dies) -> Strokes:
    bowl = d.bowl((0, d.waist - 0.1, 1, 1), 0, 360)
    if "straight 6 and 9" in d.variants:
        return [bowl, [(0.03, 0.6), (0.6, 0)]]
    # It ends well above the bowl, or a bold 6 becomes an 8.
    back = d.bowl((0, 0, 1, 1), 180, 335 - np.rad2deg(d.opening) / 2)
    return [bowl, back]


def _seven(d: Dies) -> Strokes:
    return [[(0, 0), (1, 0), (0.3, 1)]]


def _eight(d: Dies) -> Strokes:
    return [
        d.bowl((0.06, 0, 0.94, d.waist), 0, 360),
        d.bowl((0, d.waist, 1, 1), 0, 360),
    ]


def _zero(d: Dies) -> Strokes:
    ring = d.bowl((0, 0, 1, 1), 0, 360)
    return [ring, [(0.2, 0.8), (0.8, 0.2)]] if "crossed 0" in d.variants else [ring]


def _letter_a(d: Dies) -> Strokes:
    bar = 0.15 + d.waist
    if "round A" in d.variants:
        top = d.bowl((0, 0, 1, 0.6), 180, 360)
        return [[(0, 1), *top, (1, 1)], [(0, bar), (1, bar)]]
    return [[(0, 1), (0.5, 0), (1, 1)], [((1 - bar) / 2, bar), ((1 + bar) / 2, bar)]]


def _bowl_right(x: float, y0: float, y1: float, d: Dies) -> Points:
    """From a stem at the left, around to the right, and back to the stem."""
    arc = d.bowl((2 * 0.4 - x, y0, x, y1), 270, 450)
    return [(0, y0), *arc, (0, y1)]


def _letter_b(d: Dies) -> Strokes:
    stem: Points = [(0, 0), (0, 1)]
    return [stem, _bowl_right(0.94, 0, d.waist, d), _bowl_right(1, d.waist, 1, d)]


def _letter_c(d: Dies) -> Strokes:
    half = np.rad2deg(d.opening)
    return [d.bowl((0, 0, 1, 1), 360 - half, half)]


def _letter_g(d: Dies) -> Strokes:
    arc = d.bowl((0, 0, 1, 1), 360 - np.rad2deg(d.opening), 10)
    end: Points = [(1, 0.55), (0.55, 0.55)]
    strokes: Strokes = [[*arc, *end]]
    return [*strokes, [(1, 0.55), (1, 1)]] if "spur of G" in d.variants else strokes


def _letter_i(d: Dies) -> Strokes:
    stem: Points = [(0.5, 0), (0.5, 1)]
    if "serifs of I" in d.variants:
        return [stem, [(0, 0), (1, 0)], [(0, 1), (1, 1)]]
    return [stem]


def _letter_j(d: Dies) -> Strokes:
    hook: Points = [(1, 0), *d.bowl((0, 0.4, 1, 1), 0, 170)]
    return [hook, [(0.4, 0), (1, 0)]] if "bar of J" in d.variants else [hook]


def _letter_k(d: Dies) -> Strokes:
    return [[(0, 0), (0, 1)], [(1, 0), (0, 0.62)], [(0.32, 0.43), (1, 1)]]


def _letter_m(d: Dies) -> Strokes:
    low = 1.0 if "low M" in d.variants else 0.6
    return [[(0, 1), (0, 0), (0.5, low), (1, 0), (1, 1)]]


def _letter_p(d: Dies) -> Strokes:
    return [[(0, 0), (0, 1)], _bowl_right(1, 0, d.waist + 0.06, d)]


def _letter_q(d: Dies) -> Strokes:
    return [d.bowl((0, 0, 1, 1), 0, 360), [(0.55, 0.7), (1, 1.03)]]


def _letter_s(d: Dies) -> Strokes:
    half = np.rad2deg(d.opening) / 2
    high = d.bowl((0.03, 0, 0.97, d.waist), 360 - half, 90)
    return [[*high, *d.bowl((0, d.waist, 1, 1), 270, 540 - half)]]


def _letter_u(d: Dies) -> Strokes:
    return [[(0, 0), *d.bowl((0, 0.4, 1, 1), 180, 0), (1, 0)]]


def _letter_w(d: Dies) -> Strokes:
    top = 0.0 if "high W" in d.variants else 0.4
    return [[(0, 0), (0.22, 1), (0.5, top), (0.78, 1), (1, 0)]]


def _fixed(*strokes: Points) -> Callable[[Dies], Strokes]:
    """A character that is the same with all dies."""
    return lambda dies: list(strokes)


_STROKES: dict[str, Callable[[Dies], Strokes]] = {
    "0": _zero,
    "1": _one,
    "2": _two,
    "3": _three,
    "4": _four,
    "5": _five,
    "6": _six,
    "7": _seven,
    "8": _eight,
    "9": lambda d: _flipped(_six(d)),
    "A": _letter_a,
    "B": _letter_b,
    "C": _letter_c,
    "D": lambda d: [[(0, 0), (0, 1)], _bowl_right(1, 0, 1, d)],
    "E": lambda d: [[(1, 0), (0, 0), (0, 1), (1, 1)], [(0, d.waist), (0.85, d.waist)]],
    "F": lambda d: [[(1, 0), (0, 0), (0, 1)], [(0, d.waist), (0.85, d.waist)]],
    "G": _letter_g,
    "H": lambda d: [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, d.waist), (1, d.waist)]],
    "I": _letter_i,
    "J": _letter_j,
    "K": _letter_k,
    "L": _fixed([(0, 0), (0, 1), (1, 1)]),
    "M": _letter_m,
    "N": _fixed([(0, 1), (0, 0), (1, 1), (1, 0)]),
    "O": lambda d: [d.bowl((0, 0, 1, 1), 0, 360)],
    "P": _letter_p,
    "Q": _letter_q,
    "R": lambda d: [*_letter_p(d), [(0.5, d.waist + 0.06), (1, 1)]],
    "S": _letter_s,
    "T": _fixed([(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]),
    "U": _letter_u,
    "V": _fixed([(0, 0), (0.5, 1), (1, 0)]),
    "W": _letter_w,
    "X": _fixed([(0, 0), (1, 1)], [(1, 0), (0, 1)]),
    "Y": _fixed([(0, 0), (0.5, 0.5), (1, 0)], [(0.5, 0.5), (0.5, 1)]),
    "Z": _fixed([(0, 0), (1, 0), (0, 1), (1, 1)]),
    "-": _fixed([(0, 0.5), (1, 0.5)]),
    ".": _fixed([(0, 1), (0.01, 1)]),
    "*": lambda d: [list(stroke) for stroke in d.sign],
}

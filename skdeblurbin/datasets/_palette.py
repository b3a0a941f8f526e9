"""Grey levels of plates, and what the bands of a drawing mean.

A drawing is an RGB canvas whose three bands are

- red: the grey level of the plate as a photo would show it, 0..255,
- green: the truth, 255 where there is paper and 0 where there is ink,
- blue: 255 on the plate, 0 around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PAPER, INK = 255, 0
ON_PLATE = 255

# (grey of the plate, grey of the characters, relative frequency); Rec. 601 luma.
DARK_ON_LIGHT = (
    (0.88, 0.08, 6),  # black on white
    (0.85, 0.22, 2),  # blue or green on white
    (0.82, 0.34, 1),  # red on white
    (0.70, 0.09, 2),  # black on yellow
    (0.62, 0.10, 1),  # black on grey or orange
)
LIGHT_ON_DARK = (
    (0.07, 0.80, 2),  # white or silver on black
    (0.24, 0.86, 2),  # white on blue
    (0.30, 0.85, 1),  # white on red
    (0.36, 0.88, 1),  # white on green
    (0.26, 0.70, 1),  # yellow on blue
)


@dataclass(frozen=True)
class Palette:
    """Grey levels, 0..255, of the plate's paper and of its characters."""

    paper: int
    ink: int

    @classmethod
    def draw(cls, rng: np.random.Generator, light_on_dark: float) -> Palette:
        """Choose a kind of plate, a share of them `light_on_dark`, and fade it."""
        dark = rng.random() < light_on_dark
        kinds = LIGHT_ON_DARK if dark else DARK_ON_LIGHT
        weights = np.array([kind[2] for kind in kinds], float)
        paper, ink, _ = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
        jitter = rng.normal(0, 0.04, size=2)
        levels = np.clip([paper + jitter[0], ink + jitter[1]], 0.02, 0.98)
        return cls(*(round(255 * level) for level in levels))

    def between(self, share: float) -> int:
        """The grey level that is so far on the way from paper to ink."""
        level = self.paper + share * (self.ink - self.paper)
        return int(min(255, max(0, level)))

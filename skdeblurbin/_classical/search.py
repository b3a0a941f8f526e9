"""The choice of settings by RMSE on pairs, in bounded time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Setting = TypeVar("Setting")
Image = TypeVar("Image")
Paper = NDArray[np.bool_]

# How many pairs each round looks at, and one of how many settings it passes on.
ROUNDS = (6, 18, 54)
_ONE_OF = 6


def choose_setting(
    settings: Sequence[Setting],
    binarize: Callable[[Image, Setting], tuple[Paper, Paper]],
    images: Sequence[Image],
    truths: Sequence[Paper],
) -> tuple[Setting, bool]:
    """Find the setting, and the polarity, with the least mean RMSE over the pairs.

    All settings are tried on a few pairs, the best of them on more, and so on; the
    pairs of a round are evenly spaced over all. With `ROUNDS[0]` pairs or fewer that is
    an exhaustive search. Of equals, the first setting and bright paper win.

    Parameters
    ----------
    settings : sequence
        What to choose from. The first is what to fall back on: every round tries it, so
        that the choice is no worse than it on the pairs of the last round.
    binarize : callable
        Maps an image and a setting to two binary images, True where there is paper: if
        bright pixels are paper, and if dark ones are.
    images : sequence
        What `binarize` takes.
    truths : sequence of ndarray of bool of shape (height, width)
        The truth of each image, True where there is paper.

    Returns
    -------
    setting : object
        One of `settings`.
    bright_is_paper : bool
        The polarity that goes with it.
    """
    left = list(range(len(settings)))
    for n_pairs in ROUNDS:
        chosen = evenly_spaced(len(images), n_pairs)
        pairs = [(images[i], truths[i]) for i in chosen]
        errors = {i: _errors(pairs, binarize, settings[i]) for i in left}
        left.sort(key=lambda i: (min(errors[i]), i))
        best = left[0]
        if len(chosen) == len(images):
            break
        left = sorted({0, *left[: -(-len(left) // _ONE_OF)]})
    bright, dark = errors[best]
    return settings[best], bright <= dark


def evenly_spaced(n_samples: int, n_chosen: int) -> list[int]:
    """Indices of at most `n_chosen` of `n_samples`, the first and the last included."""
    if n_chosen >= n_samples:
        return list(range(n_samples))
    spaced = np.linspace(0, n_samples - 1, n_chosen)
    return [int(i) for i in spaced.round()]


def _errors(
    pairs: Sequence[tuple[Image, Paper]],
    binarize: Callable[[Image, Setting], tuple[Paper, Paper]],
    setting: Setting,
) -> tuple[float, float]:
    """Mean RMSE with bright and with dark paper."""
    each = [
        [np.sqrt(np.mean(paper != truth)) for paper in binarize(image, setting)]
        for image, truth in pairs
    ]
    bright, dark = np.mean(each, axis=0)
    return float(bright), float(dark)

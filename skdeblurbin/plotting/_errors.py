"""Maps of the errors of a binary image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin.plotting._shared import BLUE, SMALL, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What an error map tells of each pixel.
RIGHT_PAPER, RIGHT_INK, MISSED_INK, FALSE_INK = range(4)
# In their order. Of the two of errors and the light grey of ink that is right, any two
# differ by 34 or more in CAM02-UCS, for people with any kind of colour blindness too.
_COLOURS = ("#FFFFFF", "#BFBFBF", VERMILLION, BLUE)
ERROR_NAMES = {MISSED_INK: "missed ink", FALSE_INK: "false ink"}


def find_errors(truth: NDArray[np.bool_], paper: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Compare two binary images, both True where there is paper, pixel by pixel."""
    codes = np.full(truth.shape, RIGHT_PAPER, np.int8)
    codes[~truth & ~paper] = RIGHT_INK
    codes[~truth & paper] = MISSED_INK
    codes[truth & ~paper] = FALSE_INK
    return codes


def paint_errors(codes: NDArray[Any]) -> NDArray[np.float64]:
    """An error map as a picture of shape (height, width, 3), in [0, 1]."""
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(colour) for colour in _COLOURS])
    picture: NDArray[np.float64] = colours[codes]
    return picture


def explain_errors(ax: Axes) -> None:
    """The legend, below an error map."""
    from matplotlib.patches import Patch

    handles = [Patch(color=_COLOURS[i], label=name) for i, name in ERROR_NAMES.items()]
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        frameon=False,
        fontsize=SMALL,
        borderaxespad=0.3,
    )

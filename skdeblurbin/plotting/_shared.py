"""What the displays share: matplotlib itself, axes to draw in, colours, names."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

#: What `plot` of a display takes: see `make_axes`.
Place = Any
#: An object ndarray of Axes.
AxesArray = NDArray[np.object_]

#: Colours of Okabe and Ito, which colour-blind people can tell apart.
BLUE, VERMILLION = "#0072B2", "#D55E00"
_COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_DASHES = ("-", "--", "-.", ":")
SMALL = 8  # points
#: For texts with names in them, whose dollar signs start no formula.
AS_IT_IS: dict[str, Any] = {"parse_math": False}
# Between panels with numbers beside them, where no layout makes room for these.
_ROOM = {"wspace": 0.4, "hspace": 0.5}


def import_pyplot() -> Any:
    """Import matplotlib, or say how to install it.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'Drawing needs matplotlib: pip install "skdeblurbin[plots]".'
        ) from error
    return plt


def make_axes(
    ax: Place,
    n: int,
    n_columns: int,
    size: tuple[float, float],
    *,
    layout: str = "constrained",
    height_ratios: Sequence[float] | None = None,
) -> AxesArray:
    """Make or take the axes of `n` panels, row after row.

    Parameters
    ----------
    ax : None, Axes, Figure, SubFigure or array of Axes
        None makes a figure; a figure gets the panels; an Axes is the only panel, or,
        made invisible, is divided into several; an array has one Axes a panel.
    n, n_columns : int
        Panels, and how many of them stand side by side.
    size : tuple (width, height)
        Of a new figure, in inches.
    layout : str
        Matplotlib's layout of a new figure.
    height_ratios : sequence of float, default=None
        Of the rows; None makes them equal.

    Returns
    -------
    object ndarray of shape (n,)

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If `ax` is something else, has another number of Axes, or must be divided and
        stands in no grid.
    """
    plt = import_pyplot()
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    if ax is None:
        ax = plt.figure(figsize=size, layout=layout)
    if isinstance(ax, Axes) and n == 1:
        return _as_array([ax])
    options: dict[str, Any] = {"height_ratios": height_ratios}
    if not isinstance(ax, FigureBase | Axes):
        return _given_axes(ax, n, Axes)
    figure: Any = ax if isinstance(ax, FigureBase) else ax.figure
    if figure.get_layout_engine() is None and layout == "constrained":
        options |= _ROOM
    shape = (ceil(n / n_columns), min(n, n_columns))
    if isinstance(ax, Axes):
        grid = _grid_within(ax, n).subgridspec(*shape, **options)
    else:
        grid = ax.add_gridspec(*shape, **options)
    return _as_array(
        [figure.add_subplot(grid[divmod(i, shape[1])]) for i in range(n)],
    )


def columns_for(n: int) -> int:
    """How many of `n` panels stand side by side."""
    return 2 if n == 4 else min(n, 3)


def figure_of(axes: AxesArray) -> Figure:
    """The whole figure, of which a SubFigure may be a part."""
    container: Any = container_of(axes)
    figure: Figure = container.figure
    return figure


def container_of(axes: AxesArray) -> FigureBase:
    """The figure, or the part of one, that holds the panels."""
    first: Any = axes.flat[0]
    figure: FigureBase = first.figure
    return figure


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of the line of this number; no two of the first 28 agree."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": _DASHES[number % len(_DASHES)],
    }


def wrapped(text: str, n_characters: int) -> str:
    """A name in lines of at most so many characters."""
    return textwrap.fill(text, n_characters, break_on_hyphens=False) or text


def legend_beside(ax: Axes, **options: Any) -> None:
    """A legend right of the axes, where it covers nothing."""
    legend = ax.legend(
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        borderaxespad=0,
        frameon=False,
        fontsize=SMALL,
        **options,
    )
    for text in legend.get_texts():
        text.set(**AS_IT_IS)


def by_name(given: Any, kind: str) -> dict[str, Any]:
    """One estimator, or several by the names that are to be shown.

    Raises
    ------
    TypeError, ValueError
        If a name is no string, or there is none.
    """
    if not isinstance(given, Mapping):
        return {type(given).__name__: given}
    check_names(given, kind)
    return dict(given)


def check_names(given: Mapping[Any, Any], kind: str) -> None:
    """Check the keys of a mapping of names.

    Raises
    ------
    TypeError, ValueError
        If a name is no string, or there is none.
    """
    if not given:
        raise ValueError(f"{kind} must hold at least one, got {given!r}.")
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"The names of {kind} must be strings, got {name!r}.")


def check_option(value: Any, name: str, allowed: Sequence[str]) -> None:
    """Check a choice among names.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if value not in allowed:
        choices = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def _as_array(axes: Sequence[Axes]) -> AxesArray:
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array


def _grid_within(ax: Axes, n: int) -> Any:
    """The place of the axes in its figure, to be divided; hides the axes."""
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            f"ax must stand in a grid, as those of plt.subplots do, to be divided "
            f"into {n} panels; a SubFigure or an array of {n} Axes will do as well."
        )
    ax.set_axis_off()
    return place


def _given_axes(ax: Any, n: int, kind: type) -> AxesArray:
    found = np.asarray(ax, dtype=object).ravel()
    if not all(isinstance(entry, kind) for entry in found):
        raise TypeError(
            "ax must be None, an Axes, a Figure, a SubFigure or an array of Axes, got "
            f"{ax!r}."
        )
    if len(found) != n:
        raise ValueError(f"ax must hold {n} Axes, one a panel, got {len(found)}.")
    return found

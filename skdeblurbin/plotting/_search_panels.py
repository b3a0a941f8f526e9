"""The panels of a search: heat maps, curves, and scores against time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin.plotting._candidates import (
    Candidates,
    Level,
    Panel,
    level_of,
    pareto_front,
)
from skdeblurbin.plotting._shared import (
    AS_IT_IS,
    BLUE,
    SMALL,
    VERMILLION,
    AxesArray,
    Place,
    columns_for,
    container_of,
    legend_beside,
    make_axes,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL = (0.85, 0.5)  # inches
_FRAME = (1.1, 0.9)  # inches around the cells of a panel
_BAR = 0.8  # inches
_CURVE = (2.9, 2.3)  # inches of a panel with a curve
_LETTERS = 34
# Numbers that span as much are shown on a logarithmic scale.
_WIDE = 100


@dataclass(frozen=True)
class Scores:
    """The scores of candidates as they are to be shown: as they are, or negated."""

    candidates: Candidates
    name: str
    sign: int

    @property
    def means(self) -> NDArray[np.float64]:
        """The mean over folds of each candidate."""
        return self.sign * self.candidates.means

    @property
    def spreads(self) -> NDArray[np.float64]:
        """Its standard deviation."""
        return self.candidates.spreads

    @property
    def best(self) -> int:
        """The candidate with the highest score; -1 if all failed."""
        scores = self.candidates.means
        return -1 if np.isnan(scores).all() else int(np.nanargmax(scores))

    @property
    def label(self) -> str:
        """Name of the axis."""
        return f"{self.name} ({'more' if self.sign > 0 else 'less'} is better)"

    def limits(self) -> tuple[float, float]:
        """All means with their standard deviations, and a little more."""
        ends = np.concatenate([self.means - self.spreads, self.means + self.spreads])
        ends = ends[np.isfinite(ends)]
        if not ends.size:
            return 0.0, 1.0
        margin = 0.05 * np.ptp(ends) or 0.05
        return float(ends.min() - margin), float(ends.max() + margin)


def draw_maps(
    ax: Place, scores: Scores, panels: list[Panel], shown: list[str]
) -> AxesArray:
    """A heat map over two parameters in each panel, with one scale for all."""
    x_levels, y_levels = (scores.candidates.levels(name) for name in shown)
    n_columns = columns_for(len(panels))
    n_rows = -(-len(panels) // n_columns)
    width = n_columns * (_FRAME[0] + _CELL[0] * len(x_levels)) + _BAR
    height = n_rows * (_FRAME[1] + _CELL[1] * len(y_levels))
    axes = make_axes(ax, len(panels), n_columns, (width, height))
    means = scores.means
    finite = means[np.isfinite(means)] if np.isfinite(means).any() else np.zeros(1)
    for panel, (title, numbers) in zip(axes, panels, strict=True):
        grid = _grid(scores.candidates, numbers, shown, x_levels, y_levels)
        image = panel.imshow(
            np.where(grid < 0, np.nan, means[grid]),
            # Bright is good, whichever way the numbers run.
            cmap="cividis" if scores.sign > 0 else "cividis_r",
            vmin=finite.min(),
            vmax=finite.max(),
            aspect="auto",
        )
        _write_cells(panel, grid, scores, image)
        _name_axes(panel, title, shown)
        x_texts, y_texts = ([v.text for v in found] for found in (x_levels, y_levels))
        panel.set_xticks(range(len(x_texts)), x_texts, **AS_IT_IS)
        panel.set_yticks(range(len(y_texts)), y_texts, **AS_IT_IS)
    bar: Any = container_of(axes).colorbar(image, ax=list(axes))
    bar.set_label(scores.label, fontsize=SMALL, **AS_IT_IS)
    bar.ax.tick_params(labelsize=SMALL)
    return axes


def _grid(
    candidates: Candidates,
    numbers: list[int],
    shown: list[str],
    x_levels: list[Level],
    y_levels: list[Level],
) -> NDArray[np.intp]:
    """Which candidate is in which cell; -1 where there is none."""
    grid = np.full((len(y_levels), len(x_levels)), -1)
    columns = [level.key for level in x_levels]
    rows = [level.key for level in y_levels]
    for number in numbers:
        chosen = candidates.parameters[number]
        x, y = (level_of(chosen, name).key for name in shown)
        grid[rows.index(y), columns.index(x)] = number
    return grid


def _write_cells(ax: Axes, grid: NDArray[np.intp], scores: Scores, image: Any) -> None:
    """Mean and standard deviation in each cell; a frame around the best."""
    from matplotlib.patches import Rectangle

    for (row, column), number in np.ndenumerate(grid):
        if number < 0:
            continue
        mean, text, colour = scores.means[number], "failed", "black"
        if np.isfinite(mean):
            text = f"{mean:z.3f}\n\u00b1{scores.spreads[number]:.3f}"
            luma = np.dot(image.to_rgba(mean)[:3], (0.299, 0.587, 0.114))
            colour = "white" if luma < 0.5 else "black"
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL}
        ax.text(column, row, text, color=colour, **style)
        if number == scores.best:
            corner = (column - 0.47, row - 0.47)
            ax.add_patch(
                Rectangle(corner, 0.94, 0.94, fill=False, ec=VERMILLION, lw=2.5)
            )


def draw_curves(
    ax: Place, scores: Scores, panels: list[Panel], shown: list[str]
) -> AxesArray:
    """A curve over one parameter, with error bars, in each panel."""
    candidates, name = scores.candidates, shown[0]
    levels = candidates.levels(name)
    keys = [level.key for level in levels]
    are_numbers = all(level.is_number for level in levels)
    places = [level.value for level in levels] if are_numbers else range(len(levels))
    n_columns = columns_for(len(panels))
    size = (_CURVE[0] * n_columns, _CURVE[1] * -(-len(panels) // n_columns))
    axes = make_axes(ax, len(panels), n_columns, size)
    low, high = scores.limits()
    for panel, (title, numbers) in zip(axes, panels, strict=True):
        ranks = {
            keys.index(level_of(candidates.parameters[n], name).key): n for n in numbers
        }
        order = sorted(ranks)
        chosen = np.array([ranks[rank] for rank in order])
        _draw_curve(panel, [places[rank] for rank in order], chosen, scores)
        _name_axes(panel, title, [name, scores.label])
        if not are_numbers:
            panel.set_xticks(places, [level.text for level in levels], **AS_IT_IS)
        elif places[0] > 0 and places[-1] / places[0] >= _WIDE:
            panel.set_xscale("log")
        # Equal axes in all panels, of which some may lack candidates.
        panel.update_datalim([(place, low) for place in places])
        panel.autoscale_view(scaley=False)
        panel.set_ylim(low, high)
    return axes


def _draw_curve(
    ax: Axes, at: list[Any], numbers: NDArray[np.intp], scores: Scores
) -> None:
    means = scores.means[numbers]
    ax.errorbar(
        at, means, scores.spreads[numbers], color=BLUE, marker="o", ms=4, capsize=3
    )
    for x, mean, number in zip(at, means, numbers, strict=True):
        if number == scores.best:
            ax.plot(x, mean, "o", ms=11, mfc="none", mec=VERMILLION, mew=2)
        if np.isnan(mean):
            place: Any = ("data", "axes fraction")
            style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": SMALL}
            ax.annotate("failed", (x, 0.02), xycoords=place, rotation=90, **style)
    ax.grid(alpha=0.25)


def draw_times(
    ax: Place,
    scores: Scores,
    milliseconds: NDArray[np.float64],
    spreads: NDArray[np.float64],
) -> AxesArray:
    """The scores against milliseconds a plate, with the Pareto front."""
    axes = make_axes(ax, 1, 1, (7.5, 3.6))
    panel, means, candidates = axes[0], scores.means, scores.candidates
    front = pareto_front(milliseconds, candidates.means)
    bars = {"fmt": "none", "ecolor": "0.75", "elinewidth": 1}
    panel.errorbar(milliseconds, means, scores.spreads, spreads, **bars)
    panel.plot(milliseconds, means, "o", color="0.55", ms=4)
    # Steps: between two of the front, the slower one is not to be had yet.
    style = {"drawstyle": "steps-post", "color": VERMILLION, "marker": "o"}
    panel.plot(milliseconds[front], means[front], label="Pareto front", **style)
    names = candidates.varying() or candidates.names()
    for rank, number in enumerate(front, 1):
        panel.annotate(
            str(rank),
            (milliseconds[number], means[number]),
            xytext=(5, 5 if rank % 2 else -11),  # neighbours may lie close
            textcoords="offset points",
            fontsize=SMALL,
            weight="bold",
        )
        text = f"{rank}  {candidates.describe(number, names)}"
        panel.plot([], [], " ", label=wrapped(text, _LETTERS))
    _name_axes(panel, "", ["milliseconds a plate", scores.label])
    panel.grid(alpha=0.25)
    legend_beside(panel, handlelength=1.5)
    return axes


def _name_axes(ax: Axes, title: str, labels: list[str]) -> None:
    ax.set_title(wrapped(title, _LETTERS), fontsize=SMALL + 1, **AS_IT_IS)
    ax.set_xlabel(labels[0], fontsize=SMALL, **AS_IT_IS)
    ax.set_ylabel(labels[1], fontsize=SMALL, **AS_IT_IS)
    ax.tick_params(labelsize=SMALL)

"""How trainings went: losses and errors, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skdeblurbin.metrics.scorers import find_binarizer
from skdeblurbin.plotting._shared import (
    AS_IT_IS,
    SMALL,
    AxesArray,
    Place,
    by_name,
    check_names,
    check_option,
    columns_for,
    figure_of,
    import_pyplot,
    legend_beside,
    line_style,
    make_axes,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, Any]]

_X_LABELS = {"epoch": "epoch", "seconds": "seconds of training"}
_ERRORS = ("rmse", "validation_rmse")
_TITLES = {
    "rmse": "training RMSE",
    "validation_rmse": "validation RMSE",
}
_PANEL = (2.7, 2.2)  # inches
_LEGEND = 2.2  # inches
_LETTERS = 28


class TrainingCurveDisplay:
    """Losses and errors of one or several trainings, against epochs or seconds.

    Use :meth:`from_estimator` or :meth:`from_results` to make one.

    Parameters
    ----------
    histories : mapping of str to list of dict
        Name and `history_` of each training.

    Attributes
    ----------
    ax_ : ndarray of shape (n_quantities,) of matplotlib Axes
        The axes, once drawn: one a quantity, with a line for each training.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from skdeblurbin.plotting import TrainingCurveDisplay
    >>> history = [
    ...     {"epoch": 1, "content_loss": 0.9, "rmse": 0.5, "seconds": 2.0},
    ...     {"epoch": 2, "content_loss": 0.5, "rmse": 0.4, "seconds": 1.5},
    ... ]
    >>> display = TrainingCurveDisplay.from_results({"ours": history}, x="seconds")
    >>> display.ax_[0].lines[0].get_xdata().tolist()
    [2.0, 3.5]
    """

    ax_: AxesArray
    figure_: Figure

    def __init__(self, histories: Mapping[str, History]) -> None:
        self.histories = histories

    @classmethod
    def from_estimator(
        cls,
        estimators: Any,
        *,
        x: str = "epoch",
        quantities: Sequence[str] | None = None,
        ax: Place = None,
    ) -> Self:
        """Draw the `history_` of fitted estimators.

        Parameters
        ----------
        estimators : object, or mapping of str to object
            A fitted GANBinarizer, or a Pipeline or search that ends in one; or several
            by the names to be shown.
        x, quantities, ax
            As in :meth:`plot`.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If an estimator is not fitted.
        TypeError
            If it keeps no history.
        ImportError, ValueError
            As :meth:`from_results`.
        """
        histories = {}
        for name, estimator in by_name(estimators, "estimators").items():
            binarizer = find_binarizer(estimator)
            check_is_fitted(binarizer)
            if not hasattr(binarizer, "history_"):
                raise TypeError(
                    f"{name!r} has no training to show: a {type(binarizer).__name__} "
                    "has no history_, as a fitted GANBinarizer has."
                )
            histories[name] = binarizer.history_
        return cls.from_results(histories, x=x, quantities=quantities, ax=ax)

    @classmethod
    def from_results(
        cls,
        histories: Mapping[str, History] | History,
        *,
        x: str = "epoch",
        quantities: Sequence[str] | None = None,
        ax: Place = None,
    ) -> Self:
        """Draw given histories.

        Parameters
        ----------
        histories : list of dict, or mapping of str to list of dict
            A `history_`; or several by the names to be shown.
        x, quantities, ax
            As in :meth:`plot`.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a history is empty; if `x` or `quantities` names what there is not; if
            `ax` does not fit.
        """
        import_pyplot()
        if not isinstance(histories, Mapping):
            histories = {"training": histories}
        check_names(histories, "histories")
        for name, history in histories.items():
            if not len(history):
                raise ValueError(
                    f"The history of {name!r} is empty: files of models have one only "
                    "if they were saved with training_state=True."
                )
        return cls(histories).plot(ax, x=x, quantities=quantities)

    def plot(
        self,
        ax: Place = None,
        *,
        x: str = "epoch",
        quantities: Sequence[str] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, Figure, SubFigure or array of Axes, default=None
            Where to draw. None makes a figure. A figure is filled; one Axes of a grid
            is made invisible, and its place divided, unless there is one quantity
            only; an array has one Axes for each quantity.
        x : {"epoch", "seconds"}, default="epoch"
            Against what: the number of the epoch, or the seconds of training until its
            end.
        quantities : sequence of str, default=None
            Keys of the histories, each of which gets a panel. None takes all losses,
            "rmse" and "validation_rmse". In the panel of the latter, a dot marks the
            best epoch, whose weights `fit` keeps.

        Returns
        -------
        TrainingCurveDisplay
            This one.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a parameter is not as described, or no history has such a key.
        """
        check_option(x, "x", list(_X_LABELS))
        shown = self._check_quantities(quantities)
        n_columns = columns_for(len(shown))
        several = len(self.histories) > 1
        width = _PANEL[0] * n_columns + _LEGEND * several
        size = (width, _PANEL[1] * -(-len(shown) // n_columns) + 0.2)
        axes = make_axes(ax, len(shown), n_columns, size)
        for panel, quantity in zip(axes, shown, strict=True):
            self._draw(panel, quantity, x)
        if several:
            self._explain_lines(axes[n_columns - 1])
        self.ax_ = axes
        self.figure_ = figure_of(axes)
        return self

    def _check_quantities(self, quantities: Sequence[str] | None) -> list[str]:
        known = list(
            dict.fromkeys(
                key
                for history in self.histories.values()
                for entry in history
                for key in entry
                if key not in ("epoch", "seconds")
            )
        )
        if quantities is None:
            losses = [key for key in known if key.endswith("_loss")]
            quantities = losses + [key for key in _ERRORS if key in known]
        if isinstance(quantities, str) or not quantities:
            raise ValueError(
                f"quantities must be a sequence of keys of the histories, {known}, got "
                f"{quantities!r}."
            )
        for quantity in quantities:
            check_option(quantity, "quantities", known)
        return list(quantities)

    def _draw(self, ax: Axes, quantity: str, x: str) -> None:
        from matplotlib.ticker import MaxNLocator

        for number, history in enumerate(self.histories.values()):
            values = _column(history, quantity)
            if np.isnan(values).all():
                continue  # of a training without this loss, or without pairs set aside
            at = _column(history, x)
            if x == "seconds":
                at = at.cumsum()
            style = line_style(number)
            # A line through a single epoch would not be seen.
            marker = "." if np.isfinite(values).sum() == 1 else None
            ax.plot(at, values, marker=marker, linewidth=1.4, **style)
            if quantity == "validation_rmse":
                best = int(np.nanargmin(values))
                ax.plot(at[best], values[best], "o", color=style["color"], markersize=5)
        title = _TITLES.get(quantity, quantity.replace("_", " "))
        ax.set_title(title, fontsize=SMALL + 1, **AS_IT_IS)
        ax.set_xlabel(_X_LABELS[x], fontsize=SMALL)
        ax.tick_params(labelsize=SMALL)
        if x == "epoch":
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.25)

    def _explain_lines(self, ax: Axes) -> None:
        """One legend for all panels: not each of them has each line."""
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], **line_style(number), label=wrapped(name, _LETTERS))
            for number, name in enumerate(self.histories)
        ]
        legend_beside(ax, handles=handles)


def _column(history: History, key: str) -> NDArray[np.float64]:
    """A number of each epoch, NaN where there is none."""
    return np.array([entry.get(key, np.nan) for entry in history], np.float64)

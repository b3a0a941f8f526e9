"""What a search for parameters found: how good, how sure, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skdeblurbin.plotting._candidates import Candidates, Panel, read_candidates
from skdeblurbin.plotting._search_panels import (
    Scores,
    draw_curves,
    draw_maps,
    draw_times,
)
from skdeblurbin.plotting._shared import (
    AxesArray,
    Place,
    check_option,
    figure_of,
    import_pyplot,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KINDS = ("score", "time")
# More panels than this tell nobody anything.
_MOST_PANELS = 24


class SearchDisplay:
    """Scores of a search's candidates: over their parameters, or against their time.

    Use :meth:`from_estimator` or :meth:`from_results` to make one.

    Parameters
    ----------
    candidates : Candidates
        What the search found, as `from_results` reads it.
    milliseconds : tuple of two ndarray of shape (n_candidates,), default=None
        Of scoring a plate, mean and standard deviation over the folds.
    score_name : str, default="score"
        Name of the score on the axes.
    negate_score : bool, default=False
        Whether to show minus the score: RMSE for ``rmse_scorer``.

    Attributes
    ----------
    ax_ : ndarray of shape (n_panels,) of matplotlib Axes
        The axes, once drawn: one for each combination of the parameters that are on no
        axis; one in all for ``kind="time"``.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdeblurbin import SauvolaBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> from skdeblurbin.plotting import SearchDisplay
    >>> X, Y = make_blurred_plates(6, (32, 48), random_state=0)
    >>> grid = {"window_size": [9, 15, 25], "k": [0.05, 0.2]}
    >>> search = GridSearchCV(SauvolaBinarizer(), grid, cv=3).fit(X, Y)
    >>> display = SearchDisplay.from_estimator(search)
    >>> display.ax_.shape
    (1,)
    >>> display.plot(kind="time").ax_[0].get_ylabel()
    Traceback (most recent call last):
      ...
    ValueError: kind="time" needs n_plates, the number of plates in a test fold: \
len(X) / n_splits for k folds.
    """

    ax_: AxesArray
    figure_: Figure

    def __init__(
        self,
        candidates: Candidates,
        *,
        milliseconds: tuple[NDArray[Any], NDArray[Any]] | None = None,
        score_name: str = "score",
        negate_score: bool = False,
    ) -> None:
        self.candidates = candidates
        self.milliseconds = milliseconds
        self.score_name = score_name
        self.negate_score = negate_score

    @classmethod
    def from_estimator(
        cls,
        search: Any,
        *,
        kind: str = "score",
        parameters: Sequence[str] | None = None,
        n_plates: ArrayLike | None = None,
        metric: str | None = None,
        score_name: str | None = None,
        negate_score: bool = False,
        ax: Place = None,
    ) -> Self:
        """Draw the results of a fitted search.

        Parameters
        ----------
        search : object
            A fitted GridSearchCV, or another search with `cv_results_`.
        kind, parameters, ax
            As in :meth:`plot`.
        n_plates, score_name, negate_score
            As in :meth:`from_results`.
        metric : str, default=None
            Which score, of a search with several. None takes the one that `refit`
            names.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the search is not fitted.
        ImportError, TypeError, ValueError
            As :meth:`from_results`.
        """
        check_is_fitted(search, "cv_results_")
        if metric is None:
            refit = getattr(search, "refit", None)
            metric = refit if isinstance(refit, str) else "score"
        return cls.from_results(
            search.cv_results_,
            kind=kind,
            parameters=parameters,
            n_plates=n_plates,
            metric=metric,
            score_name=score_name,
            negate_score=negate_score,
            ax=ax,
        )

    @classmethod
    def from_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        kind: str = "score",
        parameters: Sequence[str] | None = None,
        n_plates: ArrayLike | None = None,
        metric: str = "score",
        score_name: str | None = None,
        negate_score: bool = False,
        ax: Place = None,
    ) -> Self:
        """Draw the `cv_results_` of a search.

        Parameters
        ----------
        cv_results : dict
            A `cv_results_`.
        kind, parameters, ax
            As in :meth:`plot`.
        n_plates : float, or array-like of shape (n_candidates,), default=None
            Plates in a test fold, on average: ``len(X) / n_splits`` for k folds. The
            results do not hold it. Needed for ``kind="time"``, which divides the time
            of scoring a fold by it. That time is of `predict` and the metric, so a
            metric that reads plates counts too; and it is longer where other jobs use
            the same cores: search with ``n_jobs=1`` for times to rely on.
        metric : str, default="score"
            Which score, of a search with several.
        score_name : str, default=None
            Name of the score on the axes. None takes `metric`.
        negate_score : bool, default=False
            Whether to show minus the score: RMSE for ``rmse_scorer``.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a parameter is not as described; if several candidates would share a
            place; if there would be more than 24 panels.
        """
        import_pyplot()
        candidates = read_candidates(cv_results, metric)
        milliseconds = None
        if n_plates is not None:
            plates = _check_n_plates(n_plates, len(candidates.parameters))
            milliseconds = (
                1000 * candidates.seconds / plates,
                1000 * candidates.seconds_spreads / plates,
            )
        return cls(
            candidates,
            milliseconds=milliseconds,
            score_name=metric if score_name is None else score_name,
            negate_score=negate_score,
        ).plot(ax, kind=kind, parameters=parameters)

    def plot(
        self,
        ax: Place = None,
        *,
        kind: str = "score",
        parameters: Sequence[str] | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, Figure, SubFigure or array of Axes, default=None
            Where to draw. None makes a figure. A figure is filled; one Axes of a grid
            is made invisible, and its place divided, unless there is one panel only;
            an array has one Axes for each panel.
        kind : {"score", "time"}, default="score"
            "score": the mean score over `parameters`, with its standard deviation over
            the folds (not that of the mean): over two parameters a heat map, over one
            a curve with error bars. A frame or a ring marks the best candidate.
            "time": the mean score against milliseconds a plate, with both standard
            deviations; a line joins the Pareto front, the candidates of which none
            other is as good and as fast.
        parameters : sequence of one or two str, default=None
            For ``kind="score"``, the parameters on the axes, that on the x axis first.
            Each combination of the others has a panel of its own. None takes the first
            two of those with several values, or the only one.

        Returns
        -------
        SearchDisplay
            This one.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a parameter is not as described; if several candidates would share a
            place; if there would be more than 24 panels; for ``kind="time"`` without
            `n_plates`.
        """
        check_option(kind, "kind", _KINDS)
        found = Scores(self.candidates, self.score_name, -1 if self.negate_score else 1)
        if kind == "time":
            if self.milliseconds is None:
                raise ValueError(
                    'kind="time" needs n_plates, the number of plates in a test fold: '
                    "len(X) / n_splits for k folds."
                )
            self.ax_ = draw_times(ax, found, *self.milliseconds)
        else:
            shown = self._check_parameters(parameters)
            others = [name for name in self.candidates.varying() if name not in shown]
            panels = self.candidates.panels(others)
            self._check_panels(panels, shown)
            draw = draw_maps if len(shown) == 2 else draw_curves
            self.ax_ = draw(ax, found, panels, shown)
        self.figure_ = figure_of(self.ax_)
        return self

    def _check_parameters(self, parameters: Sequence[str] | None) -> list[str]:
        known = self.candidates.names()
        if parameters is None:
            return self.candidates.varying()[:2] or known[:1]
        shown = [parameters] if isinstance(parameters, str) else list(parameters)
        for name in shown:
            check_option(name, "parameters", known)
        if len(set(shown)) != len(shown) or len(shown) not in (1, 2):
            raise ValueError(
                f"parameters must name one or two different ones of {known}, got "
                f"{parameters!r}."
            )
        return shown

    def _check_panels(self, panels: list[Panel], shown: list[str]) -> None:
        if len(panels) > _MOST_PANELS:
            raise ValueError(
                f"There would be {len(panels)} panels, more than {_MOST_PANELS}: give "
                'parameters with more values, or draw with kind="time".'
            )
        for _, numbers in panels:
            places = {self.candidates.key(n, shown) for n in numbers}
            if len(places) < len(numbers):
                raise ValueError(
                    f"Several candidates have the same {' and '.join(shown)}, and "
                    "nothing else that differs."
                )


def _check_n_plates(n_plates: ArrayLike, n_candidates: int) -> NDArray[np.float64]:
    plates = np.asarray(n_plates)
    fits = plates.dtype.kind in "iuf" and plates.shape in ((), (n_candidates,))
    if not fits or not (np.isfinite(plates) & (plates > 0)).all():
        raise ValueError(
            f"n_plates must be a positive number, or one for each of the {n_candidates}"
            f" candidates, got {n_plates!r}."
        )
    return np.broadcast_to(plates.astype(np.float64), (n_candidates,))

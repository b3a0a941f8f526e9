"""Plates side by side, with the scores and the errors of what was made of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._ranges import infer_input_range, scale_to_unit
from skdeblurbin._targets import find_classes
from skdeblurbin._thresholding import binarize_all_by_otsu
from skdeblurbin._validation import Images, check_images
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.metrics.scorers import find_image_shape, layers_of
from skdeblurbin.plotting._errors import (
    ERROR_NAMES,
    explain_errors,
    find_errors,
    paint_errors,
)
from skdeblurbin.plotting._shared import (
    AS_IT_IS,
    SMALL,
    AxesArray,
    Place,
    check_names,
    check_option,
    figure_of,
    import_pyplot,
    make_axes,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLURRED, _TRUTH = "blurred", "truth"
_SCORES = {
    "rmse": ("RMSE", root_mean_squared_error),
    "f_measure": ("F", f_measure),
}
_WIDTH, _LINE = 1.5, 0.19  # inches of a column, and of a line of its titles
_LETTERS = 20  # of a title's line


class BinarizationDisplay:
    """Plates side by side: one row a plate, one column a binarizer.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    columns : mapping of str to list of ndarray of shape (height, width)
        Title and pictures, in [0, 1], of each column.
    scores : mapping of str to mapping of str to ndarray of shape (n_plates,), \
            default=None
        For some of the columns, scores by their names: they stand above the pictures.
    errors : mapping of str to list of int ndarray of shape (height, width), \
            default=None
        For some of the columns, their error maps, which are the last columns: 0 is
        paper, 1 ink that was found, 2 missed ink, 3 false ink.

    Attributes
    ----------
    ax_ : ndarray of shape (n_plates, n_columns) of matplotlib Axes
        The axes, once drawn: one a picture.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from skdeblurbin import SauvolaBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> from skdeblurbin.plotting import BinarizationDisplay
    >>> X, Y = make_blurred_plates(3, (32, 48), random_state=0)
    >>> sauvola = SauvolaBinarizer().fit(X, Y)
    >>> display = BinarizationDisplay.from_estimator(sauvola, X, Y)
    >>> list(display.columns)
    ['blurred', 'Otsu', 'SauvolaBinarizer', 'truth']
    >>> list(display.errors)
    ['SauvolaBinarizer']
    >>> display.ax_.shape
    (3, 5)
    """

    ax_: AxesArray
    figure_: Figure

    def __init__(
        self,
        columns: Mapping[str, Sequence[NDArray[Any]]],
        *,
        scores: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
        errors: Mapping[str, Sequence[NDArray[Any]]] | None = None,
    ) -> None:
        self.columns = columns
        self.scores = scores or {}
        self.errors = errors or {}

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        Y: Any = None,
        *,
        scores: Collection[str] = ("rmse", "f_measure"),
        ax: Place = None,
    ) -> Self:
        """Binarize images with a fitted estimator, and with Otsu's threshold; draw.

        The columns are: blurred, grey output (of estimators with a method `deblur`),
        Otsu, the estimator, truth, and the errors of the estimator.

        Parameters
        ----------
        estimator : object
            A fitted binarizer, or a Pipeline or search that ends in one.
        X : array-like or list of images
            Blurred images; choose few, each becomes a row.
        Y : array-like or list of images, default=None
            Their binary truth; without it there are neither scores nor errors.
        scores : collection of {"rmse", "f_measure"}, default=("rmse", "f_measure")
            What stands above each binary picture.
        ax : Axes, Figure, SubFigure or array of Axes, default=None
            As in :meth:`plot`.

        Returns
        -------
        BinarizationDisplay

        Raises
        ------
        ImportError, ValueError, TypeError
            As :meth:`from_predictions`; so for results of another size than the
            images', as with ``output_scale="model"``.
        """
        import_pyplot()  # rather now than after the predictions
        name = type(estimator).__name__
        shape = find_image_shape(estimator)
        predictions: dict[str, Any] = {}
        grey = _deblur(estimator, X)
        if grey is not None:
            predictions["grey output"] = grey
        if name != "OtsuBinarizer":
            images = check_images(X, image_shape=shape)
            predictions["Otsu"] = list(binarize_all_by_otsu(images.grey))
        return cls.from_predictions(
            X,
            predictions | {name: estimator.predict(X)},
            Y,
            scores=scores,
            image_shape=shape,
            classes=getattr(estimator, "classes_", None),
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        predictions: Mapping[str, Any],
        Y: Any = None,
        *,
        errors_of: str | Collection[str] | None = None,
        scores: Collection[str] = ("rmse", "f_measure"),
        image_shape: tuple[int, int] | None = None,
        classes: Any = None,
        ax: Place = None,
    ) -> Self:
        """Draw given results.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images.
        predictions : mapping of str to array-like or list of images
            Title and images, grey or binary, of each column. Binary are those that
            hold no other values than `classes`, or two values in all, the lower of
            which is then ink.
        Y : array-like or list of images, default=None
            The binary truth; without it there are neither scores nor errors.
        errors_of : str or collection of str, default=None
            The titles of which error maps are shown. None takes the last binary one;
            an empty collection none.
        scores : collection of {"rmse", "f_measure"}, default=("rmse", "f_measure")
            What stands above each binary picture.
        image_shape : tuple (height, width), default=None
            Shape of the images, where they come as rows of pixels.
        classes : array-like of shape (2,), default=None
            The two values of binary images, the lower of which is ink. None takes
            those that `Y` holds.
        ax : Axes, Figure, SubFigure or array of Axes, default=None
            As in :meth:`plot`.

        Returns
        -------
        BinarizationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a column has not one image of the same size for each image of `X`; if
            `Y` is not binary; if titles are no strings, or are "blurred" or "truth";
            if `errors_of` or `scores` names what there is not; if `ax` does not fit.
        """
        import_pyplot()
        for score in scores:
            check_option(score, "scores", list(_SCORES))
        given = _check_columns(X, predictions, Y, image_shape)
        if Y is not None:
            classes = find_classes(given[_TRUTH], classes, name="Y")
        pictures: dict[str, Sequence[NDArray[Any]]] = {}
        paper = {}
        for title, images in given.items():
            found = None if title == _BLURRED else _as_paper(images, classes)
            if found is None:
                grey_range = infer_input_range(images.extents)
                pictures[title] = [scale_to_unit(i, grey_range) for i in images.grey]
            else:
                pictures[title] = [image.astype(np.float32) for image in found]
                paper[title] = found
        truth = paper.pop(_TRUTH, None)
        if truth is None:
            paper = {}
        return cls(
            pictures,
            scores={t: _score(truth, p, scores) for t, p in paper.items() if scores},
            errors={
                title: list(map(find_errors, truth or (), paper[title]))
                for title in _chosen(errors_of, list(paper))
            },
        ).plot(ax)

    def plot(self, ax: Place = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, Figure, SubFigure or array of Axes, default=None
            Where to draw. None makes a figure. A figure is filled; one Axes of a grid
            is made invisible, and its place divided; an array has one Axes for each
            picture, row after row.

        Returns
        -------
        BinarizationDisplay
            This one.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If `ax` is something else, or does not fit.
        """
        rows = list(zip(*self.columns.values(), strict=True))
        n_columns = len(self.columns) + len(self.errors)
        aspects = [_aspect(row[0]) for row in rows]
        titles = [
            [self._title(row, number) for number in range(n_columns)]
            for row in range(len(rows))
        ]
        lines = [max(title.count("\n") for title in row) + 1 for row in titles]
        n_lines = sum(lines) + (len(ERROR_NAMES) + 1 if self.errors else 0)
        axes = make_axes(
            ax,
            len(rows) * n_columns,
            n_columns,
            (_WIDTH * n_columns, _WIDTH * sum(aspects) + _LINE * n_lines),
            layout="compressed",
            height_ratios=aspects,
        ).reshape(len(rows), n_columns)
        for number, title in enumerate(self.columns):
            for row, picture in enumerate(self.columns[title]):
                _show(axes[row, number], picture, cmap="gray", vmin=0, vmax=1)
        for number, title in enumerate(self.errors, len(self.columns)):
            for row, codes in enumerate(self.errors[title]):
                _show(axes[row, number], paint_errors(codes))
            explain_errors(axes[-1, number])
        for panel, title in zip(axes.ravel(), chain.from_iterable(titles), strict=True):
            panel.set_title(title, fontsize=SMALL, pad=3, **AS_IT_IS)
        self.ax_ = axes
        self.figure_ = figure_of(axes)
        return self

    def _title(self, row: int, number: int) -> str:
        """The title of a picture: the column's in the first row, and the scores."""
        titles = [*self.columns, *(f"errors of {title}" for title in self.errors)]
        title = titles[number]
        scores = self.scores.get(title, {})
        caption = "  ".join(f"{name} {v[row]:.3f}" for name, v in scores.items())
        if row:
            return caption
        heading = wrapped(title, _LETTERS)
        # Columns without scores keep their place, so that all headings are level.
        return f"{heading}\n{caption or ' '}" if self.scores else heading


def _deblur(estimator: Any, X: Any) -> Any:
    """The grey output of what does the work in pipelines and searches, or None."""
    *wrappers, binarizer = layers_of(estimator)
    if not hasattr(binarizer, "deblur"):
        return None
    for wrapper in wrappers:
        for _, step in getattr(wrapper, "steps", ())[:-1]:
            if step is not None and step != "passthrough":
                X = step.transform(X)
    return binarizer.deblur(X)


def _check_columns(
    X: Any,
    predictions: Mapping[str, Any],
    Y: Any,
    image_shape: tuple[int, int] | None,
) -> dict[str, Images]:
    """All columns by their titles, the photos first, the truth last."""
    if predictions:
        check_names(predictions, "predictions")
    for reserved in (_BLURRED, _TRUTH):
        if reserved in predictions:
            raise ValueError(f"No column of predictions may be called {reserved!r}.")
    columns = {_BLURRED: X, **predictions}
    if Y is not None:
        columns[_TRUTH] = Y
    shapes = check_images(X, image_shape=image_shape).shapes
    given = {}
    for title, images in columns.items():
        given[title] = check_images(images, name=title, image_shape=image_shape)
        if given[title].shapes != shapes:
            raise ValueError(
                f"The column {title!r} must hold one image of the same size for "
                f"each of the {len(shapes)} images of X."
            )
    return given


def _as_paper(images: Images, classes: Any) -> list[NDArray[np.bool_]] | None:
    """Where there is paper in binary images; None for grey ones."""
    extents = images.extents
    low, high = min(e.low for e in extents), max(e.high for e in extents)
    if classes is not None and {low, high} <= set(np.ravel(classes).tolist()):
        low, high = np.unique(classes).tolist()
    if low == high or not all(np.isin(i, (low, high)).all() for i in images.grey):
        return None
    return [image == high for image in images.grey]


def _score(truth: Any, paper: Any, names: Collection[str]) -> dict[str, NDArray[Any]]:
    scores: dict[str, NDArray[Any]] = {}
    for label, metric in (_SCORES[name] for name in names):
        scores[label] = metric(truth, paper, per_image=True)
    return scores


def _chosen(errors_of: str | Collection[str] | None, binary: list[str]) -> list[str]:
    """The columns of which there are to be error maps."""
    if errors_of is None:
        return binary[-1:]
    chosen = [errors_of] if isinstance(errors_of, str) else list(errors_of)
    for title in chosen:
        if title not in binary:
            raise ValueError(
                "errors_of must name binary columns of predictions, of which the truth "
                f"is given: there are {binary}, got {title!r}."
            )
    return chosen


def _aspect(picture: NDArray[Any]) -> float:
    """Height over width of a picture's place; those of extreme shapes fill a part."""
    height, width = picture.shape[:2]
    return float(np.clip(height / width, 0.1, 2))


def _show(ax: Axes, picture: NDArray[Any], **options: Any) -> None:
    ax.imshow(picture, interpolation="antialiased", **options)
    height, width = picture.shape[:2]
    aspect = _aspect(picture)
    beside, above = max(0, height / aspect - width), max(0, width * aspect - height)
    ax.set_xlim(-0.5 - beside / 2, width - 0.5 + beside / 2)
    ax.set_ylim(height - 0.5 + above / 2, -0.5 - above / 2)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(color="0.8", linewidth=0.5)

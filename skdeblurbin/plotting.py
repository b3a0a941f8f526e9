"""Pictures of results. matplotlib, an optional extra, is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._ranges import extents_of, infer_input_range, scale_to_unit
from skdeblurbin._thresholding import binarize_all_by_otsu
from skdeblurbin._validation import check_images

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP = 4  # pixels between pictures


class BinarizationDisplay:
    """Plates side by side: one row a plate, one column a binarizer.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    columns : mapping of str to list of ndarray of shape (height, width)
        Title and pictures, in [0, 1], of each column.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, once drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from skdeblurbin import OtsuBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> from skdeblurbin.plotting import BinarizationDisplay
    >>> X, Y = make_blurred_plates(3, random_state=0)
    >>> display = BinarizationDisplay.from_estimator(OtsuBinarizer().fit(X, Y), X, Y)
    >>> list(display.columns)
    ['blurred', 'OtsuBinarizer', 'truth']
    """

    ax_: Axes
    figure_: Figure

    def __init__(self, columns: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        self.columns = columns

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, Y: Any = None, *, ax: Axes | None = None
    ) -> Self:
        """Binarize images with a fitted estimator, and with Otsu's threshold; draw.

        Parameters
        ----------
        estimator : object
            A fitted binarizer, or a Pipeline that ends in one.
        X : array-like or list of images
            Blurred images; choose few, each becomes a row.
        Y : array-like or list of images, default=None
            Their binary truth.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        BinarizationDisplay
        """
        name = type(estimator).__name__
        predictions: dict[str, Any] = {name: estimator.predict(X)}
        if name != "OtsuBinarizer":
            otsu = list(binarize_all_by_otsu(check_images(X).grey))
            predictions = {"Otsu": otsu, **predictions}
        return cls.from_predictions(X, predictions, Y, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        predictions: Mapping[str, Any],
        Y: Any = None,
        *,
        ax: Axes | None = None,
    ) -> Self:
        """Draw given results.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images.
        predictions : mapping of str to array-like or list of images
            Title and images, grey or binary, of each column.
        Y : array-like or list of images, default=None
            The binary truth.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        BinarizationDisplay

        Raises
        ------
        ValueError
            If a column has not one image of the same size for each image of `X`.
        """
        columns = {"blurred": X, **predictions}
        if Y is not None:
            columns["truth"] = Y
        shapes = check_images(X).shapes
        pictures = {}
        for title, given in columns.items():
            images = check_images(given, name=title)
            if images.shapes != shapes:
                raise ValueError(
                    f"The column {title!r} must hold one image of the same size for "
                    f"each of the {len(shapes)} images of X."
                )
            grey_range = infer_input_range(extents_of(images.grey))
            pictures[title] = [
                scale_to_unit(image, grey_range) for image in images.grey
            ]
        return cls(pictures).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        BinarizationDisplay
            This one.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = _pyplot()
        sheet, width = self._sheet()
        if ax is None:
            height_in = 0.3 + 8 * sheet.shape[0] / sheet.shape[1]
            _, ax = plt.subplots(figsize=(8, height_in), layout="constrained")
        ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set_xticks(
            [width / 2 + i * (width + _GAP) for i in range(len(self.columns))],
            list(self.columns),
        )
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
        self.ax_ = ax
        figure = ax.get_figure(root=True)
        assert figure is not None
        self.figure_ = figure
        return self

    def _sheet(self) -> tuple[NDArray[np.float32], int]:
        """All pictures on one white sheet, and the width of a column."""
        rows = list(zip(*self.columns.values(), strict=True))
        width = max(row[0].shape[1] for row in rows)
        heights = [row[0].shape[0] for row in rows]
        sheet = np.ones(
            (
                sum(heights) + _GAP * (len(rows) - 1),
                len(self.columns) * (width + _GAP) - _GAP,
            ),
            np.float32,
        )
        top = 0
        for row, height in zip(rows, heights, strict=True):
            for i, picture in enumerate(row):
                left = i * (width + _GAP)
                sheet[top : top + height, left : left + picture.shape[1]] = picture
            top += height + _GAP
        return sheet, width


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'Drawing needs matplotlib: pip install "skdeblurbin[plots]".'
        ) from error
    return plt

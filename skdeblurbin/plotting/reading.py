"""How well plates are read, the more they are blurred."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._parameters import check_number
from skdeblurbin._ranges import infer_input_range, scale_to_unit
from skdeblurbin._validation import check_images
from skdeblurbin.metrics import character_error_rate
from skdeblurbin.metrics.reading import (
    Reader,
    bootstrap_interval,
    read_all,
    read_binary,
)
from skdeblurbin.metrics.scorers import find_image_shape
from skdeblurbin.plotting._shared import (
    AS_IT_IS,
    SMALL,
    by_name,
    check_names,
    check_option,
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

Texts = Iterable[str] | Mapping[Any, Iterable[str]]

_SIZE = (6.5, 3.4)  # inches
_LETTERS = 28
_PHOTO = "photo"


class ReadingDisplay:
    """Character error rates against levels of blur, with confidence bands.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    error_rates : mapping of str to mapping of level to ndarray of shape (n_plates,)
        For each method the levels of blur, and for each of those the error rate of
        each plate. All methods have the same levels and plates.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, once drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    intervals_ : dict of str to ndarray of shape (n_levels, 3)
        For each line the lower end of its band, the mean, and the upper end.

    See Also
    --------
    skdeblurbin.metrics.character_error_rate : What is drawn.

    Examples
    --------
    >>> from skdeblurbin.plotting import ReadingDisplay
    >>> texts = ["AB 12", "CD 34", "EF 56"]
    >>> readings = {
    ...     "photo": {0: texts, 5: ["AB12", "C", ""], 9: ["A", "", ""]},
    ...     "ours": {0: texts, 5: ["AB12", "CD34", "F56"], 9: ["A12", "C0", ""]},
    ... }
    >>> display = ReadingDisplay.from_predictions(texts, readings)
    >>> display.intervals_["photo"][:, 1].round(2).tolist()
    [0.0, 0.58, 0.92]
    """

    ax_: Axes
    figure_: Figure
    intervals_: dict[str, NDArray[np.float64]]

    def __init__(
        self, error_rates: Mapping[str, Mapping[Any, NDArray[np.float64]]]
    ) -> None:
        self.error_rates = error_rates

    @classmethod
    def from_estimator(
        cls,
        estimators: Any,
        X: Mapping[Any, Any],
        texts: Texts,
        reader: Reader,
        *,
        show_photo: bool = True,
        level_name: str = "blur",
        reference: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Have plates read as they are, and as fitted binarizers make them; draw.

        Parameters
        ----------
        estimators : object, or mapping of str to object
            A fitted binarizer, or a Pipeline or search that ends in one; or several by
            the names to be shown.
        X : mapping of level to array-like or list of images
            The blurred images of each level, the same plates in the same order.
            Levels are numbers, which have their place on the x axis, or names, which
            stand side by side.
        texts : iterable of str, or mapping of level to iterable of str
            The true numbers of the plates; by level, if not all are the same.
        reader : callable (list of images) -> texts
            An OCR engine, such as :class:`~skdeblurbin.metrics.RapidOCRReader`. The
            images are uint8, 0 is black, and 0 for ink in binary ones.
        show_photo : bool, default=True
            Whether to have the photos read as they are, too, as the line "photo".
        level_name, reference, ax
            As in :meth:`plot`.

        Returns
        -------
        ReadingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a parameter is not as described, or the reader does not give one text
            for each image.
        """
        import_pyplot()
        if not isinstance(X, Mapping):
            raise TypeError(
                "X must be a mapping of level to images, such as {0: X_sharp, 9: "
                f"X_blurred}}, got {type(X).__name__}."
            )
        named = by_name(estimators, "estimators")
        if show_photo and _PHOTO in named:
            raise ValueError(
                f"No estimator may be called {_PHOTO!r} unless show_photo=False."
            )
        readings: dict[str, dict[Any, Any]] = {}
        if show_photo:
            shape = find_image_shape(next(iter(named.values())))
            readings[_PHOTO] = {
                level: read_all(reader, _photos(images, shape))
                for level, images in X.items()
            }
        for name, estimator in named.items():
            readings[name] = {
                level: read_binary(reader, estimator.predict(images), estimator, name)
                for level, images in X.items()
            }
        return cls.from_predictions(
            texts, readings, level_name=level_name, reference=reference, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        texts: Texts,
        readings: Mapping[str, Mapping[Any, Iterable[str]]],
        *,
        level_name: str = "blur",
        reference: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw given readings.

        Parameters
        ----------
        texts : iterable of str, or mapping of level to iterable of str
            The true numbers of the plates; by level, if not all are the same.
        readings : mapping of str to mapping of level to iterable of str
            For each method what was read at each level of blur: one text for each
            plate. All methods have the same levels.
        level_name, reference, ax
            As in :meth:`plot`.

        Returns
        -------
        ReadingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a parameter is not as described; so if methods have different levels, or
            there is not one reading for each text.
        """
        import_pyplot()
        check_names(readings, "readings")
        levels = _check_levels(readings)
        true = _texts_by_level(texts, levels)
        rates = {
            name: {
                level: character_error_rate(
                    true[level], by_level[level], per_image=True
                )
                for level in levels
            }
            for name, by_level in readings.items()
        }
        return cls(rates).plot(ax, level_name=level_name, reference=reference)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        level_name: str = "blur",
        reference: str | None = None,
        confidence: float = 0.95,
        n_resamples: int = 2000,
        random_state: int = 0,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes, Figure, SubFigure or array of one Axes, default=None
            Where to draw; None makes a figure.
        level_name : str, default="blur"
            What the levels are, with their unit.
        reference : str, default=None
            The name of a line: the others are then drawn as differences to it, plate
            by plate. Bands of single lines may overlap where one method is better on
            nearly every plate; the band of their difference then lies below 0.
        confidence : float, default=0.95
            Of the bands, in (0, 1). They are percentiles of the mean over plates drawn
            again and again, with replacement (the bootstrap), the same plates for all
            lines. With fewer than about 20 plates they are too narrow.
        n_resamples : int, default=2000
            How often.
        random_state : int, default=0
            Seeds the drawing.

        Returns
        -------
        ReadingDisplay
            This one.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If a parameter is not as described.
        """
        check_number(
            confidence,
            "confidence",
            low=0,
            high=1,
            include_low=False,
            include_high=False,
        )
        check_number(n_resamples, "n_resamples", low=1, integer=True)
        options = {"n_resamples": n_resamples, "random_state": random_state}
        rates = self._differences(reference)
        axes = make_axes(ax, 1, 1, _SIZE)
        levels = list(next(iter(rates.values())))
        are_numbers = all(_is_number(level) for level in levels)
        if are_numbers:
            levels.sort()
        at = levels if are_numbers else range(len(levels))
        self.ax_ = axes[0]
        self.intervals_ = {}
        for number, name in enumerate(self.error_rates):
            if name == reference:
                continue  # all of its differences to itself are 0
            found = np.array(
                [_interval(rates[name][le], confidence, **options) for le in levels]
            )
            self.intervals_[name] = found
            self._draw(name, at, found, number)
        if not are_numbers:
            texts = [str(level) for level in levels]
            self.ax_.set_xticks(range(len(levels)), texts, **AS_IT_IS)
        self._label(level_name, reference, confidence)
        self.figure_ = figure_of(axes)
        return self

    def _differences(self, reference: str | None) -> Mapping[str, Mapping[Any, Any]]:
        """The error rates, or those less those of the reference."""
        if reference is None:
            return self.error_rates
        check_option(reference, "reference", list(self.error_rates))
        if len(self.error_rates) == 1:
            raise ValueError("reference needs another line to be compared with it.")
        base = self.error_rates[reference]
        return {
            name: {level: rates - base[level] for level, rates in by_level.items()}
            for name, by_level in self.error_rates.items()
        }

    def _draw(self, name: str, at: Any, found: NDArray[Any], number: int) -> None:
        style = line_style(number)
        low, mean, high = found.T
        label = wrapped(name, _LETTERS)
        self.ax_.plot(at, mean, marker="o", ms=4, label=label, **style)
        self.ax_.fill_between(at, low, high, color=style["color"], alpha=0.15, lw=0)

    def _label(self, level_name: str, reference: str | None, confidence: float) -> None:
        ax = self.ax_
        what = "character error rate"
        if reference is None:
            ax.set_ylim(bottom=0)
        else:
            ax.axhline(0, color="0.4", linewidth=0.8)
            what = wrapped(f"{what}, less that of {reference}", _LETTERS)
        size: dict[str, Any] = {"fontsize": SMALL + 1}
        ax.set_xlabel(level_name, **size, **AS_IT_IS)
        ax.set_ylabel(f"{what}\n(less is better)", **size, **AS_IT_IS)
        ax.tick_params(labelsize=SMALL)
        ax.grid(alpha=0.25)
        counts = {len(r) for by in self.error_rates.values() for r in by.values()}
        plates = " to ".join(str(n) for n in sorted({min(counts), max(counts)}))
        title = f"bands: {100 * confidence:g} %, {plates} plates"
        legend_beside(ax, title=title, title_fontsize=SMALL, alignment="left")


def _check_levels(readings: Mapping[str, Mapping[Any, Any]]) -> list[Hashable]:
    first, *_ = readings
    for name, by_level in readings.items():
        if not isinstance(by_level, Mapping) or not by_level:
            raise TypeError(
                "readings must hold a mapping of level to texts for each method, got "
                f"{by_level!r} for {name!r}."
            )
        if set(by_level) != set(readings[first]):
            raise ValueError(
                f"All methods must have the same levels: {first!r} has "
                f"{list(readings[first])}, {name!r} has {list(by_level)}."
            )
    return list(readings[first])


def _texts_by_level(texts: Texts, levels: list[Hashable]) -> dict[Hashable, list[str]]:
    if not isinstance(texts, Mapping):
        given = list(texts)
        return dict.fromkeys(levels, given)
    for level in levels:
        if level not in texts:
            raise ValueError(f"texts has no level {level!r}, but {list(texts)}.")
    return {level: list(texts[level]) for level in levels}


def _photos(X: Any, shape: tuple[int, int] | None) -> list[NDArray[np.uint8]]:
    """Photos as readers take them."""
    images = check_images(X, image_shape=shape)
    grey_range = infer_input_range(images.extents)
    scaled = (scale_to_unit(image, grey_range) for image in images.grey)
    return [np.rint(255 * image.clip(0, 1)).astype(np.uint8) for image in scaled]


def _is_number(level: Any) -> bool:
    return isinstance(level, Real) and not isinstance(level, bool)


def _interval(
    rates: NDArray[np.float64], confidence: float, **options: int
) -> tuple[float, float, float]:
    low, high = bootstrap_interval(rates, confidence=confidence, **options)
    return low, float(rates.mean()), high

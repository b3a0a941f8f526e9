"""How well plates can be read: what an OCR engine makes of them, against the number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._validation import check_images
from skdeblurbin.metrics.scorers import find_image_shape

#: From a list of uint8 images in [0, 255] of shape (height, width) to their texts.
Reader = Callable[[list[NDArray[np.uint8]]], Iterable[str]]


def character_error_rate(
    texts_true: Iterable[str], texts_pred: Iterable[str], *, per_image: bool = False
) -> Any:
    """Mean over plates of the edits that a read number needs, per character.

    The edit distance of Levenshtein [1]_ (insertions, deletions and substitutions)
    between what was read and the true number, divided by the length of the true one.
    Upper and lower case are the same, and only letters and digits count: engines read
    hyphens, dots and blanks as they like.

    Parameters
    ----------
    texts_true, texts_pred : iterable of str
        The numbers, and what was read.
    per_image : bool, default=False
        Whether to return one value for each plate instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n_plates,)
        0 if all is read rightly; above 1 if more is read than is there.

    Raises
    ------
    TypeError
        If there is anything but strings.
    ValueError
        If the two differ in length or are empty, or a true number has no letter and no
        digit.

    References
    ----------
    .. [1] V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions,
       and reversals", Soviet Physics Doklady 10 (1966), 707-710.

    Examples
    --------
    >>> from skdeblurbin.metrics import character_error_rate
    >>> character_error_rate(["AB-123", "CD 45"], ["AB123", "CO45"])
    0.125
    """
    pairs = _check_texts(texts_true, texts_pred)
    rates = np.array([_edit_distance(t, p) / len(t) for t, p in pairs])
    return rates if per_image else float(np.mean(rates))


def plate_accuracy(texts_true: Iterable[str], texts_pred: Iterable[str]) -> float:
    """Share of the plates whose number is read without any error.

    Upper and lower case are the same, and only letters and digits count.

    Parameters
    ----------
    texts_true, texts_pred : iterable of str
        The numbers, and what was read.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        As `character_error_rate`.

    Examples
    --------
    >>> from skdeblurbin.metrics import plate_accuracy
    >>> plate_accuracy(["AB-123", "CD 45"], ["AB123", "CO45"])
    0.5
    """
    pairs = _check_texts(texts_true, texts_pred)
    return float(np.mean([t == p for t, p in pairs]))


def make_reading_scorer(reader: Reader) -> ReadingScorer:
    """Make a scorer of what can be read, for GridSearchCV and cross-validation.

    The truth is what the reader reads from Y, so that plates need no labels: a plate
    whose truth cannot be read counts neither way.

    Parameters
    ----------
    reader : callable (list of images) -> texts
        An OCR engine. The images are uint8, 0 for ink and 255 for paper.

    Returns
    -------
    callable (estimator, X, Y) -> float
        Minus the character error rate: more is better.

    Raises
    ------
    TypeError
        If `reader` cannot be called.

    Examples
    --------
    >>> from skdeblurbin import OtsuBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> from skdeblurbin.metrics import make_reading_scorer
    >>> def reader(images):  # a poor one: it tells how much ink there is
    ...     return [str(round(9 * (image == 0).mean())) for image in images]
    >>> X, Y = make_blurred_plates(4, severity=0.1, light_on_dark=0, random_state=0)
    >>> make_reading_scorer(reader)(OtsuBinarizer().fit(X, Y), X, Y)
    -0.25
    """
    if not callable(reader):
        raise TypeError(f"reader must be callable, got {reader!r}.")
    return ReadingScorer(reader)


class ReadingScorer:
    """What `make_reading_scorer` gives."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, estimator: Any, X: Any, Y: Any) -> float:
        """Score a fitted estimator; larger is better.

        Parameters
        ----------
        estimator : object
            A fitted binarizer, or a Pipeline that ends in one.
        X, Y : array-like or list of images
            Blurred images, and their truth in the estimator's encoding.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the reader reads nothing from any image of Y, or does not give one text
            for each image.
        """
        truth = read_binary(self._reader, Y, estimator, "Y")
        predicted = read_binary(
            self._reader, estimator.predict(X), estimator, "predict(X)"
        )
        readable = [i for i, text in enumerate(truth) if _bare(text)]
        if not readable:
            raise ValueError("The reader reads nothing from any image of Y.")
        rate = character_error_rate(
            [truth[i] for i in readable], [predicted[i] for i in readable]
        )
        return -float(rate)

    def __repr__(self) -> str:
        return f"<scorer -character_error_rate of {self._reader!r}>"


def read_binary(reader: Reader, images: Any, estimator: Any, name: str) -> list[str]:
    """Have binary images in the encoding of a fitted binarizer read.

    Raises
    ------
    ValueError
        If they are no images, or the reader does not give one text for each.
    """
    shape, paper = find_image_shape(estimator), estimator.classes_[1]
    grey = check_images(images, name=name, image_shape=shape).grey
    return read_all(
        reader, [np.where(g == paper, 255, 0).astype(np.uint8) for g in grey]
    )


def read_all(reader: Reader, images: list[NDArray[np.uint8]]) -> list[str]:
    """Have images read.

    Raises
    ------
    ValueError
        If the reader does not give one text for each.
    """
    texts = list(reader(images))
    if len(texts) != len(images):
        raise ValueError(
            f"The reader must give a text for each image, got {len(texts)} for "
            f"{len(images)}."
        )
    return texts


def bootstrap_interval(
    values: NDArray[np.float64],
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap of a mean over plates.

    Equal numbers of plates get equal resamples: intervals of several methods on the
    same plates belong together, and that of the differences of two is a paired one.

    Parameters
    ----------
    values : ndarray of shape (n_plates,)
    confidence : float, default=0.95
        In (0, 1).
    n_resamples : int, default=2000
    random_state : int, default=0

    Returns
    -------
    tuple (low, high)
    """
    rng = np.random.default_rng(random_state)
    picks = rng.integers(len(values), size=(n_resamples, len(values)))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values[picks].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)


def _check_texts(
    texts_true: Iterable[str], texts_pred: Iterable[str]
) -> list[tuple[str, str]]:
    """Pairs of bare texts."""
    found = []
    for name, texts in (("texts_true", texts_true), ("texts_pred", texts_pred)):
        given = [texts] if isinstance(texts, str) else list(texts)
        if isinstance(texts, str) or not all(isinstance(t, str) for t in given):
            raise TypeError(
                f"{name} must be a collection of strings, got {given[:3]!r}."
            )
        found.append([_bare(text) for text in given])
    true, predicted = found
    if len(true) != len(predicted) or not true:
        raise ValueError(
            "texts_true and texts_pred must be equally many, and one at least, got "
            f"{len(true)} and {len(predicted)}."
        )
    if not all(true):
        raise ValueError("texts_true has a text without any letter or digit.")
    return list(zip(true, predicted, strict=True))


def _bare(text: str) -> str:
    """Letters and digits of a text, in upper case."""
    return "".join(character for character in text.upper() if character.isalnum())


def _edit_distance(one: str, other: str) -> int:
    """Levenshtein's distance, row by row of its table."""
    above = list(range(len(other) + 1))
    for i, character in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            change = above[j - 1] + (character != its)
            row.append(min(above[j] + 1, row[-1] + 1, change))
        above = row
    return above[-1]

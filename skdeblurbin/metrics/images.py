"""Metrics that compare images pixel by pixel, and average over images.

All take stacks or lists of images, of mixed sizes too, the truth first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._ranges import extents_of, infer_input_range, scale_to_unit
from skdeblurbin._validation import check_image_pair


def root_mean_squared_error(
    Y_true: Any, Y_pred: Any, *, per_image: bool = False
) -> Any:
    r"""Root mean squared error on the scale [0, 1], averaged over images.

    .. math:: \mathrm{RMSE} = \frac{1}{n} \sum_{i=1}^{n}
              \sqrt{\frac{1}{|P_i|} \sum_{p \in P_i} (y_{ip} - \hat y_{ip})^2}

    For binary images this is the square root of the share of wrong pixels.

    Parameters
    ----------
    Y_true, Y_pred : array-like of shape (n_samples, height, width), or list of images
        Binary or grey. Each of the two is scaled to [0, 1] from the first of [0, 1],
        [0, 255], [0, 65535] and [min, max] that holds all of it: binary images in
        another encoding than these, such as {1, 2}, are read as grey.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n_samples,)
        In [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        If the two differ in number or sizes of images, or are no images.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.metrics import root_mean_squared_error
    >>> Y_true = np.array([[[0, 1], [1, 1]]])
    >>> Y_pred = np.array([[[0, 255], [0, 255]]])
    >>> root_mean_squared_error(Y_true, Y_pred)
    0.5
    """
    return _reduce(np.sqrt(_mean_squared_errors(Y_true, Y_pred)), per_image)


def psnr(Y_true: Any, Y_pred: Any, *, per_image: bool = False) -> Any:
    r"""Peak signal-to-noise ratio in decibels, averaged over images.

    .. math:: \mathrm{PSNR} = -10 \log_{10} \mathrm{MSE}

    on the scale [0, 1]. An image without error has an infinite ratio, and so has
    then the mean.

    Parameters
    ----------
    Y_true, Y_pred : array-like of shape (n_samples, height, width), or list of images
        As in :func:`root_mean_squared_error`.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n_samples,)
        At least 0, in decibels; more is better.

    Raises
    ------
    ValueError
        If the two differ in number or sizes of images, or are no images.

    References
    ----------
    .. [1] I. Pratikakis et al., "ICDAR2017 Competition on Document Image Binarization
       (DIBCO 2017)", section III. :doi:`10.1109/ICDAR.2017.228`

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.metrics import psnr
    >>> Y_true, Y_pred = np.zeros((1, 10, 10)), np.zeros((1, 10, 10))
    >>> Y_pred[0, 0, 0] = 1
    >>> round(psnr(Y_true, Y_pred), 6)
    20.0
    """
    errors = _mean_squared_errors(Y_true, Y_pred)
    with np.errstate(divide="ignore"):
        return _reduce(-10 * np.log10(errors), per_image)


def f_measure(
    Y_true: Any, Y_pred: Any, *, classes: Any = None, per_image: bool = False
) -> Any:
    r"""F-measure of ink, averaged over images.

    .. math:: F = \frac{2\,TP}{2\,TP + FP + FN}

    where the positive pixels are those of ink, the lower of the two values. An image
    without ink in truth and prediction has F = 1.

    Parameters
    ----------
    Y_true, Y_pred : array-like of shape (n_samples, height, width), or list of images
        Binary images in one encoding.
    classes : array-like of shape (2,), default=None
        The two values, the lower of which is ink, in whatever order. None takes the
        two that occur.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n_samples,)
        In [0, 1]; 1 is best.

    Raises
    ------
    ValueError
        If the two differ in number or sizes of images, or hold other values than two.

    References
    ----------
    .. [1] I. Pratikakis et al., "ICDAR2017 Competition on Document Image Binarization
       (DIBCO 2017)", section III. :doi:`10.1109/ICDAR.2017.228`

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.metrics import f_measure
    >>> Y_true = np.array([[[0, 0, 0, 1, 1]]])
    >>> Y_pred = np.array([[[0, 0, 1, 0, 1]]])
    >>> round(f_measure(Y_true, Y_pred), 4)
    0.6667
    """
    return score_ink(_f_measure_of_ink, Y_true, Y_pred, classes, per_image)


def score_ink(
    score_image: Callable[[NDArray[np.bool_], NDArray[np.bool_]], float],
    Y_true: Any,
    Y_pred: Any,
    classes: Any,
    per_image: bool,
) -> Any:
    """Score each pair of binary images by where their ink is, and average.

    Parameters
    ----------
    score_image : callable (true_ink, pred_ink) -> float
        Takes two boolean images of one shape, True where there is ink.
    Y_true, Y_pred, classes, per_image
        As in :func:`f_measure`.

    Returns
    -------
    float, or ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If the two differ in number or sizes of images, or hold other values than two.
    """
    true, pred = check_image_pair(Y_true, Y_pred)
    ink = _ink_value(true, pred, classes)
    scores = [score_image(t == ink, p == ink) for t, p in zip(true, pred, strict=True)]
    return _reduce(np.asarray(scores), per_image)


def _f_measure_of_ink(
    true_ink: NDArray[np.bool_], pred_ink: NDArray[np.bool_]
) -> float:
    both = np.count_nonzero(true_ink & pred_ink)
    total = np.count_nonzero(true_ink) + np.count_nonzero(pred_ink)
    return 2 * both / total if total else 1.0


def _mean_squared_errors(Y_true: Any, Y_pred: Any) -> NDArray[np.float64]:
    true, pred = check_image_pair(Y_true, Y_pred)
    true_range, pred_range = (infer_input_range(extents_of(y)) for y in (true, pred))
    return np.array(
        [
            np.mean(
                np.subtract(
                    scale_to_unit(t, true_range),
                    scale_to_unit(p, pred_range),
                    dtype=np.float64,
                )
                ** 2
            )
            for t, p in zip(true, pred, strict=True)
        ]
    )


def _ink_value(
    true: Sequence[NDArray[Any]], pred: Sequence[NDArray[Any]], classes: Any
) -> Any:
    found = set().union(*map(_some_values, true), *map(_some_values, pred))
    values = sorted(found if classes is None else set(np.ravel(classes).tolist()))
    if len(values) > 2 or not found.issubset(values):
        raise ValueError(
            "Y_true and Y_pred must be binary images in one encoding, with at most two "
            f"values between them, {'' if classes is None else f'{values}, '}got "
            f"{sorted(found)[:5]}."
        )
    # A single value is all ink or all paper: either way the two agree everywhere.
    # A whole number of bytes is compared with them in less time than a float.
    return next((value for value in found if value == values[0]), values[0])


def _some_values(image: NDArray[Any]) -> set[Any]:
    """The values of a binary image; of another, three or more of them."""
    low, high = image.min(), image.max()
    extreme = np.count_nonzero(image == low) + np.count_nonzero(image == high)
    if low == high or extreme == image.size:
        return {low.item(), high.item()}
    return set(np.unique(image)[:3].tolist())


def _reduce(values: NDArray[np.float64], per_image: bool) -> Any:
    return values if per_image else float(np.mean(values))

"""Scorers: callables (estimator, X, Y) for GridSearchCV and cross-validation.

scikit-learn's own refuse images: its metrics take arrays of two dimensions at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skdeblurbin._validation import check_images
from skdeblurbin.metrics.documents import drd, pseudo_f_measure
from skdeblurbin.metrics.images import f_measure, root_mean_squared_error


class _ImageScorer:
    """Scorer that compares ``estimator.predict(X)`` with Y; more is better."""

    def __init__(self, metric: Callable[[Any, Any], float], sign: int) -> None:
        self._metric = metric
        self._sign = sign

    def __call__(self, estimator: Any, X: Any, Y: Any) -> float:
        """Score a fitted estimator; larger is better.

        Parameters
        ----------
        estimator : object
            A fitted binarizer, or a Pipeline that ends in one.
        X : array-like or list of images
            Blurred images.
        Y : array-like or list of images
            Binary truth in the estimator's encoding.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If Y holds other values than the estimator's `classes_`.
        """
        known = np.asarray(estimator.classes_)
        shape = find_image_shape(estimator)
        predicted = check_images(
            estimator.predict(X), name="predict(X)", image_shape=shape
        ).grey
        truth = check_images(Y, name="Y", image_shape=shape).grey
        for image in truth:
            if not np.isin(image, known).all():
                raise ValueError(
                    f"Y must hold only the values {known.tolist()} that {estimator!r} "
                    f"was fitted on, got {np.unique(image)[:5].tolist()}."
                )
        return self._sign * self._metric(
            [image == known[1] for image in truth],
            [image == known[1] for image in predicted],
        )

    def __repr__(self) -> str:
        sign = "-" if self._sign < 0 else ""
        return f"<scorer {sign}{self._metric.__name__}>"


def find_image_shape(estimator: Any) -> tuple[int, int] | None:
    """Find the shape that rows of pixels have as images, in searches and pipelines too.

    Metrics that look at neighbours need it.
    """
    shape: tuple[int, int] | None = getattr(
        find_binarizer(estimator), "image_shape", None
    )
    return shape


def find_binarizer(estimator: Any) -> Any:
    """Find what does the work within fitted searches and pipelines: the last step."""
    *_, binarizer = layers_of(estimator)
    return binarizer


def layers_of(estimator: Any) -> Iterator[Any]:
    """Fitted searches and pipelines, from the outside in, then what does the work."""
    while True:
        yield estimator
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return


rmse_scorer = _ImageScorer(root_mean_squared_error, sign=-1)
"""Minus the mean over images of the RMSE on {0, 1}: the estimators' own score."""

f_measure_scorer = _ImageScorer(f_measure, sign=1)
"""The mean over images of the F-measure of ink."""

pseudo_f_measure_scorer = _ImageScorer(pseudo_f_measure, sign=1)
"""The mean over images of the pseudo-F-measure of ink (H-DIBCO 2010)."""

drd_scorer = _ImageScorer(drd, sign=-1)
"""Minus the mean over images of the distance reciprocal distortion of ink."""

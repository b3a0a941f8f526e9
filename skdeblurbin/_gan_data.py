"""What `fit` is given becomes validated pairs: to train on, and to validate on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdeblurbin._ranges import learn_scale, ranges_of, warn_doubtful_range
from skdeblurbin._targets import (
    check_sample_weight,
    check_targets,
    encode_targets,
    find_classes,
)
from skdeblurbin._validation import Images, check_images
from skdeblurbin.training import Pairs


@dataclass(frozen=True)
class TrainingData:
    """Validated training pairs, and what `predict` must know of them.

    Attributes
    ----------
    images : Images
        `X`, in the caller's form.
    pairs : Pairs
        To train on: those of a weight above 0.
    validation : Pairs or None
        To validate on, where the caller has named them.
    classes : ndarray of shape (2,)
    input_range : tuple (low, high)
    on_integers : bool
        Whether `X` held integers.
    """

    images: Images
    pairs: Pairs
    validation: Pairs | None
    classes: NDArray[Any]
    input_range: tuple[float, float]
    on_integers: bool

    def known(self) -> dict[str, Any]:
        """The fitted attributes that do not depend on the training."""
        return {
            "classes_": self.classes,
            "input_range_": self.input_range,
            "_fitted_on_integers": self.on_integers,
        }


def check_training_data(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    validation: tuple[Any, Any] = (None, None),
    classes: Any = None,
    scale: tuple[tuple[float, float], bool] | None = None,
) -> TrainingData:
    """Validate what `fit` or `partial_fit` is given.

    Parameters
    ----------
    estimator : GANEngine
    X, y, sample_weight, classes
        As `fit` and `partial_fit` have them.
    validation : (X_val, y_val)
        Both None where the caller names no pairs to validate on.
    scale : (input range, on integers), default=None
        Of earlier calls; None learns it from the images.
    """
    shape = estimator._checked_image_shape()
    images = estimator._check_training_images(X)
    targets = check_targets(y, images, image_shape=shape, estimator=estimator)
    weights = check_sample_weight(sample_weight, len(images))
    found = find_classes(targets, classes)
    given = _check_validation_pairs(estimator, X, images, *validation, found)
    if weights is not None and not weights.all():
        # As if they were not there: batch normalization would count them.
        counted = np.flatnonzero(weights)
        images, targets = images.take(counted), targets.take(counted)
        weights = weights[counted]
    input_range, on_integers = scale or learn_scale(images.extents)

    def pair(photos: Images, truths: Images) -> Pairs:
        ranges = ranges_of(photos.extents, input_range, on_integers)
        warn_doubtful_range(photos.extents, ranges)
        paper = encode_targets(truths, found)
        return Pairs(photos.grey, ranges, paper, working_shape)

    working_shape = estimator._checked_working_shape()
    return TrainingData(
        images,
        replace(pair(images, targets), weights=weights),
        pair(*given) if given else None,
        # Later calls keep the encoding and dtype of the first.
        found if scale is None else classes,
        input_range,
        on_integers,
    )


def _check_validation_pairs(
    estimator: Any,
    X: Any,
    images: Images,
    X_val: Any,
    y_val: Any,
    classes: NDArray[Any],
) -> tuple[Images, Images] | None:
    """Pairs to validate on, in the form of `X` and the encoding of `classes`."""
    if X_val is None and y_val is None:
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val go together; {missing} is None.")
    if estimator.validation_fraction is not None:
        raise ValueError(
            "Give pairs to validate on, X_val and y_val, or set validation_fraction to "
            f"set some of X aside, not both; validation_fraction is "
            f"{estimator.validation_fraction!r}."
        )
    shape = estimator._checked_image_shape()
    held = check_images(X_val, name="X_val", image_shape=shape, estimator=estimator)
    estimator._check_sizes(held, "X_val")
    _check_same_names(X, X_val)
    if shape is None:
        _check_same_columns(images, held)
    targets = check_targets(
        y_val, held, image_shape=shape, estimator=estimator, names=("X_val", "y_val")
    )
    find_classes(targets, classes, name="y_val")
    return held, targets


def _check_same_names(X: Any, X_val: Any) -> None:
    """Refuse a frame whose columns have other names, or another order."""
    names = [list(rows.columns) for rows in (X, X_val) if hasattr(rows, "columns")]
    if len(names) == 2 and names[0] != names[1]:
        raise ValueError(
            f"X_val must have the columns of X, in their order; got {names[1][:5]} in "
            f"X_val and {names[0][:5]} in X."
        )


def _check_same_columns(images: Images, held: Images) -> None:
    """Refuse rows of pixels that are not as those of `X`."""
    of_rows = [given.container == "rows" for given in (images, held)]
    if of_rows[0] != of_rows[1]:
        rows, others = ("X", "X_val") if of_rows[0] else ("X_val", "X")
        raise ValueError(
            "X and X_val must both hold images or both hold rows of pixels; "
            f"{rows} holds rows, {others} does not."
        )
    widths = images.shapes[0][1], held.shapes[0][1]
    if of_rows[0] and widths[0] != widths[1]:
        raise ValueError(
            f"X_val has {widths[1]} features, but X has {widths[0]} features."
        )

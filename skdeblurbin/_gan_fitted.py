"""Fitted attributes in files of models: what is written, checked and read back.

Without torch, which the runner of exported models does without.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np


def restored_attributes(fitted: dict[str, Any]) -> dict[str, Any]:
    """The fitted attributes that a file tells of, after `check_fitted`."""
    shape = fitted.get("image_shape_")
    state: dict[str, Any] = {
        "classes_": np.array(fitted["classes_"], fitted["classes_dtype"]),
        "input_range_": tuple(fitted["input_range_"]),
        "_fitted_on_integers": fitted["_fitted_on_integers"],
        "n_epochs_": fitted["n_epochs_"],
        "image_shape_": None if shape is None else tuple(shape),
    }
    if "n_features_in_" in fitted:
        state["n_features_in_"] = fitted["n_features_in_"]
    if "feature_names_in_" in fitted:
        state["feature_names_in_"] = np.array(fitted["feature_names_in_"], object)
    return state


def check_fitted(fitted: dict[str, Any]) -> None:
    """Check what a file says of the fitted attributes.

    Raises
    ------
    ValueError, TypeError, LookupError
        If no model has such attributes.
    """
    # numpy would take far more than names of types, and read Python's literals in it.
    if not re.fullmatch("[<>|=][biuf][1248]", fitted["classes_dtype"]):
        raise ValueError(f"it has classes of type {fitted['classes_dtype']!r}")
    dtype = np.dtype(fitted["classes_dtype"])
    classes = np.array(fitted["classes_"], dtype)
    low, high = fitted["input_range_"]
    sound = (
        classes.shape == (2,)
        and bool(classes[0] < classes[1])
        and math.isfinite(low)
        and math.isfinite(high)
        and low < high
        and isinstance(fitted["_fitted_on_integers"], bool)
        and is_count(fitted["n_epochs_"])
        and _are_columns(fitted)
    )
    if not sound:
        raise ValueError("what it says of the training data cannot be")


def _are_columns(fitted: dict[str, Any]) -> bool:
    """Whether what a header says of the training images' form can be."""
    shape, n_columns = fitted.get("image_shape_"), fitted.get("n_features_in_", 1)
    names = fitted.get("feature_names_in_")
    return (
        (shape is None or (isinstance(shape, list) and len(shape) == 2))
        and all(is_count(side) and side > 0 for side in shape or ())
        and is_count(n_columns)
        and n_columns > 0
        and (
            names is None
            or (
                isinstance(names, list)
                and len(names) == n_columns
                and all(isinstance(name, str) for name in names)
            )
        )
    )


def is_count(value: Any, limit: int = 2**63) -> bool:
    """Whether this is a whole number from 0, and below the limit."""
    return type(value) is int and 0 <= value < limit

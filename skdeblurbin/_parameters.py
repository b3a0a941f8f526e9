"""Checks of constructor parameters, in scikit-learn's wording."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_image_shape(
    image_shape: Any, name: str = "image_shape"
) -> tuple[int, int] | None:
    """Check a parameter that is None or two positive integers."""
    if image_shape is None:
        return None
    if (
        not isinstance(image_shape, Sequence)
        or isinstance(image_shape, (str, bytes))
        or len(image_shape) != 2
        or not all(_is_count(side) for side in image_shape)
    ):
        raise ValueError(
            f"{name} must be None or (height, width), two integers of at least 1, "
            f"got {image_shape!r}."
        )
    return int(image_shape[0]), int(image_shape[1])


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and value is not True and int(value) >= 1


def is_auto(value: Any) -> bool:
    """Whether a parameter is left open; safe for arrays, too."""
    return isinstance(value, str) and value == "auto"


def check_number(
    value: Any,
    name: str,
    *,
    low: float,
    high: float = float("inf"),
    integer: bool = False,
    include_low: bool = True,
    include_high: bool = True,
    optional: bool = False,
    auto: bool = False,
) -> None:
    """Check that a parameter is a number within its bounds.

    None is allowed if it is `optional`, "auto" if it may be left open (`auto`).

    Raises
    ------
    TypeError
        If it is not a number (or not an integer, where one is needed).
    ValueError
        If it is out of bounds.
    """
    if (optional and value is None) or (auto and is_auto(value)):
        return
    kind = "an integer" if integer else "a real number"
    alternative = " or 'auto'" if auto else ""
    closed_high = include_high and high != float("inf")
    interval = (
        f"{'[' if include_low else '('}{low:g}, {high:g}{']' if closed_high else ')'}"
    )
    message = (
        f"{name} must be {kind} in the range {interval}"
        f"{' or None' if optional else ''}{alternative}, got {value!r}."
    )
    wanted = Integral if integer else Real
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, wanted):
        raise TypeError(message)
    number: Any = value
    above = number >= low if include_low else number > low
    below = number <= high if closed_high else number < high
    if not (above and below):  # NaN fails both
        raise ValueError(message)


def check_verbose(verbose: Any) -> None:
    """Check a parameter that is a level of telling, or a bool."""
    if not isinstance(verbose, (bool, np.bool_)):
        check_number(verbose, "verbose", low=0, integer=True)

"""Checks of parameters that several modules of this package share."""

from __future__ import annotations

import numpy as np


def check_number(
    name: str, value: float, low: float, high: float = np.inf, *, open_low: bool = False
) -> float:
    """Return `value` as a float, or say what the parameter `name` may be."""
    left = "(" if open_low else "["
    right = ")" if np.isinf(high) else "]"
    allowed = f"a float in {left}{low:g}, {high:g}{right}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{name} must be {allowed}, got {value!r}.")
    below = value <= low if open_low else value < low
    if not np.isfinite(value) or below or value > high:
        raise ValueError(f"{name} must be {allowed}, got {value!r}.")
    return float(value)

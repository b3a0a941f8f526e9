"""Warnings that point at the caller's line, however deep in the library they arise."""

from __future__ import annotations

import sys
import warnings

# scikit-learn's callbacks wrap `fit`: their frames are not the caller's either.
_INSIDE = ("skdeblurbin", "sklearn.callback")


class TrainingInterrupted(UserWarning):
    """Ctrl-C has ended a training early."""


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and name the innermost line outside of this package as the place."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_inside(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in _INSIDE)

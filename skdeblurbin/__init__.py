"""Joint deblurring and binarization of licence plates, as scikit-learn estimators.

The public names are loaded when first used, so that the parts that need no torch
import without it.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdeblurbin._classical import (
        OtsuBinarizer,
        SauvolaBinarizer,
        WienerBinarizer,
    )
    from skdeblurbin._files import ModelFileError
    from skdeblurbin._gan import GANBinarizer

__version__ = "0.1.0.dev0"

__all__ = [
    "GANBinarizer",
    "ModelFileError",
    "OtsuBinarizer",
    "SauvolaBinarizer",
    "WienerBinarizer",
    "__version__",
]

_HOMES = {
    "GANBinarizer": "skdeblurbin._gan",
    "ModelFileError": "skdeblurbin._files",
    "OtsuBinarizer": "skdeblurbin._classical",
    "SauvolaBinarizer": "skdeblurbin._classical",
    "WienerBinarizer": "skdeblurbin._classical",
}


# Silent, unless a program listens: logging.basicConfig(level=logging.INFO).
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

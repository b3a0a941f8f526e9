"""JSON for stdout, and texts for stderr."""

from __future__ import annotations

import json
import math
import sys
from typing import Any


def as_json(value: Any) -> str:
    """A value on one line; numbers that JSON does not have are null."""
    return json.dumps(_finite(value), allow_nan=False)


def tell(text: str) -> None:
    """Print to stderr; what is not printable, of names and files, gives no orders."""
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """A text whose control characters and broken letters are escaped."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
        for letter in text
    )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # numpy's numbers
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

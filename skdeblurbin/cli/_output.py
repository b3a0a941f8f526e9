"""JSON on stdout, and progress on a terminal."""

from __future__ import annotations

import json
import math
import sys
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Self


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


class Progress(AbstractContextManager["Progress"]):
    """How far a loop is, on stderr if that is a terminal; nothing in logs.

    A bar where rich is installed, else a line that is written over.

    Parameters
    ----------
    total : int
    what : str
        What is counted, in the plural.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what, self._n = total, what, 0
        self._is_shown = sys.stderr.isatty()
        self._bar: Any = None
        if self._is_shown:
            with suppress(ImportError):
                self._bar = _bar_of_rich()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def advance(self) -> None:
        """Count one more."""
        self._n += 1
        if self._bar is not None:
            self._bar.advance(self._task)
        elif self._is_shown:
            print(
                f"\r{self._n}/{self._total} {self._what}",
                end="",
                file=sys.stderr,
                flush=True,
            )

    def say(self, text: str) -> None:
        """Print a line that stays, in logs too."""
        if self._bar is not None:
            self._bar.console.print(
                printable(text), markup=False, highlight=False, soft_wrap=True
            )
            return
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr)
        tell(text)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._is_shown:
            print(file=sys.stderr)


def _bar_of_rich() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

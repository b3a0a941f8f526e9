"""How far long work is: one live line on a terminal, and none in logs."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Protocol, TextIO

# Seconds between two looks of a live line.
_EVERY = 0.1
#: Seconds that work should take before it shows how far it is, if it may be short.
PATIENCE = 2.0


class Progress(AbstractContextManager["Progress"]):
    """One live line on stderr, if that is a terminal or a notebook.

    With rich it has a bar. Where stderr goes into a file, only what is to stay is
    printed (`say`).

    Parameters
    ----------
    total : int
        How much there is to do.
    what : str
        What is counted, in the plural.
    wanted : bool, default=True
        Whether to show a live line at all.
    delay : float, default=0
        Seconds before it is shown: short work needs none.
    n_done : int, default=0
        What was done before.

    Examples
    --------
    >>> from skdeblurbin._progress import Progress
    >>> with Progress(3, "plates") as progress:
    ...     for _ in range(3):
    ...         progress.advance()
    """

    def __init__(
        self,
        total: int,
        what: str,
        *,
        wanted: bool = True,
        delay: float = 0.0,
        n_done: int = 0,
    ) -> None:
        self._total, self._what = total, what
        self._n = self._n_before = n_done
        self._text = ""
        self._line = _live_line(sys.stderr) if wanted else None
        self._start = time.perf_counter()
        self._next = self._start + delay

    @property
    def is_live(self) -> bool:
        """Whether there is a line, now or when its delay is over."""
        return self._line is not None

    def advance(self, n: int = 1) -> None:
        """Count `n` more."""
        self._n += n
        if self._line is not None and time.perf_counter() >= self._next:
            self._show()

    def move_to(self, n: int) -> None:
        """Set what is done, where it is not counted one by one."""
        self._n = n

    def describe(self, text: str) -> None:
        """Put a text behind the numbers, from the next look on."""
        self._text = text

    def say(self, text: str) -> None:
        """Print a line that stays, in logs too."""
        if self._line is not None:
            self._line.say(text)
        elif sys.stderr is not None:
            print(text, file=sys.stderr, flush=True)

    def seconds_left(self) -> float | None:
        """How long the rest will take; None before anything is done."""
        n_new = self._n - self._n_before
        if not n_new:
            return None
        passed = time.perf_counter() - self._start
        return passed / n_new * (self._total - self._n)

    def _show(self) -> None:
        assert self._line is not None
        self._next = time.perf_counter() + _EVERY
        left = self.seconds_left()
        parts = [
            f"{self._n}/{self._total} {self._what}",
            *([self._text] if self._text else []),
            *([] if left is None else [f"left {as_clock(left)}"]),
        ]
        self._line.show("  ".join(parts), self._n, self._total)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._line is not None:
            self._line.close()


def as_clock(seconds: float) -> str:
    """Seconds as minutes and seconds, with hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"


class _LiveLine(Protocol):
    def show(self, text: str, n: int, total: int) -> None: ...
    def say(self, text: str) -> None: ...
    def close(self) -> None: ...


def _live_line(stream: TextIO | None) -> _LiveLine | None:
    """The best line that a stream can show; None if it is a file."""
    if stream is None or not hasattr(stream, "isatty"):
        return None  # a program without a console
    with suppress(ImportError):
        return _RichLine.on(stream)
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    return _PlainLine(stream) if is_terminal else None


class _PlainLine:
    """A line that is written over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_there = False

    def show(self, text: str, n: int, total: int) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{text[:width]}")
        self._is_there = True

    def say(self, text: str) -> None:
        self._write(f"{self._gone()}{text}\n")

    def close(self) -> None:
        self._write(self._gone())

    def _gone(self) -> str:
        """What makes the line disappear, if it is there."""
        was_there, self._is_there = self._is_there, False
        return "\r\x1b[K" if was_there else ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class _RichLine:
    """rich's bar, which is drawn by the thread that works, and by no other."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.description}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task: Any = None

    @classmethod
    def on(cls, stream: TextIO) -> _RichLine | None:
        from rich.console import Console
        from rich.file_proxy import FileProxy

        if isinstance(stream, FileProxy):
            return None  # another live display is there, scikit-learn's for example
        console = Console(file=stream)
        can_show = console.is_jupyter or (
            console.is_terminal and not console.is_dumb_terminal
        )
        return cls(console) if can_show else None

    def show(self, text: str, n: int, total: int) -> None:
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(text, total=total)
        self._progress.update(self._task, description=text, completed=n, refresh=True)

    def say(self, text: str) -> None:
        self._progress.console.print(
            text, markup=False, highlight=False, soft_wrap=True
        )

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop()

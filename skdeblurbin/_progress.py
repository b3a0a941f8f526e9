"""How far long work is: one live line on a terminal, and none in logs."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Protocol, TextIO

# Seconds between two looks of a live line.
_EVERY = 0.1
# Columns of a bar: an eighth of the terminal's, so that numbers have their place.
_WIDEST_BAR, _SHARE_OF_BAR = 20, 8
_GAP = "  "
#: Seconds that work should take before it shows how far it is, if it may be short.
PATIENCE = 2.0
#: Stand for what is counted, and for the time left, among what a live line shows.
COUNT, LEFT = "{count}", "{left}"


class Progress(AbstractContextManager["Progress"]):
    """One live line on stderr, if that is a terminal or a notebook.

    With rich it has a bar. It shows how much is done, the time left, and what
    `describe` adds; of what is too long for the terminal, the last items are left out.
    Where stderr goes into a file, only what is to stay is printed (`say`).

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
        self._items: Sequence[str] = (COUNT, LEFT)
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

    def describe(self, *items: str) -> None:
        """Show other items from the next look on, the most wanted first.

        `COUNT` and `LEFT` among them become how much is done, and the time left.
        """
        self._items = items

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
        known = {
            COUNT: f"{self._n}/{self._total} {self._what}",
            LEFT: "" if left is None else f"left {as_clock(left)}",
        }
        items = [known.get(item, item) for item in self._items]
        self._line.show(list(filter(None, items)), self._n, self._total)

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


def _fitting(items: Iterable[str], width: int) -> str:
    """As many whole items, from the first on, as there is width for.

    Half a number would be a wrong one.
    """
    text = ""
    for item in items:
        longer = f"{text}{_GAP}{item}" if text else item
        if len(longer) > width:
            break
        text = longer
    return text


class _LiveLine(Protocol):
    def show(self, items: Sequence[str], n: int, total: int) -> None: ...
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


def _width_of(stream: TextIO) -> int:
    """The columns of a terminal; 80 if it does not know them."""
    columns = 0
    if "COLUMNS" not in os.environ:
        with suppress(OSError, ValueError):  # it is none of the system's
            columns = os.get_terminal_size(stream.fileno()).columns
    return columns or shutil.get_terminal_size().columns


class _PlainLine:
    """A line that is written over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_there = False

    def show(self, items: Sequence[str], n: int, total: int) -> None:
        # The last column stays free: some terminals begin a new line after it.
        self._write(f"\r\x1b[K{_fitting(items, _width_of(self._stream) - 1)}")
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

        self._bar = BarColumn()
        self._progress = Progress(
            self._bar,
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

    def show(self, items: Sequence[str], n: int, total: int) -> None:
        width = self._progress.console.width
        bar = self._bar.bar_width = min(_WIDEST_BAR, width // _SHARE_OF_BAR)
        text = _fitting(items, width - bar - 1)  # a space lies between them
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

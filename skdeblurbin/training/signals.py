"""Ctrl-C and SIGTERM, heard between the steps of a training."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Signals:
    """Notes signals while a training runs, so that it can end between two steps.

    A SIGTERM that was noted is passed on when the block is left, however that happens.

    Python hears signals in the main thread only; elsewhere nothing is noted. A handler
    of the caller's own for Ctrl-C stays in place.

    Parameters
    ----------
    heed_interruption, heed_termination : bool
        Whether Ctrl-C, and whether SIGTERM, is noted.

    Attributes
    ----------
    interrupted, interrupted_twice, terminated : bool
        Whether Ctrl-C (SIGINT) and SIGTERM came. The second Ctrl-C raises
        KeyboardInterrupt at once.
    """

    def __init__(self, *, heed_interruption: bool, heed_termination: bool) -> None:
        self._heed_interruption = heed_interruption
        self._heed_termination = heed_termination
        self._before: dict[int, Any] = {}
        self.interrupted = self.interrupted_twice = self.terminated = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            if self._heed_interruption and is_default:
                self._hear(signal.SIGINT, self._interrupt)
            if self._heed_termination and signal.getsignal(signal.SIGTERM) is not None:
                self._hear(signal.SIGTERM, self._terminate)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pass_termination_on()

    def pass_termination_on(self) -> None:
        """Let SIGTERM do what it would have done without this; mostly the process ends.

        If it does not, since the caller has a handler of their own, signals are no
        longer noted.
        """
        while self._before:
            signal.signal(*self._before.popitem())
        if self.terminated:
            self.terminated = False
            signal.raise_signal(signal.SIGTERM)

    def _hear(self, number: int, handler: Any) -> None:
        self._before[number] = signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            self.interrupted_twice = True
            raise KeyboardInterrupt
        self.interrupted = True

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True

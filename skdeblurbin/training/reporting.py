"""What a training tells: a live line, lines that stay, records for `logging`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from skdeblurbin._progress import COUNT, LEFT, Progress, as_clock

_LOG = logging.getLogger(__name__)

# Seconds between two lines where there is no live one, unless more are asked for.
_BETWEEN_LINES = 10.0
# What a live line calls the numbers of an epoch, the most wanted first, before and
# after how many steps are done. Short: many terminals have 80 columns.
_FIRST = {"validation_rmse": "val. RMSE", "generator_loss": "loss"}
_LATER = {
    "content_loss": "content",
    "perceptual_loss": "perceptual",
    "adversarial_loss": "adversarial",
    "discriminator_loss": "discriminator",
    "rmse": "RMSE",
    "validation_f_measure": "val. F",
}


class TrainingReport(AbstractContextManager["TrainingReport"]):
    """Tells how a training goes, to whoever wants to know.

    Everything said goes to the logger of this module, at the level INFO, whatever
    `verbose` is.

    Parameters
    ----------
    verbose : int
        0 prints nothing. 1 shows a live line on a terminal, or prints a line at most
        every ten seconds where there is none. 2 prints a line for each epoch.
    n_epochs : int
        Of this training.
    n_steps : int
        Of an epoch.
    n_earlier : int
        Epochs of earlier trainings, which the numbers of epochs go on from.
    n_steps_done : int
        Steps of this training that were done before it was resumed.
    """

    def __init__(
        self,
        verbose: int,
        n_epochs: int,
        n_steps: int,
        *,
        n_earlier: int,
        n_steps_done: int,
    ) -> None:
        self._verbose = verbose
        self._n_epochs, self._n_steps = n_epochs, n_steps
        self._n_earlier = n_earlier
        self._progress = Progress(
            n_epochs * n_steps,
            "steps",
            wanted=bool(verbose),
            n_done=n_steps_done,
        )
        self._last_line = -_BETWEEN_LINES

    def step(self) -> None:
        """After each step."""
        self._progress.advance()

    def epoch(self, entry: Mapping[str, Any], n_done: int) -> None:
        """After each epoch.

        Parameters
        ----------
        entry : dict
            Of the history.
        n_done : int
            Epochs of this training that are done.
        """
        self._progress.move_to(n_done * self._n_steps)
        numbers = "  ".join(
            f"{name.removesuffix('_loss')} {value:.4f}"
            for name, value in entry.items()
            if name.endswith(("_loss", "rmse", "f_measure"))
        )
        name = f"epoch {entry['epoch']}/{self._n_earlier + self._n_epochs}"
        first, later = _called(_FIRST, entry), _called(_LATER, entry)
        self._progress.describe(name, LEFT, *first, COUNT, *later)
        left = self._progress.seconds_left()
        line = f"{name}  {numbers}  {entry['seconds']:.1f} s"
        if left is not None:
            line = f"{line}  left {as_clock(left)}"
        _LOG.info(line)
        if self._verbose and self._is_time(is_last=n_done == self._n_epochs):
            self._print(line)

    def say(self, text: str) -> None:
        """Tell of an event."""
        _LOG.info(text)
        if self._verbose:
            self._print(text)

    def _is_time(self, *, is_last: bool) -> bool:
        """Whether to print the line of an epoch."""
        if self._verbose > 1 or is_last:
            return True
        now = time.monotonic()
        if self._progress.is_live or now - self._last_line < _BETWEEN_LINES:
            return False
        self._last_line = now
        return True

    def _print(self, text: str) -> None:
        self._progress.say(f"[GANBinarizer] {text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, trace)


def _called(names: Mapping[str, str], entry: Mapping[str, Any]) -> list[str]:
    """Numbers of an epoch under other names."""
    return [
        f"{short} {entry[name]:#.4g}" for name, short in names.items() if name in entry
    ]

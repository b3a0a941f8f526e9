"""Checkpoints: a training that was killed goes on as if nothing had happened."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from skdeblurbin._files import (
    ModelFileError,
    pack,
    unfinished,
    unpack,
    write_atomically,
)
from skdeblurbin.training.divergence import check_weights

# Of the file's content; another number is another kind of file.
_FORMAT = 1
_SUFFIX = ".checkpoint"
#: In bytes; a hundred times what those of large networks have.
LARGEST_CHECKPOINT = 2**32
#: What a checkpoint keeps of a run, beside its trainer, its batches and its epoch.
KEPT_OF_RUN: dict[str, Any] = {
    "history": list,
    "_best": dict | None,
    "_best_error": float,
    "_best_epoch": int,
    "_last_finite": dict,
    "_epochs_since_best": int,
    "_n_done": int,
    "_n_rollbacks": int,
    "_is_finished": bool,
    "_seconds": float,
}
# Seconds to wait for the lock: others hold it that long at most while they sweep.
_PATIENCE = 1.0


class Checkpoint:
    """The file that a training keeps its state in, and its lock.

    Each training has its own file in the directory, whose name follows from the
    fingerprint. So a search may share a directory among its candidates and folds.

    Parameters
    ----------
    directory : Path
        Made if it is not there.
    fingerprint : dict of str to str
        What makes this training what it is: parameters, data, beginning.
    every : float
        Seconds between two checkpoints.

    Attributes
    ----------
    path : Path

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skdeblurbin.training import Checkpoint
    >>> with TemporaryDirectory() as directory:
    ...     with Checkpoint(Path(directory), {"K1": "145"}, every=60) as checkpoint:
    ...         checkpoint.write({"step": 7})
    ...         checkpoint.read()
    {'step': 7}
    """

    def __init__(
        self, directory: Path, fingerprint: Mapping[str, str], *, every: float
    ) -> None:
        self._fingerprint = dict(fingerprint)
        self._every = every
        text = json.dumps([_FORMAT, sorted(self._fingerprint.items())])
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.path = directory / f"{name}{_SUFFIX}"
        self._lock = FileLock(self.path.with_suffix(".lock"))
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        """Take the file for this training alone, and sweep up after killed ones.

        Raises
        ------
        OSError
            If the directory cannot be made or written to.
        RuntimeError
            If another process or thread is at the same training.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=_PATIENCE)
        except Timeout:
            raise RuntimeError(
                f"{self.path} is being written by another process or thread that "
                "trains with the same data and parameters."
            ) from None
        self._sweep()
        self._last = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    @property
    def is_due(self) -> bool:
        """Whether it is time for another checkpoint."""
        return time.monotonic() - self._last >= self._every

    def write(self, state: dict[str, Any]) -> None:
        """Replace the file; if that fails, the old one stays.

        Raises
        ------
        OSError
            If the file cannot be written, for example because the disk is full, or
            has more than 4 GiB.
        """
        about = {"format": _FORMAT, "fingerprint": self._fingerprint}
        data = pack({**about, "state": state})
        if len(data) > LARGEST_CHECKPOINT:
            reason = f"A checkpoint has {LARGEST_CHECKPOINT} bytes at most"
            raise OSError(errno.EFBIG, f"{reason}, not {len(data)}", str(self.path))
        write_atomically(self.path, data)
        self._last = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The state of this training, or None if there is no file of it.

        Raises
        ------
        ModelFileError
            If the file is damaged, or of another training.
        """
        try:
            found = _content(self.path)
        except FileNotFoundError:
            return None
        different = self._differences(found["fingerprint"])
        if different:
            reason = f"it is of another training, with other {', '.join(different)}"
            raise ModelFileError(self.path, reason)
        state: dict[str, Any] = found["state"]
        return state

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)

    def others(self) -> dict[str, list[str]]:
        """In what the other trainings in the directory differ, by their files' names.

        Damaged files are left out.
        """
        found = {}
        for path in sorted(self.path.parent.glob(f"*{_SUFFIX}")):
            if path == self.path:
                continue
            try:
                content = _content(path)
            except (OSError, ModelFileError):
                continue
            found[path.name] = self._differences(content["fingerprint"])
        return found

    def _sweep(self) -> None:
        """Remove what killed processes left in the directory, of any training.

        Lock files stay: another process may have opened one, and be about to lock it.
        """
        folder = self.path.parent
        for left in unfinished(folder, self.path.name):
            left.unlink(missing_ok=True)
        # Whoever writes a file has had its lock since before the file was there: what
        # is found first, and has a free lock or none afterwards, has no writer.
        for left in unfinished(folder, f"*{_SUFFIX}"):
            lock = folder / f"{left.name.partition('.')[0]}.lock"
            held = FileLock(lock, timeout=0) if lock.exists() else nullcontext()
            # Timeout if it is held elsewhere; others if the file is another user's.
            with suppress(OSError), held:
                left.unlink(missing_ok=True)

    def _differences(self, fingerprint: dict[str, str]) -> list[str]:
        names = {*fingerprint, *self._fingerprint}
        return sorted(
            n for n in names if fingerprint.get(n) != self._fingerprint.get(n)
        )


def _content(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_CHECKPOINT:
            reason = f"it has {size} bytes, and {LARGEST_CHECKPOINT} are allowed"
            raise ModelFileError(path, reason)
        content = unpack(file.read(), path)
    if (
        not isinstance(content, dict)
        or content.get("format") != _FORMAT
        or not isinstance(content.get("fingerprint"), dict)
        or not isinstance(content.get("state"), dict)
    ):
        raise ModelFileError(path, "it is no checkpoint that this version can read")
    return content


def check_state(state: Mapping[str, Any]) -> None:
    """Check what a checkpoint holds, with tensors, before a run takes it over.

    A weight may have been spoilt within an epoch, at whose end the run goes back; what
    it goes back to, and what it leaves at an epoch's end, is finite.

    Raises
    ------
    ValueError, LookupError, TypeError, FloatingPointError
        If no run leaves such a state.
    """
    for name, kind in KEPT_OF_RUN.items():
        if not isinstance(state[name], kind):
            raise ValueError(f"its {name} is {state[name]!r}")
    finite = [state["_best"], state["_last_finite"]]
    if state["epoch"] is None:
        finite.append(state["trainer"])
    for weights in finite:
        if weights:
            check_weights(weights)

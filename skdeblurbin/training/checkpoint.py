"""Checkpoints: a training that was killed goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from skdeblurbin._files import ModelFileError, pack, unfinished, unpack, write_atomically

# Of the file's content; another number is another kind of file.
_FORMAT = 1
_SUFFIX = ".checkpoint"
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
            If the file cannot be written, for example because the disk is full.
        """
        about = {"format": _FORMAT, "fingerprint": self._fingerprint}
        write_atomically(self.path, pack({**about, "state": state}))
        self._last = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The state of this training, or None if there is no file of it.

        Raises
        ------
        ModelFileError
            If the file is damaged, or of another training.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        found = _content(data, self.path)
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
                content = _content(path.read_bytes(), path)
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
            with suppress(OSError):  # a file of another user's; Timeout, if it is held
                with FileLock(lock, timeout=0) if lock.exists() else nullcontext():
                    left.unlink(missing_ok=True)

    def _differences(self, fingerprint: dict[str, str]) -> list[str]:
        names = {*fingerprint, *self._fingerprint}
        return sorted(
            n for n in names if fingerprint.get(n) != self._fingerprint.get(n)
        )


def _content(data: bytes, path: Path) -> dict[str, Any]:
    content = unpack(data, path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ModelFileError(path, "it is no checkpoint that this version can read")
    return content

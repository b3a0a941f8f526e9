"""The file of a training: named after it, locked, and never of another one."""

import threading

import numpy as np
import pytest
from filelock import FileLock

from skdeblurbin import ModelFileError
from skdeblurbin._files import pack
from skdeblurbin.training import Checkpoint

MINE = {"K1": "145.0", "training data": "abc"}


def opened(directory, fingerprint=MINE, every=60.0):
    return Checkpoint(directory, fingerprint, every=every)


def test_what_was_written_is_read(tmp_path):
    with opened(tmp_path / "a" / "b") as checkpoint:
        assert checkpoint.read() is None
        checkpoint.write({"step": 7, "weights": np.arange(3)})
    with opened(tmp_path / "a" / "b", dict(reversed(MINE.items()))) as checkpoint:
        state = checkpoint.read()
        assert state["step"] == 7
        np.testing.assert_array_equal(state["weights"], np.arange(3))
        checkpoint.remove()
        assert checkpoint.read() is None
        checkpoint.remove()


def test_a_file_for_each_training(tmp_path):
    other = {**MINE, "K1": "10.0"}
    with opened(tmp_path) as mine, opened(tmp_path, other) as theirs:
        mine.write({"step": 1})
        assert theirs.read() is None
        theirs.write({"step": 2})
        assert mine.read() == {"step": 1}
        assert mine.others() == {theirs.path.name: ["K1"]}
        (tmp_path / "damaged.checkpoint").write_bytes(b"?")
        assert mine.others() == {theirs.path.name: ["K1"]}


def test_a_renamed_file_is_an_error(tmp_path):
    with opened(tmp_path) as mine, opened(tmp_path, {"K1": "10.0"}) as theirs:
        theirs.write({"step": 2})
        theirs.path.replace(mine.path)
        with pytest.raises(ModelFileError, match="other K1, training data"):
            mine.read()


def test_other_kinds_and_versions_of_files(tmp_path, monkeypatch):
    with opened(tmp_path) as checkpoint:
        checkpoint.path.write_bytes(b"not at all")
        with pytest.raises(ModelFileError, match="damaged"):
            checkpoint.read()
        monkeypatch.setattr("skdeblurbin.training.checkpoint._FORMAT", 2)
        checkpoint.write({"step": 1})
        monkeypatch.undo()
        with pytest.raises(ModelFileError, match="no checkpoint that this version"):
            checkpoint.read()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"format": 1},
        {"format": 1, "fingerprint": MINE},
        {"format": 1, "fingerprint": [], "state": {}},
        {"format": 1, "fingerprint": MINE, "state": 5},
    ],
)
def test_files_of_other_contents(content, tmp_path):
    with opened(tmp_path) as checkpoint:
        checkpoint.path.write_bytes(pack(content))
        with pytest.raises(ModelFileError, match="no checkpoint that this version"):
            checkpoint.read()


def test_files_that_are_too_large_are_not_read(tmp_path, monkeypatch):
    with opened(tmp_path) as checkpoint:
        with checkpoint.path.open("wb") as file:
            file.truncate(2**32 + 1)  # without a byte on the disk
        with pytest.raises(ModelFileError, match="4294967296 are allowed"):
            checkpoint.read()
        checkpoint.write({"step": 1})
        monkeypatch.setattr("skdeblurbin.training.checkpoint.LARGEST_CHECKPOINT", 1000)
        with pytest.raises(
            OSError, match=f"1000 bytes at most.*{checkpoint.path.name}"
        ):
            checkpoint.write({"step": np.zeros(1000)})
        assert checkpoint.read() == {"step": 1}


def test_one_training_at_a_time(tmp_path):
    found = []

    def try_it():
        try:
            with opened(tmp_path):
                found.append(None)
        except RuntimeError as error:
            found.append(error)

    with opened(tmp_path):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert "is being written by another process" in str(found[0])
    assert found[1] is None


def test_orphans_are_swept(tmp_path):
    with opened(tmp_path) as checkpoint:
        orphan = tmp_path / f"{checkpoint.path.name}.0123.unfinished"
    orphan.touch()
    with opened(tmp_path):
        assert not orphan.exists()


def test_orphans_of_other_trainings_are_swept(tmp_path):
    def left_of(checkpoint):
        path = tmp_path / f"{checkpoint.path.name}.0123.unfinished"
        path.touch()
        return path

    with opened(tmp_path, {"K1": "1.0"}) as ended:
        ended.write({"step": 1})
    with opened(tmp_path, {"K1": "2.0"}) as running:
        running.write({"step": 2})
        left_of(ended)
        in_work = left_of(running)
        of_nobody = tmp_path / "deadbeef.checkpoint.0123.unfinished"
        of_others = tmp_path / "notes.0123.unfinished"
        of_nobody.touch()
        of_others.touch()
        with opened(tmp_path):
            left = set(tmp_path.glob("*.unfinished"))
            assert left == {in_work, of_others}
    assert ended.path.exists()
    assert running.path.exists()
    assert len(list(tmp_path.glob("*.lock"))) == 3


def test_a_sweep_keeps_no_training_from_its_start(tmp_path):
    """It has the lock for a moment."""
    with opened(tmp_path) as checkpoint:
        path = checkpoint.path.with_suffix(".lock")
    lock = FileLock(path, thread_local=False)  # released by the timer's thread
    lock.acquire()
    timer = threading.Timer(0.2, lock.release)
    timer.start()
    with opened(tmp_path) as checkpoint:
        assert checkpoint.read() is None
    timer.join()


def test_when_one_is_due(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(
        "skdeblurbin.training.checkpoint.time.monotonic", lambda: clock[0]
    )
    with opened(tmp_path, every=10.0) as checkpoint:
        assert not checkpoint.is_due
        clock[0] = 10.0
        assert checkpoint.is_due
        checkpoint.write({})
        assert not checkpoint.is_due
    with opened(tmp_path, every=0) as checkpoint:
        assert checkpoint.is_due

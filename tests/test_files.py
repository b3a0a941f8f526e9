"""Bytes of nested states: what goes in comes out, and damage is noticed."""

import errno
import os
import pickle

import numpy as np
import pytest
from safetensors.numpy import save

from skdeblurbin import ModelFileError
from skdeblurbin._files import checksum, pack, unfinished, unpack, write_atomically

STATE = {
    "arrays": [np.arange(6.0).reshape(2, 3), np.ones((), np.float32)],
    0: {"betas": (0.5, 0.999), "fused": True, "foreach": None},
    "empty": [[], {}, (), np.zeros((0, 3), np.int64)],
    "big": 2**120,
    "text": "Kfz-Kennzeichen \u00e4",
    "numbers": [1, -0.1, float("inf")],
}


def equal(one, other):
    if isinstance(one, np.ndarray):
        same_kind = one.dtype == other.dtype and one.shape == other.shape
        return same_kind and bool((one == other).all())
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        same = type(one) is type(other) and len(one) == len(other)
        return same and all(map(equal, one, other))
    return type(one) is type(other) and one == other


def test_round_trip():
    assert equal(unpack(pack(STATE), "x"), STATE)


def test_memory_layouts_and_shared_arrays():
    array = np.asfortranarray(np.arange(12).reshape(3, 4))
    data = pack([array, array.T, array[:, ::-1], array])
    one, transposed, mirrored, same = unpack(data, "x")
    np.testing.assert_array_equal(one, array)
    np.testing.assert_array_equal(transposed, array.T)
    np.testing.assert_array_equal(mirrored, array[:, ::-1])
    assert same is one  # kept once
    big = np.zeros(10_000)
    assert len(pack([big] * 10)) < 2 * big.nbytes


@pytest.mark.parametrize("value", [{1, 2}, 1j, b"bytes", np.float64, object()])
def test_only_data_goes_in(value):
    with pytest.raises(TypeError, match="A file cannot hold a"):
        pack({"value": [value]})


def test_every_flipped_bit_is_noticed():
    data = pack({"weights": np.arange(5, dtype=np.float32), "rate": 0.5})
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(ModelFileError, match=r"^where: "):
            unpack(bytes(damaged), "where")


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 50, -1])
def test_cut_and_lengthened_bytes(length):
    data = pack({"weights": np.arange(5.0)})
    for damaged in (data[:length], data + b"\0"):
        with pytest.raises(ModelFileError, match="damaged"):
            unpack(damaged, "where")


def test_what_is_no_file_of_ours():
    class Payload:
        def __reduce__(self):
            return os.mkdir, ("executed",)

    for data in (pickle.dumps(Payload()), b"text " * 100, os.urandom(1000)):
        with pytest.raises(ModelFileError):
            unpack(data, "where")
    assert not os.path.exists("executed")


def test_the_error_keeps_its_parts_through_pickle():
    error = pickle.loads(pickle.dumps(ModelFileError("a/b", "it is empty")))
    assert (error.path, error.reason) == ("a/b", "it is empty")
    assert str(error) == "a/b: it is empty"


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "state"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(where, tmp_path, monkeypatch):
    path = tmp_path / "state"
    write_atomically(path, b"old")

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if where == "write":
        resource = pytest.importorskip("resource")  # a real limit, on Unix
        import signal

        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with pytest.raises(OSError, match="large"):
                write_atomically(path, bytes(1000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
    else:
        owner = os if where == "fsync" else type(path)
        monkeypatch.setattr(owner, where, fail)
        with pytest.raises(OSError, match="No space"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    "tree",
    ["5", "[]", "null", '["d", 5]', '["d", [[["a"], ["v", 1]]]]', '["a", []]', '["a"]'],
)
def test_trees_that_pack_never_writes(tree, tmp_path):
    data = save({}, {"tree": tree, "sha256": checksum(tree, {})})
    with pytest.raises(ModelFileError, match="it is damaged, or no file of skdeblur"):
        unpack(data, tmp_path / "state")


def test_what_was_left_is_found_by_the_files_name(tmp_path):
    names = ["state", "state.12ab.unfinished", "other.12ab.unfinished", "state.txt"]
    for name in names:
        (tmp_path / name).touch()
    assert unfinished(tmp_path, "state") == [tmp_path / "state.12ab.unfinished"]
    assert len(unfinished(tmp_path, "*")) == 2

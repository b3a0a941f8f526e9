"""Model files that were made to do harm: refused, soon, and in little memory."""

import io
import json
import math
import os
import pickle
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skdeblurbin import GANBinarizer, ModelFileError
from skdeblurbin._gan_header import expected_of_model
from skdeblurbin.persistence import LARGEST_FILE, LARGEST_HEADER

N_MUTATIONS, N_ATTACKS = 1000, 48
# Of the processor: the clock of a busy machine tells what others do. A reader that
# waits for ever is noticed by the limit of `run_alone`.
SECONDS, MEBIBYTES = 2, 200

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the unit of memory is Linux's"
)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "training"])
def sound(plates, tmp_path_factory, request):
    path = tmp_path_factory.mktemp("models") / "sound.safetensors"
    GANBinarizer(
        n_blocks=1, growth_rate=2, base_channels=4, max_epochs=1, random_state=0
    ).fit(*plates).save(path, training_state=request.param)
    return path.read_bytes()


# Mutations: from bytes and a random generator to other bytes


def flip_bits(data, rng):
    for place in rng.integers(8 * len(data), size=rng.integers(1, 9)):
        data[place // 8] ^= 1 << place % 8


def overwrite(data, rng):
    begin, length = rng.integers(len(data)), rng.integers(1, 200)
    data[begin : begin + length] = rng.bytes(length)


def delete(data, rng):
    begin = rng.integers(len(data))
    del data[begin : begin + rng.integers(1, 500)]


def insert(data, rng):
    begin = rng.integers(len(data))
    data[begin:begin] = rng.bytes(rng.integers(1, 500))


def move(data, rng):
    begin, length = rng.integers(len(data)), rng.integers(1, 500)
    piece = data[begin : begin + length]
    del data[begin : begin + length]
    data[(place := rng.integers(len(data))) : place] = piece


def change_header(data, rng):
    """Another character within the header, most often of the same kind."""
    length = int.from_bytes(data[:8], "little")
    for place in rng.integers(8, 8 + length, size=rng.integers(1, 4)):
        kinds = [b"0123456789", b'{}[]",:\\', b"abcdefxyz_ntru", bytes(range(256))]
        data[place] = rng.choice(list(kinds[rng.integers(len(kinds))]))


def change_length(data, rng):
    data[:8] = int(2 ** rng.uniform(0, 64) - 1).to_bytes(8, "little")


MUTATIONS = [flip_bits, overwrite, delete, insert, move, change_header, change_length]


def contents(state):
    """A nested state as plain values, which can be compared."""
    if isinstance(state, dict):
        return {key: contents(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [contents(value) for value in state]
    if isinstance(state, np.random.Generator):
        return state.bit_generator.state
    return state.tolist() if isinstance(state, np.ndarray) else state


def run_mutations(path):
    """In a process of its own: load mutations of a file, and print what came of it."""
    path = Path(path)
    sound = path.read_bytes()
    fitted = contents(GANBinarizer.load(path).__getstate__())
    rng = np.random.default_rng(0)
    n_loaded, reasons, seconds = 0, set(), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(N_MUTATIONS):
        data = bytearray(sound)
        MUTATIONS[number % len(MUTATIONS)](data, rng)
        path.write_bytes(data)
        start = time.process_time()
        try:
            found = GANBinarizer.load(path)
        except ModelFileError as error:
            reasons.add((error.path, error.reason))
        else:  # where nothing that counts was changed, nothing is
            n_loaded += 1
            assert contents(found.__getstate__()) == fitted, number
        seconds = max(seconds, time.process_time() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([n_loaded, list(reasons), seconds, grown / 1024]))


def run_alone(function, argument):
    """What a function of this module prints in a process of its own."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    code += f"import test_attacks; test_attacks.{function.__name__}({str(argument)!r})"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@linux
def test_random_mutations(sound, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(sound)
    n_loaded, reasons, seconds, mebibytes = run_alone(run_mutations, path)
    assert n_loaded < 0.02 * N_MUTATIONS
    assert {where for where, _ in reasons} == {str(path)}
    assert all(reason for _, reason in reasons)
    assert seconds < SECONDS
    assert mebibytes < MEBIBYTES


CORPUS = sorted((Path(__file__).parent / "models" / "corpus").iterdir())


def test_the_corpus_is_there():
    assert len(CORPUS) >= 20


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name[:8])
def test_what_a_fuzzer_found(path):
    """Files that took new ways through the reader: tests/soak/fuzz_model_file.py."""
    start = time.monotonic()
    with pytest.raises(ModelFileError) as caught:
        GANBinarizer.load(path)
    assert caught.value.path == str(path)
    assert time.monotonic() - start < SECONDS


# Attacks: by name, the bytes of a file that load must refuse


class Sentinel:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def with_header(entries, data=b""):
    header = json.dumps(entries).encode() if isinstance(entries, dict) else entries
    return len(header).to_bytes(8, "little") + header + data


def header_of(data):
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def torch_file(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def zip_bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(2**26))
    return buffer.getvalue()


def attacks(sound, sentinel):
    """All of them, by name."""
    header = header_of(sound)
    body = sound[8 + int.from_bytes(sound[:8], "little") :]
    texts = header["__metadata__"]
    about = json.loads(texts["skdeblurbin"])
    name = next(n for n in header if n != "__metadata__")

    def entry(**changes):
        return with_header(header | {name: header[name] | changes}, body)

    def described(change):
        text = change if isinstance(change, str) else json.dumps(about | change)
        return with_header(
            header | {"__metadata__": texts | {"skdeblurbin": text}}, body
        )

    many = {
        f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
        for i in range(200_000)
    }
    deep = {"parameters": about["parameters"] | {"n_blocks": 700, "n_levels": 6}}
    return {
        "nothing": b"",
        "text": b"This is no model.\n" * 100,
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(1000),
        "pickle": pickle.dumps(Sentinel(sentinel)),
        "pickle behind a header": with_header({}, pickle.dumps(Sentinel(sentinel))),
        "torch.save": torch_file({"head.bias": torch.zeros(3)}),
        "torch.save, stride 0": torch_file(torch.zeros(1).expand(2**20, 2**20)),
        "zip bomb": zip_bomb(),
        "many tensors": with_header(header | many, body),
        "many tensors, small header": with_header(
            {"__metadata__": texts} | dict(list(many.items())[:9_000])
        ),
        "endless header": (2**60).to_bytes(8, "little") + b"{}",
        "large header": with_header(b" " * (LARGEST_HEADER + 1)),
        "header of blanks": with_header(b" " * 1000),
        "nested lists": with_header(b"[" * 500_000),
        "nested in the description": described("[" * 500_000),
        "long number": with_header(b'{"a":' + b"9" * 500_000 + b"}"),
        "NaN in the description": described('{"format": NaN}'),
        "format 10**400": described('{"format": 1' + "0" * 400 + "}"),
        "format true": described({"format": True}),
        "shape overflow": entry(shape=[2**62, 4]),
        "negative shape": entry(shape=[-1]),
        "shape of numbers with points": entry(shape=[1.5]),
        "shape of text": entry(shape="all"),
        "offsets backwards": entry(data_offsets=[8, 0]),
        "offsets beyond the end": entry(data_offsets=[0, 2**40]),
        "offsets that overlap": entry(data_offsets=[4, 16]),
        "three offsets": entry(data_offsets=[0, 1, 2]),
        "unknown type": entry(dtype="U8"),
        "type of no text": entry(dtype=["F32"]),
        "no metadata": with_header(
            {n: e for n, e in header.items() if n == name}, body
        ),
        "name of a path": with_header(
            {n.replace("head", "../../head"): e for n, e in header.items()}, body
        ),
        "class to import": described({"class": "os.system"}),
        "class of a list": described({"class": ["GANBinarizer"]}),
        "device": described({"parameters": about["parameters"] | {"n_threads": 10**9}}),
        "a network without end": described(
            {"parameters": about["parameters"] | {"n_blocks": 10**6}}
        ),
        "a network of many parts": described(
            {"parameters": about["parameters"] | {"n_blocks": 1000, "n_levels": 6}}
        ),
        "a network of many parts, all listed": with_header(
            {"__metadata__": texts | {"skdeblurbin": json.dumps(about | deep)}}
            | dict(list(many.items())[:9_000])
        ),
        "a network of much memory": described(
            {"parameters": about["parameters"] | {"growth_rate": 2**15}}
        ),
        "classes of objects": described(
            {"fitted": about["fitted"] | {"classes_dtype": "O"}}
        ),
        "classes of much memory": described(
            {"fitted": about["fitted"] | {"classes_dtype": "V1000000000"}}
        ),
        "trailing bytes": sound + b"\0",
        "twice": sound + sound,
    }


def large_network(sound):
    """A header of nearly the largest network that a file may hold, and its length."""
    texts = header_of(sound)["__metadata__"]
    about = json.loads(texts["skdeblurbin"])
    about.pop("training", None)
    about["parameters"] |= {"growth_rate": 800, "base_channels": 900, "n_levels": 0}
    entries = {"__metadata__": texts | {"skdeblurbin": json.dumps(about)}}
    end = 0
    for name, expected in expected_of_model(GANBinarizer, about, 10**6).items():
        kind, size = ("I64", 8) if expected.is_integer else ("F32", 4)
        begin, end = end, end + size * math.prod(expected.shape)
        entries[name] = {
            "dtype": kind,
            "shape": expected.shape,
            "data_offsets": [begin, end],
        }
    assert 0.8 * LARGEST_FILE < end < LARGEST_FILE - LARGEST_HEADER
    return entries, end


def run_attacks(folder):
    """In a process of its own: load each file, and print what came of it."""
    found = {}
    GANBinarizer(n_blocks=1)  # what is imported once counts for no file
    torch.zeros(1).sum()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in sorted(Path(folder).iterdir()):
        start = time.process_time()
        try:
            GANBinarizer.load(path)
            outcome = "loaded"
        except Exception as error:
            outcome = type(error).__name__
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        found[path.name] = [outcome, time.process_time() - start, grown / 1024]
    print(json.dumps(found))


@linux
def test_named_attacks(sound, tmp_path):
    sentinel, folder = tmp_path / "executed", tmp_path / "files"
    folder.mkdir()
    made = attacks(sound, sentinel)
    for name, data in made.items():
        (folder / name.replace("/", "_")).write_bytes(data)
    with (folder / "sparse, a terabyte").open("wb") as file:
        file.write((2**20).to_bytes(8, "little"))
        file.truncate(2**40)
    with (folder / "sparse, allowed").open("wb") as file:
        file.write(with_header({"__metadata__": header_of(sound)["__metadata__"]}))
        file.truncate(LARGEST_FILE)
    (folder / "folder").mkdir()
    (folder / "link to itself").symlink_to(folder / "link to itself")
    os.mkfifo(folder / "pipe")
    with (folder / "sparse, sound but for its checksum").open("wb") as file:
        header, length = large_network(sound)
        file.write(with_header(header))
        file.truncate(file.tell() + length)
    found = run_alone(run_attacks, folder)
    assert len(found) == len(made) + 6 == N_ATTACKS
    assert not sentinel.exists()
    for name, (outcome, seconds, mebibytes) in found.items():
        assert outcome == "ModelFileError", name
        assert seconds < SECONDS, name
        assert mebibytes < MEBIBYTES, name
    # The sentinel itself works.
    pickle.loads(made["pickle"])
    assert sentinel.exists()


@pytest.mark.skipif(os.name != "posix", reason="no such permissions")
def test_a_file_that_may_not_be_read(sound, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = tmp_path / "model.safetensors"
    path.write_bytes(sound)
    path.chmod(0)
    with pytest.raises(ModelFileError, match="ermission"):
        GANBinarizer.load(path)


def test_names_of_files_are_taken_as_they_are(sound, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "plate.safetensors").write_bytes(sound)
    found = GANBinarizer.load("models/../plate.safetensors")
    bytes_too = GANBinarizer.load(Path("plate.safetensors"))
    assert_array_equal(
        found.deblur(np.zeros((1, 16, 16))), bytes_too.deblur(np.zeros((1, 16, 16)))
    )
    for name in ("../plate", "plate.safetensors/x", "", "plate\0.safetensors"):
        with pytest.raises((ModelFileError, ValueError)):
            GANBinarizer.load(name)

"""OnnxBinarizer against the model that was exported."""

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from skdeblurbin import GANBinarizer, ModelFileError, _progress
from skdeblurbin.export import OnnxBinarizer
from skdeblurbin.export._format import BLANK, read_sealed, sealed


def assert_same(found, expected):
    """Same container, dtype and shapes; one pixel in 10,000 may differ."""
    assert type(found) is type(expected)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert np.count_nonzero(one != other) <= one.size / 10_000


@pytest.fixture
def runner(exported):
    return OnnxBinarizer(exported("bytes").path, n_threads=1)


def forms_of(X):
    """The same images as everything that `predict` takes."""
    return {
        "bytes": X,
        "floats in [0, 1]": X / 255,
        "between the grey levels": (X / 255) ** 1.1,
        "float32 on [0, 255]": X.astype(np.float32),
        "16 bits": X.astype(np.uint16),
        "colour": np.stack([X, X // 2, 255 - X], axis=-1),
        "a list of mixed sizes": [X[0], X[1][:9], X[2][:, :33] / 255],
        "pictures": [Image.fromarray(image) for image in X],
        "bool": X > 100,
        "constant": np.full((2, 9, 9), 40, np.uint8),
    }


@pytest.mark.parametrize("form", forms_of(np.zeros((3, 9, 33), np.uint8)))
@pytest.mark.parametrize("name", ["bytes", "unit"])
def test_predicts_as_the_model(exported, plates, name, form):
    model, path = exported(name)
    X = forms_of(plates.X)[form]
    runner = OnnxBinarizer(path, n_threads=1)
    if name == "unit" and form in ("float32 on [0, 255]", "16 bits"):
        with pytest.warns(UserWarning, match="outside the input range") as theirs:
            expected = model.predict(X)
        with pytest.warns(UserWarning, match="outside the input range") as ours:
            found = runner.predict(X)
        assert str(ours[0].message) == str(theirs[0].message)
        assert ours[0].filename == __file__
        assert_same(found, expected)
        return
    assert_same(runner.predict(X), model.predict(X))
    assert_same(runner.transform(X), model.transform(X))
    for one, other in zip(runner.deblur(X), model.deblur(X), strict=True):
        assert one.dtype == np.float32
        assert_allclose(one, other, atol=1e-5)


def test_encoding_rows_and_working_shape(exported, plates):
    """Classes -3 and 7.5, images from rows, answers in the size of the network."""
    model, path = exported("resizing")
    runner = OnnxBinarizer(path, n_threads=1)
    rows = plates.X.reshape(len(plates.X), -1)
    assert_same(runner.predict(rows), model.predict(rows))
    assert_array_equal(np.unique(runner.predict(rows)), [-3, 7.5])
    assert runner.predict(plates.X).shape == (6, 32, 48)
    assert runner.n_features_in_ == 960
    with pytest.raises(ValueError, match="features"):
        runner.predict(rows[:, :-40])


def test_attributes_and_score(exported, plates):
    model, path = exported("bytes")
    runner = OnnxBinarizer(path, n_threads=1)
    for name in ("classes_", "input_range_", "image_shape_", "n_epochs_"):
        assert_array_equal(getattr(runner, name), getattr(model, name))
    assert runner.classes_.dtype == model.classes_.dtype
    assert runner.metadata_["name"] == "GANBinarizer"
    assert not hasattr(runner, "n_features_in_")
    assert runner.score(*plates) == pytest.approx(model.score(*plates), abs=1e-3)


def test_an_image_alone_and_in_a_batch_and_in_threads(runner, plates):
    together = runner.predict(plates.X)
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda x: runner.predict(x[np.newaxis])[0], plates.X))
    assert_array_equal(alone, together)


def test_copies_and_pickles(runner, plates, exported, tmp_path):
    moved = tmp_path / "moved.onnx"
    moved.write_bytes(exported("bytes").path.read_bytes())
    runner.set_params(path=moved)
    unread = pickle.dumps(runner)
    expected = runner.predict(plates.X)
    copies = [clone(runner), copy.deepcopy(runner), pickle.loads(unread)]
    for copied in copies:
        assert_array_equal(copied.predict(plates.X), expected)
    packed = pickle.dumps(runner)
    moved.unlink()
    assert_array_equal(pickle.loads(packed).predict(plates.X), expected)
    with pytest.raises(ModelFileError, match="No such file"):
        pickle.loads(unread).predict(plates.X)


def test_as_the_last_step_of_a_pipeline(runner, plates):
    pipeline = make_pipeline(runner).fit(*plates)
    assert_array_equal(pipeline.predict(plates.X), runner.predict(plates.X))


def test_another_path_is_another_model(runner, plates, exported):
    model, path = exported("unit")
    assert runner.classes_.dtype == np.uint8
    runner.path = path
    assert runner.classes_.dtype == bool
    assert_same(runner.predict(plates.X), model.predict(plates.X))


def test_fit_reads_the_file_anew(runner, plates, exported, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(exported("bytes").path.read_bytes())
    runner.set_params(path=path)
    assert runner.classes_.dtype == np.uint8
    path.write_bytes(exported("unit").path.read_bytes())
    assert runner.classes_.dtype == np.uint8
    assert runner.fit(plates.X).classes_.dtype == bool
    assert_same(runner.predict(plates.X), exported("unit").model.predict(plates.X))
    path.unlink()
    with pytest.raises(ModelFileError, match="No such file"):
        runner.fit(plates.X)
    assert runner.classes_.dtype == bool  # a fit that fails changes nothing


def test_score_of_answers_in_the_size_of_the_network(exported, plates):
    runner = OnnxBinarizer(exported("resizing").path, n_threads=1)
    truth = np.where(plates.Y, 7.5, -3)
    message = r"output_scale='model'.*\(32, 48\).*\(24, 40\).*output_scale='input'"
    with pytest.raises(ValueError, match=message):
        runner.score(plates.X, truth)


def test_fitted_attributes_of_no_file(tmp_path):
    runner = OnnxBinarizer(tmp_path / "none.onnx")
    check_is_fitted(runner)
    assert "none.onnx" in runner._repr_html_()
    with pytest.raises(ModelFileError, match="No such file"):
        hasattr(runner, "classes_")


def test_the_checksum_is_the_last_that_looks_like_one(tmp_path):
    entry = b"\n\x06sha256\x12@"
    for value in (b"a" * 64, BLANK.encode()):
        data = sealed(entry + value + b"r" + entry + BLANK.encode() + b"the end")
        assert data.startswith(entry + value + b"r")
        path = tmp_path / "model.onnx"
        path.write_bytes(data)
        assert read_sealed(path) == data


CODE = """
import sys
class NoTorch:
    def find_spec(self, name, *_):
        assert name.split(".")[0] not in ("torch", "onnx"), f"{name} was imported"
sys.meta_path.insert(0, NoTorch())
import numpy as np
from skdeblurbin.export import OnnxBinarizer
folder = sys.argv[1]
X = np.load(folder + "/X.npy")
model = OnnxBinarizer(folder + "/model.onnx", n_threads=1)
np.save(folder + "/binary.npy", model.predict(X))
np.save(folder + "/grey.npy", model.deblur(X / 255))
"""


def test_runs_without_torch(exported, plates, tmp_path):
    model, path = exported("bytes")
    (tmp_path / "model.onnx").write_bytes(path.read_bytes())
    np.save(tmp_path / "X.npy", plates.X)
    subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, str(tmp_path)], check=True
    )
    assert_same(np.load(tmp_path / "binary.npy"), model.predict(plates.X))
    assert_allclose(np.load(tmp_path / "grey.npy"), model.deblur(plates.X), atol=1e-5)


@pytest.mark.parametrize("method", ["predict", "deblur", "score"])
def test_work_that_takes_long_shows_how_far_it_is(runner, plates, monkeypatch, method):
    lines = []

    class Line:
        def show(self, items, n, total):
            lines.append(items[0])

        def close(self):
            lines.append("closed")

    monkeypatch.setattr(_progress, "_live_line", lambda stream: Line())
    monkeypatch.setattr(_progress, "_EVERY", 0.0)
    work = getattr(runner, method)
    arguments = plates if method == "score" else (plates.X,)
    expected = work(*arguments)
    assert lines == []
    runner.set_params(verbose=1)
    work(*arguments)
    assert lines == ["closed"]  # not within two seconds
    monkeypatch.setattr("skdeblurbin.export._runner.PATIENCE", 0.0)
    assert_array_equal(work(*arguments), expected)
    assert lines[1:] == [f"{n}/6 images" for n in range(1, 7)] + ["closed"]


def test_the_line_goes_when_an_error_is_raised(exported, plates, monkeypatch):
    closed = []
    leave = _progress.Progress.__exit__
    monkeypatch.setattr(
        _progress.Progress, "__exit__", lambda *a: closed.append(leave(*a))
    )
    runner = OnnxBinarizer(exported("resizing").path, n_threads=1, verbose=1)
    with pytest.raises(ValueError, match="output_scale='model'") as caught:
        runner.score(plates.X, np.where(plates.Y, 7.5, -3))
    assert caught.tb is not None  # and with it the generators
    assert closed == [None]


# Bad files, bad parameters


def resealed(data, old, new):
    """A file with some bytes replaced, and a checksum that fits."""
    assert data.count(old) == 1
    assert len(old) == len(new)
    start = data.index(b"\n\x06sha256\x12@") + 10
    return sealed(
        (data[:start] + BLANK.encode() + data[start + 64 :]).replace(old, new)
    )


def bad_files(data):
    yield "empty", b"", "no file that"
    yield "text", b"an ONNX file", "no file that"
    yield "truncated", data[: len(data) // 2], "no file that|damaged"
    middle = len(data) // 2
    flipped = bytes([data[middle] ^ 1])
    yield "a bit", data[:middle] + flipped + data[middle + 1 :], "damaged"
    yield "longer", data + b"\0", "damaged"
    later = resealed(data, b'"format": 1', b'"format": 2')
    yield "later", later, "format 2, .*reads up to 1: update"
    yield "never", resealed(data, b'"format": 1', b'"format": 0'), "never was"
    yield "no JSON", resealed(data, b'{"format"', b'["format"'), "delimiter"
    odd = resealed(data, b'"|u1"', b'"|V1"')
    yield "other classes", odd, "classes of type"
    yield "other range", resealed(data, b"[0.0, 255.0]", b"[255.0, 0.0]"), "cannot be"
    renamed = resealed(data, b'"image_shape": null', b'"image_shopa": null')
    yield "no image shape", renamed, "image_shape"
    yield "no ONNX", sealed(b"\n\x06sha256\x12@" + BLANK.encode()), "does not load it"


@pytest.mark.parametrize("kind", range(12))
def test_bad_files(exported, tmp_path, kind, plates):
    data = exported("bytes").path.read_bytes()
    _, content, message = list(bad_files(data))[kind]
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        OnnxBinarizer(path).predict(plates.X)
    assert caught.value.path == str(path)


def test_files_of_others(exported, tmp_path, plates):
    """A sound ONNX file, but of someone else's network."""
    from onnx import TensorProto, helper

    names = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "other", names[:1], names[1:])
    path = tmp_path / "other.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(
        ModelFileError, match=r"no file that GANBinarizer\.to_onnx wrote"
    ):
        OnnxBinarizer(path).predict(plates.X)


def test_no_file(tmp_path, plates):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelFileError, match=r"No such file|directory"):
            OnnxBinarizer(path).fit(plates.X)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"providers": ["NoSuchProvider"]}, ValueError, "CPUExecutionProvider"),
        ({"providers": ()}, ValueError, "providers must be a sequence of names"),
        ({"providers": "CPUExecutionProvider"}, ValueError, "sequence of names"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"n_threads": 1.5}, TypeError, "n_threads"),
        ({"verbose": -1}, ValueError, "verbose"),
        ({"verbose": "yes"}, TypeError, "verbose must be an integer"),
    ],
)
def test_bad_parameters(exported, plates, parameters, error, message):
    runner = OnnxBinarizer(exported("bytes").path, **parameters)
    with pytest.raises(error, match=message):
        runner.predict(plates.X)


@pytest.mark.parametrize("X", [np.zeros(3), np.zeros((2, 3)), [np.zeros(4)], "plates"])
def test_bad_images(runner, exported, X):
    """The errors are those of the model itself."""
    with pytest.raises((ValueError, TypeError)) as theirs:
        exported("bytes").model.predict(X)
    with pytest.raises(theirs.type) as ours:
        runner.predict(X)
    expected = str(theirs.value).replace(GANBinarizer.__name__, OnnxBinarizer.__name__)
    assert str(ours.value) == expected


def test_without_onnxruntime(exported, plates, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *a: None if name == "onnxruntime" else find(name, *a),
    )
    with pytest.raises(ImportError, match=r"skdeblurbin\[onnxruntime\]"):
        OnnxBinarizer(exported("bytes").path).predict(plates.X)

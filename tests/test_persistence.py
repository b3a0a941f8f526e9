"""Files of models: what was saved predicts alike; what is damaged is refused."""

import json
import os
import pickle
import time
from importlib import resources

import joblib
import numpy as np
import pandas
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.numpy import load, save
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skdeblurbin import GANBinarizer, ModelFileError, OtsuBinarizer, persistence
from skdeblurbin._files import checksum
from skdeblurbin._resizing import resize
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.persistence import FORMAT, LARGEST_FILE


@pytest.fixture(scope="module")
def fitted(plates):
    model = GANBinarizer(
        n_blocks=1,
        growth_rate=2,
        base_channels=4,
        discriminator_channels=4,
        max_epochs=2,
        n_threads=1,
        random_state=0,
    )
    return model.fit(plates.X, plates.Y)


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    return path


def changed(path, change):
    """The file with another header or other arrays, checksum and lengths made right."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["skdeblurbin"])
    arrays = load(data)
    change(about, arrays)
    text = json.dumps(about)
    metadata = {"skdeblurbin": text, "sha256": checksum(text, arrays)}
    path.write_bytes(save(arrays, metadata))


def check_refused(path, change, reason):
    """A file that was changed so does not load, and the error says why."""
    changed(path, change)
    with pytest.raises(ModelFileError, match=reason):
        GANBinarizer.load(path)


def test_a_loaded_model_predicts_and_scores_alike(fitted, saved, plates):
    loaded = GANBinarizer.load(saved)
    assert_array_equal(loaded.predict(plates.X), fitted.predict(plates.X))
    assert loaded.predict(plates.X).dtype == fitted.predict(plates.X).dtype
    assert_array_equal(loaded.deblur(plates.X), fitted.deblur(plates.X))
    assert loaded.score(*plates) == fitted.score(*plates)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.n_epochs_ == 2
    assert loaded.history_ == []
    assert loaded.discriminator_ is None
    assert not loaded.generator_.training
    for other in (
        pickle.loads(pickle.dumps(loaded)),
        make_pipeline(loaded),
    ):
        assert_array_equal(other.predict(plates.X), fitted.predict(plates.X))
    with pytest.raises(NotFittedError):
        clone(loaded).predict(plates.X)


def test_pickles_hold_plain_arrays_that_may_be_mapped(fitted, plates, tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump(fitted, path)
    data = path.read_bytes()
    assert b"torch" not in data  # neither tensors nor devices
    mapped = joblib.load(path, mmap_mode="r")
    assert_array_equal(mapped.deblur(plates.X), fitted.deblur(plates.X))
    mapped.partial_fit(*plates)
    again = joblib.load(path).partial_fit(*plates)
    assert_array_equal(mapped.deblur(plates.X), again.deblur(plates.X))
    assert path.read_bytes() == data


def test_skops(fitted, plates):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    data = skops.dumps(fitted)
    untrusted = skops.get_untrusted_types(data=data)
    assert untrusted == ["skdeblurbin._gan.GANBinarizer"]
    loaded = skops.loads(data, trusted=untrusted)
    assert_array_equal(loaded.deblur(plates.X), fitted.deblur(plates.X))
    loaded.partial_fit(*plates)
    again = pickle.loads(pickle.dumps(fitted)).partial_fit(*plates)
    assert_array_equal(loaded.deblur(plates.X), again.deblur(plates.X))


def test_half_precision_takes_half_and_changes_little(fitted, saved, plates, tmp_path):
    path = tmp_path / "half.safetensors"
    fitted.save(path, half_precision=True)
    n_bytes = [
        sum(a.nbytes for a in load(p.read_bytes()).values()) for p in (saved, path)
    ]
    assert n_bytes[1] < 0.55 * n_bytes[0]
    loaded = GANBinarizer.load(path)
    dtypes = {w.dtype for w in loaded.generator_.state_dict().values()}
    assert dtypes == {torch.float32, torch.int64}
    difference = np.abs(loaded.deblur(plates.X) - fitted.deblur(plates.X))
    assert 0 < difference.max() < 0.01


def test_what_half_precision_cannot_hold_stays_as_it_is(fitted, plates, tmp_path):
    # Running variances can be this large: the first plate model with one was refused.
    path = tmp_path / "half.safetensors"
    model = pickle.loads(pickle.dumps(fitted))
    variance = model.generator_.tail[2].running_var
    variance[0] = 1e6
    model.save(path, half_precision=True)
    loaded = GANBinarizer.load(path)
    assert torch.equal(loaded.generator_.tail[2].running_var, variance)
    difference = np.abs(loaded.deblur(plates.X) - model.deblur(plates.X))
    assert difference.max() < 0.01


def test_the_default_network_takes_two_megabytes(plates, tmp_path):
    model = GANBinarizer(max_epochs=1, random_state=0, n_threads=1).fit(*plates)
    model.save(tmp_path / "model")
    assert (tmp_path / "model").stat().st_size < 2.2e6


def test_it_trains_on(saved, plates):
    before = GANBinarizer.load(saved).score(*plates)
    weights = joblib.hash(GANBinarizer.load(saved).__getstate__()["generator_"])
    model = GANBinarizer.load(saved).partial_fit(*plates)
    assert model.n_epochs_ == 1  # of this training
    assert joblib.hash(model.__getstate__()["generator_"]) != weights
    assert model.discriminator_ is not None
    again = GANBinarizer.load(saved).partial_fit(*plates)
    assert joblib.hash(again.__getstate__()) != ""
    assert_array_equal(again.deblur(plates.X), model.deblur(plates.X))
    warm = GANBinarizer.load(saved).set_params(warm_start=True, max_epochs=5)
    assert warm.fit(*plates).score(*plates) > before


def test_other_forms_of_input_and_encodings(plates, tiny_gan, tmp_path):
    path = tmp_path / "model"
    rows = plates.X.reshape(6, -1)
    frame = pandas.DataFrame(rows, columns=[f"p{i}" for i in range(rows.shape[1])])
    truth = np.where(plates.Y, 255, 3).astype(np.int16).reshape(6, -1)
    model = tiny_gan(image_shape=(24, 40), device=torch.device("cpu")).fit(frame, truth)
    model.save(str(path))
    loaded = GANBinarizer.load(str(path))
    assert_array_equal(loaded.predict(frame), model.predict(frame))
    assert loaded.predict(frame).dtype == np.int16
    assert loaded.n_features_in_ == 960
    assert list(loaded.feature_names_in_) == list(frame.columns)
    assert loaded.image_shape == (24, 40)
    assert loaded.image_shape_ == model.image_shape_
    with pytest.raises(ValueError, match="features"):
        loaded.predict(rows[:, :-1])
    floats = plates.X / 255.0
    model = tiny_gan(working_shape=[32, 48]).fit(floats, plates.Y.astype(bool))
    model.save(path)
    assert_array_equal(GANBinarizer.load(path).predict(floats), model.predict(floats))
    assert GANBinarizer.load(path).predict(floats).dtype == bool


def test_what_cannot_be_saved(plates, tiny_gan, fitted, saved, tmp_path):
    with pytest.raises(NotFittedError):
        tiny_gan().save(tmp_path / "new")
    for name, value in [
        ("perceptual", torch.nn.Conv2d(1, 1, 1)),
        ("random_state", np.random.RandomState(0)),
    ]:
        model = pickle.loads(pickle.dumps(fitted)).set_params(**{name: value})
        with pytest.raises(TypeError, match=f"{name}=.* cannot be saved"):
            model.save(saved)
    assert_array_equal(
        GANBinarizer.load(saved).deblur(plates.X), fitted.deblur(plates.X)
    )
    with pytest.raises(OSError, match="missing"):
        fitted.save(tmp_path / "missing" / "model")


def test_what_is_no_file_of_a_model(tmp_path, saved):
    def written(name, data):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    data = saved.read_bytes()
    huge = (2**60).to_bytes(8, "little")
    cases = {
        tmp_path / "missing": "there is no such file",
        tmp_path: "there is no such file",
        written("empty", b""): "truncated",
        written("text", b"some text, longer than eight bytes"): "truncated",
        written("pickle", pickle.dumps(Payload())): "truncated",
        written("joblib", b"\x80\x04" + data): "truncated|header",
        written("header", huge + data[8:]): "truncated",
        written("json", data[:8] + b"x" * (len(data) - 8)): "its header is not",
        written("list", (2).to_bytes(8, "little") + b"[]"): "its header is not",
        written("plain", save({"a": np.zeros(3)})): "its header is not",
        written("more", data + b"\0"): "its length is not",
        written("deep", (400_000).to_bytes(8, "little") + b"[" * 400_000): "header",
    }
    for path, reason in cases.items():
        with pytest.raises(ModelFileError, match=reason) as caught:
            GANBinarizer.load(path)
        assert caught.value.path == str(path)
    assert not (tmp_path / "executed").exists()


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)  # without a byte on the disk
    with pytest.raises(ModelFileError, match="are allowed"):
        GANBinarizer.load(path)


def test_truncated_anywhere(saved):
    data = saved.read_bytes()
    for length in np.linspace(0, len(data) - 1, 40).astype(int):
        saved.write_bytes(data[:length])
        with pytest.raises(ModelFileError):
            GANBinarizer.load(saved)


def test_flipped_bits_change_nothing_silently(saved):
    data = saved.read_bytes()
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(data[:8], "little")
    places = [
        *rng.integers(8 * header, size=300),
        *rng.integers(8 * len(data), size=100),
    ]
    for place in places:
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        saved.write_bytes(damaged)
        start = time.monotonic()
        with pytest.raises(ModelFileError):
            GANBinarizer.load(saved)
        assert time.monotonic() - start < 2


def set_in(*path_and_value):
    *path, name, value = path_and_value

    def change(about, arrays):
        part = about
        for step in path:
            part = part[step]
        part[name] = value

    return change


def with_array(name, make):
    def change(about, arrays):
        key = next(k for k in arrays if k.endswith(name))
        arrays[key] = make(arrays[key])

    return change


def without_array(about, arrays):
    del arrays["head.bias"]


def surplus_array(about, arrays):
    arrays["surplus"] = np.zeros(3, np.float32)


CHANGES = {
    "newer": (set_in("format", FORMAT + 1), "reads up to 1: update it"),
    "version 0": (set_in("format", 0), "which never was"),
    "version text": (set_in("format", "1"), "which never was"),
    "class": (set_in("class", "os.system"), "it is a 'os.system'"),
    "unknown": (set_in("parameters", "evil", 1), "do not exist: evil"),
    "bad value": (set_in("parameters", "n_levels", -1), "n_levels must be"),
    "bad type": (set_in("parameters", "n_blocks", "2"), "n_blocks must be"),
    "more blocks": (set_in("parameters", "n_blocks", 2), "it lacks 12 arrays"),
    "hundred blocks": (
        set_in("parameters", "n_blocks", 100),
        r"it has \d+ arrays, and its network 12\d\d at least",
    ),
    "many blocks": (set_in("parameters", "n_blocks", 10**9), "too large"),
    "wide": (set_in("parameters", "growth_rate", 10**12), "too large"),
    "other width": (set_in("parameters", "growth_rate", 3), "has shape"),
    "classes": (set_in("fitted", "classes_", [1, 0]), "cannot be"),
    "class dtype": (set_in("fitted", "classes_dtype", "O"), "classes of type 'O'"),
    "dtype of literals": (set_in("fitted", "classes_dtype", "(,)i4"), "type '"),
    "range": (set_in("fitted", "input_range_", [1, 0]), "cannot be"),
    "sizes": (set_in("fitted", "image_shape_", [-1, 3]), "cannot be"),
    "size 0": (set_in("fitted", "image_shape_", 0), "cannot be"),
    "no sizes": (set_in("fitted", "image_shape_", []), "cannot be"),
    "columns": (set_in("fitted", "n_features_in_", "evil"), "cannot be"),
    "no columns": (set_in("fitted", "n_features_in_", 0), "cannot be"),
    "names": (set_in("fitted", "feature_names_in_", 5), "cannot be"),
    "one name": (set_in("fitted", "feature_names_in_", [1]), "cannot be"),
    "epochs": (set_in("fitted", "n_epochs_", -1), "cannot be"),
    "seed of text": (set_in("parameters", "random_state", "evil"), "random_state is"),
    "negative seed": (set_in("parameters", "random_state", -1), "random_state is"),
    "features": (set_in("parameters", "perceptual", [1]), r"perceptual is \[1\]"),
    "a large shape": (
        set_in("parameters", "working_shape", [10**6, 10**6]),
        "working_shape=",
    ),
    "variance": (with_array("running_var", lambda a: a - 1e9), "negative variance"),
    "fitted": (set_in("fitted", None), "not subscriptable|NoneType"),
    "parameters": (set_in("parameters", None), "NoneType"),
    "lacking": (without_array, r"lacks 1 arrays and has 0 too many \(head.bias"),
    "surplus": (surplus_array, "has 1 too many"),
    "shape": (with_array("head.bias", lambda a: a[:-1]), "has shape"),
    "dtype": (with_array("head.bias", lambda a: a.astype(np.float64)), "type F64"),
    "whole numbers": (
        with_array("head.bias", lambda a: a.astype(np.int64)),
        "type I64, which is none of F16, F32",
    ),
    "a count of float16": (
        with_array("num_batches_tracked", lambda a: a.astype(np.float16)),
        "type F16, which is none of I64",
    ),
    "a count of float32": (
        with_array("num_batches_tracked", lambda a: a.astype(np.float32)),
        "type F32, which is none of I64",
    ),
    "nan": (with_array("head.bias", lambda a: a * np.nan), "not finite"),
    "inf": (with_array("head.bias", lambda a: a + np.inf), "not finite"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_headers_and_arrays_that_cannot_be(name, saved):
    check_refused(saved, *CHANGES[name])


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"shape": "3"}, "has shape 3, which no array has"),
        ({"shape": [True]}, r"has shape \[True\], which no array has"),
        ({"shape": [-1]}, r"has shape \[-1\], which no array has"),
        ({"shape": [3.0]}, r"has shape \[3.0\], which no array has"),
        ({"shape": [2**63]}, "has shape .*, which no array has"),
        ({"shape": [1] * 9}, "has shape .*, which no array has"),
        ({"shape": [1, 1]}, "does not have the length of its shape"),
        ({"shape": [0]}, "does not have the length of its shape"),
        ({"shape": [1] * 8}, "does not have the length of its shape"),
        ({"shape": [2**63 - 1]}, "does not have the length of its shape"),
        ({"dtype": "BOOL"}, "has type BOOL, which is none of F"),
        ({"dtype": "I64"}, "does not have the length of its shape"),
        ({"dtype": "F16"}, "does not have the length of its shape"),
    ],
)
def test_entries_are_checked_where_the_network_is_not_known(entry, reason, saved):
    data = saved.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["head.bias"].update(entry)
    text = json.dumps(header).encode()
    saved.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(ModelFileError, match=f"head.bias {reason}"):
        persistence.read_model(saved, None)


def test_parameters_of_the_machine_are_in_no_file(plates, tiny_gan, tmp_path):
    path, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    model = tiny_gan(max_image_pixels=None, working_memory=5).fit(*plates)
    model.save(path)
    assert GANBinarizer.load(path).max_image_pixels == 2**26
    assert GANBinarizer.load(path).working_memory is None

    def change(about, arrays):
        about["parameters"] |= {
            "checkpoint_dir": str(elsewhere),
            "perceptual_weights": "/etc/passwd",
            "max_image_pixels": None,
        }

    changed(path, change)
    loaded = GANBinarizer.load(path)
    assert loaded.checkpoint_dir is None
    assert loaded.perceptual_weights is None
    assert loaded.max_image_pixels == 2**26
    loaded.set_params(warm_start=True).fit(*plates)
    assert not elsewhere.exists()


def test_a_change_that_keeps_the_checksum_wrong(saved):
    data = saved.read_bytes().replace(b'n_epochs_\\": 2', b'n_epochs_\\": 3')
    assert data != saved.read_bytes()
    saved.write_bytes(data)
    with pytest.raises(ModelFileError, match="checksum"):
        GANBinarizer.load(saved)


def test_a_symlink_is_followed_and_a_device_refused(saved, tmp_path, fitted, plates):
    link = tmp_path / "link"
    link.symlink_to(saved)
    assert_array_equal(
        GANBinarizer.load(link).deblur(plates.X), fitted.deblur(plates.X)
    )
    with pytest.raises(ValueError, match="device"):
        GANBinarizer.load(saved, device="cuda:99")
    if os.path.exists("/dev/zero"):
        with pytest.raises(ModelFileError, match="no such file"):
            GANBinarizer.load("/dev/zero")


def test_working_shape(plates, tiny_gan):
    X, Y = plates
    model = tiny_gan(working_shape=(48, 64), max_epochs=3, validation_fraction=0.3)
    model.fit(X, Y)
    assert model.predict(X).shape == X.shape
    mixed = [X[0], X[1][:9, :11], np.kron(X[2], np.ones((3, 2), np.uint8))]
    found = model.predict(mixed)
    assert [image.shape for image in found] == [image.shape for image in mixed]
    for image, answer in zip(mixed, found, strict=True):
        assert_array_equal(model.predict([image])[0], answer)
    # The same as with images that were resized before.
    plain = tiny_gan(max_epochs=3, validation_fraction=0.3).fit(X, Y)
    same = clone(plain).set_params(working_shape=X.shape[1:]).fit(X, Y)
    assert_array_equal(same.deblur(X), plain.deblur(X))


def test_output_scale(plates, tiny_gan, tmp_path):
    X, Y = plates
    model = tiny_gan(working_shape=(48, 64)).fit(X, Y)
    score, small = model.score(X, Y), model.predict(X)
    model.set_params(output_scale="model")
    grey, binary = model.deblur(X), model.predict(X)
    assert grey.shape == binary.shape == (len(X), 48, 64)
    # What the networks gave, before it was resized: the same grey, in fewer pixels.
    resized = np.stack([resize(image, X.shape[1:]) for image in grey])
    assert_array_equal(resized, model.set_params(output_scale="input").deblur(X))
    assert_array_equal(model.predict(X), small)
    model.set_params(output_scale="model")
    mixed = [X[0], X[1][:9, :11]]
    assert [image.shape for image in model.predict(mixed)] == [(48, 64)] * 2
    rows = clone(model).set_params(image_shape=X.shape[1:])
    rows.fit(X.reshape(len(X), -1), Y.reshape(len(Y), -1))
    assert rows.predict(X.reshape(len(X), -1)).shape == (len(X), 48 * 64)
    assert model.score(X, Y) == score  # in the truth's own size
    model.save(tmp_path / "model.safetensors")
    assert GANBinarizer.load(tmp_path / "model.safetensors").output_scale == "model"
    with pytest.raises(ValueError, match="output_scale='model' needs a working_shape"):
        tiny_gan(output_scale="model").fit(X, Y)
    with pytest.raises(ValueError, match="output_scale='model' needs a working_shape"):
        model.set_params(working_shape=None).predict(X)


BUNDLED = {"plate": (128, 192), "characters": (128, 128)}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_models(name):
    start = time.monotonic()
    model = GANBinarizer.from_pretrained(name, device="cpu")
    assert time.monotonic() - start < 5
    X, Y = make_blurred_plates(
        12, layout=name, severity=0.4, effects="all", random_state=10**6
    )
    otsu = OtsuBinarizer().fit(X, Y)
    assert model.score(X, Y) > otsu.score(X, Y) + 0.05
    assert model.predict(X).dtype == Y.dtype
    halves = [image[::2, ::2] for image in X]
    assert {answer.shape for answer in model.predict(halves)} == {halves[0].shape}
    assert model.working_shape == BUNDLED[name]


def test_names_of_bundled_models():
    with pytest.raises(ValueError, match="one of 'characters', 'plate', got 'plates'"):
        GANBinarizer.from_pretrained("plates")
    with pytest.raises(ValueError, match=r"got '../plate'"):
        GANBinarizer.from_pretrained("../plate")


def test_bundled_models_are_small():
    folder = resources.files("skdeblurbin").joinpath("pretrained", "models")
    for file in folder.iterdir():
        assert len(file.read_bytes()) < 3e6


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "LARGEST_HEADER"])
def test_models_that_could_not_be_loaded_are_not_written(
    limit, plates, tiny_gan, tmp_path, monkeypatch
):
    model = tiny_gan().fit(*plates)
    path = tmp_path / "model.safetensors"
    model.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(persistence, limit, 1000)
    message = (
        r"The model takes \d+ bytes, .* could not be loaded again\. Pickle it inst"
    )
    with pytest.raises(ValueError, match=message):
        model.save(path)
    assert path.read_bytes() == before

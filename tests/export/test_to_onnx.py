"""The files that `to_onnx` writes, in ONNX Runtime alone."""

import json
import logging
import warnings
from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import skdeblurbin
from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.export._format import RESERVED, with_added
from skdeblurbin.metrics import root_mean_squared_error

SIZES = [
    (1, 1),
    (16, 48),
    (24, 40),
    (37, 101),
    (64, 64),
    (60, 140),
    (128, 128),
    (128, 192),
    (131, 257),
    (512, 1024),
]
LIKE_A_CHECKSUM = "\n\x06sha256\x12@" + 64 * "a"
NAMES = ["plate", "characters", "bytes", "unit", "resizing"]


def session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])


def photos(shape, n_images=2):
    """Drawn plates; of less than their least size, the upper left corner."""
    height, width = shape
    drawn = make_blurred_plates(
        n_images, (max(height, 16), max(width, 32)), "plate", random_state=height
    )[0]
    return np.ascontiguousarray(drawn[:, :height, :width])


@pytest.mark.parametrize("name", NAMES)
def test_ten_sizes(exported, name):
    """No more than one pixel in 10,000 is another one, and none where they are few."""
    model, path = exported(name)
    run = session(path).run
    n_pixels = n_other = 0
    for shape in SIZES:
        X = photos(shape, n_images=1 if shape[0] > 256 else 3)
        binary, grey, deblurred = run(None, {"image": X})
        assert binary.dtype == grey.dtype == np.uint8
        expected = model.deblur(X)
        assert_allclose(deblurred, expected, atol=1e-4)
        assert_allclose(grey, expected * 255, atol=0.53)
        paper = model.predict(X) == model.classes_[1]
        assert binary.shape == paper.shape
        assert set(np.unique(binary)) <= {0, 255}
        other = np.count_nonzero((binary == 255) != paper)
        assert other <= paper.size / 10_000
        n_pixels, n_other = n_pixels + paper.size, n_other + other
    assert n_pixels > 15_000
    assert n_other <= n_pixels / 10_000


def test_shipped_models_say_what_they_are(exported):
    for name in ("plate", "characters"):
        about = session(exported(name).path).get_modelmeta().custom_metadata_map
        assert about["name"] == name
        assert about["version"] == skdeblurbin.__version__
        assert about["licence"] == "BSD-3-Clause"
        scores = json.loads(about["scores"])
        assert scores["RMSE on drawn plates, by severity"].keys() == {
            "0.2",
            "0.5",
            "0.8",
        }


@pytest.fixture
def written(monkeypatch):
    """The metadata of exports, which are not made."""
    found = []
    monkeypatch.setattr(
        "skdeblurbin._gan_export.onnx_bytes",
        lambda program, about, metadata, photos: found.append(metadata) or b"",
    )
    monkeypatch.setattr("skdeblurbin._gan_export.check_packages", lambda **_: None)
    return found


def epoch(number, rmse=None):
    """An entry of a history."""
    scores = {"validation_rmse": rmse, "validation_f_measure": 1 - (rmse or 0)}
    return {"epoch": number, "rmse": 0.1, **(scores if rmse else {})}


@pytest.mark.parametrize(
    ("errors", "kept"),
    [
        ([0.5, 0.3, 0.4], 2),
        ([0.5, 0.3, 0.3], 2),  # no better than the second
        ([0.2, None, 0.4, 0.3], 4),  # trained without validation in between
        ([0.2, None], None),  # and after it
        ([None], None),
        ([], None),  # of a file
    ],
)
def test_scores_are_those_of_the_kept_epoch(tmp_path, written, errors, kept):
    """By default; what the caller says comes before."""
    model = GANBinarizer.from_pretrained("plate", device="cpu")
    with torch.no_grad():
        model.generator_.output.bias += 0.01  # a model of the user's own
    model.history_ = [epoch(i, error) for i, error in enumerate(errors, 1)]
    model.to_onnx(tmp_path / "model.onnx")
    model.to_onnx(tmp_path / "model.onnx", metadata={"scores": "good"})
    assert written[1]["scores"] == "good"
    assert ("scores" in written[0]) is (kept is not None)
    if kept:
        rmse = errors[kept - 1]
        assert json.loads(written[0]["scores"]) == {
            "epoch": kept,
            "validation_rmse": rmse,
            "validation_f_measure": 1 - rmse,
        }


def test_a_fit_with_validation_leaves_its_scores_in_the_file(
    plates, tiny_gan, tmp_path, written
):
    X, Y = plates
    # Leaps about, so that the best epoch is not the last.
    leaping = {"learning_rate": 0.3, "average_decay": None, "random_state": 1}
    model = tiny_gan(max_epochs=3, **leaping)
    model.fit(X[2:], Y[2:], X_val=X[:2], y_val=Y[:2])
    model.to_onnx(tmp_path / "model.onnx")
    scores = json.loads(written[0]["scores"])
    assert scores["epoch"] < 3
    # The weights in the file are those that the scores are of.
    assert scores["validation_rmse"] == pytest.approx(-model.score(X[:2], Y[:2]))


def test_inputs_outputs_and_opset(exported):
    import onnx

    path = exported("bytes").path
    opened = session(path)
    assert [(v.name, v.type, v.shape) for v in opened.get_inputs()] == [
        ("image", "tensor(uint8)", ["n_images", "height", "width"])
    ]
    assert [(v.name, v.type) for v in opened.get_outputs()] == [
        ("binary", "tensor(uint8)"),
        ("grey", "tensor(uint8)"),
        ("deblurred", "tensor(float)"),
    ]
    loaded = onnx.load(path)
    onnx.checker.check_model(loaded, full_check=True)
    assert [(o.domain, o.version) for o in loaded.opset_import] == [("", 18)]
    assert "no evidence" in loaded.doc_string


def test_nothing_of_this_machine_is_in_the_file(exported):
    data = exported("bytes").path.read_bytes()
    for trace in (b".py", b"site-packages", b"/home", b"torch.nn", b"forward"):
        assert trace not in data


def test_the_added_input_is_the_one_that_onnx_would_write():
    import onnx

    value = onnx.helper.make_tensor_value_info(
        "added", onnx.TensorProto.FLOAT, [None, None, None]
    )
    graph = onnx.GraphProto(input=[value])
    assert with_added(b"") == onnx.ModelProto(graph=graph).SerializeToString()


def test_own_metadata_equal_bytes_and_no_traces(
    fitted, exported, tmp_path, global_state_unchanged
):
    model, path = exported("unit")
    log = logging.getLogger("torch.onnx")
    root = logging.getLogger()
    before = (log.level, root.level, root.handlers[:], warnings.filters[:])
    again = tmp_path / "again.onnx"
    with global_state_unchanged(), torch.inference_mode():
        model.to_onnx(
            again,
            metadata={"name": "gate 3", "licence": "MIT", "scores": {"RMSE": 0.2}},
        )
    assert before == (log.level, root.level, root.handlers[:], warnings.filters[:])
    about = session(again).get_modelmeta().custom_metadata_map
    assert (about["name"], about["licence"]) == ("gate 3", "MIT")
    assert json.loads(about["scores"]) == {"RMSE": 0.2}
    import onnx

    one, other = onnx.load(path), onnx.load(again)
    for loaded in (one, other):
        del loaded.metadata_props[:]
        loaded.graph.name = ""
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(
        deterministic=True
    )
    assert [p.name for p in tmp_path.iterdir()] == ["again.onnx"]


def test_integers(fitted, plates, tmp_path):
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    import onnx

    model, path = fitted("bytes"), tmp_path / "int8.onnx"
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    model.to_onnx(path, calibration=plates.X)
    assert before == (root.level, root.handlers[:])
    loaded = onnx.load(path)
    kinds = [node.op_type for node in loaded.graph.node]
    # Each convolution reads integers: its image and its weights are scaled to them.
    assert kinds.count("DequantizeLinear") >= 2 * kinds.count("Conv") > 0
    assert [i.name for i in loaded.graph.input] == ["image"]
    run = session(path).run
    binary, _, deblurred = run(None, {"image": plates.X})
    assert 0 < np.abs(deblurred - model.deblur(plates.X)).mean() < 0.02
    assert np.mean((binary == 255) != (model.predict(plates.X) == 1)) < 0.05


# On 864 plates the rise was 0.0012 +- 0.0002 and 0.0009 +- 0.0002: the standard error
# of 216 is about 0.0004.
@pytest.mark.parametrize("name", ["plate", "characters"])
def test_what_integers_cost_in_rmse(exported, tmp_path, name):
    """On the same plates, of all severities, as float32."""
    model, path = exported(name)
    drawn = {"layout": name, "effects": "all"}
    calibration, _ = make_blurred_plates(32, random_state=1, **drawn)
    integers = tmp_path / "int8.onnx"
    model.to_onnx(integers, calibration=calibration)
    runs = [session(file).run for file in (integers, path)]
    rises = []
    for severity, seed in product((0.2, 0.5, 0.8), (100, 101, 102)):
        X, Y = make_blurred_plates(24, severity=severity, random_state=seed, **drawn)
        errors = [
            root_mean_squared_error(Y, run(["binary"], {"image": X})[0] == 255)
            for run in runs
        ]
        rises.append(errors[0] - errors[1])
    assert 0 not in rises  # they are two files
    assert np.mean(rises) < 0.002


# What cannot be exported


@pytest.fixture
def never_written(monkeypatch):
    """What is refused is refused before the export, which takes its time."""

    def fail(*_):
        raise AssertionError("the export began")

    monkeypatch.setattr("skdeblurbin._gan_export.onnx_bytes", fail)


@pytest.mark.usefixtures("never_written")
class TestRefused:
    def test_unfitted(self, tmp_path):
        with pytest.raises(ValueError, match="not fitted"):
            GANBinarizer().to_onnx(tmp_path / "x.onnx")

    @pytest.mark.parametrize("high", [65535.0, 3.0])
    def test_scales_that_bytes_do_not_have(self, plates, tiny_gan, tmp_path, high):
        low = 0 if high > 255 else -3.0
        X = low + plates.X / 255 * (high - low)
        X[0, 0, 0] = high
        model = tiny_gan().fit(X.round() if high > 255 else X, plates.Y)
        with pytest.raises(ValueError, match=r"8-bit images.*fitted on \("):
            model.to_onnx(tmp_path / "x.onnx")

    def test_weights_that_are_not_finite(self, plates, tiny_gan, tmp_path):
        model = tiny_gan().fit(*plates)
        with torch.no_grad():
            model.generator_.output.bias[0] = torch.nan
        with pytest.raises(ValueError, match=r"output\.bias .*not finite"):
            model.to_onnx(tmp_path / "x.onnx")

    def test_foreign_networks(self, plates, tiny_gan, tmp_path):
        model = tiny_gan().fit(*plates)
        model.generator_ = torch.nn.Conv2d(1, 1, 3, padding=1)
        with pytest.raises(TypeError, match="generator_ is a Conv2d"):
            model.to_onnx(tmp_path / "x.onnx")

    @pytest.mark.parametrize(
        ("metadata", "error", "message"),
        [
            ({"sha256": "0"}, ValueError, "must not have the keys sha256"),
            ({"skdeblurbin": "0"}, ValueError, "must not have the keys skdeblurbin"),
            ({1: "one"}, TypeError, "dict with str keys"),
            ("name", TypeError, "dict with str keys"),
            ({"scores": {1j}}, TypeError, r"metadata\['scores'\]"),
            ({"scores": float("nan")}, TypeError, r"metadata\['scores'\]"),
            ({"name": ""}, ValueError, r"metadata\['name'\] must not be empty"),
            ({"by": "\udc80"}, ValueError, r"metadata\['by'\] must be .* UTF-8"),
            ({"\udc80": "x"}, ValueError, r"metadata\['.udc80'\] must be .* UTF-8"),
            ({"x": LIKE_A_CHECKSUM}, ValueError, r"metadata\['x'\] must not hold"),
            ({LIKE_A_CHECKSUM: "x"}, ValueError, "looks like the file's checksum"),
        ],
    )
    def test_bad_metadata(self, fitted, tmp_path, metadata, error, message):
        with pytest.raises(error, match=message):
            fitted("bytes").to_onnx(tmp_path / "x.onnx", metadata=metadata)

    def test_bad_calibration(self, fitted, tmp_path):
        with pytest.raises(ValueError, match="X must be of shape"):
            fitted("bytes").to_onnx(tmp_path / "x.onnx", calibration=np.zeros(3))

    def test_output_scale_without_working_shape(self, plates, tiny_gan, tmp_path):
        model = tiny_gan().fit(*plates).set_params(output_scale="model")
        with pytest.raises(ValueError, match="working_shape"):
            model.to_onnx(tmp_path / "x.onnx")

    @pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
    def test_missing_packages(self, fitted, tmp_path, monkeypatch, missing):
        import importlib.util

        find = importlib.util.find_spec
        monkeypatch.setattr(
            "importlib.util.find_spec",
            lambda n, *a: None if n == missing else find(n, *a),
        )
        with pytest.raises(ImportError, match=rf"no {missing}: .*skdeblurbin\[onnx\]"):
            fitted("bytes").to_onnx(tmp_path / "x.onnx")


def test_a_file_that_cannot_be_written(fitted, tmp_path, monkeypatch):
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    monkeypatch.setattr("skdeblurbin._gan_export.onnx_bytes", lambda *_: b"new")
    with pytest.raises(OSError, match="nowhere"):
        fitted("bytes").to_onnx(tmp_path / "nowhere" / "x.onnx")
    there = tmp_path / "x.onnx"
    there.write_bytes(b"old")
    fitted("bytes").to_onnx(there)
    assert there.read_bytes() == b"new"


def test_cards_hold_the_figures_of_the_documentation():
    """Scores in files are those that the model cards give."""
    from pathlib import Path

    from skdeblurbin.persistence import pretrained_folder

    docs = Path(__file__).parents[2] / "docs" / "models"
    if not docs.exists():
        pytest.skip("the tests run away from the sources")
    cards = json.loads(pretrained_folder().joinpath("cards.json").read_text())
    assert sorted(cards) == ["characters", "plate"]
    for name, card in cards.items():
        text = (docs / f"{name}.md").read_text(encoding="utf-8")
        ours, otsu = card["scores"].values()
        for severity, error in ours.items():
            assert f"| {severity} | {otsu[severity]:.3f} | {error:.3f} |" in text
    assert not set(RESERVED) & set().union(*cards.values())

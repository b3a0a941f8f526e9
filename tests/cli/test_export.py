"""``skdeblurbin export``"""

import sys
from pathlib import Path

import numpy as np
import pytest

from skdeblurbin import GANBinarizer


def test_in_a_process_of_its_own(program, model_file, plates, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    out = tmp_path / "new" / "tiny.onnx"
    run = program("export", model_file, "-o", out)
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    session = onnxruntime.InferenceSession(out)
    (image,) = session.get_inputs()
    (binary,) = session.run(["binary"], {image.name: plates.X})
    predicted = GANBinarizer.load(model_file).predict(plates.X)
    assert np.mean((binary == 255) != (predicted == 1)) < 1e-3


def test_in_integers_and_in_the_size_that_the_model_works_in(
    cli, plates, pairs, tiny_gan, tmp_path
):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    model = tmp_path / "model.safetensors"
    tiny_gan(working_shape=(32, 48)).fit(plates.X, plates.Y).save(model)
    plain, integers = tmp_path / "plain.onnx", tmp_path / "integers.onnx"
    words = ("export", model, "--output-scale", "model", "-o")
    assert cli(*words, plain)[0] == 0
    code, _, err = cli(*words, integers, "--calibration", pairs / "blurred")
    assert code == 0, err
    small = np.zeros((1, 9, 12), np.uint8)
    for path in (plain, integers):
        session = onnxruntime.InferenceSession(path)
        (binary,) = session.run(["binary"], {"image": small})
        assert binary.shape == (1, 32, 48)
    assert b"QuantizeLinear" in integers.read_bytes()
    assert b"QuantizeLinear" not in plain.read_bytes()


def test_metadata(cli, model_file, tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    out = tmp_path / "model.onnx"
    words = ("--metadata", "name=gate 3", "--metadata", "scores=RMSE=0.2", "--metadata")
    code, _, err = cli("export", model_file, "-o", out, *words, "remark=")
    assert code == 0, err
    about = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
    assert (about["name"], about["scores"], about["remark"]) == (
        "gate 3",
        "RMSE=0.2",
        "",
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["licence"], "'licence' is not NAME=VALUE, as licence=MIT is"),
        (["=MIT"], "'=MIT' is not NAME=VALUE"),
        (["a=1", "b=1", "a=2"], "--metadata: 'a' is given more than once"),
        (["sha256=0"], "--metadata: metadata must not have the keys sha256"),
        (["name="], "--metadata: metadata['name'] must not be empty"),
        (["by=\udc80"], "--metadata: metadata['by'] must be a text that UTF-8"),
    ],
)
def test_metadata_that_cannot_be(cli, model_file, tmp_path, capsys, given, told):
    out = tmp_path / "new" / "model.onnx"
    words = [word for text in given for word in ("--metadata", text)]
    try:
        code, _, err = cli("export", model_file, "-o", out, *words)
    except SystemExit as end:  # of argparse
        code, err = end.code, capsys.readouterr().err
    assert code == 2
    assert told in err
    assert not out.parent.exists()


def test_calibration_that_cannot_be(cli, model_file, tmp_path):
    out = tmp_path / "model.onnx"
    folder = tmp_path / "photos"
    words = ("export", model_file, "-o", out, "--calibration", folder)
    for code, told in ((2, "does not exist"), (2, "there are no images in")):
        found, _, err = cli(*words)
        assert found == code
        assert told in err
        folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(b"no picture")
    code, _, err = cli(*words)
    assert code == 3
    assert "a.png' cannot be read" in err
    assert not out.exists()


def test_a_scale_that_the_model_has_not(cli, model_file, tmp_path):
    words = ("export", model_file, "-o", tmp_path / "model.onnx")
    code, _, err = cli(*words, "--output-scale", "model")
    assert code == 2
    assert "--output-scale: output_scale='model' needs a working_shape" in err


def test_an_output_that_is_there(cli, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"mine")
    code, _, err = cli("export", "plate", "-o", tmp_path / "model.onnx")
    assert code == 2
    assert "is there already" in err
    assert (tmp_path / "model.onnx").read_bytes() == b"mine"
    code, _, err = cli("export", "plate", "-o", tmp_path)
    assert code == 2
    assert "is a folder" in err


def test_a_model_is_not_replaced_by_its_export(cli, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = model_file.read_bytes()
    Path("model").write_bytes(before)
    Path("link").symlink_to("model")
    for output in ("./model", "link"):
        code, _, err = cli("export", "model", "-o", output, "--overwrite")
        assert code == 2
        assert "is the model itself" in err
        assert Path("model").read_bytes() == before


def test_a_model_that_is_not_there(cli, tmp_path):
    code, _, err = cli("export", "nothing", "-o", tmp_path / "model.onnx")
    assert code == 2
    assert "there is no model 'nothing'" in err


def test_without_the_extra_the_error_names_it(cli, model_file, tmp_path, monkeypatch):
    for name in ("onnx", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    code, _, err = cli("export", model_file, "-o", tmp_path / "model.onnx")
    assert code == 3
    assert "skdeblurbin[onnx]" in err
    assert not (tmp_path / "model.onnx").exists()

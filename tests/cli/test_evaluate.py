"""``skdeblurbin evaluate``"""

import json
import math

import numpy as np
import pytest
from PIL import Image

from skdeblurbin import GANBinarizer, OtsuBinarizer, _progress
from skdeblurbin.cli import evaluate
from skdeblurbin.metrics import drd, f_measure, psnr, root_mean_squared_error


def wanted(truth, images):
    """Means of each measure, by the library."""
    return {
        "rmse": root_mean_squared_error(truth, images),
        "f_measure": f_measure(truth, images),
        "psnr": psnr(truth, images),
        "drd": drd(truth, images),
    }


def test_in_a_process_of_its_own(program, pairs, plates, model_file):
    run = program(
        "evaluate", pairs / "blurred", pairs / "binary", "--model", model_file, "--json"
    )
    assert (run.returncode, run.stderr) == (0, "")
    found = json.loads(run.stdout)
    assert found["n_images"] == 6
    X, Y = plates
    ours = GANBinarizer.load(model_file).predict(X)
    assert found["means"][str(model_file)] == pytest.approx(wanted(Y, ours))
    otsu = OtsuBinarizer().fit(X, Y).predict(X)
    assert found["means"]["otsu"] == pytest.approx(wanted(Y, otsu))
    assert [image["name"] for image in found["images"]] == [
        f"plate{number}" for number in range(6)
    ]
    for measure, mean in found["means"]["otsu"].items():
        values = [image["otsu"][measure] for image in found["images"]]
        assert math.fsum(values) / 6 == pytest.approx(mean)


def test_the_table(cli, pairs, plates):
    code, out, err = cli("evaluate", pairs / "blurred", pairs / "binary")
    assert (code, err) == (0, "")
    head, titles, ours, otsu = out.splitlines()
    assert head.startswith("6 images")
    assert titles.split() == ["RMSE", "F", "ink", "PSNR", "dB", "DRD"]
    assert ours.split()[0] == "plate"
    X, Y = plates
    predicted = GANBinarizer.from_pretrained().predict(X)
    for line, images in (
        (ours, predicted),
        (otsu, OtsuBinarizer().fit(X, Y).predict(X)),
    ):
        shown = [float(word) for word in line.split()[1:]]
        assert shown == pytest.approx([*wanted(Y, images).values()], abs=0.006)


def test_progress_in_parts(cli, pairs, plates, monkeypatch):
    """As many images as were looked at; the figures are those of all at once."""
    shown = []

    class Line:
        def show(self, items, n, total):
            shown.append(items[0])

        def close(self):
            shown.append("closed")

    monkeypatch.setattr(evaluate, "_AT_A_TIME", 4)
    monkeypatch.setattr(_progress, "_live_line", lambda stream: Line())
    monkeypatch.setattr(_progress, "_EVERY", 0.0)
    words = (pairs / "blurred", pairs / "binary", "--json")
    code, out, err = cli("evaluate", *words)
    assert (code, err) == (0, "")
    assert shown == ["4/6 images", "6/6 images", "closed"]
    found = json.loads(out)
    X, Y = plates
    predicted = GANBinarizer.from_pretrained().predict(X)
    assert found["means"]["plate"] == pytest.approx(wanted(Y, predicted))
    assert [image["name"] for image in found["images"]] == [
        f"plate{number}" for number in range(6)
    ]


def test_no_error_at_all_has_no_number_in_json(cli, tmp_path, model_file):
    for kind in ("blurred", "binary"):
        (tmp_path / kind).mkdir()
        Image.fromarray(np.uint8(255) * (np.indices((24, 40))[1] > 9)).save(
            tmp_path / kind / "a.png"
        )
    words = (tmp_path / "blurred", tmp_path / "binary", "--model", model_file)
    found = json.loads(cli("evaluate", *words, "--json")[1])
    assert found["means"]["otsu"]["rmse"] == 0
    assert found["means"]["otsu"]["psnr"] is None
    assert "inf" in cli("evaluate", *words)[1].splitlines()[-1]


def test_a_file_called_as_the_baseline(cli, pairs, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "otsu").write_bytes(model_file.read_bytes())
    words = (pairs / "blurred", pairs / "binary", "--json", "--model")
    code, out, err = cli("evaluate", *words, "otsu")
    assert (code, out) == (2, "")
    assert "give the file as ./otsu" in err
    found = json.loads(cli("evaluate", *words, "./otsu")[1])
    assert sorted(found["means"]) == ["./otsu", "otsu"]


def test_names_without_partner_are_told(cli, pairs, tmp_path):
    (tmp_path / "binary").mkdir()
    for number in range(5):
        name = f"plate{number}.png"
        Image.open(pairs / "binary" / name).save(tmp_path / "binary" / name)
    code, out, err = cli("evaluate", pairs / "blurred", tmp_path / "binary")
    assert (code, out) == (3, "")
    assert "1 image(s) have no partner" in err
    assert "blurred/plate5.png" in err


@pytest.mark.parametrize("place", [0, 1])
def test_folders_that_are_not_there(cli, pairs, place):
    folders = [pairs / "blurred", pairs / "binary"]
    folders[place] = pairs / "nothing"
    code, _, err = cli("evaluate", *folders)
    assert code == 2
    assert "nothing' does not exist" in err


def test_a_model_file_that_is_damaged(cli, pairs, tmp_path):
    (tmp_path / "bad").write_bytes(b"0" * 100)
    words = (pairs / "blurred", pairs / "binary", "--model", tmp_path / "bad")
    code, out, err = cli("evaluate", *words)
    assert (code, out) == (3, "")
    assert err.startswith(f"skdeblurbin: error: {tmp_path / 'bad'}: ")

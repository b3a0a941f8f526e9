"""``skdeblurbin draw``"""

import csv

import numpy as np
import pytest
from PIL import Image

from skdeblurbin.cli import _images
from skdeblurbin.datasets import load_image_pairs, make_blurred_plates


def texts_of(folder):
    with (folder / "texts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_in_a_process_of_its_own(program, tmp_path):
    """The pairs are those of `make_blurred_plates`, however many are drawn."""
    words = ["--shape", "32x64", "--severity", 0.3, "--light-on-dark", 1, "--seed", 5]
    words += ["--effects", "camera,view"]
    run = program("draw", 3, "-o", tmp_path / "drawn", *words)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    X, Y, names = load_image_pairs(
        tmp_path / "drawn" / "blurred", tmp_path / "drawn" / "binary", return_names=True
    )
    assert names == ["000000", "000001", "000002"]
    X_all, Y_all, texts = make_blurred_plates(
        5,
        (32, 64),
        "plate",
        severity=0.3,
        light_on_dark=1,
        effects=["view", "camera"],
        random_state=5,
        return_text=True,
    )
    np.testing.assert_array_equal(X, X_all[:3])
    np.testing.assert_array_equal(Y, Y_all[:3] * 255)
    assert texts_of(tmp_path / "drawn") == [
        {"file": f"{name}.png", "text": text}
        for name, text in zip(names, texts, strict=False)
    ]
    with Image.open(tmp_path / "drawn" / "binary" / "000000.png") as image:
        assert image.mode == "1"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {"layout": "plate"}),
        (["--layout", "characters"], {"layout": "characters"}),
        (["--effects", "all"], {"layout": "plate", "effects": "all"}),
    ],
)
def test_defaults_are_those_of_the_library(cli, tmp_path, words, options):
    assert cli("draw", 1, "-o", tmp_path, *words)[0] == 0
    X, _ = load_image_pairs(tmp_path / "blurred", tmp_path / "binary")
    np.testing.assert_array_equal(
        X, make_blurred_plates(1, random_state=0, **options)[0]
    )


@pytest.mark.parametrize("kind", ["blurred", "binary"])
def test_pairs_of_two_drawings_do_not_mix(cli, tmp_path, kind):
    (tmp_path / kind).mkdir()
    assert cli("draw", 1, "-o", tmp_path, "--shape", "16x16")[0] == 0
    code, _, err = cli("draw", 1, "-o", tmp_path, "--shape", "16x16")
    assert code == 2
    assert "blurred' is not empty" in err


def test_texts_that_are_there_are_not_replaced(cli, tmp_path):
    (tmp_path / "texts.csv").write_text("mine")
    code, _, err = cli("draw", 1, "-o", tmp_path, "--shape", "16x16")
    assert code == 2
    assert "texts.csv' is there already" in err
    assert (tmp_path / "texts.csv").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["texts.csv"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--severity", "2"], "severity must be"),
        (["--light-on-dark", "-1"], "light_on_dark must be"),
        (["--effects", "snow"], "effects must be 'all' or a collection"),
        (["--shape", "8x8"], "image_shape must be"),
    ],
)
def test_command_lines_that_are_wrong(cli, tmp_path, words, told):
    code, _, err = cli("draw", 1, "-o", tmp_path / "drawn", *words)
    assert code == 2
    assert told in err
    assert not (tmp_path / "drawn").exists()


def test_ctrl_c_leaves_whole_pairs(cli, tmp_path, monkeypatch):
    write, n_written = _images.write_image, [0]

    def write_image(path, image):
        n_written[0] += 1
        if n_written[0] == 6:  # the third truth
            raise KeyboardInterrupt
        write(path, image)

    monkeypatch.setattr(_images, "write_image", write_image)
    code, _, err = cli("draw", 9, "-o", tmp_path, "--shape", "16x32")
    assert (code, err) == (130, "skdeblurbin: interrupted\n")
    _, _, names = load_image_pairs(
        tmp_path / "blurred", tmp_path / "binary", return_names=True
    )
    assert names == ["000000", "000001"]
    assert [row["file"] for row in texts_of(tmp_path)] == ["000000.png", "000001.png"]

"""The example for people with their own folders, run as they run it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from skdeblurbin.datasets import make_blurred_plates

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def folders(tmp_path):
    X, Y = make_blurred_plates(6, (16, 24), layout="plate", random_state=0)
    for name, images in (("blurred", X), ("binary", Y * 255)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{i:02d}.png")
    return tmp_path


def run(folder, *arguments):
    script = EXAMPLES / "train_on_folder.py"
    command = [sys.executable, "-W", "error", script, "blurred", "binary", *arguments]
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout, done.stderr


def test_train_on_folder_prints_a_table_and_writes_a_picture(folders):
    options = ("--folds", "3", "--epochs", "1", "--picture", "sheet.png")
    printed, progress = run(folders, *options, "--results", "done.npz")
    number = r"\d\.\d{4} \+- \d\.\d{4}"
    for row in ("Otsu", "Sauvola", "Wiener", "all paper", "average plate", "GAN"):
        assert re.search(rf"^{row} +{number} .* {number} ", printed, re.M), printed
    assert "epoch 1/1" in progress
    with Image.open(folders / "sheet.png") as picture:
        assert picture.width == 1200
    # The second run reads all folds from the file, and finds the same.
    again, progress = run(folders, *options, "--results", "done.npz")
    assert again.count("done before") == 3
    assert progress == ""
    assert (
        again[again.index("plates, each") :] == printed[printed.index("plates, each") :]
    )

"""Examples, run as people run them: those that are quick, or can be made so."""

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


def run_script(name, folder, *arguments):
    command = [sys.executable, "-W", "error", EXAMPLES / name, *arguments]
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout, done.stderr


def run(folder, *arguments):
    return run_script("train_on_folder.py", folder, "blurred", "binary", *arguments)


def test_train_on_folder_prints_a_table_and_writes_a_picture(folders):
    options = ("--folds", "3", "--epochs", "1", "--picture", "sheet.png")
    printed, progress = run(folders, *options, "--results", "done.npz")
    number = r"\d\.\d{4} \+- \d\.\d{4}"
    for row in ("Otsu", "Sauvola", "Wiener", "all paper", "average plate", "GAN"):
        assert re.search(rf"^{row} +{number} .* {number} ", printed, re.M), printed
    assert "epoch 1/1" in progress
    with Image.open(folders / "sheet.png") as picture:
        assert picture.width == 1125  # 5 columns of 1.5 inches, 150 dots an inch
    # The second run reads all folds from the file, and finds the same.
    again, progress = run(folders, *options, "--results", "done.npz")
    assert again.count("done before") == 3
    assert progress == ""
    assert (
        again[again.index("plates, each") :] == printed[printed.index("plates, each") :]
    )


#: What makes each script of the gallery short, and the pictures that it writes, with
#: their widths. `plot_quickstart.py` is run as it is, by .ci/run.
GALLERY = {
    "plot_effects": ("N_PLATES, N_DRAWN = 2, 4", {"effects": 825}),
    "plot_failures": ("N_PLATES = 6", {"failures": 600}),
    "plot_good_and_bad_runs": (
        "N_EPOCHS = 1",
        {"good_and_bad_runs": 1133, "good_and_bad_results": 990},
    ),
    "plot_grid_search": ("N_EPOCHS = 1", {"grid_search": 600}),
    "plot_learning_curve": (
        'N_STEPS = {"from nothing": 20, "from the model in the package": 20}',
        {"learning_curve": 768},
    ),
    "plot_pipeline": ("N_EPOCHS = 1", {"pipeline": 1125}),
    "plot_pretrained": (
        "N_PLATES = 3",
        {"pretrained_plate": 720, "pretrained_characters": 720},
    ),
    "plot_reading": ("N_PLATES = 40", {"reading": 880}),
    "plot_training_curves": ("N_EPOCHS = 1", {"training_curves": 824}),
}


def test_all_of_the_gallery_is_run():
    scripts = {path.stem for path in EXAMPLES.glob("plot_*.py")}
    assert scripts == {*GALLERY, "plot_quickstart"}


@pytest.mark.parametrize("name", GALLERY)
def test_the_gallery_writes_its_pictures(name, tmp_path):
    if name == "plot_reading":
        pytest.importorskip(
            "rapidocr_onnxruntime", reason="there is none for Python 3.13"
        )
    constant, pictures = GALLERY[name]
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    pattern = rf"^{re.escape(constant.split(' =')[0])} = .*$"
    short, n_found = re.subn(pattern, constant, code, flags=re.M)
    assert n_found == 1
    script = tmp_path / f"{name}.py"
    script.write_text(short, encoding="utf-8")
    # As in a notebook, whose kernel has these words for itself.
    run_script(script, tmp_path, "-f", "kernel.json")
    assert {path.stem for path in tmp_path.glob("*.png")} == set(pictures)
    for stem, width in pictures.items():
        assert f"{stem}.png" in short
        with Image.open(tmp_path / f"{stem}.png") as picture:
            assert picture.width == width

"""OCR engines: what they read from drawn lines, and how they fail."""

import pickle
import shutil
import stat
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from sklearn.model_selection import GridSearchCV

from skdeblurbin import SauvolaBinarizer
from skdeblurbin.metrics import RapidOCRReader, TesseractReader, make_reading_scorer

TEXTS = ["AB 1234", "XYZ-789", "55 KLM 2"]

FAKE = """#!{python}
# What Tesseract does with a list of images, as far as its reader can tell.
import sys
images = open(sys.argv[1]).read().split()
if {fail}:
    sys.exit("no such language")
sys.stdout.write("".join(f"TEXT{{i}}\\n\\f" for i in range(len(images))))
"""


def line(text):
    font = ImageFont.load_default(44)
    width = round(font.getlength(text)) + 40
    image = Image.new("L", (width, 64), 255)
    ImageDraw.Draw(image).text((20, 6), text, 0, font)
    return np.asarray(image)


def readers():
    found = []
    if sys.version_info < (3, 13):  # for which the engine's package is made
        found.append(pytest.param(RapidOCRReader, id="RapidOCR"))
    missing = shutil.which("tesseract") is None
    mark = pytest.mark.skipif(missing, reason="the program tesseract is not installed")
    return [*found, pytest.param(TesseractReader, id="Tesseract", marks=mark)]


@pytest.mark.parametrize("kind", readers())
def test_reads_lines_of_any_width_in_their_order(kind):
    reader = kind()
    read = reader([line(text) for text in TEXTS * 12])
    assert [text.replace(" ", "") for text in read] == [
        text.replace(" ", "") for text in TEXTS * 12
    ]
    assert reader([]) == []
    assert all(isinstance(text, str) for text in reader([np.full((9, 5), 255, "u1")]))
    again = pickle.loads(pickle.dumps(reader))
    assert again([line(TEXTS[0])]) == read[:1]


@pytest.mark.parametrize("kind", readers())
def test_reads_the_alphabet_only(kind):
    (read,) = kind(alphabet="0123456789")([line("AB 1234")])
    assert set(read) <= set("0123456789 ")
    assert "1234" in read


@pytest.mark.parametrize("kind", readers())
def test_in_a_search(kind):
    Y = np.stack([line(text)[:, :150] for text in ("AB 12", "CD 34", "EF 56", "GH 78")])
    X = np.rint(60 + 0.5 * Y).astype(np.uint8)
    search = GridSearchCV(
        SauvolaBinarizer(window_size=15),
        {"k": [0.02, 0.9]},
        scoring=make_reading_scorer(kind()),
        cv=2,
        n_jobs=2,
    )
    search.fit(X, np.where(Y > 127, 255, 0))
    assert search.best_params_ == {"k": 0.02}
    assert search.best_score_ == 0


@pytest.mark.parametrize("kind", readers())
def test_bad_images_are_named(kind):
    reader = kind()
    with pytest.raises(TypeError, match=r"images\[1\] must be a uint8 array, got flo"):
        reader([line("A1"), np.ones((8, 8))])
    with pytest.raises(TypeError, match=r"images\[0\] must be a uint8 array, got str"):
        reader(["plate.png"])
    with pytest.raises(
        ValueError, match=r"images\[0\] must have the shape .*\(8, 8, 3"
    ):
        reader([np.ones((8, 8, 3), np.uint8)])
    with pytest.raises(ValueError, match=r"got \(0, 5\)"):
        reader([np.ones((0, 5), np.uint8)])


def test_what_rapidocr_does_not_know_is_named():
    with pytest.raises(ValueError, match=r"RapidOCR does not know: \['.'\]"):
        RapidOCRReader(alphabet="AB\N{AUTOMOBILE}")


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match=r"n_threads must be .* got 0"):
        RapidOCRReader(n_threads=0)
    with pytest.raises(TypeError, match=r"n_jobs must be .* got '2'"):
        TesseractReader(command=sys.executable, n_jobs="2")


def test_without_the_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "skdeblurbin\[ocr\]"'):
        RapidOCRReader()


def test_without_the_program():
    with pytest.raises(FileNotFoundError, match="no program 'tesseract-9': install"):
        TesseractReader(command="tesseract-9")


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_program_that_reads_in_batches_and_fails(tmp_path):
    program = tmp_path / "fake"
    program.write_text(FAKE.format(python=sys.executable, fail=False))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    image = np.zeros((8, 8), np.uint8)
    for n_jobs in (1, 3):
        read = TesseractReader(command=str(program), n_jobs=n_jobs)([image] * 120)
        assert read == [f"TEXT{i}" for n in (50, 50, 20) for i in range(n)]
    program.write_text(FAKE.format(python=sys.executable, fail=True))
    with pytest.raises(RuntimeError, match=r"fake failed \(exit status 1\): no such"):
        TesseractReader(command=str(program))([image])

"""What docs/deploying.md tells people to run, runs, with the real packages.

What is not installed is skipped; the extra recipes brings all but Tesseract.
"""

import importlib
import re
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import character_error_rate

PAGE = Path(__file__).parents[2] / "docs" / "deploying.md"
RUNNER = "import numpy as np\nfrom skdeblurbin.export"  # the block that opens the file
BOX = (slice(30, 126), slice(40, 232))  # where the recipes' plate is in the frame


@pytest.fixture(scope="module")
def blocks():
    """The page's pieces of Python, in order."""
    if not PAGE.exists():
        pytest.skip("the tests run away from the sources")
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.fixture(scope="module")
def plate():
    """A plate of 96x192 pixels, slightly blurred, and what stands there."""
    X, _, texts = make_blurred_plates(
        1, (96, 192), "plate", severity=0.2, random_state=1, return_text=True
    )
    return X[0], texts[0]


@pytest.fixture
def run(blocks, plate, exported, tmp_path, monkeypatch):
    """Run the one block that has a text in it, after the runner's; give its names."""
    file = exported("plate").path
    monkeypatch.chdir(tmp_path)
    shutil.copy(file, "plate.onnx")
    frame = np.full((160, 260, 3), (200, 120, 40), np.uint8)
    frame[BOX] = plate[0][..., np.newaxis]
    Image.fromarray(frame).save("frame.png")
    names = {}

    def run_block(text):
        (block,) = [block for block in blocks if text in block]
        exec(compile(block, PAGE.name, "exec"), names)
        return names

    return run_block


@pytest.fixture
def deblurred(run):
    """After the recipe for OpenCV, which the others go on from."""
    pytest.importorskip("cv2", reason="needs OpenCV, of the extra recipes")
    run(RUNNER)
    run("cv2.imread")
    return run


def assert_read(text, plate):
    # Engines may take an O for a 0: one character of six or seven.
    found = re.sub("[^A-Z0-9]", "", text.upper())
    expected = re.sub("[^A-Z0-9]", "", plate[1])
    assert character_error_rate([expected], [found]) <= 0.2, (expected, found)


def test_exports(run, exported, monkeypatch):
    data = exported("plate").path.read_bytes()
    calls = []

    def known(*arguments):
        calls.append(arguments)
        return data

    monkeypatch.setattr("skdeblurbin._gan_export.onnx_bytes", known)
    run('GANBinarizer.from_pretrained("plate").to_onnx("plate.onnx")')
    run("plate_128x192.onnx")
    run("plate_int8.onnx")
    written = sorted(path.name for path in Path().glob("*.onnx"))
    assert written == ["plate.onnx", "plate_128x192.onnx", "plate_int8.onnx"]
    programs = [arguments[0] for arguments in calls]
    assert [program.resize_back for program in programs] == [True, False, False]
    assert len(list(calls[2][3])) == 32


def test_without_the_package(run):
    names = run("import onnxruntime")
    assert names["binary"].shape == names["grey"].shape == (1, 64, 180)
    assert names["binary"].dtype == names["grey"].dtype == np.uint8


def test_runner(run, plate):
    run("import onnxruntime")
    names = run("binary = model.predict(photos)")
    assert names["binary"].shape == (1, 64, 180)
    assert names["grey"].dtype == np.float32


def test_opencv(deblurred, run, plate):
    grey = np.asarray(Image.open("deblurred.png"))
    assert grey.shape == (96, 192)
    (expected,) = run(RUNNER)["model"].deblur(plate[:1])
    assert np.abs(grey / 255 - expected).max() < 0.01


def test_tesseract(deblurred, plate):
    pytest.importorskip("pytesseract", reason="needs the extra recipes")
    if shutil.which("tesseract") is None:
        pytest.skip("needs the program tesseract")
    assert_read(deblurred("pytesseract")["text"], plate)


def test_rapidocr(deblurred, plate):
    pytest.importorskip("rapidocr_onnxruntime", reason="needs the extra ocr")
    names = deblurred("rapidocr_onnxruntime")
    assert_read(names["text"], plate)
    assert 0 < names["confidence"] <= 1


@pytest.fixture(params=["interface", "package"])
def fast_alpr(request, monkeypatch):
    """fast-alpr's base module: the real one, and one with its documented interface."""
    if request.param == "package":
        return pytest.importorskip("fast_alpr.base", reason="needs the extra recipes")

    @dataclass(frozen=True)
    class OcrResult:
        text: str
        confidence: float | list[float]
        region: str | None = None
        region_confidence: float | None = None

    class BaseOCR(ABC):
        @abstractmethod
        def predict(self, cropped_plate): ...

    base = ModuleType("fast_alpr.base")
    base.BaseOCR, base.OcrResult = BaseOCR, OcrResult
    monkeypatch.setitem(sys.modules, "fast_alpr", ModuleType("fast_alpr"))
    monkeypatch.setitem(sys.modules, "fast_alpr.base", base)
    return base


def test_fast_alpr(fast_alpr, deblurred, plate):
    names = deblurred("fast_alpr.base")
    seen = []

    class OtherOCR(fast_alpr.BaseOCR):
        def predict(self, cropped_plate):
            seen.append(cropped_plate)
            return fast_alpr.OcrResult("ABC123", [0.9] * 6)

    ocr = names["DeblurringOCR"](names["model"], OtherOCR())
    assert isinstance(ocr, fast_alpr.BaseOCR)
    frame = np.asarray(Image.open("frame.png"))[..., ::-1]  # as OpenCV has it
    assert ocr.predict(frame[BOX]).text == "ABC123"
    assert seen[0].shape == (96, 192, 3)
    assert seen[0].dtype == np.uint8
    assert np.array_equal(seen[0][..., 1], names["grey"])
    assert ocr.predict(frame[:0]) is None
    assert ocr.predict(None) is None


def test_fast_alpr_with_its_own_pipeline(deblurred):
    """Its `ALPR`, with a detector that knows where the plate is."""
    pytest.importorskip("fast_alpr", reason="needs the extra recipes")
    alpr = importlib.import_module("fast_alpr")
    detection = importlib.import_module("open_image_models.detection.core.base")
    names = deblurred("fast_alpr.base")

    class Detector(alpr.BaseDetector):
        def predict(self, frame):
            box = detection.BoundingBox(x1=40, y1=30, x2=232, y2=126)
            return [detection.DetectionResult("plate", 0.9, box)]

    class OtherOCR(alpr.BaseOCR):
        def predict(self, cropped_plate):
            return alpr.OcrResult(str(cropped_plate.shape), 0.9)

    ocr = names["DeblurringOCR"](names["model"], OtherOCR())
    frame = np.asarray(Image.open("frame.png"))[..., ::-1]
    (found,) = alpr.ALPR(detector=Detector(), ocr=ocr).predict(
        np.ascontiguousarray(frame)
    )
    assert found.ocr.text == "(96, 192, 3)"

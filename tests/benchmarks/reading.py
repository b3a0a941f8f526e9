"""What OCR engines read from real plates, as they are and after binarizers.

    python tests/benchmarks/reading.py make FOLDER --outputs runs/reading
    python tests/benchmarks/reading.py read runs/reading --engine rapidocr tesseract

FOLDER has photos and labels.csv (file,text,polarity,x0,y0,x1,y1,native_w,native_h; the
box of the characters in shares of the photo). `make` brings each plate to 128x192,
degrades it at each level in a way that depends on its name alone, and writes for each
method what the engines will see: the box, with the squeeze undone. `read` may run in
another environment, which needs rapidocr-onnxruntime, or the program tesseract, besides
numpy and Pillow; it prints the character error rate of each method and level, the
difference to the grey photo with a 95 % interval by the paired bootstrap, and how many
plates are read rightly from the photo and wrongly afterwards. Plates are halved by a
hash of their text: --half tuning, final or all.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SHAPE = (128, 192)
LEVELS = (
    "none",
    "motion5",
    "motion9",
    "motion13",
    "defocus2.5",
    "motion9+noise8+light",
)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_DARKEST = 0.35  # of "light": the gain on the dark side
_OCR_HEIGHT, _OCR_MARGIN = 64, 12
_N_RESAMPLES = 2000


# Plates, and what happens to them


def read_rows(folder: Path, half: str) -> list[dict[str, Any]]:
    """The labels of a folder, those of one half."""
    with (folder / "labels.csv").open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        for name, default in (("x0", 0), ("y0", 0), ("x1", 1), ("y1", 1)):
            row[name] = float(row.get(name) or default)
    if half == "all":
        return rows
    odd = half == "final"
    return [
        row
        for row in rows
        if hashlib.sha256(row["text"].encode()).digest()[0] % 2 == odd
    ]


def load_plate(path: Path, *, light_on_dark: bool) -> np.ndarray:
    """A plate as dark on light, float32 in [0, 1], of the common shape."""
    image = Image.open(path).convert("L")
    small = image.width <= SHAPE[1] and image.height <= SHAPE[0]
    kind = Image.Resampling.BICUBIC if small else Image.Resampling.LANCZOS
    grey = np.asarray(image.resize(SHAPE[::-1], kind), np.float32) / 255
    return 1 - grey if light_on_dark else grey


def degrade(plate: np.ndarray, level: str, name: str) -> np.ndarray:
    """Degrade a plate; lengths are in pixels for 64 rows of plate.

    The angle, the noise and the light depend on the name alone, so that all levels
    share them. "motion" is a straight path, "defocus" a Gaussian's standard deviation.
    """
    from scipy.ndimage import gaussian_filter

    from skdeblurbin.datasets.degradations import motion_blur

    parts = {"motion": 0.0, "defocus": 0.0, "noise": 0.0, "light": 0.0}
    for part in level.split("+"):
        for key in parts:
            if part.startswith(key):
                parts[key] = float(part[len(key) :] or _DARKEST)
    rng = np.random.default_rng([0, zlib.crc32(name.encode())])
    angle, direction, phase = rng.uniform(0, [np.pi, 2 * np.pi, 2 * np.pi])
    noise = rng.standard_normal(plate.shape, dtype=np.float32)
    unit = plate.shape[0] / 64
    result = plate
    if parts["light"]:
        y, x = np.mgrid[0 : 1 : plate.shape[0] * 1j, 0 : 1 : plate.shape[1] * 1j] - 0.5
        across = x * np.cos(direction) + y * np.sin(direction)
        across = (across - across.min()) / np.ptp(across)
        wave = 0.8 * across + 0.2 * (0.5 + 0.5 * np.sin(4 * np.pi * across + phase))
        result = result * (parts["light"] + (1 - parts["light"]) * wave)
    if parts["motion"]:
        result = motion_blur(result, parts["motion"] * unit, angle)
    if parts["defocus"]:
        result = gaussian_filter(result, parts["defocus"] * unit, mode="reflect")
    result = result + noise * (parts["noise"] / 255)
    return np.clip(result, 0, 1).astype(np.float32)


def crop(image: np.ndarray, row: dict[str, Any]) -> np.ndarray:
    """The box of the characters as engines like it: unsqueezed, with a margin."""
    height, width = image.shape
    x0, x1 = int(row["x0"] * width), int(np.ceil(row["x1"] * width))
    y0, y1 = int(row["y0"] * height), int(np.ceil(row["y1"] * height))
    box = Image.fromarray(np.rint(image[y0:y1, x0:x1] * 255).astype(np.uint8))
    wide = (row["x1"] - row["x0"]) * float(row.get("native_w") or width)
    high = (row["y1"] - row["y0"]) * float(row.get("native_h") or height)
    size = (max(8, round(_OCR_HEIGHT * wide / high)), _OCR_HEIGHT)
    found = np.asarray(box.resize(size, Image.Resampling.BICUBIC))
    rim = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    return np.pad(found, _OCR_MARGIN, constant_values=int(np.median(rim)))


def methods(model: str) -> dict[str, Any]:
    """What maps stacks of grey plates in [0, 1] to images whose paper is bright."""
    from skdeblurbin import GANBinarizer, OtsuBinarizer, SauvolaBinarizer

    found = Path(model).exists()
    gan = GANBinarizer.load(model) if found else GANBinarizer.from_pretrained(model)
    paper = gan.classes_[1]

    def classical(binarizer: Any) -> Any:
        return lambda X: binarizer.fit(X).predict(X)

    return {
        "grey": lambda X: X,
        "Otsu": classical(OtsuBinarizer()),
        "Sauvola": classical(SauvolaBinarizer(window_size=25, k=0.2)),
        "ours, grey": gan.deblur,
        "ours, binary": lambda X: gan.predict(X) == paper,
    }


def make(arguments: argparse.Namespace) -> None:
    """Write what the engines will see, a folder for each level and method."""
    rows = read_rows(arguments.folder, arguments.half)[: arguments.number]
    plates = [
        load_plate(
            arguments.folder / row["file"], light_on_dark=row.get("polarity") == "light"
        )
        for row in rows
    ]
    arguments.outputs.mkdir(parents=True, exist_ok=True)
    binarizers = methods(arguments.model)
    index: dict[str, Any] = {"texts": [row["text"] for row in rows], "levels": []}
    for level in arguments.levels:
        X = np.stack(
            [
                degrade(p, level, row["file"])
                for p, row in zip(plates, rows, strict=True)
            ]
        )
        for name, method in binarizers.items():
            images = np.asarray(method(X), np.float32)
            crops = [crop(i, row) for i, row in zip(images, rows, strict=True)]
            np.savez(arguments.outputs / f"{level} {name}.npz", *crops)
        index["levels"].append(level)
        (arguments.outputs / "index.json").write_text(json.dumps(index))
        print(f"{level}: {len(rows)} plates", flush=True)


# What engines read


class RapidOCR:
    """The recogniser of rapidocr-onnxruntime, without its detector."""

    def __init__(self) -> None:
        import onnxruntime
        import rapidocr_onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 4
        folder = Path(rapidocr_onnxruntime.__file__).parent / "models"
        path = next(folder.glob("*rec*.onnx"))
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        about = self._session.get_modelmeta().custom_metadata_map
        self._characters = ["", *about["character"].splitlines(), " "]
        self._allowed = np.array(
            [i == 0 or c in f"{_ALPHABET}-" for i, c in enumerate(self._characters)]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: list[np.ndarray]) -> list[str]:
        texts = [""] * len(images)
        order = sorted(range(len(images)), key=lambda i: images[i].shape[1])
        for start in range(0, len(order), 16):
            chosen = order[start : start + 16]
            for i, text in zip(
                chosen, self._batch([images[i] for i in chosen]), strict=True
            ):
                texts[i] = text
        return texts

    def _batch(self, images: list[np.ndarray]) -> list[str]:
        rows = []
        for image in images:
            width = max(16, round(48 * image.shape[1] / image.shape[0]))
            resized = Image.fromarray(image).resize(
                (width, 48), Image.Resampling.BILINEAR
            )
            rows.append(np.asarray(resized, np.float32) / 127.5 - 1)
        batch = np.zeros(
            (len(rows), 3, 48, max(160, *(r.shape[1] for r in rows))), "f4"
        )
        for i, row in enumerate(rows):
            batch[i, :, :, : row.shape[1]] = row
        shares = self._session.run(None, {self._input: batch})[0]
        shares = np.where(self._allowed[: shares.shape[2]], shares, 0)
        return [self._decoded(best) for best in shares.argmax(axis=2)]

    def _decoded(self, best: np.ndarray) -> str:
        """Connectionist temporal classification: repeats and blanks go."""
        kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
        return "".join(self._characters[k] for k in kept if k)


class Tesseract:
    """The program tesseract, as one line of text, many images a process."""

    def __call__(self, images: list[np.ndarray]) -> list[str]:
        texts: list[str] = []
        for start in range(0, len(images), 50):
            texts += self._batch(images[start : start + 50])
        return texts

    def _batch(self, images: list[np.ndarray]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{folder}/{i:03}.png" for i in range(len(images))]
            for name, image in zip(names, images, strict=True):
                Image.fromarray(image).save(name, compress_level=1)
            Path(folder, "list.txt").write_text("\n".join(names) + "\n")
            command = ["tesseract", f"{folder}/list.txt", "stdout", "--psm", "7"]
            command += ["--oem", "1", "--dpi", "150", "-c", "page_separator=\f"]
            command += ["-c", f"tessedit_char_whitelist={_ALPHABET}-"]
            environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            found = subprocess.run(
                command, capture_output=True, text=True, env=environment, check=True
            )
        texts = [text.strip() for text in found.stdout.split("\f")[: len(images)]]
        return texts + [""] * (len(images) - len(texts))


ENGINES = {"rapidocr": RapidOCR, "tesseract": Tesseract}


def error_rates(texts: list[str], read: list[str]) -> np.ndarray:
    """Edits a character of each plate, letters and digits only."""

    def bare(text: str) -> str:
        return "".join(c for c in text.upper() if c in _ALPHABET)

    def distance(one: str, other: str) -> int:
        above = list(range(len(other) + 1))
        for i, a in enumerate(one, 1):
            row = [i]
            for j, b in enumerate(other, 1):
                row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
            above = row
        return above[-1]

    pairs = [(bare(t), bare(r)) for t, r in zip(texts, read, strict=True)]
    return np.array([distance(t, r) / max(1, len(t)) for t, r in pairs])


def read(arguments: argparse.Namespace) -> None:
    """Print a table for each engine."""
    index = json.loads((arguments.outputs / "index.json").read_text())
    rng = np.random.default_rng(0)
    for engine in arguments.engine:
        reader = ENGINES[engine]()
        print(
            f"\n{engine}, {len(index['texts'])} plates: error rate, read whole, "
            "difference to grey (95 %), read from grey and not from this"
        )
        for level in index["levels"]:
            grey = None
            paths = arguments.outputs.glob(f"{level} *.npz")
            for path in sorted(paths, key=os.path.getmtime):  # as they were made
                with np.load(path) as crops:
                    found = reader([crops[name] for name in crops.files])
                rates = error_rates(index["texts"], found)
                grey = rates if grey is None else grey
                name = path.stem.removeprefix(f"{level} ")
                print(f"{level:22}{name:14}{describe(rates, grey, rng)}", flush=True)


def describe(rates: np.ndarray, grey: np.ndarray, rng: np.random.Generator) -> str:
    """A method's figures, with a paired bootstrap against those of the grey photos."""
    difference = rates - grey
    picks = rng.integers(len(rates), size=(_N_RESAMPLES, len(rates)))
    low, high = np.percentile(difference[picks].mean(axis=1), [2.5, 97.5])
    spoilt = np.sum((grey == 0) & (rates > 0))
    return (
        f"{rates.mean():.3f}  {np.mean(rates == 0):.3f}  {difference.mean():+.3f} "
        f"({low:+.3f} to {high:+.3f})  {spoilt}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make", help="degrade, binarize and crop")
    making.add_argument("folder", type=Path, help="with photos and labels.csv")
    making.add_argument("--outputs", type=Path, default=Path("runs/reading"))
    making.add_argument("--levels", nargs="+", default=LEVELS)
    making.add_argument("--model", default="plate", help="a name, or a file")
    making.add_argument("--half", choices=("tuning", "final", "all"), default="all")
    making.add_argument("--number", type=int, help="of plates, the first ones")
    making.set_defaults(run=make)
    reading = commands.add_parser("read", help="let engines read, and print")
    reading.add_argument("outputs", type=Path)
    reading.add_argument("--engine", nargs="+", choices=ENGINES, default=["rapidocr"])
    reading.set_defaults(run=read)
    arguments = parser.parse_args()
    arguments.run(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What OCR engines read from real plates, as they are and after binarizers.

    python tests/benchmarks/reading.py plates FOLDER --results runs/reading.json
    python tests/benchmarks/reading.py dashcam FOLDER

`plates`: FOLDER has photos and labels.csv (file,text,polarity,x0,y0,x1,y1,native_w,
native_h; the box of the characters in shares of the photo). Each plate is brought to
128x192, degraded at each level in a way that depends on its name alone, and given to
each method; engines see the box, with the squeeze undone. Plates are halved by a hash
of their text: --half tuning, final or all.

`dashcam`: FOLDER has blurred/, binary/, sharp/ and labels.csv (file,text); engines see
the whole plate less its rim, and read digits.

Printed are the character error rate of each method and level, the share of plates that
are read whole, the difference to the grey photo with a 95 % interval by the paired
bootstrap, and how many plates are read rightly from the photo and wrongly afterwards.
Needs the extra "ocr", and the program tesseract. Takes a quarter of an hour for the 295
plates and both engines on two cores.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from _measure import named_model, write_results
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.restoration import richardson_lucy

from skdeblurbin import (
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)
from skdeblurbin.datasets.degradations import motion_blur, motion_kernel
from skdeblurbin.metrics import (
    RapidOCRReader,
    TesseractReader,
    character_error_rate,
    f_measure,
    root_mean_squared_error,
)
from skdeblurbin.metrics.reading import bootstrap_interval

SHAPE = (128, 192)
LEVELS = (
    "none",
    "motion5",
    "motion9",
    "motion13",
    "defocus2.5",
    "motion9+noise8+light",
)
DIGITS = "0123456789"
_DARKEST = 0.35  # of "light": the gain on the dark side
_OCR_HEIGHT, _OCR_MARGIN = 64, 12
# Around the characters' box, as its share, in what the model of characters gets.
_BOX_MARGIN = 0.08
_N_ITERATIONS = 30  # of Richardson and Lucy

Plates = np.ndarray
Row = dict[str, Any]


# Plates, and what happens to them


def read_rows(folder: Path, half: str) -> list[Row]:
    """The labels of a folder, those of one half."""
    with (folder / "labels.csv").open(newline="") as file:
        rows: list[Row] = list(csv.DictReader(file))
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


def load_plates(folder: Path, rows: list[Row]) -> list[np.ndarray]:
    """The plates of a folder, dark on light."""
    return [
        load_plate(folder / row["file"], light_on_dark=row.get("polarity") == "light")
        for row in rows
    ]


def strengths(level: str) -> dict[str, float]:
    """What a level is made of; lengths are in pixels for 64 rows of plate."""
    parts = {"motion": 0.0, "defocus": 0.0, "noise": 0.0, "light": 0.0}
    for part in level.split("+"):
        for key in parts:
            if part.startswith(key):
                parts[key] = float(part[len(key) :] or _DARKEST)
    return parts


def chance(name: str) -> tuple[np.random.Generator, np.ndarray]:
    """What is random in the degradation of a plate: angle, light's direction, phase."""
    rng = np.random.default_rng([0, zlib.crc32(name.encode())])
    return rng, rng.uniform(0, [np.pi, 2 * np.pi, 2 * np.pi])


def degrade(plate: np.ndarray, level: str, name: str) -> np.ndarray:
    """Degrade a plate.

    The angle, the noise and the light depend on the name alone, so that all levels
    share them. "motion" is a straight path, "defocus" a Gaussian's standard deviation.
    """
    parts = strengths(level)
    rng, (angle, direction, phase) = chance(name)
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


def degrade_all(sharp: Iterable[np.ndarray], level: str, rows: list[Row]) -> Plates:
    """Degrade the plates of some rows."""
    named = zip(sharp, rows, strict=True)
    return np.stack([degrade(plate, level, row["file"]) for plate, row in named])


def true_kernel(level: str, name: str) -> np.ndarray | None:
    """The kernel that `degrade` blurs with; None if it does not blur."""
    parts, unit = strengths(level), SHAPE[0] / 64
    if parts["motion"]:
        _, (angle, *_) = chance(name)
        return motion_kernel(parts["motion"] * unit, angle)
    if parts["defocus"]:
        sigma = parts["defocus"] * unit
        half = int(np.ceil(3 * sigma))
        dot = np.zeros((2 * half + 1, 2 * half + 1))
        dot[half, half] = 1
        return gaussian_filter(dot, sigma)
    return None


def box_of(row: Row, shape: tuple[int, int], margin: float = 0) -> tuple[slice, slice]:
    """Rows and columns of the box of the characters, and a share of it around it."""
    height, width = shape
    more_x = margin * (row["x1"] - row["x0"])
    more_y = margin * (row["y1"] - row["y0"])
    x0, x1 = max(0, row["x0"] - more_x), min(1, row["x1"] + more_x)
    y0, y1 = max(0, row["y0"] - more_y), min(1, row["y1"] + more_y)
    return (
        slice(int(y0 * height), int(np.ceil(y1 * height))),
        slice(int(x0 * width), int(np.ceil(x1 * width))),
    )


def crop(image: np.ndarray, row: Row) -> np.ndarray:
    """The box of the characters as engines like it: unsqueezed, with a margin."""
    found_box = image[box_of(row, (image.shape[0], image.shape[1]))]
    box = Image.fromarray(np.rint(found_box * 255).astype(np.uint8))
    height, width = image.shape
    wide = (row["x1"] - row["x0"]) * float(row.get("native_w") or width)
    high = (row["y1"] - row["y0"]) * float(row.get("native_h") or height)
    size = (max(8, round(_OCR_HEIGHT * wide / high)), _OCR_HEIGHT)
    found = np.asarray(box.resize(size, Image.Resampling.BICUBIC))
    rim = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    return np.pad(found, _OCR_MARGIN, constant_values=int(np.median(rim)))


# Methods: from grey plates in [0, 1] and their kernels to images with bright paper


def methods(
    model: str, rows: list[Row], characters: str = "characters"
) -> dict[str, Callable[..., Any]]:
    """What is compared, the photo as it is first."""
    gan = named_model(model)
    paper = gan.classes_[1]

    def characters_alone(X: Plates, kernels: Any) -> Plates:
        """The plates, with the characters' box as the model for it deblurs it."""
        boxes = [box_of(row, X.shape[1:], _BOX_MARGIN) for row in rows]
        crops = [x[box] for x, box in zip(X, boxes, strict=True)]
        found = X.copy()
        deblurred = named_model(characters).deblur(crops)
        for plate, box, grey in zip(found, boxes, deblurred, strict=True):
            plate[box] = grey
        return found

    def classical(binarizer: Any) -> Any:
        return lambda X, kernels: binarizer.fit(X).predict(X)

    return {
        "grey": lambda X, kernels: X,
        "Otsu": classical(OtsuBinarizer()),
        "Sauvola": classical(SauvolaBinarizer(window_size=25, k=0.2)),
        "Wiener, true kernel": wiener,
        "Richardson-Lucy, true": lucy,
        "ours, grey": lambda X, kernels: gan.deblur(X),
        "ours, binary": lambda X, kernels: gan.predict(X) == paper,
        "characters, grey": characters_alone,
    }


def wiener(X: Plates, kernels: list[np.ndarray]) -> Any:
    """Wiener's filter with the true kernel of each plate, then Otsu's threshold."""
    return [
        WienerBinarizer(psf=kernel, balance=0.03).fit(x[None]).predict(x[None])[0]
        for x, kernel in zip(X, kernels, strict=True)
    ]


def lucy(X: Plates, kernels: list[np.ndarray]) -> Any:
    """The same with Richardson's and Lucy's iteration."""
    found = []
    for x, kernel in zip(X, kernels, strict=True):
        half = kernel.shape[0] // 2
        padded = np.pad(x, half, mode="reflect")
        sharp = richardson_lucy(padded, kernel, num_iter=_N_ITERATIONS)
        rows, columns = (slice(half, half + side) for side in x.shape)
        found.append(sharp[rows, columns].clip(0, 1))
    return OtsuBinarizer().fit(np.stack(found)).predict(np.stack(found))


# What engines read


def make_readers(names: list[str], alphabet: str | None = None) -> dict[str, Any]:
    """The engines, on two cores each."""
    limits = {} if alphabet is None else {"alphabet": alphabet}
    made = {
        "rapidocr": lambda: RapidOCRReader(n_threads=2, **limits),
        "tesseract": lambda: TesseractReader(n_jobs=2, **limits),
    }
    return {name: made[name]() for name in names}


def read_rates(
    reader: Callable[..., Any], images: Iterable[np.ndarray], rows: list[Row]
) -> np.ndarray:
    """Edits a character of each plate, read from the box of its characters."""
    crops = [crop(image, row) for image, row in zip(images, rows, strict=True)]
    texts = [row["text"] for row in rows]
    return np.asarray(character_error_rate(texts, reader(crops), per_image=True))


def describe(rates: np.ndarray, grey: np.ndarray) -> dict[str, Any]:
    """A method's figures, with a paired bootstrap against those of the grey photos."""
    difference = rates - grey
    return {
        "error_rate": rates.mean(),
        "read_whole": np.mean(rates == 0),
        "difference": difference.mean(),
        "interval": list(bootstrap_interval(difference)),
        "spoilt": int(np.sum((grey == 0) & (rates > 0))),
        "read_from_grey": int(np.sum(grey == 0)),
    }


def show(level: str, method: str, engine: str, found: dict[str, Any]) -> None:
    """Print a line of the table."""
    print(
        f"{level:21} {method:22} {engine:10} {found['error_rate']:.3f}  "
        f"{found['read_whole']:.3f}  {found['difference']:+.3f} "
        "({:+.3f} to {:+.3f})  ".format(*found["interval"])
        + f"{found['spoilt']} of {found['read_from_grey']}",
        flush=True,
    )


def plates(arguments: argparse.Namespace) -> None:
    """All methods at all levels."""
    rows = read_rows(arguments.folder, arguments.half)[: arguments.number]
    sharp = load_plates(arguments.folder, rows)
    readers = make_readers(arguments.engine)
    known = methods(arguments.model, rows, arguments.characters)
    unknown = sorted(set(arguments.methods or ()) - set(known))
    if unknown:
        raise SystemExit(f"unknown methods {unknown}; there are {list(known)}")
    chosen = {
        name: method
        for name, method in known.items()
        if not arguments.methods or name in ("grey", *arguments.methods)
    }
    results: dict[str, Any] = {"n": len(rows), "half": arguments.half}
    print(f"{len(rows)} plates: error rate, read whole, difference, spoilt")
    for level in arguments.levels:
        X = degrade_all(sharp, level, rows)
        kernels = [true_kernel(level, row["file"]) for row in rows]
        grey: dict[str, np.ndarray] = {}
        for name, method in chosen.items():
            if "true" in name and kernels[0] is None:
                continue
            images = np.asarray(method(X, kernels), np.float32)
            for engine, reader in readers.items():
                rates = read_rates(reader, images, rows)
                found = describe(rates, grey.setdefault(engine, rates))
                results[f"{level}/{name}/{engine}"] = found
                show(level, name, engine, found)
                write_results(arguments.results, results)


def dashcam(arguments: argparse.Namespace) -> None:
    """Truly blurred plates: RMSE, F-measure of ink, digits read."""
    rows = read_rows(arguments.folder, "all")

    def stack(kind: str) -> np.ndarray:
        files = [arguments.folder / kind / row["file"] for row in rows]
        photos = [np.asarray(Image.open(file).convert("L")) for file in files]
        return np.stack(photos) / np.float32(255)

    X, Y = stack("blurred"), (stack("binary") > 0.5).astype(np.uint8)
    readers = make_readers(arguments.engine, DIGITS)
    found = {
        name: method(X, None)
        for name, method in methods(arguments.model, rows).items()
        if "true" not in name and name != "characters, grey"
    }
    found["sharp photo"] = stack("sharp")
    # The rim, with the border and bolts, is not to be read.
    box = {"x0": 0.03, "x1": 0.97, "y0": 0.08, "y1": 0.92, "native_w": 3, "native_h": 1}
    results: dict[str, Any] = {"n": len(rows)}
    grey: dict[str, np.ndarray] = {}
    for name, images in found.items():
        binary = (np.asarray(images) > 0.5).astype(np.uint8)
        if name in ("Otsu", "Sauvola", "ours, binary"):
            print(
                f"{name:22} RMSE {root_mean_squared_error(Y, binary):.3f}, "
                f"F {f_measure(Y, binary):.3f}"
            )
        images = np.asarray(images, np.float32)
        for engine, reader in readers.items():
            rates = read_rates(reader, images, [row | box for row in rows])
            results[f"{name}/{engine}"] = describe(
                rates, grey.setdefault(engine, rates)
            )
            show("dashcam", name, engine, results[f"{name}/{engine}"])
    write_results(arguments.results, results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for name, run in (("plates", plates), ("dashcam", dashcam)):
        command = commands.add_parser(name, help=run.__doc__)
        command.add_argument("folder", type=Path, help="with labels.csv")
        command.add_argument("--model", default="plate", help="a name, or a file")
        command.add_argument(
            "--engine",
            nargs="+",
            choices=("rapidocr", "tesseract"),
            default=["rapidocr", "tesseract"],
        )
        command.add_argument("--results", type=Path, help="a JSON file to write")
        command.set_defaults(run=run)
        if run is plates:
            command.add_argument("--levels", nargs="+", default=LEVELS)
            command.add_argument("--methods", nargs="+", help="besides grey")
            command.add_argument(
                "--characters",
                default="characters",
                help="the model of the characters' box, a name or a file",
            )
            command.add_argument(
                "--half", choices=("tuning", "final", "all"), default="all"
            )
            command.add_argument("--number", type=int, help="of plates, the first ones")
    arguments = parser.parse_args()
    arguments.run(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())

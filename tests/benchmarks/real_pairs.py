"""What drawn plates lack: a model trained on with plates that are ever less real.

    python tests/benchmarks/real_pairs.py PAIRS [--kinds KIND...] [--folds N]

PAIRS has sharp/, binary/ and labels.csv, as in reading.py. By five folds over its
plates, in their order (by state, as the labels are), the model trains on for one epoch
of --photos, degraded alike, of one kind of plates:

    real      the photos of the other four folds
    masks     their binary images, as grey characters on even paper
    tilted    those masks, turned and in perspective
    drawn     drawn plates with the effects "lettering" and "surface"

Then both engines read the fold's real plates. No such model is shipped: what lies
between two kinds is what the lesser one lacks. Takes ten minutes on one core for a kind
and a fold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _measure import machine, named_model, read_results, write_results
from PIL import Image
from reading import (
    LEVELS,
    degrade,
    degrade_all,
    load_plate,
    make_readers,
    read_rates,
    read_rows,
)
from scipy.ndimage import gaussian_filter
from sklearn.model_selection import KFold

from skdeblurbin import GANBinarizer
from skdeblurbin._resizing import resize
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets._scene import view_corners, warp

ENGINES = ("rapidocr", "tesseract")
KINDS = ("real", "masks", "tilted", "drawn")
N_FOLDS = 5
N_DRAWN = 4000
_ASPECT = 2.0  # of plates in the USA

Pair = tuple[np.ndarray, np.ndarray]
# Makes a sharp plate in [0, 1] and its truth in {0, 1}, of the pair of a number.
Source = Callable[[int, np.random.Generator], Pair]


def load_pairs(folder: Path) -> tuple[list[Any], list[Pair]]:
    """Labels; sharp plates in [0, 1] with truths in {0, 1}."""
    rows = read_rows(folder, "all")
    pairs = []
    for row in rows:
        sharp = load_plate(folder / "sharp" / row["file"], light_on_dark=False)
        truth = Image.open(folder / "binary" / row["file"]).convert("L")
        pairs.append((sharp, (np.asarray(truth) > 127).astype(np.uint8)))
    return rows, pairs


def on_even_paper(truth: np.ndarray, rng: np.random.Generator) -> Pair:
    """Grey characters on paper that is a little uneven, and their truth."""
    soft = gaussian_filter(truth.astype(np.float32), rng.uniform(0.4, 1.2))
    paper = rng.uniform(0.5, 0.95)
    ink = paper * rng.uniform(0.1, 0.6)
    uneven = resize(rng.normal(0, 0.04, (9, 13)).astype(np.float32), truth.shape)
    grain = rng.normal(0, 0.01, truth.shape)
    return np.clip(ink + (paper + uneven - ink) * soft + grain, 0, 1), truth


def tilt(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A truth in another view, ink around it."""
    size = truth.shape[::-1]
    corners = view_corners(size, _ASPECT, rng)
    turned = warp(Image.fromarray(truth * np.uint8(255)), corners, size, 0)
    return (np.asarray(turned) > 127).astype(np.uint8)


def source_of(kind: str, pairs: list[Pair], seed: int) -> Source:
    """What makes the plates of a kind, from pairs to train on."""
    if kind == "drawn":
        X, Y = make_blurred_plates(
            N_DRAWN,
            layout="plate",
            severity=0,
            effects=("lettering", "surface"),
            random_state=10**5 + seed,
        )
        pairs = list(zip(X / np.float32(255), Y, strict=True))

    def make(i: int, rng: np.random.Generator) -> Pair:
        sharp, truth = pairs[i % len(pairs)]
        if kind == "tilted":
            truth = tilt(truth, rng)
        masked = kind in ("masks", "tilted")
        return on_even_paper(truth, rng) if masked else (sharp, truth)

    return make


def any_level(rng: np.random.Generator) -> str:
    """Motion, defocus or neither; with noise and with uneven light, or without."""
    kind = rng.random()
    parts = ["none"]
    if kind < 0.7:
        parts.append(f"motion{rng.uniform(1.5, 16):.2f}")
    elif kind < 0.9:
        parts.append(f"defocus{rng.uniform(0.5, 2.8):.2f}")
    if rng.random() < 0.5:
        parts.append(f"noise{rng.uniform(0, 10):.2f}")
    if rng.random() < 0.5:
        parts.append("light")
    return "+".join(parts)


def training_set(source: Source, n_photos: int, seed: int) -> Pair:
    """Photos and truths, uint8."""
    rng = np.random.default_rng(seed)
    X, Y = [], []
    for i in range(n_photos):
        sharp, truth = source(i, rng)
        photo = degrade(sharp, any_level(rng), f"{seed} {i}")
        X.append(np.rint(255 * photo).astype(np.uint8))
        Y.append(truth)
    return np.stack(X), np.stack(Y)


def rates(
    model: GANBinarizer, rows: list[Any], pairs: list[Pair], readers: dict[str, Any]
) -> dict[str, list[float]]:
    """Edits a character of each plate, at each level, by each engine."""
    found = {}
    for level in LEVELS:
        images = model.deblur(degrade_all((sharp for sharp, _ in pairs), level, rows))
        for engine, reader in readers.items():
            found[f"{level}/{engine}"] = read_rates(reader, images, rows).tolist()
    return found


def report(results: dict[str, Any], kinds: list[str]) -> None:
    """The error rates over the folds that all kinds have."""
    folds = [fold for fold in results.values() if fold.keys() >= set(kinds)]
    print(f"\n{len(folds)} of {N_FOLDS} folds, RapidOCR / Tesseract")
    for level in LEVELS:
        cells = []
        for kind in kinds:
            means = [
                np.concatenate([fold[kind][f"{level}/{engine}"] for fold in folds])
                for engine in ENGINES
            ]
            cells.append(f"{kind} " + " / ".join(f"{m.mean():.3f}" for m in means))
        print(f"{level:22}", "   ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--model", default="plate", help="a name, or a file")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--folds", type=int, default=N_FOLDS, help="how many are run")
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--results", type=Path, default=Path("runs/real_pairs.json"))
    arguments = parser.parse_args()
    rows, pairs = load_pairs(arguments.pairs)
    results = read_results(arguments.results)
    readers = make_readers(list(ENGINES))
    print(machine(), flush=True)
    folds = list(KFold(N_FOLDS).split(rows))
    for number, (train, test) in enumerate(folds[: arguments.folds]):
        done = results.setdefault(str(number), {})
        held_out = [rows[i] for i in test], [pairs[i] for i in test], readers
        known = [pairs[i] for i in train]
        if "as it is" not in done:
            done["as it is"] = rates(named_model(arguments.model), *held_out)
        for kind in arguments.kinds:
            if kind in done:
                continue
            model = named_model(arguments.model)
            model.set_params(
                warm_start=True,
                max_epochs=1,
                learning_rate_decay="cosine",
                average_decay=0.999,
                random_state=0,
            )
            source = source_of(kind, known, number)
            model.fit(*training_set(source, arguments.photos, number))
            done[kind] = rates(model, *held_out)
            write_results(arguments.results, results)
            print(f"fold {number}, {kind}", flush=True)
    report(results, ["as it is", *arguments.kinds])


if __name__ == "__main__":
    main()

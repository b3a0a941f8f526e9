"""How far the recipe goes when real pairs join: what better drawing could be worth.

    python tests/benchmarks/real_pairs.py PAIRS [--model plate] [--results FILE.json]

PAIRS has sharp/, binary/ and labels.csv, as in reading.py. By five folds over its
plates the model trains on for --epochs, on the sharp plates of the other four folds,
degraded anew --copies times each, and as many drawn ones; then RapidOCR reads the
plates of the fold at each level, from the model as it was and from the one that has
seen real plates. No such model is shipped: the difference is what drawings lack. Takes
half an hour.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from _measure import (
    draw_all_severities,
    machine,
    named_model,
    read_results,
    write_results,
)
from PIL import Image
from reading import LEVELS, degrade_all, load_plate, read_rates, read_rows
from sklearn.model_selection import KFold

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import degradations
from skdeblurbin.metrics import RapidOCRReader
from skdeblurbin.pretrained.train_binarizer import SEVERITIES

N_FOLDS = 5
EFFECTS = ("light", "camera", "motion")


def load_pairs(folder: Path) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Labels, sharp plates in [0, 1], truths in {0, 1}."""
    rows = read_rows(folder, "all")
    sharp, binary = [], []
    for row in rows:
        sharp.append(load_plate(folder / "sharp" / row["file"], light_on_dark=False))
        truth = Image.open(folder / "binary" / row["file"]).convert("L")
        binary.append(np.asarray(truth) > 127)
    return rows, np.stack(sharp), np.stack(binary).astype(np.uint8)


def training_set(
    sharp: np.ndarray, binary: np.ndarray, n_copies: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Real plates degraded by the library, and as many drawn ones."""
    rng = np.random.default_rng(seed)
    photos = [
        degradations.degrade(plate, SEVERITIES[i % len(SEVERITIES)], rng, EFFECTS)
        for i in range(n_copies)
        for plate in sharp
    ]
    X = np.rint(255 * np.stack(photos)).astype(np.uint8)
    Y = np.tile(binary, (n_copies, 1, 1))
    drawn_X, drawn_Y = draw_all_severities(degradations.EFFECTS, len(X), 10**5 + seed)
    return np.concatenate([X, drawn_X]), np.concatenate([Y, drawn_Y])


def rates(
    model: GANBinarizer, rows: list[Any], sharp: np.ndarray, reader: RapidOCRReader
) -> dict[str, list[float]]:
    """Edits a character of each plate, at each level."""
    found = {}
    for level in LEVELS:
        images = model.deblur(degrade_all(sharp, level, rows))
        found[level] = read_rates(reader, images, rows).tolist()
    return found


def report(results: dict[str, Any]) -> None:
    """The error rates over all folds."""
    print(f"\n{'level':22}{'as it is':>10}{'with real pairs':>17}{'difference':>20}")
    for level in LEVELS:
        before, after = (
            np.concatenate([fold[kind][level] for fold in results.values()])
            for kind in ("before", "after")
        )
        gap = after - before
        error = gap.std(ddof=1) / len(gap) ** 0.5
        print(
            f"{level:22}{before.mean():10.3f}{after.mean():17.3f}"
            f"{gap.mean():+11.3f} +- {error:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--model", default="plate", help="a name, or a file")
    parser.add_argument("--copies", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--results", type=Path, default=Path("runs/real_pairs.json"))
    arguments = parser.parse_args()
    rows, sharp, binary = load_pairs(arguments.pairs)
    results = read_results(arguments.results)
    reader = RapidOCRReader(n_threads=2)
    print(machine(), flush=True)
    folds = KFold(N_FOLDS, shuffle=True, random_state=0).split(sharp)
    for number, (train, test) in enumerate(folds):
        if str(number) in results:
            continue
        model = named_model(arguments.model)
        held_out = [rows[i] for i in test], sharp[test], reader
        before = rates(model, *held_out)
        model.set_params(
            warm_start=True,
            max_epochs=arguments.epochs,
            learning_rate=arguments.learning_rate,
            learning_rate_decay="cosine",
            random_state=0,
        )
        model.fit(*training_set(sharp[train], binary[train], arguments.copies, number))
        results[str(number)] = {"before": before, "after": rates(model, *held_out)}
        write_results(arguments.results, results)
        print(f"fold {number}", flush=True)
    report(results)


if __name__ == "__main__":
    main()

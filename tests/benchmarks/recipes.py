"""Which drawings, losses and networks make real plates readable, at equal cost.

    python tests/benchmarks/recipes.py CLEAN CAMERA --group effects --results FILE.json

CLEAN and CAMERA are folders of real plates as in reading.py, of which the tuning half
is read. Each recipe trains for --minutes of CPU time (training alone counts), in one
thread, on plates of 128x192 pixels drawn for it, never on a photo. Then RapidOCR reads
its grey output at several levels of blur; RMSE is on drawn plates with all effects that
none was trained on. Groups: "effects" leaves out one family of effects each; "losses",
"weights" (of losses, K1 and K2) and "networks" train on all. The file of results keeps
what was measured.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _measure import (
    draw_all_severities,
    machine,
    network_parameters,
    read_results,
    write_results,
)
from _rivals import UNetLoop
from joblib import Memory
from reading import degrade_all, load_plates, read_rates, read_rows
from time_to_quality import Learner, LibraryLearner, RivalLearner

from skdeblurbin.datasets.degradations import EFFECTS
from skdeblurbin.metrics import RapidOCRReader, root_mean_squared_error
from skdeblurbin.networks.vgg import find_vgg16
from skdeblurbin.training import OPTIMIZERS

LEVELS = {
    "clean": ("none", "motion5", "motion9", "defocus2.5", "motion9+noise8+light"),
    "camera": ("none", "motion5"),
}
N_TRAINING, N_TEST = 6000, 180

#: What the others differ from.
BASE: dict[str, Any] = {"adversarial_weight": 0, "n_blocks": 8, "downsampling": 4}
ADVERSARY = {"adversarial_weight": 0.1}
GLYPH = {"perceptual": "glyph", **ADVERSARY}


def library(**changes: Any) -> Callable[..., Learner]:
    # Calls of a hundred batches, so that what a call costs beside them is little.
    return partial(LibraryLearner, n_batches=100, **{**BASE, **changes})


def dense(downsampling: int) -> Callable[..., Learner]:
    """The paper's network: no levels, ten blocks."""
    return library(**{**network_parameters(downsampling), "adversarial_weight": 0})


def unet(**parameters: Any) -> Callable[..., Learner]:
    return partial(RivalLearner, make=partial(UNetLoop, **parameters))


LOSSES = {
    "cross-entropy": library(),
    "cross-entropy + adversarial": library(**ADVERSARY),
    "L1": library(content_loss="l1"),
    "L1 + adversarial": library(content_loss="l1", **ADVERSARY),
    "cross-entropy + adversarial + glyph": library(K1=14.5, **GLYPH),
    "cross-entropy + adversarial + VGG16": library(
        K1=14.5, perceptual="vgg16", **ADVERSARY
    ),
}
WEIGHTS = {
    f"glyph, K1={K1:g}, K2={K2:g}": library(K1=K1, K2=K2, **GLYPH)
    for K1 in (1.45, 14.5, 145)
    for K2 in (17, 170, 1700)
}
NETWORKS = {
    "8 blocks, downsampling 4, 2 levels": library(),
    "4 blocks": library(n_blocks=4),
    "16 blocks": library(n_blocks=16),
    "96 channels": library(base_channels=96),
    "1 level": library(n_levels=1),
    "downsampling 2": library(downsampling=2),
    "downsampling 1": library(downsampling=1),
    "14 blocks, downsampling 2": library(n_blocks=14, downsampling=2),
    "dense, downsampling 1": dense(1),
    "dense, downsampling 2": dense(2),
    "dense, downsampling 4": dense(4),
    "U-Net": unet(average=0.995),
    "U-Net, Muon": unet(
        optimizers=OPTIMIZERS["muon"], learning_rate=0.003, average=0.995
    ),
}
WITHOUT = {
    f"without {family}": tuple(e for e in EFFECTS if e != family) for family in EFFECTS
}
DRAWINGS = {"all effects": EFFECTS, **WITHOUT, "no effects": ()}
GROUPS: dict[str, dict[str, Callable[..., Learner]]] = {
    "effects": {name: library() for name in DRAWINGS},
    "losses": LOSSES,
    "weights": WEIGHTS,
    "networks": NETWORKS,
}


def grey_output(learner: Learner, X: np.ndarray) -> list[np.ndarray]:
    """What is read: grey in [0, 1], dark ink."""
    if isinstance(learner, LibraryLearner):
        return list(learner.model.deblur(X))
    network = learner.network.eval()
    with torch.inference_mode():
        return [
            network(torch.from_numpy(x)[None, None] * 2 - 1).sigmoid()[0, 0].numpy()
            for x in X
        ]


def read_real(learner: Learner, folders: dict[str, Path]) -> dict[str, float]:
    """Character error rates on the tuning halves."""
    reader = RapidOCRReader(n_threads=1)
    found = {}
    for name, folder in folders.items():
        rows = read_rows(folder, "tuning")
        plates = load_plates(folder, rows)
        for level in LEVELS[name]:
            images = grey_output(learner, degrade_all(plates, level, rows))
            rates = read_rates(reader, images, rows)
            found[f"{name} {level}"] = float(rates.mean())
    return found


def measure(
    learner: Learner, minutes: float, folders: dict[str, Path], test: Any
) -> dict[str, float]:
    """Train, then read."""
    seconds = 0.0
    while seconds < 60 * minutes:
        before = time.process_time()
        learner.train()
        seconds += time.process_time() - before
    X, Y = test
    rmse = root_mean_squared_error(Y == 1, np.asarray(learner.predict(X)))
    return {
        "seconds": seconds,
        "weights": learner.n_parameters(),
        "drawn RMSE": float(rmse),
        **read_real(learner, folders),
    }


def show(name: str, found: dict[str, float]) -> None:
    cells = [
        f"{k} {v:.3f}" for k, v in found.items() if k not in ("seconds", "weights")
    ]
    print(f"{name}: {found['weights']:,.0f} weights; {', '.join(cells)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clean", type=Path)
    parser.add_argument("camera", type=Path)
    parser.add_argument("--group", choices=GROUPS, required=True)
    parser.add_argument("--only", nargs="+", help="recipes by name")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--results", type=Path, default=Path("runs/recipes.json"))
    arguments = parser.parse_args()
    folders = {"clean": arguments.clean, "camera": arguments.camera}
    file = arguments.results
    results = read_results(file)
    draw = Memory(file.parent / "drawn_recipes", verbose=0).cache(draw_all_severities)
    test = draw(tuple(EFFECTS), N_TEST, 10**6)
    print(machine(), flush=True)
    for name, make in GROUPS[arguments.group].items():
        key = f"{arguments.group}: {name}"
        if key in results or (arguments.only and name not in arguments.only):
            continue
        if "VGG16" in name and not vgg16_is_there():
            print(f"{key}: left out, its weights are not at hand")
            continue
        X, Y = draw(tuple(DRAWINGS.get(name, EFFECTS)), N_TRAINING, 0)
        learner = make(X, Y, threads=1)
        results[key] = measure(learner, arguments.minutes, folders, test)
        write_results(file, results)
    for key, found in results.items():
        show(key, found)


def vgg16_is_there() -> bool:
    try:
        find_vgg16()
    except FileNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()

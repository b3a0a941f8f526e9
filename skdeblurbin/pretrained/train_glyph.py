"""Train the bundled feature network on drawn characters.

    python -m skdeblurbin.pretrained.train_glyph FONTS [--work DIR] [-o FILE]

FONTS is a folder of font files (.ttf, .otf, .woff), which is searched through; the
model card says which ones the shipped weights have seen, and how to get them. The ten
fonts of the package are for the test: leave them and their families out. An
interrupted run goes on from its last epoch in --work.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets._drawing import FONTS
from skdeblurbin.networks.glyph import (
    CHARACTERS,
    GlyphClassifier,
    scale_to_unit_mean_square,
)
from skdeblurbin.pretrained.glyphs import RUN, draw_characters

# Drawn in parts, each with all fonts in an order of its own.
N_PARTS, RUNS_A_PART = 16, 20
SEVERITY = (0.0, 0.7)
SHARE_BINARY = 0.2
N_EPOCHS = 5
BATCH_SIZE = 128
LEARNING_RATE = 4e-3
DROPOUT = 0.2
# Pictures are moved by up to so many pixels, along each axis.
SHIFT = 2
TEST_SEVERITIES = (0.0, 0.25, 0.5, 0.75)
N_CALIBRATION = 16

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def main() -> None:
    """Draw, train, fold, save and test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("fonts", type=Path, help="folder of font files")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/glyph"),
        help="folder of drawn characters and checkpoint; default: runs/glyph",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("glyph.safetensors"),
        help="the weights; default: glyph.safetensors",
    )
    arguments = parser.parse_args()
    kinds = (".ttf", ".otf", ".woff")
    fonts = sorted(str(f) for f in arguments.fonts.rglob("*") if f.suffix in kinds)
    if not fonts:
        parser.error(f"no font file ({', '.join(kinds)}) below {arguments.fonts}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    pictures, labels = training_set(fonts, arguments.work / "characters.npz")
    print(f"{len(pictures)} characters of {len(fonts)} fonts", flush=True)
    classifier = train(pictures, labels, arguments.work / "checkpoint.pt")
    shipped = fold_normalization(classifier)
    save(shipped, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")
    report(shipped)


def training_set(fonts: list[str], cache: Path) -> Arrays:
    """Draw the characters on all processors, or read those drawn before."""
    if not cache.exists():
        parts = Parallel(n_jobs=-1, verbose=1)(
            delayed(_draw_part)(fonts, number) for number in range(N_PARTS)
        )
        pictures, labels = map(np.concatenate, zip(*parts, strict=True))
        np.savez(cache, pictures=pictures, labels=labels)
    with np.load(cache) as drawn:
        return drawn["pictures"], drawn["labels"]


def _draw_part(fonts: list[str], number: int) -> Arrays:
    order = np.random.default_rng(number).permutation(len(fonts))
    return draw_characters(
        RUN * RUNS_A_PART,
        [fonts[i] for i in order],
        severity=SEVERITY,
        share_binary=SHARE_BINARY,
        seed=1 + number,
    )


def train(
    pictures: NDArray[np.uint8], labels: NDArray[np.int64], checkpoint: Path
) -> GlyphClassifier:
    """Train with AdamW under a one-cycle learning rate."""
    torch.manual_seed(0)
    classifier = GlyphClassifier(normalize=True, dropout=DROPOUT)
    # A fifth faster on a processor than the usual order of dimensions.
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.02)
    n_steps = len(pictures) // BATCH_SIZE
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=N_EPOCHS * n_steps
    )
    parts: dict[str, Any]
    parts = {"classifier": classifier, "optimizer": optimizer, "schedule": schedule}
    begin = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        begin = saved["epochs"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    for epoch in range(begin, N_EPOCHS):
        start = time.perf_counter()
        # An epoch depends on its number, so that an interruption changes nothing.
        torch.manual_seed(epoch)
        rng = np.random.default_rng(epoch)
        order = rng.permutation(len(pictures))[: n_steps * BATCH_SIZE]
        losses = []
        for chosen in order.reshape(n_steps, BATCH_SIZE):
            batch = _augment(pictures[chosen], rng), torch.from_numpy(labels[chosen])
            losses.append(_step(classifier, optimizer, *batch))
            schedule.step()
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch + 1}/{N_EPOCHS}  loss {np.mean(losses):.4f}  "
            f"{seconds:.0f} s  left {seconds * (N_EPOCHS - epoch - 1) / 60:.0f} min",
            flush=True,
        )
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save({"epochs": epoch + 1, **state}, checkpoint)
    classifier.eval()
    return classifier


def _step(
    classifier: GlyphClassifier,
    optimizer: torch.optim.Optimizer,
    pictures: Tensor,
    labels: Tensor,
) -> float:
    logits = classifier(pictures)
    loss = functional.cross_entropy(logits, labels, label_smoothing=0.05)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _augment(pictures: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Move each picture a little; what comes in at an edge is the edge's."""
    n_pictures, side, _ = pictures.shape
    padded = np.pad(pictures, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="edge")
    x, y = rng.integers(0, 2 * SHIFT + 1, size=(2, n_pictures, 1))
    steps = np.arange(side)
    moved = padded[
        np.arange(n_pictures)[:, None, None],
        (y + steps)[:, :, None],
        (x + steps)[:, None, :],
    ]
    return _to_input(moved)


def _to_input(pictures: NDArray[np.uint8]) -> Tensor:
    """Pictures as what `GlyphClassifier` reads: (n_pictures, 1, side, side), [0, 1]."""
    return torch.from_numpy(pictures[:, None].astype(np.float32) / 255)


@torch.no_grad()
def fold_normalization(classifier: GlyphClassifier) -> GlyphClassifier:
    """Fold BatchNorm into the convolutions, and scale to unit mean square."""
    folded = GlyphClassifier().requires_grad_(False)
    folded.eval()
    trained = [*classifier.features.features, nn.Identity()]
    fused = [
        fuse_conv_bn_eval(layer, after)
        for layer, after in pairwise(trained)
        if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d)
    ]
    targets = [m for m in folded.features.features if isinstance(m, nn.Conv2d)]
    for target, source in zip(targets, fused, strict=True):
        target.load_state_dict(source.state_dict())
    folded.head.load_state_dict(classifier.head.state_dict())
    before = scale_to_unit_mean_square(folded.features, calibration_set())
    first = next(m for m in folded.head if isinstance(m, nn.Linear))
    first.weight.mul_(before**0.5)
    return folded


def calibration_set() -> Tensor:
    """Draw the fixed set: binary plates, half of them with their border."""
    characters = make_blurred_plates(
        N_CALIBRATION // 2, (64, 96), layout="characters", random_state=0
    )
    plates = make_blurred_plates(
        N_CALIBRATION // 2, (64, 96), layout="plate", random_state=0
    )
    truths = np.concatenate([characters[1], plates[1]])
    return torch.from_numpy(truths[:, None].astype(np.float32))


def save(classifier: GlyphClassifier, path: Path) -> None:
    """Write float16 weights, and the fixed set as bits."""
    tensors = {
        name: value.half().contiguous()
        for name, value in classifier.state_dict().items()
    }
    bits = np.packbits(calibration_set().numpy().astype(bool), axis=-1)
    save_file({**tensors, "calibration": torch.from_numpy(bits)}, path)


@torch.no_grad()
def report(classifier: GlyphClassifier) -> None:
    """Print the share of characters read right, in fonts that are not trained on."""
    print("severity   right   right, O = 0 and I = 1")
    for severity in TEST_SEVERITIES:
        right, folded = accuracy(classifier, severity)
        print(f"{severity:8.2f}{right:8.1%}{folded:8.1%}")


@torch.no_grad()
def accuracy(
    classifier: GlyphClassifier, severity: float, n_samples: int = 7200
) -> tuple[float, float]:
    """Share of characters read right in the package's fonts, at one severity.

    Returns
    -------
    (float, float)
        Of all 36 characters; and where O counts as 0, and I as 1.
    """
    pictures, labels = draw_characters(
        n_samples,
        FONTS,
        severity=(severity, severity),
        cap_height=(20.0, 27.0),
        seed=1,
    )
    found = classifier(_to_input(pictures)).argmax(dim=1).numpy()
    alike = np.arange(len(CHARACTERS))
    for letter, digit in ("O0", "I1"):
        alike[CHARACTERS.index(letter)] = CHARACTERS.index(digit)
    return float((found == labels).mean()), float(
        (alike[found] == alike[labels]).mean()
    )


if __name__ == "__main__":
    main()

"""Small pictures of all displays, of numbers and strokes that numpy makes.

    python tests/plotting/pictures.py

makes the baselines anew, in the folder `baseline` beside this file, which
`test_pictures.py` compares with. Look at them before they are committed.

The panels have fixed places, and texts are not to be seen: both hang on the versions of
matplotlib and FreeType. `test_layout.py` looks at texts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.text import Text
from scipy.ndimage import uniform_filter1d

from skdeblurbin.plotting import (
    BinarizationDisplay,
    ReadingDisplay,
    SearchDisplay,
    TrainingCurveDisplay,
)

BASELINE = Path(__file__).with_name("baseline")
DPI = 60
GAP = 20  # pixels between panels

AxesArray = np.ndarray
Grid = tuple[int, int, int, int]
# Nothing of the machine's own settings, and the font that comes with matplotlib.
STYLE = {
    "font.family": "DejaVu Sans",
    "text.hinting": "none",
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
}


def strokes() -> tuple[np.ndarray, np.ndarray]:
    """Two blurred plates of shape (24, 40), and their truth: 0 is ink."""
    Y = np.ones((2, 24, 40), np.uint8)
    for number, image in enumerate(Y):
        for left in range(4, 34, 7):
            image[4 : 20 - number, left : left + 2 + number] = 0
        image[10:13, 4:34:3] = 0
    X = uniform_filter1d(np.where(Y == 1, 200.0, 40.0), size=7, axis=2)
    return X.astype(np.uint8), Y


def binarization(axes: AxesArray) -> Any:
    X, Y = strokes()
    wide = np.stack([np.minimum(y, np.roll(y, 1, axis=1)) for y in Y])
    thin = np.stack([np.maximum(y, np.roll(y, 1, axis=1)) for y in Y])
    found = {"grey": X, "wide": wide, "thin": 255 * thin}
    errors_of = ["wide", "thin"]
    return BinarizationDisplay.from_predictions(
        X, found, Y, errors_of=errors_of, ax=axes
    )


def histories() -> dict[str, list[dict[str, float]]]:
    """Two trainings, one of them without pairs set aside and shorter."""
    return {
        "one": [
            {
                "epoch": i,
                "content_loss": 1 / i,
                "rmse": 0.5 / i,
                "validation_rmse": 0.3 + 0.01 * (i - 7) ** 2,
                "seconds": 2.0,
            }
            for i in range(1, 11)
        ],
        "other": [
            {"epoch": i, "content_loss": 2 / i, "rmse": 0.7 / i, "seconds": 3.0}
            for i in range(1, 6)
        ],
    }


def training(axes: AxesArray) -> Any:
    return TrainingCurveDisplay.from_results(histories(), ax=axes)


def training_seconds(axes: AxesArray) -> Any:
    quantities = ["content_loss"]
    return TrainingCurveDisplay.from_results(
        histories(), x="seconds", quantities=quantities, ax=axes
    )


def search_results() -> dict[str, Any]:
    """A search over three parameters, with a candidate that failed."""
    grid = [(K1, K2, n) for n in (2, 10) for K2 in (100, 170) for K1 in (0, 15, 145)]
    parameters = [{"K1": a, "K2": b, "n_blocks": c} for a, b, c in grid]
    scores = np.array([-0.2 - a / 3000 - b / 9000 + c / 900 for a, b, c in grid])
    scores[4] = np.nan
    return {
        "params": parameters,
        "mean_test_score": scores,
        "std_test_score": 0.01 + 0.001 * np.arange(12),
        "mean_score_time": np.array([0.05 * c + 0.001 * a for a, b, c in grid]),
        "std_score_time": np.full(12, 0.02),
    }


def search_maps(axes: AxesArray) -> Any:
    return SearchDisplay.from_results(
        search_results(), score_name="RMSE", negate_score=True, ax=axes
    )


def search_curves(axes: AxesArray) -> Any:
    return SearchDisplay.from_results(search_results(), parameters=["K1"], ax=axes)


def search_times(axes: AxesArray) -> Any:
    return SearchDisplay.from_results(
        search_results(), kind="time", n_plates=20, ax=axes
    )


def readings() -> tuple[list[str], dict[str, dict[int, list[str]]]]:
    """Plates of which the last ones lose characters, the more the blur is strong."""
    texts = [f"AB{number:02d}" for number in range(20)]
    loss = {"photo": 2, "ours": 1}

    def read(level: int, strength: int) -> list[str]:
        return [t[: 4 - strength * level * i // 60] for i, t in enumerate(texts)]

    return texts, {
        name: {level: read(level, strength) for level in (0, 3, 6)}
        for name, strength in loss.items()
    }


def reading(axes: AxesArray) -> Any:
    return ReadingDisplay.from_predictions(
        *readings(), level_name="motion [pixels]", ax=axes
    )


def reading_differences(axes: AxesArray) -> Any:
    return ReadingDisplay.from_predictions(*readings(), reference="photo", ax=axes)


#: Each scene, with the rows and columns of its panels, and their size in pixels.
SCENES: dict[str, tuple[Callable[[AxesArray], Any], Grid]] = {
    "binarization": (binarization, (2, 7, 80, 48)),
    "training": (training, (1, 3, 120, 120)),
    "training_seconds": (training_seconds, (1, 1, 120, 120)),
    "search_maps": (search_maps, (1, 2, 120, 80)),
    "search_curves": (search_curves, (2, 2, 120, 80)),
    "search_times": (search_times, (1, 1, 200, 120)),
    "reading": (reading, (1, 1, 200, 120)),
    "reading_differences": (reading_differences, (1, 1, 200, 120)),
}


def draw(name: str, file: Path) -> None:
    """Draw a scene into a PNG, its panels on whole pixels."""
    scene, (n_rows, n_columns, width, height) = SCENES[name]
    across = (width + GAP) * n_columns + 2 * GAP  # with room for a legend
    down = (height + GAP) * n_rows + 2 * GAP
    with plt.style.context(["default", STYLE]):
        figure = plt.figure(figsize=(across / DPI, down / DPI))
        axes = [
            figure.add_axes(
                (
                    (GAP + column * (width + GAP)) / across,
                    1 - (row + 1) * (height + GAP) / down,
                    width / across,
                    height / down,
                )
            )
            for row in range(n_rows)
            for column in range(n_columns)
        ]
        scene(np.array(axes))
        figure.draw_without_rendering()  # which makes the numbers on the axes
        for text in figure.findobj(Text):
            text.set_alpha(0)
        # No name of a version within, which would change the file for nothing.
        figure.savefig(file, metadata={"Software": None})
        plt.close(figure)


def main() -> int:
    BASELINE.mkdir(exist_ok=True)
    for name in SCENES:
        draw(name, BASELINE / f"{name}.png")
        print(BASELINE / f"{name}.png")
    return 0


if __name__ == "__main__":
    plt.switch_backend("Agg")
    sys.exit(main())

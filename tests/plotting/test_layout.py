"""Texts of the figures that displays make themselves: whole, and over nothing else."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skdeblurbin.plotting import (
    BinarizationDisplay,
    ReadingDisplay,
    SearchDisplay,
    TrainingCurveDisplay,
)
from tests.plotting.pictures import (
    STYLE,
    histories,
    readings,
    search_results,
)

LONG = "the binarizer of a name so long that it goes on for several lines"
UNBROKEN = "AnEstimatorOfANameWithoutAnyPlaceToBreakIt"


def plates(n_plates, shapes=((24, 40),)):
    sizes = [shapes[i % len(shapes)] for i in range(n_plates)]
    Y = [np.pad(np.ones((h - 4, w - 4)), 2).astype(np.uint8) for h, w in sizes]
    names = {LONG: Y, UNBROKEN: Y, "grey": [y * 0.5 for y in Y]}
    return BinarizationDisplay.from_predictions(Y, names, Y)


def trainings():
    first, second = histories().values()
    return TrainingCurveDisplay.from_results({LONG: first, UNBROKEN: second})


def lines():
    texts, found = readings()
    first, second = found.values()
    return ReadingDisplay.from_predictions(
        texts, {"photo": first, LONG: second, UNBROKEN: second}
    )


FIGURES = {
    "one plate": lambda: plates(1),
    "twelve plates": lambda: plates(12),
    "mixed sizes": lambda: plates(4, ((24, 40), (80, 20), (10, 90))),
    "trainings": trainings,
    "maps": lambda: SearchDisplay.from_results(search_results()),
    "curves": lambda: SearchDisplay.from_results(search_results(), parameters="K1"),
    "times": lambda: SearchDisplay.from_results(
        search_results(), kind="time", n_plates=9
    ),
    "readings": lines,
}


def boxes(figure):
    """Extents of titles, labels of axes and legends, which must not overlap."""
    figure.draw_without_rendering()
    found = []
    for ax in figure.axes:
        texts = [ax.title, ax.xaxis.label, ax.yaxis.label]
        found += [text for text in texts if text.get_text().strip()]
        found += [ax.get_legend()] if ax.get_legend() else []
    return [thing.get_window_extent() for thing in found]


@pytest.mark.parametrize("name", FIGURES)
def test_texts_are_whole_and_cover_nothing(name):
    with plt.style.context(["default", STYLE]):
        figure = FIGURES[name]().figure_
        found = boxes(figure)
    assert found
    whole = figure.bbox.padded(1)
    for box in found:
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1
        assert whole.y0 <= box.y0 < box.y1 <= whole.y1
    panels = [ax.get_window_extent() for ax in figure.axes]
    for i, box in enumerate(found):
        inner = box.padded(-1)
        others = [other for j, other in enumerate(found) if j != i] + panels
        assert not [other for other in others if inner.overlaps(other)]

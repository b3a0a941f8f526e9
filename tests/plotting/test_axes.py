"""Where displays draw, and that they need matplotlib for nothing else."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skdeblurbin.plotting import (
    BinarizationDisplay,
    ReadingDisplay,
    SearchDisplay,
    TrainingCurveDisplay,
)
from tests.plotting.pictures import histories, readings, search_results, strokes


def binarization(**options):
    X, Y = strokes()
    return BinarizationDisplay.from_predictions(X, {"ours": Y}, Y, **options)


def training(**options):
    return TrainingCurveDisplay.from_results(histories(), **options)


def search(**options):
    return SearchDisplay.from_results(search_results(), **options)


def reading(**options):
    return ReadingDisplay.from_predictions(*readings(), **options)


# Each display, and how many panels it has.
DISPLAYS = {binarization: 8, training: 3, search: 2, reading: 1}
SEVERAL = [make for make, n in DISPLAYS.items() if n > 1]


@pytest.mark.parametrize("make", DISPLAYS)
def test_none_makes_a_figure_each_time(make):
    display = make()
    first, figure = display.ax_, display.figure_
    assert np.size(first) == DISPLAYS[make]
    assert display.plot() is display
    assert display.figure_ is not figure
    assert len(plt.get_fignums()) == 2
    assert all(ax.figure is display.figure_ for ax in np.ravel(display.ax_))


@pytest.mark.parametrize("make", DISPLAYS)
def test_a_figure_is_filled(make):
    figure = plt.figure()
    display = make(ax=figure)
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("make", DISPLAYS)
def test_a_part_of_a_figure_is_filled(make):
    figure = plt.figure()
    _, right = figure.subfigures(1, 2)
    display = make(ax=right)
    assert display.figure_ is figure
    assert all(ax.figure is right for ax in np.ravel(display.ax_))
    if np.ravel(display.ax_)[0].images and make is search:
        assert len(right.axes) == DISPLAYS[make] + 1  # the colours' bar


@pytest.mark.parametrize("make", DISPLAYS)
def test_given_axes_are_taken_one_a_panel(make):
    figure, axes = plt.subplots(1, DISPLAYS[make])
    display = make(ax=axes)
    assert list(np.ravel(display.ax_)) == list(np.ravel(axes))
    assert display.figure_ is figure


@pytest.mark.parametrize("make", SEVERAL)
def test_one_axes_is_divided_and_hidden(make):
    _, (left, right) = plt.subplots(1, 2)
    place = right.get_position()
    display = make(ax=right)
    assert not right.axison
    assert left.axison
    for ax in display.ax_.ravel():
        inner = ax.get_position()
        assert place.x0 - 1e-6 <= inner.x0 < inner.x1 <= place.x1 + 1e-6
        assert place.y0 - 1e-6 <= inner.y0 < inner.y1 <= place.y1 + 1e-6


@pytest.mark.parametrize("make", SEVERAL)
def test_axes_that_do_not_fit_are_refused(make):
    n = DISPLAYS[make]
    figure, axes = plt.subplots(1, n + 1)
    with pytest.raises(
        ValueError, match=f"must hold {n} Axes, one a panel, got {n + 1}"
    ):
        make(ax=axes)
    loose = figure.add_axes((0, 0, 0.5, 0.5))
    with pytest.raises(ValueError, match="must stand in a grid"):
        make(ax=loose)
    with pytest.raises(TypeError, match=r"ax must be None, an Axes.*got 'here'"):
        make(ax="here")
    assert loose.axison


def test_a_single_panel_needs_no_grid():
    ax = plt.figure().add_axes((0, 0, 0.5, 0.5))
    assert reading(ax=ax).ax_ is ax
    assert training(ax=ax, quantities=["rmse"]).ax_[0] is ax


@pytest.mark.parametrize("make", DISPLAYS)
def test_without_matplotlib_the_error_names_the_extra(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install \"skdeblurbin\[plots\]\""):
        make()


def test_the_error_comes_before_the_work(monkeypatch):
    class Slow:
        def predict(self, X):
            raise AssertionError("predicted, though it cannot be drawn")

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    X, _ = strokes()
    with pytest.raises(ImportError):
        BinarizationDisplay.from_estimator(Slow(), X)
    with pytest.raises(ImportError):
        ReadingDisplay.from_estimator(Slow(), {0: X}, ["A", "B"], lambda images: "AB")


def test_matplotlib_and_torch_are_imported_by_drawing_only():
    code = (
        "import sys\n"
        "class Neither:\n"
        "    def find_spec(self, name, *_):\n"
        "        assert name.split('.')[0] not in ('torch', 'matplotlib'), name\n"
        "sys.meta_path.insert(0, Neither())\n"
        "import numpy as np\n"
        "from skdeblurbin import plotting\n"
        "from skdeblurbin.plotting._candidates import read_candidates\n"
        "names = ('mean_test_score', 'std_test_score', 'mean_score_time',\n"
        "         'std_score_time')\n"
        "found = {'params': [{'a': 1}]} | {name: [0] for name in names}\n"
        "made = [\n"
        "    plotting.BinarizationDisplay({'blurred': [np.zeros((2, 3))]}),\n"
        "    plotting.TrainingCurveDisplay({'one': [{'epoch': 1, 'rmse': 0.5}]}),\n"
        "    plotting.SearchDisplay(read_candidates(found, 'score')),\n"
        "    plotting.ReadingDisplay({'one': {0: np.zeros(3)}}),\n"
        "]\n"
        "assert {type(d).__name__ for d in made} == set(plotting.__all__)\n"
        "for display in made:\n"
        "    try:\n"
        "        display.plot()\n"
        "    except AssertionError as error:\n"
        "        assert str(error).startswith('matplotlib')\n"
        "    else:\n"
        "        raise SystemExit('drawn without matplotlib')\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)

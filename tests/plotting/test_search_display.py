"""Pictures of searches: what is in which cell, and what is on the front."""

import numpy as np
import pytest
from scipy.stats import uniform
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)

from skdeblurbin import SauvolaBinarizer
from skdeblurbin.metrics import f_measure_scorer, rmse_scorer
from skdeblurbin.plotting import SearchDisplay
from skdeblurbin.plotting._candidates import pareto_front
from tests.plotting.pictures import search_results


def cells(ax):
    """Texts by (column, row)."""
    found = {}
    for text in ax.texts:
        column, row = text.get_position()
        found[round(column), round(row)] = text.get_text()
    return found


def frames(display):
    """Where the best is: (panel, column, row)."""
    return [
        (number, round(patch.get_x() + 0.47), round(patch.get_y() + 0.47))
        for number, ax in enumerate(display.ax_)
        for patch in ax.patches
    ]


def test_each_cell_holds_its_candidate():
    results = search_results()
    display = SearchDisplay.from_results(results)
    assert [ax.get_title() for ax in display.ax_] == ["n_blocks=2", "n_blocks=10"]
    assert display.ax_[0].get_xlabel() == "K1"
    assert display.ax_[0].get_ylabel() == "K2"
    # Candidates vary K1 first, then K2, then n_blocks: see pictures.py.
    for number in range(12):
        panel, row, column = number // 6, number % 6 // 3, number % 3
        mean, spread = (results[f"{n}_test_score"][number] for n in ("mean", "std"))
        text = cells(display.ax_[panel])[column, row]
        if number == 4:
            assert text == "failed"
            continue
        assert text == f"{mean:.3f}\n\u00b1{spread:.3f}"
        values = display.ax_[panel].images[0].get_array()
        assert values[row, column] == mean
    # -0.2 - K1 / 3000 - K2 / 9000 + n_blocks / 900 is highest for 0, 100 and 10.
    assert frames(display) == [(1, 0, 0)]
    limits = {ax.images[0].get_clim() for ax in display.ax_}
    assert len(limits) == 1
    bar = display.figure_.axes[-1]
    assert bar.get_ylabel() == "score (more is better)"


def test_bright_is_good_with_negated_scores_too():
    results = search_results()
    for negate in (False, True):
        display = SearchDisplay.from_results(results, negate_score=negate)
        image = display.ax_[1].images[0]
        means = np.ravel(image.get_array())
        luma = image.to_rgba(means)[:, :3] @ (0.299, 0.587, 0.114)
        best = means.argmin() if negate else means.argmax()
        assert luma.argmax() == best == 0
        assert frames(display) == [(1, 0, 0)]
    assert display.figure_.axes[-1].get_ylabel() == "score (less is better)"
    assert cells(display.ax_[1])[0, 0].startswith("0.200")


def test_one_parameter_is_a_curve_with_error_bars():
    results = search_results()
    display = SearchDisplay.from_results(results, parameters="n_blocks")
    titles = [f"K1={a}, K2={b}" for a in (0, 15, 145) for b in (100, 170)]
    assert [ax.get_title() for ax in display.ax_] == titles
    line, _, (bars,) = display.ax_[0].containers[0]
    assert line.get_xdata().tolist() == [2, 10]
    first, last = results["mean_test_score"][[0, 6]]
    assert line.get_ydata().tolist() == [first, last]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    wanted = [[first - 0.01, first + 0.01], [last - 0.016, last + 0.016]]
    np.testing.assert_allclose(ends, wanted)
    assert [text.get_text() for text in display.ax_[3].texts] == ["failed"]
    rings = [[li for li in ax.lines if li.get_markersize() == 11] for ax in display.ax_]
    assert [len(found) for found in rings] == [1, 0, 0, 0, 0, 0]
    assert len({ax.get_ylim() for ax in display.ax_}) == 1
    assert len({ax.get_xlim() for ax in display.ax_}) == 1


def results_of(parameters, scores=None):
    n = len(parameters)
    return {
        "params": parameters,
        "mean_test_score": np.arange(n) / n if scores is None else np.array(scores),
        "std_test_score": np.zeros(n),
        "mean_score_time": np.ones(n),
        "std_score_time": np.zeros(n),
    }


def test_levels_are_in_order_and_readable():
    values = [0.1, 1e-4, np.float64(0.01)]
    display = SearchDisplay.from_results(results_of([{"rate": v} for v in values]))
    assert display.ax_[0].containers[0][0].get_xdata().tolist() == [1e-4, 0.01, 0.1]
    assert display.ax_[0].get_xscale() == "log"
    mixed = [None, "l1", ("a", 1), SauvolaBinarizer(window_size=25, k=0.1), True]
    display = SearchDisplay.from_results(results_of([{"what": v} for v in mixed]))
    labels = [label.get_text() for label in display.ax_[0].get_xticklabels()]
    assert labels == ["None", "l1", "('a', 1)", "SauvolaBinarizer(k=0....", "True"]
    both = SearchDisplay.from_results(results_of([{"a": 1}, {"a": 1.0, "b": "x"}]))
    assert both.candidates.varying() == ["b"]  # 1 and 1.0 are one level


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SauvolaBinarizer(window_size=15), SauvolaBinarizer(window_size=25)),
        (1.0000001, 1.0000002),
        ("a" * 30 + "b", "a" * 30 + "c"),
    ],
)
def test_levels_whose_texts_agree_are_several(one, other):
    grid = [{"what": what, "k": k} for what in (one, other) for k in (1, 2)]
    results = results_of(grid)
    display = SearchDisplay.from_results(results, parameters="k")
    drawn = [ax.containers[0][0].get_ydata().tolist() for ax in display.ax_]
    assert drawn == [[0, 0.25], [0.5, 0.75]]
    assert len({ax.get_title() for ax in display.ax_}) == 1
    display = SearchDisplay.from_results(results_of([{"what": one}, {"what": other}]))
    assert display.ax_[0].containers[0][0].get_ydata().tolist() == [0, 0.5]
    display = SearchDisplay.from_results(results, parameters=["what", "k"])
    assert set(cells(display.ax_[0])) == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize("parameters", ["$a^$", "k", ["k", "$a^$"]])
@pytest.mark.parametrize("kind", ["score", "time"])
def test_dollars_in_names_are_no_formulas(parameters, kind):
    # As formulas they are errors.
    grid = [{"$a^$": level, "k": k} for level in ("$1^$", "$2^$") for k in (1, 2)]
    display = SearchDisplay.from_results(
        results_of(grid),
        kind=kind,
        parameters=parameters,
        n_plates=1,
        score_name="$s^$",
    )
    display.figure_.canvas.draw()


def test_grids_with_different_parameters():
    grid = [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1}]
    display = SearchDisplay.from_results(results_of(grid))
    assert [t.get_text() for t in display.ax_[0].get_yticklabels()] == ["1", "not set"]
    assert set(cells(display.ax_[0])) == {(0, 0), (1, 0), (0, 1)}
    values = np.ma.masked_invalid(display.ax_[0].images[0].get_array())
    assert values.mask.tolist() == [[False, False], [False, True]]


def test_a_search_of_the_library(plates):
    grid = {"window_size": [5, 9], "k": [0.05, 0.2]}
    scoring = {"rmse": rmse_scorer, "f": f_measure_scorer}
    search = GridSearchCV(SauvolaBinarizer(), grid, scoring=scoring, refit="f", cv=3)
    with pytest.raises(NotFittedError):
        SearchDisplay.from_estimator(search)
    search.fit(*plates)
    display = SearchDisplay.from_estimator(search)
    np.testing.assert_array_equal(
        display.candidates.means, search.cv_results_["mean_test_f"]
    )
    assert display.score_name == "f"
    # The first parameter of scikit-learn's candidates, which sorts names, is k.
    k, window = (search.best_params_[name] for name in ("k", "window_size"))
    best = (0, grid["k"].index(k), grid["window_size"].index(window))
    assert frames(display) == [best]
    display = SearchDisplay.from_estimator(search, metric="rmse")
    np.testing.assert_array_equal(
        display.candidates.means, search.cv_results_["mean_test_rmse"]
    )


def test_halving_searches_have_a_panel_for_each_round(plates):
    grid = {"window_size": [5, 9, 15], "k": [0.05, 0.2]}
    search = HalvingGridSearchCV(
        SauvolaBinarizer(), grid, cv=2, min_resources=2, random_state=0
    ).fit(*plates)
    display = SearchDisplay.from_estimator(search)
    resources = search.n_resources_
    assert len(resources) > 1
    titles = [ax.get_title() for ax in display.ax_]
    assert titles == [f"n_resources={n}" for n in resources]
    plates_a_fold = search.cv_results_["n_resources"] / 2
    display = SearchDisplay.from_estimator(search, kind="time", n_plates=plates_a_fold)
    seconds = search.cv_results_["mean_score_time"]
    np.testing.assert_allclose(display.milliseconds[0], 1000 * seconds / plates_a_fold)


def test_resources_that_are_a_parameter_are_told_once():
    results = results_of([{"max_epochs": n, "K1": k} for n in (3, 9) for k in (0, 15)])
    results["n_resources"] = np.array([3, 3, 9, 9])
    display = SearchDisplay.from_results(results)
    assert display.candidates.varying() == ["max_epochs", "K1"]


def test_random_searches_are_for_times(plates):
    choices = {"k": uniform(0, 0.3), "window_size": range(3, 99, 2)}
    search = RandomizedSearchCV(
        SauvolaBinarizer(), choices, n_iter=60, cv=2, random_state=0
    ).fit(*plates)
    with pytest.raises(ValueError, match=r'more than 24: give .*kind="time"'):
        SearchDisplay.from_estimator(search, parameters=["k"])
    SearchDisplay.from_estimator(search, kind="time", n_plates=3)


def test_times_are_milliseconds_a_plate():
    results = search_results()
    display = SearchDisplay.from_results(results, kind="time", n_plates=20)
    ax = display.ax_[0]
    seconds = results["mean_score_time"]
    everyone, front, *_ = [li for li in ax.lines if len(li.get_xdata()) > 1]
    np.testing.assert_allclose(everyone.get_xdata(), 50 * seconds)
    # Of 12 candidates, 0 is the fastest, and 6 the best.
    np.testing.assert_allclose(front.get_xdata(), 50 * seconds[[0, 6]])
    np.testing.assert_allclose(front.get_ydata(), results["mean_test_score"][[0, 6]])
    texts = [text.get_text().replace("\n", " ") for text in ax.get_legend().texts]
    assert texts == [
        "Pareto front",
        "1  K1=0, K2=100, n_blocks=2",
        "2  K1=0, K2=100, n_blocks=10",
    ]
    assert [text.get_text() for text in ax.texts] == ["1", "2"]


@pytest.mark.parametrize(
    ("milliseconds", "scores", "front"),
    [
        ([1, 2, 3], [1, 2, 3], [0, 1, 2]),
        ([1, 2, 3], [3, 2, 1], [0]),
        ([3, 2, 1], [3, 1, 2], [2, 0]),
        ([1, 1, 2], [1, 2, 2], [1]),
        ([1, 1], [1, 1], [0]),
        ([1, 2, np.nan], [np.nan, 1, 9], [1]),
        ([1], [np.nan], []),
    ],
)
def test_the_front_is_that_of_its_definition(milliseconds, scores, front):
    milliseconds, scores = np.array(milliseconds, float), np.array(scores, float)
    assert pareto_front(milliseconds, scores) == front


def test_a_search_in_which_all_failed():
    results = results_of([{"a": 1, "b": 1}, {"a": 2, "b": 1}], [np.nan, np.nan])
    display = SearchDisplay.from_results(results, parameters=["a", "b"])
    assert set(cells(display.ax_[0]).values()) == {"failed"}
    assert frames(display) == []
    SearchDisplay.from_results(results, parameters="a")
    SearchDisplay.from_results(results, kind="time", n_plates=1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "pareto"}, ValueError, "kind must be one of 'score', 'time'"),
        ({"kind": "time"}, ValueError, "needs n_plates"),
        ({"n_plates": 0}, ValueError, "n_plates must be a positive number.*got 0"),
        ({"n_plates": [1, 2]}, ValueError, "each of the 12 candidates"),
        ({"n_plates": "many"}, ValueError, "got 'many'"),
        ({"n_plates": float("nan")}, ValueError, "got nan"),
        ({"parameters": "K3"}, ValueError, "one of 'K1', 'K2', 'n_blocks', got 'K3'"),
        ({"parameters": []}, ValueError, r"one or two different .* got \[\]"),
        ({"parameters": ["K1", "K1"]}, ValueError, "one or two different"),
        ({"parameters": ["K1", "K2", "n_blocks"]}, ValueError, "one or two different"),
        ({"metric": "f"}, ValueError, r"scores of, \['score'\], got 'f'"),
        ({"cv_results": [1]}, TypeError, "with the key 'params', got list"),
        ({"cv_results": results_of([{}])}, ValueError, "The search has no parameters"),
        (
            {"cv_results": results_of([{"a": 1}] * 2)},
            ValueError,
            "have the same a, and",
        ),
    ],
)
def test_bad_input(options, error, message):
    import matplotlib.pyplot as plt

    with pytest.raises(error, match=message):
        SearchDisplay.from_results(**({"cv_results": search_results()} | options))
    assert plt.get_fignums() == []

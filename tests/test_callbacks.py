"""scikit-learn's callbacks: on estimators, in searches and pipelines, with failures."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
import rich
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.callback._transport import open_listener, send
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer, WienerBinarizer
from skdeblurbin._tensors import one_fit_at_a_time
from skdeblurbin.metrics import (
    f_measure_scorer,
    rmse_scorer,
    root_mean_squared_error,
)

FOLDS = KFold(2)


def weights(model):
    return joblib.hash(
        {name: model.__getstate__()[name] for name in ("generator_", "_training_state")}
    )


def fitted_state(model):
    state = {n: v for n, v in model.__getstate__().items() if n != "_skl_callbacks"}
    state.pop("history_", None)  # holds times
    return joblib.hash(state)


class Recorder:
    """Notes the calls of its hooks; what `act` gives at an epoch's end is passed on."""

    def __init__(self, act=lambda fitted_estimator: None):
        self.calls = []
        self.act = act

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name, context.max_subtasks))

    def on_fit_task_begin(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None
    ):
        self.calls.append(("begin", context.task_name, fitted_estimator is not None))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None
    ):
        self.calls.append(("end", context.task_name, fitted_estimator is not None))
        return self.act(fitted_estimator) if context.task_name == "epoch" else None

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name, None))

    @property
    def n_epochs(self):
        return sum(call[:2] == ("end", "epoch") for call in self.calls)


class Light:
    """Asks for nothing: neither data nor a fitted estimator."""

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


# What callbacks see


def test_epochs_are_tasks(plates, tiny_gan):
    seen = Recorder()
    tiny_gan(max_epochs=2).set_callbacks(seen).fit(*plates)
    assert seen.calls == [
        ("setup", "fit", 2),
        ("begin", "fit", False),
        ("begin", "epoch", False),  # nothing was learnt yet
        ("end", "epoch", True),
        ("begin", "epoch", True),
        ("end", "epoch", True),
        ("end", "fit", True),
        ("teardown", "fit", None),
    ]


def test_otsu_is_one_task(plates):
    seen = Recorder()
    OtsuBinarizer().set_callbacks(seen).fit(*plates)
    assert seen.calls == [
        ("setup", "fit", 0),
        ("begin", "fit", False),
        ("end", "fit", True),
        ("teardown", "fit", None),
    ]
    OtsuBinarizer().set_callbacks(seen).fit(plates.X)
    assert len(seen.calls) == 8


def test_hooks_get_the_data_of_fit(plates, tiny_gan):
    class Data(Light):
        def on_fit_task_end(self, estimator, context, *, X, y, metadata):
            found.append((X is plates.X, y is plates.Y, metadata))

    found = []
    for model in (tiny_gan(validation_fraction=0.5), OtsuBinarizer()):
        model.set_callbacks(Data()).fit(*plates)
    # No metadata: ScoringMonitor hands them on to the scorer.
    assert found == [(True, True, None)] * 3


# Leaps about, so that the best of four epochs is not the last.
BEST_BEFORE_LAST = {
    "validation_fraction": 0.5,
    "learning_rate": 0.1,
    "average_decay": None,
}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"average_decay": None},
        {"adversarial_weight": 0},
        BEST_BEFORE_LAST,
    ],
    ids=str,
)
def test_fitted_estimator_is_what_fit_would_return(parameters, plates, tiny_gan):
    kept = []
    seen = Recorder(act=kept.append)
    model = tiny_gan(max_epochs=4, **parameters).set_callbacks(seen).fit(*plates)
    assert len(kept) == 4
    for n_epochs, fitted in enumerate(kept, start=1):
        stop = Recorder(act=lambda fitted, n=n_epochs: fitted.n_epochs_ == n)
        expected = clone(model).set_callbacks(stop).fit(*plates)
        assert fitted_state(fitted) == fitted_state(expected)
        assert_array_equal(fitted.predict(plates.X), expected.predict(plates.X))
        assert fitted.score(*plates) == expected.score(*plates)
        assert [e["epoch"] for e in fitted.history_] == list(range(1, n_epochs + 1))
        assert not fitted.generator_.training
    assert fitted_state(kept[-1]) == fitted_state(model)
    if "validation_fraction" in parameters:
        errors = [entry["validation_rmse"] for entry in model.history_]
        assert min(errors) < errors[-1]  # the best is not the last


def damage(fitted):
    with torch.no_grad():
        for network in (fitted.generator_, fitted.discriminator_):
            for tensor in network.state_dict().values():
                tensor.fill_(7)
    for state in fitted._training_state.values():
        state.clear()
    fitted._rng.integers(9, size=7)
    for entry in fitted.history_:
        entry.clear()
    fitted.history_.clear()


@pytest.mark.parametrize("use", ["damage", "train"])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"average_decay": None}, {"validation_fraction": 0.5}],
    ids=str,
)
def test_fitted_estimators_are_independent(use, parameters, plates, tiny_gan):
    kept = []

    def act(fitted):
        kept.append((copy.deepcopy(fitted), fitted.deblur(plates.X), fitted))
        damage(fitted) if use == "damage" else fitted.partial_fit(*plates)

    options = {"max_epochs": 3, **parameters}
    model = tiny_gan(**options).set_callbacks(Recorder(act=act)).fit(*plates)
    expected = tiny_gan(**options).fit(*plates)
    assert fitted_state(model) == fitted_state(expected)
    assert len(model.history_[0]) == len(model.history_[2]) > 5
    for copied, deblurred, _ in kept:
        assert_array_equal(copied.deblur(plates.X), deblurred)
    # And what was kept does not follow the training.
    follows = [fitted.n_epochs_ for _, _, fitted in kept]
    assert follows == ([1, 2, 3] if use == "damage" else [2, 3, 4])


@pytest.mark.parametrize("form", ["images", "rows"])
def test_fitted_estimator_of_a_refit_has_nothing_of_the_first_fit(
    form, plates, tiny_gan
):
    pandas = pytest.importorskip("pandas")
    X, Y = plates
    rows, targets = X.reshape(len(X), -1), Y.reshape(len(Y), -1)
    model = tiny_gan(image_shape=X.shape[1:], max_epochs=2)
    model.fit(pandas.DataFrame(rows).add_prefix("p"), 255 * targets)
    assert model.feature_names_in_[0] == "p0"

    kept, predicted = [], []

    def act(fitted):
        kept.append(fitted)
        predicted.append(fitted.predict(X))

    data = (X, Y) if form == "images" else (rows, targets)
    model.set_callbacks(Recorder(act=act)).fit(*data)
    assert_array_equal(predicted[-1], model.predict(X))
    assert set(np.unique(predicted)) <= {0, 1}
    for fitted in kept:
        assert set(vars(fitted)) == set(vars(model))
        assert hasattr(fitted, "n_features_in_") == (form == "rows")
        assert not hasattr(fitted, "feature_names_in_")
        assert fitted.get_params() == model.get_params()
        assert fitted._skl_callbacks == model._skl_callbacks
    assert fitted_state(kept[-1]) == fitted_state(model)


def test_no_copy_is_made_unasked(plates, tiny_gan, monkeypatch):
    from skdeblurbin import _gan_engine

    calls = []
    learnt = _gan_engine._learnt
    monkeypatch.setattr(
        _gan_engine, "_learnt", lambda *args: calls.append(0) or learnt(*args)
    )
    tiny_gan(max_epochs=3).set_callbacks(Light()).fit(*plates)
    assert len(calls) == 1  # the fit's own


def test_callbacks_change_nothing(plates, tiny_gan, global_state_unchanged):
    options = {"max_epochs": 3, "validation_fraction": 0.3, "n_threads": 2}
    expected = tiny_gan(**options).fit(*plates)
    monitor = ScoringMonitor(scoring={"rmse": rmse_scorer})
    model = tiny_gan(**options).set_callbacks(monitor, Recorder(), ProgressBar())
    with global_state_unchanged():
        model.fit(*plates)
    assert fitted_state(model) == fitted_state(expected)
    without_time = [
        [{k: v for k, v in e.items() if k != "seconds"} for e in m.history_]
        for m in (model, expected)
    ]
    assert without_time[0] == without_time[1]


def test_partial_fit_runs_no_callbacks(plates, tiny_gan):
    seen = Recorder()
    tiny_gan().set_callbacks(seen).partial_fit(*plates).partial_fit(*plates)
    assert seen.calls == []


def test_warm_start_shows_the_new_epochs(plates, tiny_gan):
    found = []
    seen = Recorder(act=lambda fitted: found.append(fitted.n_epochs_))
    model = tiny_gan(max_epochs=2, warm_start=True).set_callbacks(seen)
    model.fit(*plates).fit(*plates)
    assert found == [1, 2, 3, 4]
    # The second fit begins with what the first has learnt.
    begins = [call[2] for call in seen.calls if call[:2] == ("begin", "epoch")]
    assert begins == [False, True, True, True]


def test_lists_rows_and_frames(plates, tiny_gan):
    pandas = pytest.importorskip("pandas")
    X, Y = plates
    rows = X.reshape(len(X), -1)
    forms = [
        (list(X), list(Y), {}),
        (rows, Y.reshape(len(Y), -1), {"image_shape": X.shape[1:]}),
        (
            pandas.DataFrame(rows).add_prefix("p"),
            pandas.DataFrame(Y.reshape(len(Y), -1)),
            {"image_shape": X.shape[1:]},
        ),
    ]
    for images, targets, options in forms:
        monitor = ScoringMonitor(scoring={"rmse": rmse_scorer})
        model = tiny_gan(**options).set_callbacks(monitor).fit(images, targets)
        last = monitor.get_logs().data[-1]
        assert last["rmse"] == pytest.approx(model.score(images, targets))


# Stopping


def test_a_callback_stops_the_training(plates, tiny_gan):
    seen = Recorder(act=lambda fitted: fitted.history_[-1]["epoch"] == 2)
    model = tiny_gan(max_epochs=50).set_callbacks(seen).fit(*plates)
    assert model.n_epochs_ == seen.n_epochs == 2
    assert weights(model) == weights(tiny_gan(max_epochs=2).fit(*plates))
    assert seen.calls[-2:] == [("end", "fit", True), ("teardown", "fit", None)]


def test_stopping_keeps_the_best_epoch(plates, tiny_gan):
    options = BEST_BEFORE_LAST
    stop = Recorder(act=lambda fitted: fitted.n_epochs_ == 4)
    model = tiny_gan(max_epochs=50, **options).set_callbacks(stop).fit(*plates)
    assert weights(model) == weights(tiny_gan(max_epochs=4, **options).fit(*plates))
    errors = [entry["validation_rmse"] for entry in model.history_]
    assert min(errors) < errors[-1]  # or the best would be the last


def test_ctrl_c_in_a_callback_keeps_the_epoch(plates, tiny_gan):
    def interrupt(fitted):
        raise KeyboardInterrupt

    seen = Recorder(act=interrupt)
    model = tiny_gan(max_epochs=5).set_callbacks(seen)
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 5 epochs"):
        model.fit(*plates)
    assert weights(model) == weights(tiny_gan(max_epochs=1).fit(*plates))
    assert seen.calls[-1][0] == "teardown"


def test_ctrl_c_while_a_fit_waits_for_its_turn(plates, tiny_gan, monkeypatch):
    # Another thread may be fitting when a callback is done.
    entries = []

    @contextmanager
    def waiting():
        entries.append(0)
        if len(entries) == 3:  # after the start, and the beginning of an epoch: its end
            raise KeyboardInterrupt
        with one_fit_at_a_time():
            yield

    monkeypatch.setattr("skdeblurbin._gan_engine.one_fit_at_a_time", waiting)
    model = tiny_gan(max_epochs=5).set_callbacks(Light())
    with (
        torch.inference_mode(),
        pytest.warns(UserWarning, match="interrupted by user after 1 of 5 epochs"),
    ):
        model.fit(*plates)
    assert len(entries) == 4
    # What fit does after that, it does in its session again.
    assert not any(w.is_inference() for w in model.generator_.state_dict().values())
    assert weights(model) == weights(tiny_gan().fit(*plates))


@pytest.mark.parametrize("how", ["diverging", "ctrl-c"])
def test_every_epoch_that_begins_ends(how, plates, tiny_gan):
    calls = []

    def features(images):
        calls.append(0)
        # Once for the trial, then for target and output of two steps an epoch.
        if len(calls) <= 1 + 2 * 4:
            return images
        if how == "ctrl-c":
            raise KeyboardInterrupt
        return images * np.nan

    found = []
    seen = Recorder(act=found.append)
    model = tiny_gan(max_epochs=5, perceptual=features).set_callbacks(seen)
    if how == "diverging":
        with (
            pytest.warns(ConvergenceWarning, match="back to the end of epoch 2"),
            pytest.raises(FloatingPointError, match="in epoch 3, step 2: training has"),
        ):
            model.fit(*plates)
    else:
        with pytest.warns(UserWarning, match="after 2 of 5 epochs"):
            model.fit(*plates)
    assert model.n_epochs_ == 2
    epochs = [call[0] for call in seen.calls if call[1] == "epoch"]
    assert epochs == ["begin", "end"] * 3
    # That of the third, which was cut short, is what fit returns.
    assert [fitted.n_epochs_ for fitted in found] == [1, 2, 2]
    assert weights(found[-1]) == weights(model)
    assert seen.calls[-2:] == [("end", "fit", True), ("teardown", "fit", None)]


class Last(Light):
    """Hands the estimator of the whole fit on, at its end."""

    def __init__(self, act):
        self.act = act

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "fit":
            self.act(estimator)


@pytest.mark.parametrize("kind", ["otsu", "gan"])
def test_the_last_callback_finds_the_estimator_fitted(kind, plates, tiny_gan):
    def act(estimator):
        found.append((fitted_state(estimator), estimator.predict(plates.X)))

    found = []
    model = OtsuBinarizer() if kind == "otsu" else tiny_gan(max_epochs=2)
    model.set_callbacks(Last(act))
    for Y in (255 * plates.Y, plates.Y):
        model.fit(plates.X, Y)
        state, predicted = found.pop()
        assert state == fitted_state(model)
        assert_array_equal(predicted, model.predict(plates.X))
        assert set(np.unique(predicted)) == set(np.unique(Y))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("kind", ["otsu", "gan"])
def test_the_last_callback_takes_the_fit_back_by_errors_only(
    kind, error, plates, tiny_gan
):
    def act(estimator):
        raise error

    model = OtsuBinarizer() if kind == "otsu" else tiny_gan(max_epochs=2)
    new = fitted_state(clone(model).fit(*plates))
    model.fit(plates.X, 255 * plates.Y)
    before = fitted_state(model)
    model.set_callbacks(Last(act))
    with pytest.raises(error):
        model.fit(*plates)
    assert fitted_state(model) == (before if error is ValueError else new)
    assert set(np.unique(model.predict(plates.X))) == (
        {0, 255} if error is ValueError else {0, 1}
    )


def test_ctrl_c_in_training_tears_down(plates, tiny_gan, monkeypatch):
    def interrupted(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr("skdeblurbin.training.Trainer.train_step", interrupted)
    seen = Recorder()
    model = tiny_gan().set_callbacks(seen)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*plates)
    assert seen.calls[-1][0] == "teardown"
    assert set(vars(model)) == {*model.get_params(), "_skl_callbacks"}


# Callbacks that fail


class Failing(Recorder):
    def __init__(self, where, task):
        super().__init__()
        self.where, self.task = where, task

    def _maybe(self, where, context):
        if (where, context.task_name) == (self.where, self.task):
            raise ValueError("the callback failed")

    def setup(self, estimator, context):
        super().setup(estimator, context)
        self._maybe("setup", context)

    def on_fit_task_begin(self, estimator, context):
        self._maybe("begin", context)

    def on_fit_task_end(self, estimator, context):
        self._maybe("end", context)


@pytest.mark.parametrize(
    ("where", "task"),
    [
        ("setup", "fit"),
        ("begin", "fit"),
        ("begin", "epoch"),
        ("end", "epoch"),
        ("end", "fit"),
    ],
)
@pytest.mark.parametrize("kind", ["otsu", "gan"])
def test_a_failing_callback_leaves_the_estimator_as_it_was(
    where, task, kind, plates, tiny_gan, global_state_unchanged
):
    if kind == "otsu" and task == "epoch":
        task = "fit"
    model = OtsuBinarizer() if kind == "otsu" else tiny_gan(max_epochs=2, n_threads=2)
    failing = Failing(where, task)
    unfitted = clone(model).set_callbacks(failing)
    with pytest.raises(ValueError, match="the callback failed"):
        unfitted.fit(*plates)
    with pytest.raises(NotFittedError):
        check_is_fitted(unfitted)
    assert set(vars(unfitted)) == {*model.get_params(), "_skl_callbacks"}
    assert [call[0] for call in failing.calls] == ["setup", "teardown"]

    model.fit(plates.X, 255 * plates.Y)
    before = fitted_state(model)
    with (
        global_state_unchanged(),
        pytest.raises(ValueError, match="the callback failed"),
    ):
        model.set_callbacks(failing).fit(*plates)
    assert fitted_state(model) == before
    assert set(model.predict(plates.X).ravel()) <= {0, 255}
    # And the locks are free again.
    thread = threading.Thread(
        target=lambda: tiny_gan(n_threads=2).fit(*plates), daemon=True
    )
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()


@pytest.mark.parametrize("binarizer", ["otsu", "gan"])
def test_bad_input_is_told_with_callbacks_too(binarizer, plates, tiny_gan):
    model = OtsuBinarizer() if binarizer == "otsu" else tiny_gan()
    model.set_callbacks(Recorder(), ProgressBar())
    with pytest.raises(ValueError, match="of y must have"):
        model.fit(plates.X, plates.Y[:, 1:])
    assert set(vars(model)) == {*model.get_params(), "_skl_callbacks"}
    model.fit(*plates)


@pytest.mark.parametrize("bad", [Recorder, "bar", None])
def test_what_is_no_callback_is_refused(bad, tiny_gan):
    with pytest.raises(TypeError, match="FitCallback protocol"):
        tiny_gan().set_callbacks(bad)


# Callbacks that compute


def test_callbacks_find_the_process_as_fit_found_it(plates, tiny_gan):
    def look(fitted):
        weights = fitted.generator_.state_dict().values()
        assert not any(value.is_inference() for value in weights)
        found.append(
            (
                torch.get_num_threads(),
                torch.is_grad_enabled(),
                torch.is_inference_mode_enabled(),
                torch.is_autocast_enabled("cpu"),
            )
        )

    found = []
    model = tiny_gan(max_epochs=2, n_threads=3).set_callbacks(Recorder(act=look))
    before = torch.get_num_threads()
    assert before != 3
    with torch.inference_mode(), torch.autocast("cpu"):
        model.fit(*plates)
    assert found == [(before, False, True, True)] * 2
    expected = tiny_gan(max_epochs=2, n_threads=3).fit(*plates)
    assert weights(model) == weights(expected)


def test_callbacks_may_fit_in_another_thread(plates, tiny_gan):
    # A fit that held its locks would wait for the other for ever.
    def fit_another(fitted):
        def work():
            others.append(tiny_gan(n_threads=3).fit(*plates))
            others.append(fitted.partial_fit(*plates))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(timeout=60)
        done.append(not thread.is_alive())

    others, done = [], []
    model = tiny_gan(max_epochs=2, n_threads=2)
    model.set_callbacks(Recorder(act=fit_another)).fit(*plates)
    assert done == [True, True]
    assert len(others) == 4
    assert weights(model) == weights(tiny_gan(max_epochs=2, n_threads=2).fit(*plates))


def test_callbacks_may_search_with_the_same_class(plates, tiny_gan):
    def search(fitted):
        inner = GridSearchCV(tiny_gan(), {"K2": [10, 170]}, cv=FOLDS)
        found.append(inner.fit(*plates).best_score_)

    found = []
    model = tiny_gan(max_epochs=2).set_callbacks(Recorder(act=search)).fit(*plates)
    assert found[0] == found[1]
    assert weights(model) == weights(tiny_gan(max_epochs=2).fit(*plates))


def test_fits_with_callbacks_in_two_threads(plates, tiny_gan):
    expected = weights(tiny_gan(max_epochs=3).fit(*plates))
    predicting = Recorder(act=lambda fitted: fitted.predict(plates.X) is None)
    models = [tiny_gan(max_epochs=3).set_callbacks(predicting) for _ in range(2)]
    found = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(model.fit)(*plates) for model in models
    )
    assert [weights(model) for model in found] == [expected] * 2


# scikit-learn's own callbacks


def test_scoring_monitor(plates, tiny_gan):
    scoring = {"rmse": rmse_scorer, "f_measure": f_measure_scorer}
    monitor = ScoringMonitor(scoring=scoring)
    kept = []
    model = tiny_gan(max_epochs=3, learning_rate=0.01)
    model.set_callbacks(monitor, Recorder(act=kept.append)).fit(*plates)
    *epochs, whole = sorted(
        monitor.get_logs().data, key=lambda row: -len(row["task_id_path"])
    )
    assert [row["task_name"] for row in epochs] == ["epoch"] * 3
    for row, fitted in zip(epochs, kept, strict=True):
        for name, scorer in scoring.items():
            assert row[name] == scorer(fitted, *plates)
    assert whole["rmse"] == rmse_scorer(model, *plates)
    assert len({row["rmse"] for row in epochs}) == 3


def test_scoring_monitor_takes_scikit_learns_scorers_of_images(plates, tiny_gan):
    scorer = make_scorer(root_mean_squared_error, greater_is_better=False)
    monitor = ScoringMonitor(scoring=scorer)
    model = tiny_gan(max_epochs=2).set_callbacks(monitor).fit(*plates)
    assert monitor.get_logs().data[-1]["score"] == pytest.approx(model.score(*plates))


def test_scoring_monitor_of_otsu(plates):
    monitor = ScoringMonitor(scoring={"rmse": rmse_scorer})
    model = OtsuBinarizer().set_callbacks(monitor).fit(*plates)
    (row,) = monitor.get_logs().data
    assert row["rmse"] == rmse_scorer(model, *plates)


def bars(text):
    """The lines of a finished display, without what depends on time and width."""
    return [
        re.sub(r"\s*[━╸╺ ]*(\d+%).*", r" \1", line.strip())
        for line in text.splitlines()
        if "%" in line
    ]


@pytest.fixture
def wide_terminal():
    """Room for whole lines: rich cuts them to the width of its one console."""
    rich.reconfigure(width=200)
    yield
    rich.reconfigure()


@pytest.mark.usefixtures("wide_terminal")
def test_progress_bar(plates, tiny_gan, capsys):
    tiny_gan(max_epochs=3).set_callbacks(ProgressBar()).fit(*plates)
    assert bars(capsys.readouterr().out) == ["GANBinarizer - fit 100%"]
    for rival in (OtsuBinarizer(), SauvolaBinarizer(), WienerBinarizer(psf=[[1, 1]])):
        rival.set_callbacks(ProgressBar()).fit(*plates)
        name = type(rival).__name__
        assert bars(capsys.readouterr().out) == [f"{name} - fit 100%"]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", ["otsu", "gan"])
@pytest.mark.usefixtures("wide_terminal")
def test_grid_search(n_jobs, kind, plates, tiny_gan, capsys):
    if kind == "otsu":
        model, grid = OtsuBinarizer(), {"image_shape": [None]}
    else:
        model, grid = tiny_gan(max_epochs=2), {"K2": [10, 170]}
    monitor = ScoringMonitor(scoring={"rmse": rmse_scorer})
    search = GridSearchCV(
        model.set_callbacks(monitor), grid, cv=FOLDS, n_jobs=n_jobs
    ).set_callbacks(ProgressBar(max_propagation_depth=None))
    with warnings.catch_warnings():
        # Of the worker processes, which do not know of this session's filters.
        warnings.simplefilter("error")
        search.fit(*plates)
    name = type(model).__name__
    n_fits = 2 * sum(map(len, grid.values()))
    candidate = f"GridSearchCV - candidate-split-evaluation | {name} - fit"
    found = bars(capsys.readouterr().out)
    assert sorted(found) == sorted(
        [
            "GridSearchCV - fit 100%",
            "GridSearchCV - search #0 100%",
            *(f"{candidate} #{i} 100%" for i in range(n_fits)),
            f"GridSearchCV - refit-with-best-params | {name} - fit #1 100%",
        ]
    )
    # Every fit of the search is scored: its epochs and itself.
    n_epochs = 0 if kind == "otsu" else 2
    rows = monitor.get_logs().data
    assert len(rows) == (n_fits + 1) * (n_epochs + 1)
    assert not hasattr(search.best_estimator_, "_parent_callback_ctx")


@pytest.mark.usefixtures("wide_terminal")
def test_halving_search_and_pipeline(plates, tiny_gan, capsys):
    pipeline = Pipeline([("otsu", OtsuBinarizer()), ("gan", tiny_gan())])
    pipeline.set_callbacks(ProgressBar()).fit(*plates)
    assert bars(capsys.readouterr().out) == [
        "Pipeline - fit 100%",
        "Pipeline - fit-transform-otsu | OtsuBinarizer - fit #0 100%",
        "Pipeline - fit-final-estimator | GANBinarizer - fit #1 100%",
    ]
    HalvingGridSearchCV(
        tiny_gan(),
        {"K2": [10, 170]},
        resource="max_epochs",
        min_resources=1,
        max_resources=2,
        factor=2,
        cv=FOLDS,
    ).set_callbacks(ProgressBar()).fit(*plates)
    assert "HalvingGridSearchCV - fit 100%" in bars(capsys.readouterr().out)


class Stopper(Light):
    """Stops after an epoch, in worker processes too."""

    def __init__(self):
        self.n_epochs = []
        self._handle = open_listener(self.n_epochs.append, owner=self)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        send(self._handle, len(fitted_estimator.history_))
        return context.task_name == "epoch"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_stopping_in_a_search(n_jobs, plates, tiny_gan):
    stopper = Stopper()
    model = tiny_gan(max_epochs=20).set_callbacks(stopper)
    search = GridSearchCV(model, {"K2": [10]}, cv=FOLDS, n_jobs=n_jobs).fit(*plates)
    assert search.best_estimator_.n_epochs_ == 1
    assert set(stopper.n_epochs) == {1}


def test_verbose_lines_stay(plates, tiny_gan, capsys):
    tiny_gan(max_epochs=2, verbose=2).set_callbacks(Light()).fit(*plates)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "epoch 2/2" in lines[2]


# Copies


@pytest.mark.parametrize("kind", ["otsu", "gan"])
def test_fitted_estimators_with_callbacks_are_copied(kind, plates, tiny_gan, tmp_path):
    model = OtsuBinarizer() if kind == "otsu" else tiny_gan(max_epochs=2)
    monitor = ScoringMonitor(scoring={"rmse": rmse_scorer})
    model.set_callbacks(ProgressBar(), monitor).fit(*plates)
    joblib.dump(model, tmp_path / "model.joblib")
    copies = {
        "pickle": pickle.loads(pickle.dumps(model)),
        "joblib": joblib.load(tmp_path / "model.joblib"),
        "deepcopy": copy.deepcopy(model),
        "clone": clone(model).fit(*plates),
    }
    for way, copied in copies.items():
        assert_array_equal(copied.predict(plates.X), model.predict(plates.X), way)
        progress, scores = copied._skl_callbacks
        assert (type(progress), type(scores)) == (ProgressBar, ScoringMonitor)
        copied.fit(*plates)  # with callbacks that work on
        assert len(scores.get_logs("all")) >= 2


def test_pickle_with_callbacks_loads_in_another_process(plates, tiny_gan, tmp_path):
    monitor = ScoringMonitor(scoring={"rmse": rmse_scorer})
    model = tiny_gan().set_callbacks(ProgressBar(), monitor).fit(*plates)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "X.npy", plates.X)
    code = (
        "import pickle, sys, numpy\n"
        "sys.path[:] = sys.argv[1:]\n"
        "model = pickle.load(open('model.pickle', 'rb'))\n"
        "numpy.save('Y.npy', model.predict(numpy.load('X.npy')))\n"
        "print(len(model._skl_callbacks[1].get_logs().data))\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, *sys.path]
    done = subprocess.run(
        command, cwd=tmp_path, check=True, timeout=120, capture_output=True, text=True
    )
    assert done.stdout.split() == ["2"]
    assert_array_equal(np.load(tmp_path / "Y.npy"), model.predict(plates.X))


def test_checkpoints(plates, tiny_gan):
    # A callback that saves what it gets, in the midst of the fit.
    saved = []
    model = tiny_gan(max_epochs=2).set_callbacks(ProgressBar())
    recorder = Recorder(act=lambda f: saved.append(pickle.dumps(f.set_callbacks())))
    model.set_callbacks(ProgressBar(), recorder).fit(*plates)
    first = pickle.loads(saved[0])
    assert not {name for name in vars(first) if "callback" in name}
    expected = tiny_gan(max_epochs=1).fit(*plates).partial_fit(*plates)
    assert weights(first.partial_fit(*plates)) == weights(expected)

"""Binarizers among scikit-learn's tools: searches, pipelines, copies, going on."""

from __future__ import annotations

import copy
import json
import pickle
import pickletools
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer, WienerBinarizer
from skdeblurbin.metrics import f_measure_scorer, rmse_scorer

FOLDS = KFold(2)


CLASSICAL = {
    "otsu": OtsuBinarizer,
    "sauvola": SauvolaBinarizer,
    # Without a search over kernels, which takes its time, in every test.
    "wiener": partial(WienerBinarizer, psf=[[0.2, 0.2, 0.2, 0.2, 0.2]]),
}


@pytest.fixture(params=[*CLASSICAL, "gan"])
def binarizer(request, tiny_gan):
    return CLASSICAL.get(request.param, tiny_gan)()


@pytest.fixture
def mixed(plates):
    """The plates as lists of images of several sizes."""
    X = [image[: 24 - i, : 40 - 3 * i] for i, image in enumerate(plates.X)]
    Y = [image[: 24 - i, : 40 - 3 * i] for i, image in enumerate(plates.Y)]
    return X, Y


def weights(model):
    """Every number that the model's networks and optimizers hold."""
    return joblib.hash(
        {name: model.__getstate__()[name] for name in ("generator_", "_training_state")}
    )


def state(model):
    """Everything that the model holds, in a form that can be compared."""
    return joblib.hash(model.__getstate__())


# Searches and cross-validation


@pytest.mark.parametrize("form", ["stack", "lists"])
def test_grid_search(form, plates, mixed, tiny_gan):
    X, Y = plates if form == "stack" else mixed
    grid = {"K1": [0, 145], "K2": [0, 170], "n_blocks": [1, 2]}
    # A feature network, or K1 would have no effect.
    model = tiny_gan(perceptual=torch.nn.AvgPool2d(2))
    search = GridSearchCV(
        model, grid, scoring=rmse_scorer, cv=FOLDS, error_score="raise"
    )
    search.fit(X, Y)
    scores = search.cv_results_["mean_test_score"]
    assert scores.shape == (8,)
    assert ((scores > -1) & (scores < 0)).all()
    assert search.best_score_ == scores.max()
    best = search.best_estimator_
    assert len(best.generator_.blocks) == search.best_params_["n_blocks"]
    # The winner was fitted again on everything, and the search predicts by it.
    again = clone(model).set_params(**search.best_params_).fit(X, Y)
    for one, other in zip(search.predict(X), again.predict(X), strict=True):
        assert_array_equal(one, other)
    assert search.score(X, Y) == pytest.approx(again.score(X, Y), rel=1e-12)


def test_every_parameter_of_the_search_changes_the_training(plates, tiny_gan):
    model = tiny_gan(perceptual=torch.nn.AvgPool2d(2)).fit(*plates)
    for changed in ({"K1": 0}, {"K2": 0}, {"n_blocks": 2}):
        other = clone(model).set_params(**changed).fit(*plates)
        assert weights(other) != weights(model), changed


def test_scores_by_two_scorers(plates, binarizer):
    scoring = {"rmse": rmse_scorer, "f_measure": f_measure_scorer}
    search = GridSearchCV(
        binarizer, {"image_shape": [None]}, scoring=scoring, refit="rmse", cv=FOLDS
    ).fit(*plates)
    # rmse_scorer is what the estimator's own score gives.
    own = cross_val_score(clone(binarizer), *plates, cv=FOLDS)
    found = [search.cv_results_[f"split{i}_test_rmse"][0] for i in range(2)]
    assert found == pytest.approx(own.tolist(), rel=1e-12)
    assert 0 < search.cv_results_["mean_test_f_measure"][0] <= 1


def test_halving_search_over_epochs(plates, tiny_gan):
    search = HalvingGridSearchCV(
        tiny_gan(),
        {"K2": [0.1, 170], "n_blocks": [1, 2]},
        resource="max_epochs",
        min_resources=1,
        max_resources=4,
        factor=2,
        scoring=rmse_scorer,
        cv=FOLDS,
        random_state=0,
    ).fit(*plates)
    assert search.n_resources_ == [1, 2, 4]
    assert search.n_candidates_ == [4, 2, 1]
    assert search.best_estimator_.n_epochs_ == 4


def test_failing_candidate_does_not_end_the_search(plates, tiny_gan):
    search = GridSearchCV(
        tiny_gan(), {"n_blocks": [0, 1]}, scoring=rmse_scorer, cv=FOLDS
    )
    with (
        pytest.warns(
            FitFailedWarning, match="n_blocks must be an integer in the range"
        ),
        pytest.warns(UserWarning, match="test scores are non-finite"),
    ):
        search.fit(*plates)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    assert search.best_params_ == {"n_blocks": 1}


def test_cross_val_predict(plates, binarizer):
    found = cross_val_predict(binarizer, *plates, cv=FOLDS)
    expected = np.empty_like(plates.Y)
    for train, test in FOLDS.split(plates.X):
        model = clone(binarizer).fit(plates.X[train], plates.Y[train])
        expected[test] = model.predict(plates.X[test])
    assert_array_equal(found, expected)


def test_learning_curve(plates, binarizer):
    sizes, train_scores, test_scores = learning_curve(
        binarizer, *plates, train_sizes=[2, 3], cv=FOLDS, scoring=rmse_scorer
    )
    assert sizes.tolist() == [2, 3]
    train, test = next(FOLDS.split(plates.X))
    model = clone(binarizer).fit(plates.X[train[:2]], plates.Y[train[:2]])
    assert test_scores[0, 0] == model.score(plates.X[test], plates.Y[test])
    assert train_scores.shape == (2, 2)


@pytest.mark.parametrize("form", ["stack", "lists"])
def test_train_test_split(form, plates, mixed, binarizer):
    X, Y = plates if form == "stack" else mixed
    parts = train_test_split(X, Y, test_size=2, random_state=0)
    X_train, X_test, Y_train, Y_test = parts
    assert [len(part) for part in parts] == [4, 2, 4, 2]
    predicted = binarizer.fit(X_train, Y_train).predict(X_test)
    for image, truth in zip(predicted, Y_test, strict=True):
        assert image.shape == truth.shape


# Pipelines


def test_last_in_a_pipeline(plates, binarizer):
    X, Y = plates
    inverting = FunctionTransformer(lambda X: 255 - X)
    pipeline = make_pipeline(inverting, binarizer).fit(X, Y)
    alone = clone(binarizer).fit(255 - X, Y)
    assert_array_equal(pipeline.predict(X), alone.predict(255 - X))
    assert pipeline.score(X, Y) == alone.score(255 - X, Y)
    # Scorers look for the classes of the last step.
    assert rmse_scorer(pipeline, X, Y) == pytest.approx(pipeline.score(X, Y))


def test_in_the_middle_of_a_pipeline(plates, binarizer, tiny_gan):
    X, Y = plates
    pipeline = Pipeline([("first", binarizer), ("last", tiny_gan())]).fit(X, Y)
    first = clone(binarizer).fit(X, Y)
    last = tiny_gan().fit(first.transform(X), Y)
    assert_array_equal(pipeline.predict(X), last.predict(first.predict(X)))
    assert weights(pipeline["last"]) == weights(last)


def test_search_over_a_pipeline(plates, tiny_gan):
    pipeline = Pipeline([("first", OtsuBinarizer()), ("gan", tiny_gan())])
    grid = {"first": ["passthrough", OtsuBinarizer()], "gan__n_blocks": [1, 2]}
    search = GridSearchCV(pipeline, grid, scoring=rmse_scorer, cv=FOLDS).fit(*plates)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    n_blocks = search.best_params_["gan__n_blocks"]
    assert len(search.best_estimator_["gan"].generator_.blocks) == n_blocks


# Copies


def copies(model, folder):
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return {
        "pickle": pickle.loads(pickle.dumps(model)),
        "deepcopy": copy.deepcopy(model),
        "joblib": joblib.load(path),
        "joblib, mapped": joblib.load(path, mmap_mode="r"),
    }


def test_copies_before_fit(plates, binarizer, tmp_path):
    expected = clone(binarizer).fit(*plates).predict(plates.X)
    for way, copied in copies(binarizer, tmp_path).items():
        assert copied.get_params() == binarizer.get_params(), way
        with pytest.raises(NotFittedError):
            copied.predict(plates.X)
        assert_array_equal(copied.fit(*plates).predict(plates.X), expected)


def test_copies_after_fit(plates, binarizer, tmp_path):
    expected = binarizer.fit(*plates).predict(plates.X)
    for way, copied in copies(binarizer, tmp_path).items():
        assert_array_equal(copied.predict(plates.X), expected, err_msg=way)
        assert copied.score(*plates) == binarizer.score(*plates)
        # Where the training is kept is no matter of the model.
        assert set(vars(copied)) == set(vars(binarizer)) - {"_checkpoint_path"}


def test_copies_go_on_training_as_the_original(plates, tiny_gan, tmp_path):
    # Optimizers, moving average, discriminator and random state are copied too.
    model = tiny_gan().fit(*plates)
    copied = copies(model, tmp_path)
    model.partial_fit(*plates)
    for way, other in copied.items():
        assert weights(other.partial_fit(*plates)) == weights(model), way
        assert other.n_epochs_ == 2


def test_training_a_copy_leaves_the_original(plates, tiny_gan, tmp_path):
    model = tiny_gan().fit(*plates)
    before = state(model)
    for copied in copies(model, tmp_path).values():
        copied.partial_fit(*plates)
    assert state(model) == before


def test_restored_networks_are_as_they_were(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    restored = pickle.loads(pickle.dumps(model))
    for name in ("generator_", "discriminator_"):
        was, is_now = getattr(model, name), getattr(restored, name)
        assert type(is_now) is type(was)
        for key, value in was.state_dict().items():
            assert_array_equal(is_now.state_dict()[key], value)
    assert not restored.generator_.training
    assert restored.device_ == model.device_
    assert state(restored) == state(model)


def test_pickle_holds_no_tensors(plates, tiny_gan):
    pickled = pickle.dumps(tiny_gan().fit(*plates), protocol=2)
    # Classes and functions that the pickle needs: protocol 2 names each in one opcode.
    needed = {
        argument.split()[0]
        for opcode, argument, _ in pickletools.genops(pickled)
        if opcode.name == "GLOBAL"
    }
    assert "skdeblurbin._gan" in needed
    assert [module for module in needed if module.split(".")[0] == "torch"] == []
    assert b"_rebuild_tensor" not in pickled


@pytest.mark.parametrize("fit", [False, True])
def test_pickle_names_devices(fit, plates, tiny_gan):
    model = tiny_gan(device=torch.device("cpu"))
    if fit:
        model.fit(*plates)
    data = pickle.dumps(model)
    assert b"torch" not in data
    assert pickle.loads(data).device == "cpu"
    assert model.device == torch.device("cpu")  # as it was given


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
def test_pickle_of_a_device_that_is_not_there(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    expected = model.predict(plates.X)
    model.set_params(device=torch.device("cuda"))
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict(plates.X), expected)
    with pytest.raises(ValueError, match="device='auto' takes what is there"):
        loaded.partial_fit(*plates)
    assert loaded.set_params(device="auto").partial_fit(*plates).n_epochs_ == 2


def test_pickle_loads_in_another_process(plates, tiny_gan, tmp_path):
    model = tiny_gan().fit(*plates)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "X.npy", plates.X)
    code = (
        "import json, pickle, sys, numpy\n"
        "sys.path[:] = json.loads(sys.argv[1])\n"
        "model = pickle.load(open('model.pickle', 'rb'))\n"
        "numpy.save('Y.npy', model.predict(numpy.load('X.npy')))\n"
    )
    command = [sys.executable, "-c", code, json.dumps(sys.path)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    assert_array_equal(np.load(tmp_path / "Y.npy"), model.predict(plates.X))


# Parameters


def test_set_params_then_fit_uses_the_new_value(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    model.set_params(
        n_blocks=3,
        growth_rate=5,
        base_channels=6,
        downsampling=2,
        n_levels=1,
        n_discriminator_layers=2,
        discriminator_channels=7,
        conditional=True,
        max_epochs=2,
    ).fit(*plates)
    generator, discriminator = model.generator_, model.discriminator_
    # The constructors' own account, and the layers themselves.
    assert generator.options == {
        "n_blocks": 3,
        "growth_rate": 5,
        "base_channels": 6,
        "downsampling": 2,
        "n_levels": 1,
    }
    assert generator.down[0][0].weight.shape == (8, 4, 3, 3)  # 2 x 2 pixels folded
    assert generator.head.weight.shape == (6, 8, 3, 3)
    assert len(generator.blocks) == 3
    assert generator.blocks[0](torch.zeros(1, 6, 4, 4)).shape == (1, 5, 4, 4)
    convolutions = [
        part for part in discriminator.modules() if isinstance(part, torch.nn.Conv2d)
    ]
    assert len(convolutions) == 2
    assert convolutions[0].weight.shape[:2] == (7, 2)  # output and blurred image
    assert model.n_epochs_ == len(model.history_) == 2


def test_set_params_before_and_after_construction_are_the_same(plates, tiny_gan):
    changed = {"K2": 3, "learning_rate": 0.01, "average_decay": None, "augment": False}
    set_later = tiny_gan().fit(*plates).set_params(**changed).fit(*plates)
    assert weights(set_later) == weights(tiny_gan(**changed).fit(*plates))


def test_new_parameters_wait_for_fit(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    expected = model.predict(plates.X)
    model.set_params(n_blocks=4, base_channels=9)
    assert_array_equal(model.predict(plates.X), expected)
    copied = pickle.loads(pickle.dumps(model))
    assert_array_equal(copied.predict(plates.X), expected)
    assert copied.n_blocks == 4


def test_random_state(plates, tiny_gan):
    model = tiny_gan(random_state=1).fit(*plates)
    assert weights(model) == weights(tiny_gan(random_state=1).fit(*plates))
    assert weights(model) != weights(tiny_gan(random_state=2).fit(*plates))
    # A RandomState is drawn from, so that two fits differ; None never repeats.
    shared = np.random.RandomState(1)
    model = tiny_gan(random_state=shared)
    first = weights(model.fit(*plates))
    assert first == weights(tiny_gan(random_state=1).fit(*plates))
    assert weights(model.fit(*plates)) != first
    unseeded = [weights(tiny_gan(random_state=None).fit(*plates)) for _ in range(2)]
    assert unseeded[0] != unseeded[1]


# The process


def test_global_state_as_found(plates, binarizer, global_state_unchanged):
    with global_state_unchanged():
        binarizer.fit(*plates)
        if hasattr(binarizer, "partial_fit"):
            binarizer.partial_fit(*plates)
            binarizer.deblur(plates.X)
        binarizer.predict(plates.X)
        binarizer.score(*plates)
        pickle.loads(pickle.dumps(binarizer))
        copy.deepcopy(binarizer)


def test_global_state_as_found_after_an_error(plates, tiny_gan, global_state_unchanged):
    calls = []

    def broken(images):
        calls.append(images)
        if len(calls) > 1:  # the first is the trial before the training
            raise RuntimeError("no features today")
        return images

    with global_state_unchanged():
        with pytest.raises(RuntimeError, match="no features today"):
            tiny_gan(perceptual=broken, n_threads=3).fit(*plates)
        with pytest.raises(ValueError, match="growth_rate"):
            tiny_gan(growth_rate=0, n_threads=3).fit(*plates)


@contextmanager
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def double_precision():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def half_precision():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@contextmanager
def deterministic_algorithms():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@pytest.mark.parametrize(
    "unusual",
    [
        two_threads,
        double_precision,
        deterministic_algorithms,
        torch.no_grad,
        torch.inference_mode,
        half_precision,
    ],
    ids=lambda unusual: unusual.__name__,
)
def test_unusual_global_state_changes_nothing(
    unusual, plates, tiny_gan, global_state_unchanged
):
    # Networks only: Adam counts its steps in the default dtype.
    def networks(model):
        state = model.__getstate__()
        return joblib.hash([state["generator_"], state["discriminator_"]])

    usual = tiny_gan().fit(*plates)
    with unusual(), global_state_unchanged():
        model = tiny_gan().fit(*plates)
        predicted = pickle.loads(pickle.dumps(model)).predict(plates.X)
    assert networks(model) == networks(usual)
    assert_array_equal(predicted, usual.predict(plates.X))
    # What was trained there goes on elsewhere.
    assert networks(model.partial_fit(*plates)) == networks(usual.partial_fit(*plates))


@pytest.mark.parametrize("seed", [3, 4])
def test_global_generators_have_no_influence(seed, plates, tiny_gan):
    expected = weights(tiny_gan().fit(*plates))
    numpys, torchs = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        assert weights(tiny_gan().fit(*plates)) == expected
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        torch.set_rng_state(torchs)


# Going on


def test_warm_start_goes_on(plates, tiny_gan):
    model = tiny_gan(warm_start=True, max_epochs=2).fit(*plates)
    networks, history = weights(model), list(model.history_)
    model.fit(*plates)
    assert model.n_epochs_ == 4
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3, 4]
    assert model.history_[:2] == history
    assert weights(model) != networks
    # Not what a fit from the beginning gives.
    assert weights(model) != weights(tiny_gan(max_epochs=2).fit(*plates))


def test_warm_start_begins_like_a_cold_one(plates, tiny_gan):
    warm = tiny_gan(warm_start=True).fit(*plates)
    assert weights(warm) == weights(tiny_gan().fit(*plates))


def test_without_warm_start_fit_begins_anew(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    first = weights(model)
    model.partial_fit(*plates).fit(*plates)
    assert weights(model) == first
    assert model.n_epochs_ == len(model.history_) == 1


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_other_networks_is_an_error(method, plates, tiny_gan):
    model = tiny_gan(warm_start=True).fit(*plates)
    before = state(model)
    model.set_params(n_blocks=2)
    with pytest.raises(ValueError, match=r"DenseGenerator, which has .*'n_blocks': 1"):
        getattr(model, method)(*plates)
    assert state(model.set_params(n_blocks=1)) == before


def test_first_partial_fit_is_an_epoch_of_constant_learning_rate(plates, tiny_gan):
    model = tiny_gan().partial_fit(*plates)
    decaying = tiny_gan(learning_rate_decay="cosine")
    assert weights(model) == weights(tiny_gan().fit(*plates))
    assert weights(model) == weights(clone(decaying).partial_fit(*plates))
    assert weights(model) != weights(decaying.fit(*plates))


def test_partial_fits_are_epochs_of_one_fit(plates, tiny_gan):
    model = tiny_gan()
    for _ in range(3):
        model.partial_fit(*plates)
    assert model.n_epochs_ == 3
    assert [entry["epoch"] for entry in model.history_] == [1, 2, 3]


def test_partial_fit_goes_on_with_the_moments_as_they_were(plates, tiny_gan):
    """One batch an epoch: what differs from `fit`, the order in it, is but rounding."""
    options = {"augment": False, "average_decay": None, "batch_size": len(plates.X)}
    whole = tiny_gan(max_epochs=4, **options).fit(*plates)
    parts = tiny_gan(**options)
    for _ in range(4):
        parts.partial_fit(*plates)
    for name in ("discriminator_loss", "discriminator_gradient_norm", "content_loss"):
        wanted = [entry[name] for entry in whole.history_]
        found = [entry[name] for entry in parts.history_]
        assert found == pytest.approx(wanted, rel=1e-3), name


def test_a_pickle_of_a_development_version_is_refused(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    state = model.__getstate__()
    before = dict(state)
    type(model).__new__(type(model)).__setstate__(state)
    assert all(state[name] is value for name, value in before.items())
    del state["working_memory"]
    old = type(model).__new__(type(model))
    with pytest.raises(ValueError, match="development version before the parameter"):
        old.__setstate__(state)


def test_partial_fit_sets_no_pairs_aside(plates, tiny_gan):
    held_out = tiny_gan(validation_fraction=0.5)
    assert "validation_rmse" in held_out.fit(*plates).history_[0]
    model = tiny_gan(validation_fraction=0.5).partial_fit(*plates)
    assert "validation_rmse" not in model.history_[0]
    assert weights(model) == weights(tiny_gan().partial_fit(*plates))


def test_partial_fit_keeps_range_and_classes_of_the_first_call(plates, tiny_gan):
    X, Y = plates
    bits = np.array([-1, 1], dtype=np.int8)
    model = tiny_gan(n_levels=0).partial_fit(X, bits[Y])
    model.partial_fit(X // 128, bits[Y])  # nearly black: alone, it would be [0, 1]
    assert model.input_range_ == (0, 255)
    assert_array_equal(model.classes_, bits)
    # One of the values only is enough from now on; others are refused.
    model.partial_fit(X, np.ones_like(bits[Y]))
    with pytest.raises(ValueError, match=r"only the values \[-1, 1\]"):
        model.partial_fit(X, Y)
    assert model.n_epochs_ == 3
    assert model.predict(X).dtype == np.int8


def test_partial_fit_warns_of_another_scale(plates, tiny_gan):
    X, Y = plates
    model = tiny_gan(n_levels=0).partial_fit(X, Y)
    with pytest.warns(UserWarning, match=r"outside the input range \[0, 255\]"):
        model.partial_fit(X.astype(np.uint16) * np.uint16(257), Y)
    assert model.input_range_ == (0, 255)


def test_partial_fit_classes(plates, tiny_gan):
    X, Y = plates
    only_paper = np.ones_like(Y)
    with pytest.raises(ValueError, match="exactly two different values"):
        tiny_gan().partial_fit(X, only_paper)
    model = tiny_gan().partial_fit(X, only_paper, classes=[0, 1])
    assert_array_equal(model.classes_, [0, 1])
    assert model.classes_.dtype == Y.dtype
    model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"those of the first call, \[0, 1\]"):
        model.partial_fit(X, Y, classes=[0, 2])
    assert model.n_epochs_ == 2


def test_partial_fit_after_fit(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    history = list(model.history_)
    model.partial_fit(*plates)
    assert model.history_[:1] == history
    assert model.n_epochs_ == 2


# Failures


def bad_arguments(case, plates):
    X, Y = plates
    with_nan = X.astype(float)
    with_nan[0, 0, 0] = np.nan
    return {
        "NaN": (with_nan, Y, {}),
        "other shape": (X, Y[:, 1:], {}),
        "grey targets": (X, X, {}),
        "bad parameter": (X, Y, {"learning_rate": -1}),
        "bad device": (X, Y, {"device": "nowhere"}),
        "fails in the second step": (X, Y, {"perceptual": fails_at_third_call()}),
    }[case]


def fails_at_third_call():
    """A feature network that is asked twice a step: for the target and the output."""
    calls = []

    def features(images):
        calls.append(images)
        if len(calls) == 3:
            raise RuntimeError("lost")
        return images

    return features


CASES = ["NaN", "other shape", "grey targets", "bad parameter", "bad device"]
CASES.append("fails in the second step")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_failing_fit_leaves_the_earlier_one(case, method, plates, tiny_gan):
    X, Y, parameters = bad_arguments(case, plates)
    model = tiny_gan().fit(*plates)
    before, own = state(model), model.get_params()
    model.set_params(**parameters)
    with pytest.raises((ValueError, RuntimeError)):
        getattr(model, method)(X, Y)
    assert state(model.set_params(**own)) == before
    assert model.predict(plates.X).shape == plates.X.shape


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_failing_first_fit_leaves_an_unfitted_one(case, method, plates, tiny_gan):
    X, Y, parameters = bad_arguments(case, plates)
    model = tiny_gan(**parameters)
    before = dict(vars(model))
    with pytest.raises((ValueError, RuntimeError)):
        getattr(model, method)(X, Y)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    assert vars(model) == before


@pytest.mark.parametrize("kind", CLASSICAL)
def test_failing_classical_fit_leaves_the_earlier_one(kind, plates):
    model = CLASSICAL[kind]().fit(plates.X, 255 * plates.Y)
    before = state(model)
    with pytest.raises(ValueError, match="exactly two different values"):
        model.fit(plates.X[:, :5], plates.X[:, :5])
    assert state(model) == before


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 40), (40, 1), (2, 3), (15, 17), (16, 16), (5, 64)]
)
def test_images_of_any_size_can_be_trained_on(shape, tiny_gan):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (5, *shape), dtype=np.uint8)
    Y = np.greater(X, np.median(X)).astype(np.uint8)
    model = tiny_gan().fit(X, Y)
    assert all(np.isfinite(value) for value in model.history_[0].values())
    assert model.predict(X).shape == X.shape
    assert model.image_shape_ == shape


def test_partial_fit_keeps_the_dtype_of_the_first_calls_classes(plates, tiny_gan):
    X, Y = plates
    model = tiny_gan().partial_fit(X, Y.astype(bool))
    model.partial_fit(X, Y.astype(np.uint8))
    assert model.classes_.dtype == bool
    assert model.predict(X).dtype == bool


def test_no_random_state_leaves_global_generators_alone(
    plates, tiny_gan, global_state_unchanged
):
    with global_state_unchanged():
        models = [tiny_gan(random_state=None).fit(*plates) for _ in range(2)]
    # Each fit is another one, all the same.
    assert not np.array_equal(models[0].deblur(plates.X), models[1].deblur(plates.X))


def test_partial_fit_on_other_forms_keeps_what_earlier_calls_knew(plates, tiny_gan):
    X, Y = plates
    model = tiny_gan().fit(X[:, 5], Y[:, 5])
    n_columns = X.shape[2]
    assert model.n_features_in_ == n_columns
    assert model.image_shape_ == (1, n_columns)
    model.partial_fit(X, Y)
    assert model.n_features_in_ == n_columns
    assert model.image_shape_ is None
    model.predict(X[:, 5])


def test_an_error_after_training_changes_nothing(plates, tiny_gan, monkeypatch):
    X, Y = plates
    model = tiny_gan().fit(X, Y)
    before = dict(vars(model))

    def out_of_memory(state):
        raise MemoryError

    monkeypatch.setattr("skdeblurbin._gan_engine.to_numpy_state", out_of_memory)
    with pytest.raises(MemoryError):
        model.set_params(n_blocks=2).fit(X, Y)
    changed = {k for k, v in vars(model).items() if v is not before.get(k)}
    assert changed == {"n_blocks"}


def test_fits_that_go_on_set_the_same_pairs_aside(plates, tiny_gan, monkeypatch):
    from skdeblurbin import _gan_engine

    held_out = []
    split = _gan_engine.split_pairs

    def spy(*arguments):
        training, validation = split(*arguments)
        held_out.append([image.tobytes() for image in validation.grey])
        return training, validation

    monkeypatch.setattr(_gan_engine, "split_pairs", spy)
    model = tiny_gan(validation_fraction=0.25, warm_start=True)
    for _ in range(3):
        model.fit(*plates)
    assert held_out[0] == held_out[1] == held_out[2]
    for seed in range(1, 5):
        tiny_gan(validation_fraction=0.25, random_state=seed).fit(*plates)
    assert any(pairs != held_out[0] for pairs in held_out[3:])


def test_best_epoch_is_what_partial_fit_goes_on_from(plates, tiny_gan):
    model = tiny_gan(
        validation_fraction=0.25, max_epochs=6, learning_rate=0.1, average_decay=None
    ).fit(*plates)
    kept = model._training_state["generator"]
    for name, value in model.generator_.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), kept[name])


def test_ctrl_c_leaves_a_loop_of_partial_fits(plates, tiny_gan, monkeypatch):
    model = tiny_gan().fit(*plates)
    before = model.deblur(plates.X)

    def interrupted(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr("skdeblurbin.training.Trainer.train_step", interrupted)
    for train in (model.partial_fit, model.fit):
        with pytest.raises(KeyboardInterrupt):
            train(*plates)
    np.testing.assert_array_equal(model.deblur(plates.X), before)


def test_prediction_does_not_wait_for_a_fit_with_as_many_threads(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    done = threading.Event()
    waited = []

    def features(images):
        # In the middle of a fit: predict in another thread, and wait for it.
        thread = threading.Thread(target=lambda: (model.predict(plates.X), done.set()))
        thread.start()
        waited.append(done.wait(timeout=30))
        return images

    tiny_gan(perceptual=features).fit(*plates)
    assert all(waited)


def test_photos_and_unit_floats_in_one_list(plates, tiny_gan):
    X, Y = plates
    photos = [(image * 255).round().astype(np.uint8) for image in X / X.max()]
    mixed = [p / 255 if i % 2 else p for i, p in enumerate(photos)]
    model = tiny_gan()
    np.testing.assert_allclose(
        model.fit(mixed, list(Y)).deblur(photos),
        model.fit(photos, list(Y)).deblur(photos),
        atol=1e-4,
    )


def test_floats_hardly_above_one_are_pointed_out(plates, tiny_gan):
    X, Y = plates
    with pytest.warns(UserWarning, match=r"read on the scale \[0, 255\] as nearly"):
        tiny_gan(n_levels=0).fit(X / X.max() * 1.001, Y)

"""What comes with the pairs: weights, pairs to validate on, scikit-learn's routing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline

from skdeblurbin import OtsuBinarizer
from skdeblurbin.metrics import f_measure, root_mean_squared_error


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def assert_same_networks(one, other):
    """Equal to the last bit, of generator and discriminator."""
    for network in ("generator", "discriminator"):
        weights, others = (m._training_state[network] for m in (one, other))
        assert weights.keys() == others.keys()
        for name in weights:
            assert_array_equal(weights[name], others[name], err_msg=name)


# Weights


@pytest.mark.parametrize("weights", [np.ones(6), [0.3] * 6, 7])
def test_equal_weights_are_as_none(weights, plates, tiny_gan):
    plain = tiny_gan(max_epochs=2).fit(*plates)
    assert_same_networks(tiny_gan(max_epochs=2).fit(*plates, weights), plain)


@pytest.mark.parametrize("factor", [0.25, 2.0**1000, 2.0**-1000])
def test_only_ratios_of_weights_matter(factor, plates, tiny_gan):
    weights = np.array([1.0, 2, 3, 4, 5, 6])
    one = tiny_gan().fit(*plates, weights)
    assert_same_networks(tiny_gan().fit(*plates, weights * factor), one)
    equal = tiny_gan().fit(*plates)
    assert np.any(one.deblur(plates.X) != equal.deblur(plates.X))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("form", [np.asarray, list])
def test_pairs_of_weight_zero_are_left_out(form, method, plates, tiny_gan):
    X, Y = plates
    # The first photo alone would make the range [0, 65535].
    X = X.astype(np.uint16)
    X[0] *= 200
    weights = np.array([0, 2, 1, 0, 1, 3.0])
    left = weights > 0
    model = getattr(tiny_gan(), method)(form(X), form(Y), sample_weight=weights)
    other = getattr(tiny_gan(), method)(X[left], Y[left], sample_weight=weights[left])
    assert_same_networks(model, other)
    assert model.input_range_ == other.input_range_ == (0, 255)


def test_the_heavier_of_two_truths_is_learnt(plates, tiny_gan):
    # Each photo comes with its truth and with the opposite one.
    X, Y = np.repeat(plates.X, 2, axis=0), np.repeat(plates.Y, 2, axis=0)
    Y[1::2] = 1 - Y[1::2]
    settings = {"max_epochs": 15, "learning_rate": 0.01, "adversarial_weight": 0}
    for favoured in (0, 1):
        weights = np.full(len(X), 0.05)
        weights[favoured::2] = 1
        model = tiny_gan(**settings).fit(X, Y, sample_weight=weights)
        right = model.predict(plates.X) == Y[favoured::2]
        assert right.mean() > 0.75
        # The errors that count are those of the favoured truths.
        assert model.history_[-1]["rmse"] < 0.55


def test_scores_are_weighted_means(plates):
    X, Y = plates
    weights = np.array([0, 1, 2, 3, 0, 10.0])
    model = OtsuBinarizer().fit(X, Y)
    errors = root_mean_squared_error(Y, model.predict(X), per_image=True)
    expected = -float(errors @ weights / weights.sum())
    assert model.score(X, Y, weights) == pytest.approx(expected, abs=1e-15)
    assert model.score(X, Y, 5) == pytest.approx(model.score(X, Y), abs=1e-15)
    with pytest.raises(ValueError, match="expected \\(6,\\)"):
        model.score(X, Y, [1, 2])


def test_pairs_set_aside_are_measured_by_their_weights(plates, tiny_gan, monkeypatch):
    from skdeblurbin import _gan_engine

    split, held_out = _gan_engine.split_pairs, []

    def spy(*arguments):
        held_out.append(split(*arguments)[1])
        return split(*arguments)

    monkeypatch.setattr(_gan_engine, "split_pairs", spy)
    weights = np.array([1, 2, 4, 8, 16, 32.0])
    model = tiny_gan(validation_fraction=0.5).fit(*plates, weights)
    pairs = held_out[0]
    predicted = model.predict(np.stack(pairs.grey))
    truth = np.stack(pairs.paper).astype(np.uint8)
    errors = root_mean_squared_error(truth, predicted, per_image=True)
    expected = errors @ pairs.weights / pairs.weights.sum()
    assert len(set(pairs.weights)) == 3
    assert model.history_[0]["validation_rmse"] == pytest.approx(expected)


def test_the_largest_weights_are_weights(plates, tiny_gan):
    X, Y = plates
    largest = np.full(6, 1e308)
    model = tiny_gan(validation_fraction=0.4).fit(X, Y, largest)
    plain = tiny_gan(validation_fraction=0.4).fit(X, Y)
    assert_same_networks(model, plain)
    found, wanted = (m.history_[0]["validation_rmse"] for m in (model, plain))
    assert found == pytest.approx(wanted)
    assert model.score(X, Y, largest) == pytest.approx(model.score(X, Y))


def test_a_failing_weight_changes_nothing(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    before = dict(vars(model))
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="expected \\(6,\\)"):
            method(*plates, sample_weight=[1, 2])
    assert vars(model) == before


# Pairs to validate on


@pytest.mark.parametrize("form", [np.asarray, list, lambda stack: stack[..., None]])
def test_validation_on_pairs_of_the_caller(form, plates, tiny_gan):
    X, Y = plates
    model = tiny_gan(max_epochs=2).fit(
        X[:4], Y[:4], X_val=form(X[4:]), y_val=form(Y[4:])
    )
    assert len(model.history_) == 2
    best = min(model.history_, key=lambda epoch: epoch["validation_rmse"])
    predicted = model.predict(X[4:])
    assert best["validation_rmse"] == root_mean_squared_error(Y[4:], predicted)
    assert best["validation_f_measure"] == f_measure(Y[4:], predicted)
    # They are no training pairs.
    plain = tiny_gan(max_epochs=2).fit(X[:4], Y[:4])
    losses = [[e["generator_loss"] for e in m.history_] for m in (model, plain)]
    assert losses[0] == losses[1]


def test_early_stopping_on_them_leaves_a_model_to_save_and_train_on(
    plates, tiny_gan, tmp_path
):
    X, Y = plates
    model = tiny_gan(n_iter_no_change=1).fit(X[:4], Y[:4], X_val=X[4:], y_val=Y[4:])
    model.save(tmp_path / "model.safetensors")
    loaded = type(model).load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.predict(X), model.predict(X))
    assert model.partial_fit(X, Y).n_epochs_ == 2
    with pytest.raises(ValueError, match="n_iter_no_change=1 needs pairs"):
        model.fit(X, Y)


def test_the_best_epoch_on_them_is_kept_and_ends_the_training(plates, tiny_gan):
    X, Y = plates
    model = tiny_gan(
        max_epochs=50, n_iter_no_change=2, learning_rate=0.3, average_decay=None
    ).fit(X[:4], Y[:4], X_val=X[4:], y_val=Y[4:])
    errors = [epoch["validation_rmse"] for epoch in model.history_]
    assert len(errors) < 50
    assert len(errors) == int(np.argmin(errors)) + 1 + 2
    assert -model.score(X[4:], Y[4:]) == min(errors)


def test_rows_to_validate_on(plates, tiny_gan):
    X, Y = (stack.reshape(6, -1) for stack in plates)
    frames = [pd.DataFrame(rows).add_prefix("p") for rows in (X[:4], X[4:])]
    model = tiny_gan(image_shape=(24, 40)).fit(X[:4], Y[:4], X_val=X[4:], y_val=Y[4:])
    others = tiny_gan(image_shape=(24, 40)).fit(
        frames[0], Y[:4], X_val=frames[1], y_val=Y[4:]
    )
    assert model.history_[0]["validation_rmse"] == others.history_[0]["validation_rmse"]


ROWS = np.zeros((2, 8), np.uint8)
TWO = {"X_val": np.zeros((2, 5, 6)), "y_val": np.zeros((2, 5, 6))}


@pytest.mark.parametrize(
    ("parameters", "given", "message"),
    [
        ({}, {"X_val": TWO["X_val"]}, "X_val and y_val go together; y_val is None"),
        ({}, {"y_val": TWO["y_val"]}, "X_val and y_val go together; X_val is None"),
        ({"validation_fraction": 0.2}, TWO, "not both; validation_fraction is 0.2"),
        ({}, {**TWO, "y_val": np.zeros((3, 5, 6))}, r"\[2, 3\]: y_val must hold one"),
        ({}, {**TWO, "y_val": np.zeros((2, 5, 7))}, r"\(5, 6\) in X_val and \(5, 7\)"),
        ({}, {**TWO, "y_val": TWO["y_val"] + 5}, r"y_val must hold only the values"),
        ({}, {**TWO, "X_val": TWO["X_val"] * np.nan}, "X_val contains NaN"),
        ({}, {"X_val": ROWS, "y_val": ROWS}, "X_val holds rows, X does not"),
        (
            {"max_image_pixels": 10**3},
            {"X_val": [np.zeros((99, 99))], "y_val": []},
            r"X_val\[0\] has 99",
        ),
    ],
)
def test_wrong_pairs_to_validate_on(parameters, given, message, plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    before = dict(vars(model))
    model.set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(*plates, **given)
    assert {k: v for k, v in vars(model).items() if k not in parameters} == {
        k: v for k, v in before.items() if k not in parameters
    }


def test_rows_must_be_alike(tiny_gan):
    X = np.arange(40, dtype=np.uint8).reshape(5, 8)
    Y = X % 2
    with pytest.raises(ValueError, match="X holds rows, X_val does not"):
        tiny_gan().fit(X, Y, X_val=X[:, None], y_val=Y[:, None])
    with pytest.raises(ValueError, match="X_val has 7 features, but X has 8 features"):
        tiny_gan().fit(X, Y, X_val=X[:, 1:], y_val=Y[:, 1:])
    frame = pd.DataFrame(X).add_prefix("p")
    with pytest.raises(
        ValueError, match=r"the columns of X, in their order; got \['p7"
    ):
        tiny_gan().fit(frame, Y, X_val=frame[frame.columns[::-1]], y_val=Y)


def test_columns_are_those_of_the_photos_whatever_image_shape_is(plates, tiny_gan):
    X, Y = (stack.reshape(6, -1) for stack in plates)
    frame = pd.DataFrame(X).add_prefix("p")
    model = tiny_gan(image_shape=(24, 40))
    with pytest.raises(ValueError, match=r"X_val must have the columns of X"):
        model.fit(frame, Y, X_val=frame[frame.columns[::-1]], y_val=Y)


def test_checkpoints_know_weights_and_validation_pairs(plates, tiny_gan, tmp_path):
    X, Y = plates
    known = {"sample_weight": np.arange(1.0, 7), "X_val": X[:2], "y_val": Y[:2]}
    model = tiny_gan(checkpoint_dir=tmp_path).fit(X, Y, **known)
    again = tiny_gan(checkpoint_dir=tmp_path).fit(X, Y, **known, resume=True)
    assert_same_networks(model, again)
    for other, what in [
        ({"sample_weight": np.arange(2.0, 8)}, "training data"),
        ({"sample_weight": None}, "training data"),
        ({"X_val": X[1:3], "y_val": Y[1:3]}, "validation data"),
        ({"X_val": None, "y_val": None}, "validation data"),
    ]:
        with pytest.raises(ValueError, match=f"differs in {what}"):
            tiny_gan(checkpoint_dir=tmp_path).fit(
                X, Y, **{**known, **other}, resume=True
            )


# Routing


class Halver(TransformerMixin, BaseEstimator):
    """Half of the grey values: validation pairs must go through it, too."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X // 2


def test_pipelines_transform_pairs_to_validate_on(plates, tiny_gan, routing):
    X, Y = plates
    request = tiny_gan().set_fit_request(X_val=True, y_val=True, sample_weight=True)
    pipeline = Pipeline(
        [("half", Halver()), ("gan", request)], transform_input=["X_val"]
    )
    weights = np.arange(1.0, 5)
    pipeline.fit(X[:4], Y[:4], sample_weight=weights, X_val=X[4:], y_val=Y[4:])
    expected = tiny_gan().fit(X[:4] // 2, Y[:4], weights, X_val=X[4:] // 2, y_val=Y[4:])
    assert_same_networks(pipeline["gan"], expected)
    found, wanted = (m.history_[0] for m in (pipeline["gan"], expected))
    assert found["validation_rmse"] == wanted["validation_rmse"]


def test_searches_pass_weights_on(plates, tiny_gan, routing):
    X, Y = plates
    weights = np.array([1, 2, 4, 8, 16, 32.0])
    model = tiny_gan().set_fit_request(sample_weight=True)
    search = GridSearchCV(
        model.set_score_request(sample_weight=True), {"K2": [100, 170]}, cv=KFold(2)
    ).fit(X, Y, sample_weight=weights)
    halves = [(slice(3, 6), slice(0, 3)), (slice(0, 3), slice(3, 6))]
    for fold, (training, test) in enumerate(halves):
        by_hand = tiny_gan(K2=100).fit(X[training], Y[training], weights[training])
        score = by_hand.score(X[test], Y[test], weights[test])
        assert search.cv_results_[f"split{fold}_test_score"][0] == score


def test_weights_that_nobody_asked_for_are_an_error(plates, tiny_gan, routing):
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="weight"):
        cross_validate(tiny_gan(), *plates, cv=2, params={"sample_weight": np.ones(6)})

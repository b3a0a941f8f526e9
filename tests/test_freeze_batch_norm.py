"""A fitted model that is trained on, with the statistics that it has."""

import numpy as np
import pytest
import torch

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

OPTIONS = {"n_blocks": 2, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def plates():
    return make_blurred_plates(24, (32, 48), severity=0.2, random_state=0)


@pytest.fixture
def fitted(plates):
    X, Y = plates
    return GANBinarizer(**OPTIONS, warm_start=True).fit(X[:16], Y[:16])


def parts(model):
    """Copies of running statistics, and of weights."""
    state = model.generator_.state_dict()
    statistics = {n: v.clone() for n, v in state.items() if "running" in n}
    weights = {n: v.clone() for n, v in state.items() if n.endswith("weight")}
    return statistics, weights


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "adam"},
        {"average_decay": None},
        {"adversarial_weight": 1.0},
        {"n_levels": 0},
    ],
    ids=str,
)
def test_weights_change_and_statistics_do_not(plates, options):
    X, Y = plates
    model = GANBinarizer(**OPTIONS, **options, warm_start=True).fit(X[:16], Y[:16])
    statistics, weights = parts(model)
    model.set_params(freeze_batch_norm=True).fit(X[16:], Y[16:])
    frozen_statistics, frozen_weights = parts(model)
    assert same(statistics, frozen_statistics)
    assert not same(weights, frozen_weights)
    model.set_params(freeze_batch_norm=False).fit(X[16:], Y[16:])
    assert not same(statistics, parts(model)[0])


def test_it_holds_for_partial_fit(plates, fitted):
    X, Y = plates
    statistics, weights = parts(fitted)
    fitted.set_params(freeze_batch_norm=True).partial_fit(X[16:], Y[16:])
    assert same(statistics, parts(fitted)[0])
    assert not same(weights, parts(fitted)[1])


def test_a_new_model_does_not_know_of_it(plates):
    X, Y = plates
    one = GANBinarizer(**OPTIONS).fit(X, Y)
    other = GANBinarizer(**OPTIONS, freeze_batch_norm=True).fit(X, Y)
    for first, second in zip(parts(one), parts(other), strict=True):
        assert same(first, second)
    again = GANBinarizer(**OPTIONS, freeze_batch_norm=True).partial_fit(X, Y)
    assert not all(
        torch.equal(value, torch.zeros_like(value))
        for name, value in parts(again)[0].items()
        if name.endswith("running_mean")
    )


def test_steps_of_no_length_change_nothing(plates):
    X, Y = plates
    fitted = GANBinarizer(**OPTIONS, warm_start=True, average_decay=None)
    fitted.fit(X[:16], Y[:16])
    before = fitted.deblur(X)
    fitted.set_params(learning_rate=1e-12, freeze_batch_norm=True).fit(X[16:], Y[16:])
    np.testing.assert_allclose(fitted.deblur(X), before, atol=1e-5)
    # While statistics of eight plates are others than those of sixteen.
    fitted.set_params(freeze_batch_norm=False).fit(X[16:], Y[16:])
    assert np.abs(fitted.deblur(X) - before).max() > 1e-3


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_validation_sees_every_epoch(plates, optimizer):
    """The form for prediction is made anew, though no statistic tells of changes."""
    X, Y = plates
    model = GANBinarizer(
        **OPTIONS, warm_start=True, optimizer=optimizer, average_decay=None
    ).fit(X[:16], Y[:16])
    model.set_params(freeze_batch_norm=True, learning_rate=0.001, max_epochs=3)
    before = -model.score(X[16:], Y[16:])
    model.fit(X[:16], Y[:16], X_val=X[16:], y_val=Y[16:])
    errors = [epoch["validation_rmse"] for epoch in model.history_[-3:]]
    assert len({before, *errors}) == 4
    # The best is kept, be it that of before.
    assert min(before, *errors) == pytest.approx(-model.score(X[16:], Y[16:]))


def test_an_interrupted_training_goes_on(plates, tmp_path):
    X, Y = plates
    whole = GANBinarizer(**OPTIONS, warm_start=True, freeze_batch_norm=True)
    cut = GANBinarizer(**OPTIONS, warm_start=True, freeze_batch_norm=True)
    for model in (whole, cut):
        model.fit(X[:16], Y[:16]).set_params(max_epochs=3)
    whole.fit(X[16:], Y[16:])
    start = tmp_path / "model.safetensors"
    cut.save(start, training_state=True)

    class Stop(Exception):
        pass

    files = {"checkpoint_dir": tmp_path, "checkpoint_every": 0}
    first = GANBinarizer.load(start, device="cpu").set_params(**files)
    run_epochs = first._make_run

    def stopping(*positional, **options):
        run = run_epochs(*positional, **options)
        write = run._write_checkpoint

        def write_and_stop(*state):
            write(*state)
            raise Stop

        run._write_checkpoint = write_and_stop
        return run

    first._make_run = stopping
    with pytest.raises(Stop):
        first.fit(X[16:], Y[16:])
    second = GANBinarizer.load(start, device="cpu").set_params(**files)
    second.fit(X[16:], Y[16:], resume=True)
    for one, other in zip(parts(whole), parts(second), strict=True):
        assert same(one, other)

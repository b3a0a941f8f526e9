"""The state of a training in a model's file: it goes on as if it had never left."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.numpy import load

from skdeblurbin import GANBinarizer
from skdeblurbin.training import OPTIMIZERS, state_shapes
from tests.test_persistence import check_refused, set_in

SETTINGS = {
    "default": {},
    "adam": {"optimizer": "adam", "average_decay": None},
    "no adversary": {"adversarial_weight": 0},
    "pairs set aside": {"validation_fraction": 0.3, "learning_rate_decay": "cosine"},
}


def without_seconds(history):
    return [{n: v for n, v in epoch.items() if n != "seconds"} for epoch in history]


@pytest.fixture
def saved(plates, tiny_gan, tmp_path):
    path = tmp_path / "model.safetensors"
    tiny_gan(max_epochs=2).fit(*plates).save(path, training_state=True)
    return path


@pytest.mark.parametrize("name", SETTINGS)
def test_it_goes_on_bit_identically(name, plates, tiny_gan, tmp_path):
    path = tmp_path / "model"
    model = tiny_gan(max_epochs=2, **SETTINGS[name]).fit(*plates)
    model.save(path, training_state=True)
    loaded = GANBinarizer.load(path)
    assert loaded.history_ == model.history_
    assert loaded.n_epochs_ == model.n_epochs_ == 2
    assert (loaded.discriminator_ is None) == (model.discriminator_ is None)
    assert_array_equal(loaded.predict(plates.X), model.predict(plates.X))
    for _ in range(2):
        model.partial_fit(*plates)
        loaded.partial_fit(*plates)
    for kept in (model, loaded):
        kept.set_params(warm_start=True).fit(*plates)
    assert_array_equal(loaded.deblur(plates.X), model.deblur(plates.X))
    assert without_seconds(loaded.history_) == without_seconds(model.history_)
    trained = [m._training_state["generator"] for m in (loaded, model)]
    assert joblib.hash(trained[0]) == joblib.hash(trained[1])
    # And what went through a file goes through a pickle, and a file again.
    loaded.save(path, training_state=True)
    again = pickle.loads(pickle.dumps(GANBinarizer.load(path)))
    assert_array_equal(
        again.partial_fit(*plates).deblur(plates.X),
        model.partial_fit(*plates).deblur(plates.X),
    )


def test_only_the_generator_is_saved_unless_asked_for(plates, tiny_gan, tmp_path):
    model = tiny_gan().fit(*plates)
    model.save(tmp_path / "small")
    model.save(tmp_path / "whole", training_state=True)
    small, whole = (load((tmp_path / n).read_bytes()) for n in ("small", "whole"))
    assert not any(name.startswith("training/") for name in small)
    assert all(np.array_equal(small[name], whole[name]) for name in small)
    parts = {name.split("/")[1] for name in whole if name.startswith("training/")}
    assert parts == {"generator", "discriminator", "optimizers"}
    # The averaged weights predict, and are there once.
    model = tiny_gan(average_decay=None, adversarial_weight=0).fit(*plates)
    model.save(tmp_path / "whole", training_state=True)
    whole = load((tmp_path / "whole").read_bytes())
    parts = {name.split("/")[1] for name in whole if name.startswith("training/")}
    assert parts == {"optimizers"}


@pytest.mark.parametrize(
    "changed",
    [{"optimizer": "adam"}, {"n_blocks": 2}, {"discriminator_channels": 8}],
)
def test_parameters_of_another_network_are_not_saved(changed, plates, tiny_gan, saved):
    data = saved.read_bytes()
    model = tiny_gan().fit(*plates).set_params(**changed)
    with pytest.raises(ValueError, match="describe another network"):
        model.save(saved, training_state=True)
    assert saved.read_bytes() == data


def test_numbers_of_numpy_in_a_history(plates, tiny_gan, saved):
    model = tiny_gan(learning_rate=np.float32(0.003)).fit(*plates)
    model.save(saved, training_state=True)
    assert GANBinarizer.load(saved).history_ == model.history_


def test_a_model_without_training_state_can_be_saved_with_it(
    plates, tiny_gan, tmp_path
):
    path = tmp_path / "model"
    tiny_gan().fit(*plates).save(path)
    loaded = GANBinarizer.load(path)
    loaded.save(path, training_state=True)  # it has only its weights
    again = GANBinarizer.load(path)
    assert_array_equal(
        again.partial_fit(*plates).deblur(plates.X),
        loaded.partial_fit(*plates).deblur(plates.X),
    )


def test_rounded_weights_are_no_exact_state(plates, tiny_gan, saved):
    data = saved.read_bytes()
    model = tiny_gan().fit(*plates)
    with pytest.raises(ValueError, match="half_precision=True rounds"):
        model.save(saved, half_precision=True, training_state=True)
    assert saved.read_bytes() == data


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_shapes_of_an_optimizers_state(name):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    optimizers = OPTIMIZERS[name](network, 0.1)
    network(torch.rand(2, 1, 5, 5)).sum().backward()
    for optimizer in optimizers:
        optimizer.step()
    found = [
        [
            {n: tuple(v.shape) for n, v in optimizer.state[p].items()}
            for group in optimizer.param_groups
            for p in group["params"]
        ]
        for optimizer in optimizers
    ]
    assert state_shapes(name, network) == found
    assert state_shapes(name, network.to("meta")) == found


def drop(name):
    def change(about, arrays):
        del arrays[next(key for key in arrays if key.endswith(name))]

    return change


def negative(name):
    def change(about, arrays):
        key = next(key for key in arrays if key.endswith(name))
        arrays[key] = np.full_like(arrays[key], -1)

    return change


def spoil(name, value):
    def change(about, arrays):
        key = next(key for key in arrays if key.endswith(name))
        arrays[key] = np.full_like(arrays[key], value)

    return change


def in_training(*path_and_value):
    return set_in("training", *path_and_value)


CHANGES = {
    "no training": (set_in("training", None), "NoneType|subscriptable"),
    "empty": (set_in("training", {}), "networks"),
    "networks": (in_training("networks", ["discriminator"]), "cannot be"),
    "twice": (in_training("networks", ["generator", "generator"]), "cannot be"),
    "unknown": (in_training("networks", ["generator", "evil"]), "cannot be"),
    "average": (in_training("average", -1), "cannot be"),
    "no average": (in_training("average", None), "too many"),
    "average of text": (in_training("average", "1"), "cannot be"),
    "moments": (in_training("moments", {"evil": []}), "cannot be"),
    "more optimizers": (
        in_training("moments", "generator", [[0], [0], [0]]),
        "its optimizers are not",
    ),
    "no such parameter": (
        in_training("moments", "generator", [[0, 99999], []]),
        "its optimizers are not",
    ),
    "parameter twice": (in_training("moments", "generator", [[0, 0], []]), "cannot be"),
    "negative parameter": (in_training("moments", "generator", [[-1], []]), "cannot"),
    "fewer moments": (in_training("moments", "generator", [[0], []]), "too many"),
    "random": (in_training("random", {"bit_generator": "MT19937"}), "state"),
    "random of text": (in_training("random", "state", "state", "x"), "cannot be"),
    "random too large": (in_training("random", "state", "state", 2**128), "cannot be"),
    "other generator": (in_training("random", "bit_generator", "MT19937"), "cannot"),
    # That of one number for ever, by which permutations never come to an end.
    "random without end": (in_training("random", "state", "inc", 2), "cannot be"),
    "half a number": (in_training("random", "has_uint32", 1.5), "cannot be"),
    "seed": (in_training("split_seed", "1"), "cannot be"),
    "history": (in_training("history", [{"rmse": "0.1"}]), "cannot be"),
    "history of text": (in_training("history", ""), "cannot be"),
    "empty epoch": (in_training("history", [{}]), "cannot be"),
    "history with NaN": (
        in_training("history", 0, "rmse", float("nan")),
        "cannot be",
    ),
    "history of lists": (in_training("history", [[1]]), "items|cannot be"),
    "lacking weight": (drop("generator/head.bias"), "lacks 1 arrays"),
    "lacking moment": (drop("/exp_avg_sq"), "lacks 1 arrays"),
    "negative moment": (negative("/exp_avg_sq"), "exp_avg_sq is negative"),
    "negative step": (negative("/step"), "step is negative"),
    "nan": (spoil("/exp_avg", np.nan), "not finite"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_no_training_has_is_refused(name, saved):
    check_refused(saved, *CHANGES[name])


def test_a_model_too_large_to_be_loaded_is_not_written(
    plates, tiny_gan, saved, monkeypatch
):
    data = saved.read_bytes()
    model = tiny_gan().fit(*plates)
    monkeypatch.setattr("skdeblurbin.persistence.LARGEST_HEADER", 1000)
    with pytest.raises(ValueError, match="could not be loaded again"):
        model.save(saved)
    assert saved.read_bytes() == data

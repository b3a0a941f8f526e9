"""What constructor parameters may be, and that errors say so."""

from __future__ import annotations

import inspect
import re
from fractions import Fraction

import numpy as np
import pytest
import torch

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)
from skdeblurbin._gan_parameters import check_gan_parameters, check_patience
from skdeblurbin._parameters import check_image_shape, check_number
from skdeblurbin._tensors import resolve_device

NAN, INF = float("nan"), float("inf")


# check_number


@pytest.mark.parametrize(
    ("rule", "allowed", "refused"),
    [
        ({"low": 0}, [0, 0.0, 5, 1e308, Fraction(1, 3)], [-1e-300, NAN, INF, -INF]),
        ({"low": 0, "include_low": False}, [5e-324, 1], [0, -0.0, -1, NAN, INF]),
        ({"low": 0, "high": 1}, [0, 1, 0.5], [np.nextafter(1, 2), -0.1, NAN]),
        (
            {"low": 0, "high": 1, "include_high": False},
            [0, np.nextafter(1, 0)],
            [1, 1.0, 2],
        ),
        ({"low": 1, "integer": True}, [1, np.int8(3), 10**400], [0, -(10**400)]),
        ({"low": 1, "high": 3, "integer": True}, [1, np.uint64(3)], [4, 0]),
        ({"low": 1, "optional": True}, [None, 1], [0, NAN]),
        ({"low": 1, "auto": True}, ["auto", 1], [0, NAN]),
    ],
)
def test_numbers_within_and_beyond_their_bounds(rule, allowed, refused):
    for value in allowed:
        check_number(value, "size", **rule)
    for value in refused:
        with pytest.raises(ValueError, match=r"size must be .*, got "):
            check_number(value, "size", **rule)


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({"low": 0}, ["1", None, True, np.True_, [1], np.array([1.0]), 1j]),
        ({"low": 0, "integer": True}, ["1", None, False, 1.0, np.float32(1), NAN]),
        ({"low": 0, "optional": True}, ["None", True, {}]),
        ({"low": 0, "auto": True}, ["Auto", "", None, True, np.array(["auto"] * 2)]),
    ],
)
def test_what_is_no_number(rule, refused):
    for value in refused:
        with pytest.raises(TypeError, match=r"size must be .*, got "):
            check_number(value, "size", **rule)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"low": 0}, "a real number in the range [0, inf)"),
        ({"low": 1, "high": 10, "integer": True}, "an integer in the range [1, 10]"),
        (
            {"low": 0, "high": 1, "include_low": False, "optional": True},
            "a real number in the range (0, 1] or None",
        ),
        (
            {"low": 0.5, "high": 1, "include_high": False},
            "a real number in the range [0.5, 1)",
        ),
        ({"low": 0, "auto": True}, "a real number in the range [0, inf) or 'auto'"),
    ],
)
def test_message_names_what_is_allowed_and_given(rule, text):
    with pytest.raises(ValueError, match="size") as caught:
        check_number(-3, "size", **rule)
    assert str(caught.value) == f"size must be {text}, got -3."


# check_image_shape


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), ((6, 8), (6, 8)), ([1, 1], (1, 1)), ((np.int64(6), 8), (6, 8))],
)
def test_image_shape(given, expected):
    shape = check_image_shape(given)
    assert shape == expected
    assert shape is None or [type(side) for side in shape] == [int, int]


@pytest.mark.parametrize(
    "given",
    [
        (),
        (6,),
        (6, 8, 1),
        (0, 8),
        (6, -1),
        (6.0, 8),
        (True, 8),
        (None, 8),
        ("6", "8"),
        "68",
        b"68",
        48,
        np.array([6, 8]),
        {6, 8},
    ],
    ids=repr,
)
def test_image_shape_must_be_height_and_width(given):
    with pytest.raises(ValueError, match=r"image_shape must be None or .*at least 1"):
        check_image_shape(given)
    X = np.zeros((2, 48))
    state = dict(vars(OtsuBinarizer(image_shape=given)))
    otsu = OtsuBinarizer(image_shape=given)
    with pytest.raises(ValueError, match=r"image_shape must be None or \(height, wid"):
        otsu.fit(X)
    assert vars(otsu) == state


# SauvolaBinarizer and WienerBinarizer: allowed, ValueErrors, TypeErrors.

PSF = np.ones((2, 3))
CLASSICAL_RULES = {
    (SauvolaBinarizer, "window_size"): (
        ["auto", 3, np.int64(5), np.uint8(255)],
        [1, 0, -3, 4, np.int64(10)],
        ["5", 3.0, None, True, [3, 5]],
    ),
    (SauvolaBinarizer, "k"): (
        ["auto", 0, 1, 0.34, np.float32(0.5)],
        [-0.01, 1.01, NAN, INF],
        ["0.2", None, False, [0.2]],
    ),
    (WienerBinarizer, "balance"): (
        ["auto", 1, 1e-300, np.float32(0.5)],
        [0, -1, NAN, INF],
        ["0.1", None, True, [0.1]],
    ),
    (WienerBinarizer, "psf"): (
        ["auto", PSF, PSF.astype(bool), PSF.tolist(), PSF.astype("f2"), [[5]]],
        [
            "motion",
            PSF[0],
            PSF[:0],
            PSF[np.newaxis],
            1.0,
            [],
            [[1, 2], [3]],
            -PSF,
            0 * PSF,
            np.array([[1, NAN]]),
            np.array([[1, INF]]),
            np.array([[2, -0.1]]),
        ],
        [None, {}, 1j * PSF, PSF.astype(str), [["a"]], object()],
    ),
    **{
        (kind, "image_shape"): ([None, (4, 8)], [(4,), (0, 32), "48"], [])
        for kind in (SauvolaBinarizer, WienerBinarizer)
    },
}


def each_classical(column):
    def label(kind, name, value):
        # Without addresses: all workers must give a test the same name.
        return f"{kind.__name__}-{name}={re.sub(' at 0x[0-9a-f]+', '', repr(value))}"

    return [
        pytest.param(kind, name, value, id=label(kind, name, value))
        for (kind, name), rule in CLASSICAL_RULES.items()
        for value in rule[column]
    ]


@pytest.mark.parametrize("kind", [SauvolaBinarizer, WienerBinarizer])
def test_every_classical_parameter_has_a_rule(kind):
    names = {name for owner, name in CLASSICAL_RULES if owner is kind}
    assert set(inspect.signature(kind).parameters) == names


@pytest.mark.parametrize(("kind", "name", "value"), each_classical(0))
def test_allowed_by_classical_binarizers(kind, name, value):
    X = np.random.default_rng(0).random((2, 32))
    assert kind(**{name: value}).fit(X, X > 0.5).predict(X).shape == X.shape


@pytest.mark.parametrize(
    ("kind", "name", "value", "error"),
    [
        pytest.param(*case.values, error, id=case.id)
        for column, error in [(1, ValueError), (2, TypeError)]
        for case in each_classical(column)
    ],
)
def test_refused_by_classical_binarizers(kind, name, value, error):
    X = np.random.default_rng(0).random((2, 32))
    model = kind().fit(X, X > 0.5).set_params(**{name: value})
    before = dict(vars(model))
    for arguments in ((X,), (X, X > 0.5)):
        with pytest.raises(error, match=rf"^{name} must be .*got ") as caught:
            model.fit(*arguments)
        assert caught.type is error
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[key] is value for key, value in before.items())


# GANBinarizer. Lists of (allowed, a ValueError, a TypeError) for each parameter.

COUNT = ([1, np.int32(2)], [0, -1], [1.0, "1", None, True, NAN])
OPTIONAL_COUNT = ([None, 1, np.int64(2)], [0, -1], [1.0, "1", True, NAN])
WEIGHT = ([0, 0.5, np.float32(3)], [-1e-9, NAN, INF], ["1", None, True, [1]])
FLAG = ([True, False], [], [0, 1, "yes", None])
NUMBER_RULES = {
    "K1": WEIGHT,
    "K2": WEIGHT,
    "adversarial_weight": WEIGHT,
    "n_blocks": COUNT,
    "growth_rate": COUNT,
    "base_channels": COUNT,
    "n_discriminator_layers": ([1, 10], [0, 11], [4.0, "4", None, True]),
    "discriminator_channels": COUNT,
    "max_epochs": COUNT,
    "batch_size": COUNT,
    "learning_rate": ([1e-9, 1], [0, -0.1, NAN, INF], ["0.1", None, True]),
    "average_decay": ([None, 0, 0.999], [1, -0.1, NAN], ["0.9", True]),
    "validation_fraction": ([None, 0.1], [0, 1, 1.5, -0.1, NAN], ["0.1", True]),
    "n_iter_no_change": OPTIONAL_COUNT,
    "n_threads": OPTIONAL_COUNT,
    "verbose": ([0, 1, True, False], [-1], [0.5, "1", None]),
    "conditional": FLAG,
    "augment": FLAG,
    "freeze_batch_norm": FLAG,
    "warm_start": FLAG,
    "n_levels": ([0, 1, np.int64(6)], [-1, 7], [1.5, "2", None, True]),
    "downsampling": ([1, 2, 4], [0, 3, 8, "4", None, NAN, True, 2.0], []),
    "learning_rate_decay": ([None, "cosine"], ["linear", 0.5, True], []),
    "content_loss": (["cross_entropy", "l1"], ["L1", "l2", None, 1, ["l1"]], []),
    "checkpoint_dir": ([None], [], [1, True, ["a"]]),
    "max_image_pixels": ([None, 10**6], [0, -1], [1e6, "1", True, NAN]),
    "working_memory": ([None, 0.5, 4096], [0, -1, NAN, INF], ["1", True]),
    "checkpoint_every": ([0, 0.5, 60], [-1, NAN, INF], ["60", None, True]),
    "optimizer": (["muon", "adam"], ["Adam", "sgd", None, 1, ["adam"]], []),
    "image_shape": ([None, (6, 8)], [(6,), (0, 8), "68"], []),
    "working_shape": ([None, (20, 24)], [(6,), (0, 8), "68"], []),
    # "model" needs a working shape: see the tests of persistence.
    "output_scale": (["input"], ["Model", None, 1, ["input"]], []),
}
# These are checked where they are resolved; perceptual and perceptual_weights by the
# tests of the networks, device below.
RESOLVED = {"perceptual", "perceptual_weights", "device", "random_state"}


def parameters(**changed):
    # A stop without improvement needs pairs to measure on; see the tests below.
    return {**GANBinarizer(validation_fraction=0.5).get_params(), **changed}


def each(column):
    return [
        pytest.param(name, value, id=f"{name}={value!r}")
        for name, rule in NUMBER_RULES.items()
        for value in rule[column]
    ]


def test_every_parameter_has_a_rule():
    assert (
        set(inspect.signature(GANBinarizer).parameters) == set(NUMBER_RULES) | RESOLVED
    )


@pytest.mark.parametrize(("name", "value"), each(0))
def test_allowed(name, value):
    check_gan_parameters(parameters(**{name: value}))


@pytest.mark.parametrize(("name", "value"), each(1))
def test_out_of_range(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be ") as caught:
        check_gan_parameters(parameters(**{name: value}))
    assert f"got {value!r}." in str(caught.value)


@pytest.mark.parametrize(("name", "value"), each(2))
def test_of_another_type(name, value):
    with pytest.raises(TypeError, match=rf"^{name} must be ") as caught:
        check_gan_parameters(parameters(**{name: value}))
    assert f"got {value!r}." in str(caught.value)


def test_defaults_are_allowed():
    check_gan_parameters(GANBinarizer().get_params())


def test_stopping_early_needs_validation_pairs():
    with pytest.raises(
        ValueError, match=r"n_iter_no_change=5 needs pairs .* set validation_fraction"
    ):
        check_patience(
            parameters(n_iter_no_change=5, validation_fraction=None), validates=False
        )
    check_patience(
        parameters(n_iter_no_change=5, validation_fraction=None), validates=True
    )
    early = parameters(n_iter_no_change=5, validation_fraction=0.1)
    check_patience(early, validates=False)


@pytest.mark.parametrize(("K1", "perceptual"), [(0, "vgg16"), (145, None), (0, None)])
def test_some_loss_must_be_left(K1, perceptual):
    no_loss = {"K1": K1, "perceptual": perceptual, "K2": 0, "adversarial_weight": 0}
    with pytest.raises(
        ValueError, match=r"K1 .*, K2 and adversarial_weight are all ze"
    ):
        check_gan_parameters(parameters(**no_loss))
    check_gan_parameters(parameters(**{**no_loss, "K2": 1}))
    check_gan_parameters(parameters(**{**no_loss, "adversarial_weight": 1}))


def test_the_perceptual_loss_alone_will_do():
    alone = {"K1": 1, "perceptual": "vgg16", "K2": 0, "adversarial_weight": 0}
    check_gan_parameters(parameters(**alone))


BAD_PARAMETERS = [
    ("n_blocks", 0, ValueError),
    ("augment", "yes", TypeError),
    ("device", "abacus", ValueError),
    ("perceptual", "vgg19", ValueError),
    ("image_shape", (3, 3), ValueError),
]


@pytest.mark.parametrize(
    ("method", "name", "value", "error"),
    [
        *(("fit", *bad) for bad in BAD_PARAMETERS),
        *(("partial_fit", *bad) for bad in BAD_PARAMETERS),
        # partial_fit goes on with the random numbers of the first call.
        ("fit", "random_state", "seed", ValueError),
    ],
)
def test_bad_parameters_leave_a_fitted_model_as_it_was(
    method, name, value, error, tiny_gan
):
    X = np.random.default_rng(0).random((2, 48))
    model = tiny_gan(image_shape=(6, 8)).fit(X, X > 0.5)
    model.set_params(**{name: value})
    before = dict(vars(model))
    # scikit-learn's message on seeds shows the value only.
    with pytest.raises(error, match=rf"{name}|'seed' cannot be used to seed"):
        getattr(model, method)(X, X > 0.5)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[key] is value for key, value in before.items())


# Devices, as on machines with other ones than this


@pytest.fixture
def machine(monkeypatch):
    def has(n_cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n_cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n_cuda)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: n_cuda - 1)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize(
    ("there", "device", "expected"),
    [
        ({}, "auto", "cpu"),
        ({}, "cpu", "cpu"),
        ({}, "cpu:0", "cpu"),
        ({}, torch.device("cpu"), "cpu"),
        ({"n_cuda": 2}, "auto", "cuda:1"),
        ({"n_cuda": 2, "mps": True}, "auto", "cuda:1"),
        ({"n_cuda": 2}, "cpu", "cpu"),
        ({"n_cuda": 2}, "cuda", "cuda"),
        ({"n_cuda": 2}, "cuda:1", "cuda:1"),
        ({"n_cuda": 2}, torch.device("cuda", 0), "cuda:0"),
        ({"mps": True}, "auto", "mps"),
        ({"mps": True}, "mps", "mps"),
    ],
)
def test_device_that_is_there(there, device, expected, machine):
    machine(**there)
    assert resolve_device(device) == torch.device(expected)


@pytest.mark.parametrize(
    ("there", "device", "count"),
    [
        ({}, "cuda", "0 cuda devices"),
        ({}, "cuda:0", "0 cuda devices"),
        ({}, torch.device("cuda"), "0 cuda devices"),
        ({}, "mps", "0 mps devices"),
        ({"n_cuda": 2}, "cuda:2", "2 cuda devices"),
        ({"mps": True}, "cuda", "0 cuda devices"),
    ],
)
def test_device_that_is_not_there(there, device, count, machine):
    machine(**there)
    message = f"device='{device}' is not available on this machine, which has {count}"
    with pytest.raises(ValueError, match=re.escape(message) + ".*device='auto'"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["abacus", "meta", "cuda:x", "", "CPU", "xla"])
def test_device_without_such_a_name(device):
    with pytest.raises(
        ValueError, match=rf"device must be 'auto', 'cpu', .*, got '{device}'"
    ):
        resolve_device(device)


@pytest.mark.parametrize("device", [0, None, True, ["cpu"]])
def test_device_of_another_type(device):
    with pytest.raises(TypeError, match=r"device must be 'auto', 'cpu', .*, got "):
        resolve_device(device)

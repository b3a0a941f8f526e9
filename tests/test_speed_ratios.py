"""No part of the library becomes slow against a plain way to do the same.

Ratios only, of small sizes and with generous margins, so that they hold on any machine:
both sides run in turn on one thread, and processor time is compared, which other work
on the machine hardly changes. `tests/benchmarks` has the measurements.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from skdeblurbin import GANBinarizer, OtsuBinarizer
from skdeblurbin._ranges import scale_to_unit
from skdeblurbin._tensors import torch_threads
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.networks import DenseGenerator
from skdeblurbin.networks.inference import deblur_images

ROUNDS = 5


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


@pytest.fixture(scope="module")
def measure(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("_measure")


@pytest.fixture(scope="module")
def rivals(benchmark_module: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_module("_rivals")


@pytest.fixture(scope="module")
def model() -> GANBinarizer:
    """The default network, after one step."""
    X, Y = make_blurred_plates(4, (64, 96), "plate", random_state=0)
    model = GANBinarizer(device="cpu", random_state=0, n_threads=1)
    return model.partial_fit(X, Y)


def test_a_step_is_faster_than_the_plain_loop(
    measure: ModuleType, rivals: ModuleType
) -> None:
    batches = measure.drawn_batches(4, (64, 64))
    parameters = measure.network_parameters(4)
    trainer = measure.library_trainer(**parameters)
    plain = rivals.PlainLoop(**parameters)
    seconds = measure.in_turn(
        {
            "library": lambda: trainer.train_step(next(batches)),
            "plain": lambda: plain.step(next(batches)),
        },
        ROUNDS,
        time.process_time,
    )
    assert seconds["library"] < seconds["plain"], seconds  # 0.72 when written


def test_predict_takes_little_beside_its_network(
    measure: ModuleType, model: GANBinarizer
) -> None:
    X, _ = make_blurred_plates(8, (64, 96), "plate", random_state=1)
    unit = [scale_to_unit(image, model.input_range_) for image in X]
    seconds = measure.in_turn(
        {
            "predict": partial(model.predict, X),
            "network": lambda: list(deblur_images(model.generator_, unit)),
        },
        ROUNDS,
        time.process_time,
    )
    assert seconds["predict"] < 1.3 * seconds["network"], seconds


def test_predict_is_faster_than_the_plain_modules(
    measure: ModuleType, rivals: ModuleType, model: GANBinarizer
) -> None:
    fitted: Any = model.generator_
    network = DenseGenerator(**fitted.options)
    network.load_state_dict(fitted.state_dict())
    X, _ = make_blurred_plates(8, (64, 96), "plate", random_state=1)

    def plain() -> list[Any]:
        return rivals.binarize_with(
            network, [scale_to_unit(image, model.input_range_) for image in X]
        )

    # The rival is none if it does something else; rounding may move single pixels.
    differing = np.mean(np.stack(plain()) != (model.predict(X) == model.classes_[1]))
    assert differing < 0.001
    functions = {"predict": partial(model.predict, X), "plain": plain}
    seconds = measure.in_turn(functions, ROUNDS, time.process_time)
    assert seconds["predict"] < seconds["plain"], seconds  # half when written


def test_time_of_predict_grows_no_faster_than_the_number_of_images(
    measure: ModuleType, model: GANBinarizer
) -> None:
    X, _ = make_blurred_plates(16, (64, 96), "plate", random_state=1)
    functions = {n: partial(model.predict, X[: int(n)]) for n in ("4", "16")}
    seconds = measure.in_turn(functions, ROUNDS, time.process_time)
    assert seconds["16"] < 1.3 * 16 / 4 * seconds["4"], seconds


def test_otsu_is_faster_than_a_loop_with_scikit_image(
    measure: ModuleType,
) -> None:
    X, Y = make_blurred_plates(16, (128, 192), "plate", random_state=0)
    otsu = OtsuBinarizer().fit(X, Y)

    def loop() -> np.ndarray:
        return np.stack([image > threshold_otsu(image) for image in X]).astype(Y.dtype)

    seconds = measure.in_turn(
        {"ours": partial(otsu.predict, X), "loop": loop}, ROUNDS, time.process_time
    )
    assert seconds["ours"] < seconds["loop"], seconds  # 0.6 of it when written


def test_losses_of_the_plain_loop_are_the_librarys(
    measure: ModuleType, rivals: ModuleType
) -> None:
    parameters = {"n_blocks": 2, "downsampling": 4, "perceptual": "glyph"}
    adam = {"optimizer": "adam", "learning_rate": 0.001}
    trainer = measure.library_trainer(**parameters, **adam)
    plain = rivals.PlainLoop(**parameters)
    plain.generator.load_state_dict(trainer.generator.state_dict())
    plain.discriminator.load_state_dict(trainer.discriminator.state_dict())
    batches = measure.drawn_batches(2, (32, 48))
    for _ in range(2):  # the second after an update of both sides
        batch = next(batches)
        ours, theirs = trainer.train_step(batch), plain.step(batch)
        for name, value in theirs.items():
            assert float(ours[name]) == pytest.approx(value, rel=0.01), name


def test_the_unet_is_as_large_as_the_default_generator(
    measure: ModuleType, rivals: ModuleType
) -> None:
    generator = measure.library_trainer().generator
    unet = rivals.UNetLoop().network
    size = measure.n_parameters(generator)
    assert measure.n_parameters(unet) == pytest.approx(size, rel=0.05)
    odd = torch.zeros(2, 1, 33, 50)
    assert unet(odd).shape == odd.shape

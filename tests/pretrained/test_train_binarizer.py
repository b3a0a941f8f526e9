"""The script that made the models in the package, on a few small plates."""

import sys

import joblib
import numpy as np
import pytest
import torch

from skdeblurbin import GANBinarizer
from skdeblurbin.pretrained import train_binarizer

SHAPE = (32, 48)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Runs the script in this process; returns the model that it wrote."""
    monkeypatch.setattr(train_binarizer, "PLATES_A_PART", 4)
    monkeypatch.setitem(train_binarizer.DEFAULT_SHAPES, "plate", SHAPE)
    monkeypatch.setitem(train_binarizer.PARAMETERS, "n_blocks", 1)

    def run(name, *options):
        output = tmp_path / f"{name}.safetensors"
        work = ("--work", tmp_path / name, "--parts", 2, "--epochs", 1, "-o", output)
        arguments = map(str, ("train_binarizer", "plate", *work, *options))
        with monkeypatch.context() as patch, joblib.parallel_config("sequential"):
            patch.setattr(sys, "argv", list(arguments))
            train_binarizer.main()
        return GANBinarizer.load(output)

    return run


def weights(model):
    return model.generator_.state_dict()


def test_training_goes_on_from_a_model_on_other_plates(train, tmp_path):
    first = train("first")
    start = ("--start", tmp_path / "first.safetensors", "--first-part", 2)
    second = train("second", *start)
    assert first.working_shape == second.working_shape == SHAPE
    assert second.get_params() == first.get_params()
    assert {file.name for file in (tmp_path / "second" / "drawn").iterdir()} == {
        "002.npy",
        "003.npy",
    }
    assert any(
        not torch.equal(value, weights(second)[name])
        for name, value in weights(first).items()
    )


def test_averaged_weights_are_the_means(train, tmp_path):
    first, second = train("first"), train("second", "--first-part", 2)
    files = [tmp_path / f"{name}.safetensors" for name in ("first", "second")]
    both = train("both", "--first-part", 4, "--average", *files)
    third = train("third", "--first-part", 4)
    for name, value in weights(both).items():
        if not value.is_floating_point():  # how many batches a normalization has seen
            continue
        mean = sum(weights(model)[name] for model in (first, second, third)) / 3
        # Files have half precision: eleven bits, rounded once more or less.
        torch.testing.assert_close(value, mean, rtol=2e-3, atol=1e-6)


def test_plates_that_are_drawn_are_not_drawn_again(train, tmp_path, monkeypatch):
    first = train("first")
    (tmp_path / "first.safetensors").unlink()
    monkeypatch.setattr(train_binarizer, "_write_part", None)
    again = train("first")
    for name, value in weights(first).items():
        assert torch.equal(value, weights(again)[name]), name


def test_plain_photos_have_parts_of_their_own(train, tmp_path):
    both = train("both"), train("both", "--plain")
    assert {file.name for file in (tmp_path / "both" / "drawn").iterdir()} == {
        f"{kind}{number}.npy" for kind in ("", "plain_") for number in ("000", "001")
    }
    assert any(
        not torch.equal(value, weights(both[1])[name])
        for name, value in weights(both[0]).items()
    )


def test_plain_photos_are_of_the_same_brightness_or_darker():
    rng = np.random.default_rng(0)
    plate = np.full((64, 96), 0.6, np.float32)
    plate[20:44, 30:60] = 0.1
    photos = [train_binarizer.photograph_plainly(plate, rng) for _ in range(60)]
    means = np.array([photo.mean() for photo in photos])
    # Blur and noise keep the light; uneven light takes some of it away.
    assert means.max() < plate.mean() + 0.02
    assert np.count_nonzero(means > plate.mean() - 0.02) >= 15
    # One in ten is sharp, and half of those are without noise and without light.
    assert any(np.array_equal(photo, plate) for photo in photos)
    contrasts = [np.abs(np.diff(photo[32])).max() for photo in photos]
    assert min(contrasts) < 0.1 < max(contrasts)


def test_photos_and_truths_come_back_from_the_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(train_binarizer, "PLATES_A_PART", 3)
    with joblib.parallel_config("sequential"):
        X, Y = train_binarizer.training_set("characters", tmp_path, range(5, 6))
    expected_X, expected_Y = train_binarizer.make_blurred_plates(
        3,
        layout="characters",
        severity=train_binarizer.SEVERITIES[5],
        light_on_dark=train_binarizer.LIGHT_ON_DARK,
        effects="all",
        random_state=5,
    )
    np.testing.assert_array_equal(Y, expected_Y)
    assert np.abs(X.astype(int) - expected_X).max() <= 1  # bit 0 is the truth's

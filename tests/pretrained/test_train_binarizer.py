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
    monkeypatch.setitem(
        train_binarizer.NETWORKS, "plate", {"n_blocks": 1, "downsampling": 4}
    )

    def run(name, *options):
        output = tmp_path / f"{name}.safetensors"
        work = ("--work", tmp_path / name, "--parts", 2, "--epochs", 2, "-o", output)
        arguments = map(str, ("train_binarizer", "plate", *work, *options))
        with monkeypatch.context() as patch, joblib.parallel_config("sequential"):
            patch.setattr(sys, "argv", list(arguments))
            train_binarizer.main()
        return GANBinarizer.load(output)

    return run


def weights(model):
    return model.generator_.state_dict()


def same_weights(first, second):
    return all(
        torch.equal(value, weights(second)[name])
        for name, value in weights(first).items()
    )


def distance(first, second):
    return sum(
        float((value - weights(second)[name]).abs().sum())
        for name, value in weights(first).items()
        if name.endswith("weight")
    )


def test_the_model_is_a_binarizer_as_any_other(train):
    model = train("first")
    assert type(model) is GANBinarizer
    assert model.working_shape == SHAPE
    assert (model.n_blocks, model.downsampling) == (1, 4)
    assert model.n_epochs_ == 2
    # It was trained on large batches; who trains it on has few pairs.
    usual = GANBinarizer()
    assert (model.max_epochs, model.batch_size) == (usual.max_epochs, usual.batch_size)
    assert model.freeze_batch_norm
    assert model.checkpoint_dir is None
    X = np.zeros((1, 20, 30), np.uint8)
    X[:, 5:15] = 200
    assert model.predict(X).shape == X.shape


def test_training_goes_on_from_a_model_on_other_plates(train, tmp_path, monkeypatch):
    first = train("first")
    monkeypatch.setitem(train_binarizer.PARAMETERS, "learning_rate", 1e-4)
    start = ("--start", tmp_path / "first.safetensors", "--first-part", 2)
    second = train("second", *start)
    assert {file.name for file in (tmp_path / "second" / "drawn").iterdir()} == {
        "002.npy",
        "003.npy",
    }
    # It begins where the other one ended, not anew.
    anew = train("anew", "--first-part", 2)
    assert 0 < distance(second, first) < distance(second, anew) / 5


def test_plates_that_are_drawn_are_not_drawn_again(train, tmp_path, monkeypatch):
    first = train("first")
    (tmp_path / "first.safetensors").unlink()
    monkeypatch.setattr(train_binarizer, "_write_part", None)
    assert same_weights(first, train("first"))


def test_the_number_of_processes_does_not_change_the_model(train):
    none, one = train("none", "--workers", 0), train("one", "--workers", 1)
    assert same_weights(none, one)


def test_an_interrupted_training_ends_as_one_that_was_not(train, tmp_path, monkeypatch):
    learner = train_binarizer.PhotographedGANBinarizer
    monkeypatch.setitem(train_binarizer.PARAMETERS, "checkpoint_every", 0)
    whole = train("whole")
    make_run = learner._make_run

    def interrupted(self, *positional, **options):
        run = make_run(self, *positional, **options)
        write = run._write_checkpoint

        def write_and_stop(*state):
            write(*state)
            raise RuntimeError("the machine went down")

        run._write_checkpoint = write_and_stop
        return run

    with monkeypatch.context() as patch:
        patch.setattr(learner, "_make_run", interrupted)
        with pytest.raises(RuntimeError, match="went down"):
            train("cut")
    assert list((tmp_path / "cut" / "checkpoints").glob("*.checkpoint"))
    assert same_weights(whole, train("cut"))


def test_plates_and_truths_come_back_from_the_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(train_binarizer, "PLATES_A_PART", 3)
    with joblib.parallel_config("sequential"):
        X, Y = train_binarizer.drawn_plates("characters", tmp_path, range(5, 6))
    scenes = train_binarizer.draw_scenes(
        None,
        "characters",
        light_on_dark=train_binarizer.LIGHT_ON_DARK,
        effects=train_binarizer.EFFECTS[1],
        random_state=5,
    )
    for plate, truth, scene in zip(X, Y, scenes, strict=False):
        np.testing.assert_array_equal(truth, scene.truth)
        # Bit 0 is the truth's.
        assert np.abs(plate - 255 * scene.grey).max() <= 1.5


def test_both_models_have_a_network():
    assert set(train_binarizer.NETWORKS) == set(train_binarizer.MODELS)

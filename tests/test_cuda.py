"""What differs on a graphics processor; skipped where there is none."""

import pickle

import numpy as np
import pytest
import torch

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device"
)
SHAPE = (48, 64)


@pytest.fixture(scope="module")
def plates():
    return make_blurred_plates(16, SHAPE, severity=0.2, random_state=0)


@pytest.fixture(scope="module")
def fitted(plates):
    model = GANBinarizer(n_blocks=2, max_epochs=3, random_state=0, device="cuda")
    return model.fit(*plates)


def share_of_differences(first, second):
    return np.mean(np.not_equal(first, second))


def test_auto_takes_the_device(plates):
    model = GANBinarizer(n_blocks=1, max_epochs=1, random_state=0).fit(*plates)
    assert model.device_.type == "cuda"
    assert next(model.generator_.parameters()).device.type == "cuda"


def test_it_learns_there(plates, fitted):
    X, Y = plates
    assert fitted.history_[-1]["rmse"] < fitted.history_[0]["rmse"]
    assert fitted.predict(X).shape == Y.shape


def test_the_same_network_answers_alike_on_the_cpu(plates, fitted):
    X, _ = plates
    moved = pickle.loads(pickle.dumps(fitted)).set_params(device="cpu")
    moved.generator_.to("cpu")
    there, here = fitted.deblur(X), moved.deblur(X)
    # Convolutions there round to eleven bits (TF32).
    assert np.abs(there - here).max() < 0.05
    assert share_of_differences(fitted.predict(X), moved.predict(X)) < 0.005


def test_a_saved_model_loads_on_either(plates, fitted, tmp_path):
    X, _ = plates
    fitted.save(tmp_path / "model.safetensors")
    for device in ("cpu", "cuda"):
        loaded = GANBinarizer.load(tmp_path / "model.safetensors", device=device)
        assert loaded.generator_.head.weight.device.type == device
        assert share_of_differences(fitted.predict(X), loaded.predict(X)) < 0.005


def test_training_goes_on_after_a_checkpoint(plates, tmp_path):
    X, Y = plates
    options = {"n_blocks": 1, "random_state": 0, "device": "cuda"}
    files = {"checkpoint_dir": tmp_path, "checkpoint_every": 0}
    GANBinarizer(max_epochs=2, learning_rate_decay=None, **options, **files).fit(X, Y)
    longer = GANBinarizer(max_epochs=2, learning_rate_decay=None, **options, **files)
    assert longer.fit(X, Y, resume=True).n_epochs_ == 2


def test_all_losses_and_networks_train_there(plates):
    X, Y = plates
    for options in (
        {"adversarial_weight": 1.0, "perceptual": "glyph", "K1": 14.5},
        {"optimizer": "adam", "content_loss": "l1", "n_levels": 0, "downsampling": 4},
    ):
        model = GANBinarizer(n_blocks=1, max_epochs=1, random_state=0, **options)
        assert np.isfinite(model.fit(X, Y).history_[-1]["generator_loss"]), options


def test_pretrained_models_work_there():
    X, _ = make_blurred_plates(4, layout="plate", severity=0.2, random_state=0)
    there = GANBinarizer.from_pretrained("plate", device="cuda").deblur(X)
    here = GANBinarizer.from_pretrained("plate", device="cpu").deblur(X)
    assert np.abs(there - here).mean() < 0.005

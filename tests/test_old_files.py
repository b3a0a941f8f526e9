"""Files of models that released versions have written load for ever."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skdeblurbin import GANBinarizer
from skdeblurbin.persistence import FORMAT

FORMATS = sorted((Path(__file__).parent / "models").glob("format_*"))
# The files come from another machine, whose sums end in other bits.
TOLERANCE = {"plain": 1e-5, "half": 5e-3, "training": 1e-5}


def test_each_format_has_its_files():
    assert [f"format_{n}" for n in range(1, FORMAT + 1)] == [f.name for f in FORMATS]


@pytest.mark.parametrize("kind", TOLERANCE)
@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_old_files_load_and_predict_as_they_did(folder, kind):
    path, expected = folder / f"{kind}.safetensors", np.load(folder / "expected.npz")
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = json.loads(header["__metadata__"]["skdeblurbin"])
    assert folder.name == f"format_{about['format']}"
    model = GANBinarizer.load(path)
    grey = model.deblur(expected["X"])
    np.testing.assert_allclose(grey, expected["grey"], rtol=0, atol=TOLERANCE[kind])
    assert set(np.unique(model.predict(expected["X"]))) <= set(model.classes_)
    assert -0.6 < model.score(expected["X"], expected["Y"]) < 0


@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_old_trainings_go_on_as_they_did(folder):
    expected = np.load(folder / "expected.npz")
    model = GANBinarizer.load(folder / "training.safetensors")
    assert model.n_epochs_ == len(model.history_) == 5
    model.partial_fit(expected["X"], expected["Y"])
    assert model.n_epochs_ == 6
    # Rounding grows along a step of training, but not by much.
    grey = model.deblur(expected["X"])
    np.testing.assert_allclose(grey, expected["trained_on"], rtol=0, atol=1e-3)

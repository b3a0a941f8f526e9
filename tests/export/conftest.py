"""Models and their ONNX files: an export takes seconds, so each is made once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from skdeblurbin import GANBinarizer

# Of tiny networks; between them all downsamplings, levels, encodings and scales.
TINY = {
    "bytes": {"downsampling": 2, "n_levels": 2},
    "unit": {"downsampling": 1, "n_levels": 0},
    "resizing": {
        "downsampling": 4,
        "n_levels": 1,
        "working_shape": (32, 48),
        "output_scale": "model",
        "image_shape": (24, 40),
    },
}
PRETRAINED = ("plate", "characters")


class Exported(NamedTuple):
    """A fitted model, and its file."""

    model: GANBinarizer
    path: Path


@pytest.fixture(scope="session")
def fitted(plates, tiny_gan):
    """Give a fitted model by its name, the same each time."""
    models = {}

    def make(name):
        if name in PRETRAINED:
            return GANBinarizer.from_pretrained(name, device="cpu")
        # Enough epochs for grey images that have some contrast.
        model = tiny_gan(max_epochs=8, **TINY[name])
        X, Y = plates
        if name == "unit":
            return model.fit(X / 255.0, Y.astype(bool))
        if name == "resizing":
            return model.fit(
                X.reshape(len(X), -1), np.where(Y.reshape(len(Y), -1), 7.5, -3)
            )
        return model.fit(X, Y)

    def give(name):
        if name not in models:
            models[name] = make(name).set_params(n_threads=1)
        return models[name]

    return give


@pytest.fixture(scope="session")
def exported(fitted, tmp_path_factory):
    """Give a model and its file by the model's name."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="needs the extra onnx")
    folder, files = tmp_path_factory.mktemp("onnx"), {}

    def give(name):
        if name not in files:
            files[name] = folder / f"{name}.onnx"
            fitted(name).to_onnx(files[name])
        return Exported(fitted(name), files[name])

    return give

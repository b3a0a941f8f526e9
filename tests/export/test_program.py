"""The module that is exported, as torch runs it, against `predict` and `deblur`."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skdeblurbin.export._program import BinarizerProgram, FoldedGenerator
from skdeblurbin.networks import DenseGenerator

NOTHING = torch.zeros(1, 1, 1)


def program_of(model):
    return BinarizerProgram(
        model.generator_,
        model.working_shape,
        resize_back=model.output_scale == "input",
        is_unit=model.input_range_[1] == 1,
    )


@pytest.mark.parametrize("downsampling", [1, 2, 4])
@pytest.mark.parametrize("n_levels", [0, 1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (17, 30), (32, 48)])
def test_folded_generator_is_the_generator(downsampling, n_levels, shape):
    torch.manual_seed(0)
    generator = DenseGenerator(
        n_blocks=2,
        growth_rate=4,
        base_channels=8,
        downsampling=downsampling,
        n_levels=n_levels,
    )
    generator(torch.rand(4, 1, 32, 32))  # running statistics that are not the identity
    generator.eval()
    images = torch.rand(2, 1, *shape) * 2 - 1
    with torch.no_grad():
        assert_allclose(
            FoldedGenerator(generator)(images), generator(images), atol=1e-5
        )


@pytest.mark.parametrize("name", ["bytes", "unit", "resizing"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 90), (24, 40), (33, 17)])
def test_program_is_predict(fitted, name, shape):
    model = fitted(name)
    X = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    with torch.no_grad():
        binary, grey, deblurred = program_of(model)(torch.from_numpy(X), NOTHING)
    expected = model.deblur(X)
    assert_allclose(deblurred, expected, atol=1e-5)
    assert_allclose(grey, expected * 255, atol=0.51)
    paper = model.predict(X) == model.classes_[1]
    assert np.mean((binary.numpy() == 255) != paper) < 1e-3
    assert set(binary.unique().tolist()) <= {0, 255}


def test_images_of_zeros_and_ones_are_read_as_the_model_reads_them(fitted):
    """On [0, 1] after a fit on [0, 1], image by image; else on [0, 255]."""
    X = np.random.default_rng(0).integers(0, 2, (2, 24, 40), np.uint8)
    X[1] *= 200
    for name in ("unit", "bytes"):
        model = fitted(name)
        with torch.no_grad():
            deblurred = program_of(model)(torch.from_numpy(X), NOTHING)[2]
        assert_allclose(deblurred, model.deblur(X), atol=1e-5)


def test_constant_images_are_paper(fitted):
    X = torch.full((2, 24, 40), 90, dtype=torch.uint8)
    X[1, 3, 3] = 91
    for name in ("bytes", "resizing"):
        model = fitted(name)
        with torch.no_grad():
            binary, _, deblurred = program_of(model)(X, NOTHING)
        assert (binary[0] == 255).all()
        # The other is split, though what is seen is next to nothing.
        assert deblurred[1].min() < deblurred[1].max()
        assert_array_equal(binary[1].unique(), [0, 255])

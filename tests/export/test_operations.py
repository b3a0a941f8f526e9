"""What is around the network, in torch, against what it is in numpy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skdeblurbin._resizing import resize as resize_by_pillow
from skdeblurbin._tensors import pad_to
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin.export._operations import pad_to_multiples, resize, split_by_otsu


@pytest.mark.parametrize("before", [(1, 1), (2, 5), (16, 48), (37, 75), (64, 192)])
@pytest.mark.parametrize("after", [(1, 1), (24, 20), (37, 75), (128, 192), (16, 300)])
def test_resizing_is_that_of_pillow(before, after):
    images = np.random.default_rng(0).random((2, *before), np.float32)
    found = resize(torch.from_numpy(images), *after).numpy()
    expected = [resize_by_pillow(image, after) for image in images]
    # Sums in double precision, in another order: single precision's last bit.
    assert_allclose(found, expected, rtol=0, atol=6e-8)


def test_images_of_the_right_size_are_not_clipped():
    image = torch.tensor([[[-2.0, 0.5], [1.0, 3.0]]])
    assert_array_equal(resize(image, 2, 2), image)
    assert 0 <= resize(image, 3, 2).min() < resize(image, 3, 2).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (8, 16), (9, 3)])
def test_padding_is_by_replication(shape):
    images = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    height, width = (-(-side // 8) * 8 for side in shape)
    assert_array_equal(pad_to_multiples(images, 8), pad_to(images, height, width))


def images_to_split():
    rng = np.random.default_rng(0)
    yield "bytes", rng.integers(0, 256, (31, 47)) / np.float32(255)
    yield "two levels", np.float32([[0.25, 0.5], [0.5, 0.5]])
    yield "constant", np.full((5, 4), 0.3, np.float32)
    yield "one pixel", np.float32([[0.7]])
    yield "nearly constant", np.float32([[1, 1, np.nextafter(np.float32(1), 0)]])
    yield "the least numbers", np.float32([[0, 1e-45, 3e-45, 3e-45]])
    logits = rng.normal(0, 6, (60, 90)) + np.where(rng.random((60, 90)) < 0.3, -8, 8)
    yield "like a network's", (1 / (1 + np.exp(-logits))).astype(np.float32)
    smooth = np.sin(np.linspace(0, 3, 2000)).reshape(40, 50) / 2 + 0.5
    yield "smooth", smooth.astype(np.float32)


IMAGES = dict(images_to_split())


@pytest.mark.parametrize("name", IMAGES)
def test_threshold_is_the_exact_one(name):
    image = IMAGES[name].astype(np.float32)
    found = split_by_otsu(torch.from_numpy(image)[None]).numpy()[0]
    assert_array_equal(found, binarize_otsu(image))


def test_each_image_has_its_own_threshold():
    rng = np.random.default_rng(1)
    images = (
        rng.random((3, 20, 30), np.float32) * np.float32([0.1, 0.5, 1])[:, None, None]
    )
    found = split_by_otsu(torch.from_numpy(images)).numpy()
    assert_array_equal(found, [binarize_otsu(image) for image in images])


def test_levels_closer_than_the_resolution_stay_together():
    """100,000 different grey levels in 65,536: a pixel or two may change sides."""
    rng = np.random.default_rng(2)
    image = rng.random((250, 400), np.float32)
    found = split_by_otsu(torch.from_numpy(image)[None]).numpy()[0]
    assert np.count_nonzero(found != binarize_otsu(image)) <= 3

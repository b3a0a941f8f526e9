"""Tiles: what is cut into pieces comes out as what goes through the network whole."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch import nn

from skdeblurbin.networks import DenseGenerator
from skdeblurbin.networks.inference import deblur_images
from skdeblurbin.networks.tiles import Tiling, bytes_per_pixel
from tests.networks.test_inference import photos, trained

# What the issue allows tiles to show, in grey levels of [0, 1].
MOST_DIFFERENCE = 1e-5
NETWORKS = {
    "paper": {"n_blocks": 3},
    "default": {"n_blocks": 4, "downsampling": 2, "n_levels": 2},
    "plate": {"n_blocks": 8, "downsampling": 4, "n_levels": 2},
}


def small(**options):
    return trained(growth_rate=5, base_channels=7, **options)


def bytes_for(generator, side):
    """Memory that lets tiles of about this side be."""
    return 3 * bytes_per_pixel(generator) * side**2


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(700, 530), (431, 1003), (20001, 17)])
def test_tiles_do_not_show(name, size):
    generator = small(**NETWORKS[name])
    (photo,) = photos(1, *size)
    side = 2 * Tiling(generator, (1, 1), 1e9)._margin + 5 * generator.unit
    memory = bytes_for(generator, side)
    tiling = Tiling(generator, size, memory)
    assert len(list(tiling._pieces(0))) * len(list(tiling._pieces(1))) > 1
    (whole,) = deblur_images(generator, [photo], n_bytes=2**40)
    (tiled,) = deblur_images(generator, [photo], n_bytes=memory)
    assert tiled.dtype == whole.dtype == np.float32
    assert float(np.abs(tiled - whole).max()) < MOST_DIFFERENCE


def test_too_narrow_a_margin_would_show(monkeypatch):
    # The test above can fail: pixels do depend on what is a field's half away.
    generator = DenseGenerator(n_blocks=3, growth_rate=5, base_channels=7).eval()
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.05)  # so that all of the field counts
    (photo,) = photos(1, 90, 90)
    memory = bytes_for(generator, 50)
    (whole,) = deblur_images(generator, [photo], n_bytes=2**40)
    (tiled,) = deblur_images(generator, [photo], n_bytes=memory)
    assert float(np.abs(tiled - whole).max()) < MOST_DIFFERENCE
    init = Tiling.__init__

    def narrow(self, *arguments):
        init(self, *arguments)
        self._margin -= 4 * generator.unit

    monkeypatch.setattr(Tiling, "__init__", narrow)
    (tiled,) = deblur_images(generator, [photo], n_bytes=memory)
    assert float(np.abs(tiled - whole).max()) > 100 * MOST_DIFFERENCE


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(1000, 1000), (4000, 90), (90, 4001), (333, 777)])
@pytest.mark.parametrize("side", [60, 130, 400])
def test_pieces_cover_an_image_once_and_within_the_memory(name, shape, side):
    generator = small(**NETWORKS[name])
    least = 2 * Tiling(generator, (1, 1), 1e9)._margin + generator.unit
    memory = bytes_for(generator, least + side)
    tiling = Tiling(generator, shape, memory)
    covered = np.zeros(shape, int)
    pieces = itertools.product(tiling._pieces(0), tiling._pieces(1))
    for (top, rows, bottom), (left, columns, right) in pieces:
        covered[rows, columns] += 1
        assert (bottom - top) * (right - left) <= (least + side) ** 2
        assert top <= rows.start < rows.stop <= bottom
        assert left <= columns.start < columns.stop <= right
        if not tiling.is_whole:
            assert top % generator.unit == left % generator.unit == 0
    assert_array_equal(covered, 1)


def test_margin_is_as_wide_as_any_pixel_sees():
    # The gradient of an output pixel with respect to the photo, in double precision.
    options = {"n_blocks": 2, "growth_rate": 3, "base_channels": 4}
    generator = trained(**options, downsampling=2, n_levels=1).double()
    margin = Tiling(generator, (1, 1), 1e9)._margin
    size = 4 * margin // generator.unit * generator.unit
    photo = torch.zeros(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    for at in range(size // 2, size // 2 + generator.unit):
        (slope,) = torch.autograd.grad(generator(photo)[0, 0, at, at], photo)
        rows = slope[0, 0].abs().sum(dim=1).nonzero()
        assert at - int(rows.min()) <= margin
        assert int(rows.max()) - at <= margin


def test_too_little_memory_is_exceeded_with_a_warning():
    generator = small(**NETWORKS["default"])
    images = photos(1, 900, 400)
    (whole,) = deblur_images(generator, images)
    with pytest.warns(UserWarning, match=r"adhere to working_memory\. Currently 0\.0"):
        (tiled,) = deblur_images(generator, images, n_bytes=1000)
    assert float(np.abs(tiled - whole).max()) < MOST_DIFFERENCE
    # Low images have low tiles, which take less.
    low = bytes_for(generator, 1) * 8 * 400
    assert len(list(deblur_images(generator, photos(1, 8, 20_000), n_bytes=low))) == 1


def test_memory_is_counted_with_the_padding():
    generator = small(**NETWORKS["plate"])
    for shape in [(1, 10_000), (10_000, 1)]:
        n_bytes = bytes_for(generator, 1) * 10_000
        assert not Tiling(generator, shape, n_bytes).is_whole
        assert Tiling(generator, shape, generator.unit * n_bytes).is_whole
    assert Tiling(generator, (10**6, 10**6), math.inf).is_whole


def test_large_and_small_images_go_together():
    generator = small(**NETWORKS["default"])
    images = [*photos(2, 20, 30), *photos(1, 700, 500), *photos(1, 20, 30, seed=1)]
    memory = bytes_for(generator, 300)
    tiled = list(deblur_images(generator, images, n_bytes=memory))
    for image, found in zip(images, tiled, strict=True):
        (alone,) = deblur_images(generator, [image], n_bytes=memory)
        assert_array_equal(found, alone)

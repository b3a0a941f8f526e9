"""Otsu's threshold: scikit-image's, for every dtype and scale."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skimage.filters import threshold_otsu

from skdeblurbin._thresholding import binarize_otsu


def photo(dtype=np.uint8, seed=0, shape=(30, 40)) -> np.ndarray:
    """Two overlapping bell curves of grey, on the scale of the dtype."""
    rng = np.random.default_rng(seed)
    grey = np.where(rng.random(shape) < 0.3, rng.normal(0.3, 0.1), rng.normal(0.7, 0.1))
    grey = (grey + rng.normal(0, 0.12, shape)).clip(0, 1)
    if np.dtype(dtype).kind == "f":
        return grey.astype(dtype)
    return np.rint(grey * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("seed", range(20))
def test_threshold_is_that_of_scikit_image(dtype, seed):
    image = photo(dtype, seed)
    assert_array_equal(binarize_otsu(image), image > threshold_otsu(image))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("seed", range(20))
def test_threshold_is_that_of_scikit_image_on_noise(dtype, seed):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(seed).integers(0, top, (25, 35), dtype, endpoint=True)
    assert_array_equal(binarize_otsu(image), image > threshold_otsu(image))


def best_split_by_definition(image) -> np.ndarray:
    """The split of least variance within the groups, each computed on its own."""
    levels = np.unique(image)[:-1]

    def within(level):
        dark, bright = image[image <= level], image[image > level]
        return dark.size * dark.var() + bright.size * bright.var()

    return image > min(levels, key=within)


@pytest.mark.parametrize("seed", range(5))
def test_split_minimises_the_variance_within_the_groups(seed):
    """Otsu (1979), where the criterion is shown to be equivalent to that between."""
    image = photo(np.float64, seed, shape=(9, 11))
    assert_array_equal(binarize_otsu(image), best_split_by_definition(image))


def test_by_hand():
    # Split after 1: groups {0, 1}, {5, 9}; 2 * 0.25 + 2 * 4 = 8.5 is within them.
    # Split after 5: {0, 1, 5}, {9}: 3 * 14 / 3 = 14. Split after 0: {1, 5, 9}: 32.
    assert binarize_otsu(np.array([[0, 1], [5, 9]])).tolist() == [
        [False, False],
        [True, True],
    ]


INVARIANT = photo(np.float64)


@pytest.mark.parametrize("factor", [1e-3, 0.7, 3, 1e6, 1e100, 1e-100])
@pytest.mark.parametrize("offset", [0, -5, 0.1])
def test_brightness_and_contrast_do_not_matter(factor, offset):
    # An offset that dwarfs the levels would round them together.
    other = factor * (INVARIANT + offset)
    assert_array_equal(binarize_otsu(other), binarize_otsu(INVARIANT))


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", ">f4", "i2", "i4", "i8", ">i2", "u2", "u4", "u8", ">u8"]
)
def test_dtype_does_not_matter(dtype):
    image = photo(np.uint8)
    # Halves are exact in every float, and so are the levels in float16.
    other = (image / 2 if "f" in dtype else image + 300.0).astype(dtype)
    assert_array_equal(binarize_otsu(other), binarize_otsu(image))


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", ">i4"])
def test_the_whole_range_of_signed_integers(dtype):
    """Differences of levels are greater than the dtype holds."""
    extremes = np.iinfo(dtype)
    # The halfway level is nearer to the least one.
    image = np.array([[extremes.min, extremes.max, -2, extremes.max]], dtype)
    assert binarize_otsu(image).tolist() == [[False, True, False, True]]


def test_levels_of_the_largest_floats_and_integers():
    largest = np.finfo(np.float64).max
    for image in (
        INVARIANT * 1.7e308,
        (INVARIANT - 0.5) * 3e307,
        (INVARIANT * 2 - 1) * largest,
        np.float32(INVARIANT) * np.finfo(np.float32).max,
    ):
        assert_array_equal(binarize_otsu(image), binarize_otsu(INVARIANT))
    uint64 = (photo(np.uint8).astype(np.uint64) << 56) + np.uint64(2**55)
    assert_array_equal(binarize_otsu(uint64), binarize_otsu(photo(np.uint8)))


def test_levels_2_to_the_40_apart():
    """One bin for each level between would need terabytes."""
    image = photo(np.uint8)
    assert_array_equal(binarize_otsu(image.astype("i8") << 40), binarize_otsu(image))


@pytest.mark.parametrize("step", [1e-310, 5e-324])
def test_subnormal_levels(step):
    image = photo(np.uint8)
    assert_array_equal(binarize_otsu(image * step), binarize_otsu(image))


def test_levels_apart_by_one_rounding_error():
    image = np.where(photo(np.uint8) > 127, np.nextafter(1, 2), 1.0)
    assert_array_equal(binarize_otsu(image), image > 1)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.float16, np.float64])
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("shape", [(1, 1), (3, 4)])
def test_a_constant_image_is_all_paper(dtype, value, shape):
    bright = binarize_otsu(np.full(shape, value, dtype))
    assert bright.dtype == bool
    assert bright.shape == shape
    assert bright.all()


@pytest.mark.parametrize("low", [-3, 0])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_two_levels_are_told_apart(low, dtype):
    paper = photo(np.uint8) > 127
    low = low if dtype in (np.int64, np.float32) else 0
    image = np.where(paper, 1, low).astype(dtype)
    before = image.copy()
    assert_array_equal(binarize_otsu(image), paper)
    assert_array_equal(image, before)

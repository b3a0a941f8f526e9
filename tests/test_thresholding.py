"""Otsu's threshold: scikit-image's, for every dtype and scale."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from skimage.filters import threshold_otsu

from skdeblurbin._thresholding import (
    binarize_all_by_otsu,
    binarize_otsu,
    otsu_thresholds,
)


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


# Against the definition: one bin for each level that occurs, levels on [0, 1]


def split_by_definition(image) -> np.ndarray:
    """Scikit-image's threshold of the histogram of all levels: another way to it."""
    levels, counts = np.unique(image, return_counts=True)
    if levels.size == 1:
        return np.ones(image.shape, bool)
    kind, size = levels.dtype.kind, levels.dtype.itemsize
    if kind == "f":
        steps = levels.astype("f8")
        halve = np.abs(steps).max() > 1e300
        steps = steps / 2 - steps[0] / 2 if halve else steps - steps[0]
    elif kind == "i":
        native = levels.astype(f"i{size}")
        steps = (native - native[0]).view(f"u{size}")
    else:
        steps = levels.astype("u8") - np.uint64(levels[0])
    centers = steps.astype("f8") / float(steps[-1])
    threshold = threshold_otsu(hist=(counts, centers))
    return image > levels[np.searchsorted(centers, threshold)]


FLOATS = ["f2", "f4", "f8", ">f4", ">f8"]
INTEGERS = ["i1", "i2", "i4", "i8", ">i4", "u2", "u4", "u8", ">u2"]


@st.composite
def small_images(draw):
    """Of few pixels and fewer levels, so that equally good splits are frequent."""
    dtype = np.dtype(draw(st.sampled_from(["?", *FLOATS, *INTEGERS])))
    if dtype.kind == "b":
        values = st.booleans()
    elif dtype.kind == "f":
        some = st.floats(-1e4, 1e4, width=16)
        all_floats = st.floats(
            allow_nan=False, allow_infinity=False, width=8 * dtype.itemsize
        )
        values = draw(
            st.sampled_from(
                [st.integers(0, 5), some, all_floats, st.sampled_from([0, 1])]
            )
        )
    else:
        ends = np.iinfo(dtype)
        low, high = int(ends.min), int(ends.max)
        values = draw(
            st.sampled_from(
                [
                    st.integers(0, 5),
                    st.integers(low, high),
                    st.sampled_from([low, low + 1, 0, high - 1, high]),
                ]
            )
        )
    shape = st.tuples(st.integers(1, 9), st.integers(1, 9))
    return draw(arrays(dtype, shape, elements=values, fill=st.nothing()))


@given(small_images())
def test_any_small_image_by_definition(image):
    before = image.copy()
    assert_array_equal(binarize_otsu(image), split_by_definition(image))
    assert_array_equal(image, before)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_small_image_of_bytes_by_scikit_image(image):
    assert list(otsu_thresholds([image])) == [threshold_otsu(image)]


def large_images(dtype, seed):
    """Of the size of plates: as a network makes them, smooth, skewed, noise, plain."""
    rng = np.random.default_rng(seed)
    shape = (128, 192)
    ink = rng.random((16, 24)).repeat(8, axis=0).repeat(8, axis=1) < 0.3
    logits = np.where(ink, -2.0, 2.0) + rng.normal(0, 1, shape)
    yield (np.tanh(logits).astype(dtype) + 1) / 2
    yield np.add.outer(np.linspace(0, 1, 128), np.sin(np.arange(192))).astype(dtype)
    yield np.exp(rng.normal(0, 1.5, shape)).astype(dtype)
    yield rng.random(shape).astype(dtype)
    yield np.rint(rng.normal(120, 20, shape)).astype(dtype)
    outlier = rng.normal(0, 1, shape).astype(dtype)
    outlier[7, 9] = 3e4
    yield outlier
    yield ink.astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("seed", range(3))
def test_large_float_images_by_definition(dtype, seed):
    for image in large_images(dtype, seed):
        assert_array_equal(binarize_otsu(image), split_by_definition(image))
        # Views with gaps, and columns first.
        for view in (image[::3, 1::2], image.T, image[:, ::-1]):
            assert_array_equal(binarize_otsu(view), split_by_definition(view))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_large_integer_images_by_definition(dtype):
    top = np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    for shape in ((128, 192), (1, 5000), (3, 1)):
        image = (rng.beta(0.7, 1.3, shape) * top / 1.001).astype(dtype)
        assert_array_equal(binarize_otsu(image), split_by_definition(image))


def test_splits_that_are_equally_good_are_chosen_by_definition():
    """A picture and its negative differ in which of two splits comes first."""
    mirrored = np.array([[0, 1, 2], [0, 1, 2]], np.float32)
    for image in (mirrored, -mirrored, mirrored * 0.1, np.tile(mirrored, (50, 60))):
        assert_array_equal(binarize_otsu(image), split_by_definition(image))


# Many images at once


def test_images_of_bytes_together_are_the_images_one_by_one():
    """More than are counted together, of several sizes, constant ones and views."""
    images = [photo(seed=seed, shape=(9 + seed % 3, 14)) for seed in range(150)]
    images[3] = np.full((4, 5), 0, np.uint8)
    images[70] = np.full((4, 5), 255, np.uint8)
    images[71] = images[71][::2, ::-1]
    images[72] = images[72].T
    expected = [threshold_otsu(image) for image in images]
    assert list(otsu_thresholds(images)) == expected
    for image, bright in zip(images, binarize_all_by_otsu(images), strict=True):
        assert_array_equal(bright, binarize_otsu(image))
        assert_array_equal(bright, split_by_definition(image))


def test_mixed_dtypes_together_are_the_images_one_by_one():
    images = [photo(dtype, 1) for dtype in (np.uint8, np.float32, np.uint16)]
    images += [images[0] > 127, photo(seed=2)]
    for image, bright in zip(images, binarize_all_by_otsu(images), strict=True):
        assert_array_equal(bright, binarize_otsu(image))
        assert_array_equal(bright, split_by_definition(image))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, bool])
def test_threshold_is_the_highest_dark_level(dtype):
    image = photo(np.uint8, 5).astype(dtype)
    (threshold,) = otsu_thresholds([image])
    assert threshold == image[~binarize_otsu(image)].max()
    (constant,) = otsu_thresholds([image[:1, :1]])
    assert constant == image[0, 0]


@pytest.fixture
def nothing_is_sorted(monkeypatch):
    monkeypatch.setattr("skdeblurbin._thresholding._MOST_SORTED", 0)
    monkeypatch.setattr("skdeblurbin._thresholding._AT_A_TIME", 7)


INTEGERS = [np.uint16, np.int16, np.int32, np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("n_levels", [2, 3, 5, 100, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_many_pixels_of_few_levels_are_split_exactly(
    dtype, n_levels, seed, nothing_is_sorted
):
    levels = np.random.default_rng(seed).integers(n_levels, size=(11, 13))
    limits = np.iinfo(dtype)
    for low in {int(limits.min), 0, int(limits.max) - n_levels + 1}:
        image = np.array(levels.astype(object) + low, dtype)
        # uint16 with as many pixels is sorted, or counted, by scikit-image.
        wanted = levels > threshold_otsu(levels.astype(np.uint16))
        assert_array_equal(binarize_otsu(image), wanted)
        assert next(otsu_thresholds([image])) in image


@pytest.mark.parametrize("scale", [1.0, 1e-310, 1e307, 3e-5])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_many_pixels_are_rounded_to_many_levels(dtype, scale, monkeypatch):
    image = photo(np.float64, shape=(90, 110))
    if dtype == np.int64:
        image = (image * 2**62).astype(np.int64)
    elif dtype == np.float64:
        image = (image - 0.3) * scale
    else:
        image = image.astype(dtype)
    wanted = binarize_otsu(image)
    monkeypatch.setattr("skdeblurbin._thresholding._MOST_SORTED", 0)
    found = binarize_otsu(image)
    # A split may move by a level, which a pixel or two may have.
    assert np.count_nonzero(found != wanted) <= 3 + 30 * (dtype == np.float16)
    assert binarize_otsu(np.full_like(image, image[0, 0])).all()
    two = np.where(image > np.median(image), image.max(), image.min())
    assert_array_equal(binarize_otsu(two), two == image.max())


def test_levels_apart_by_little_and_many_pixels(nothing_is_sorted):
    image = np.full((4, 5), 1e9)
    image[1:3, 2] += 1e-6
    assert_array_equal(binarize_otsu(image), image > 1e9)


@pytest.mark.parametrize("order", ["C", "F", "strided", "broadcast"])
def test_many_pixels_in_any_layout(order, nothing_is_sorted):
    image = photo(np.float32, shape=(20, 30))
    wanted = binarize_otsu(image)
    if order == "F":
        image = np.asfortranarray(image)
    elif order == "strided":
        image = np.repeat(image, 2, axis=1)[:, ::2]
    elif order == "broadcast":
        image = np.broadcast_to(image[:1], image.shape)
        wanted = binarize_otsu(np.array(image))
    assert_array_equal(binarize_otsu(image), wanted)


@pytest.mark.parametrize(
    "dtype", [np.uint16, np.int16, np.int64, np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_levels", [2, 5, 10**6])
def test_pieces_give_the_bits_of_the_whole(dtype, seed, n_levels, monkeypatch):
    image = photo(np.float64, seed, (40, 50))
    if seed == 4:  # one level for nearly all of it
        image[:38] = 0.5
    image = np.rint(image * n_levels)
    if np.dtype(dtype).kind == "f":
        image /= n_levels
    image = image.clip(0, 30000 if dtype == np.int16 else 65000).astype(dtype)
    wanted = split_by_definition(image)
    assert_array_equal(binarize_otsu(image), wanted)
    monkeypatch.setattr("skdeblurbin._thresholding._AT_A_TIME", 7)
    monkeypatch.setattr("skdeblurbin._thresholding._MOST_BLOCKS", 20)
    assert_array_equal(binarize_otsu(image), wanted)


@pytest.mark.parametrize("kind", ["noise", "strokes", "levels"])
def test_memory_is_one_copy_and_no_more(kind):
    image = np.random.default_rng(0).random((1500, 2000), np.float32)
    if kind == "strokes":
        image = np.tanh(9 * (image - 0.5))
    elif kind == "levels":
        image = np.rint(4 * image)
    tracemalloc.start()
    try:
        next(otsu_thresholds([image]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The sorted copy has 11.4 MiB; arrays of pieces, of 2**18 values, have 2 each.
    assert peak < image.nbytes + 26 * 2**20, f"{peak / 2**20:.1f} MiB"

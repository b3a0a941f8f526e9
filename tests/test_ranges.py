"""By which range of values images are scaled: each sentence of the rule is a test."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeblurbin._ranges import (
    extents_of,
    image_range,
    infer_input_range,
    scale_to_unit,
    warn_off_scale,
)

SHAPE = (4, 24, 32)
LARGEST = float(np.finfo(np.float64).max)


def pixels(*values, dtype=np.float64) -> np.ndarray:
    return np.array([values], dtype=dtype)


# "The first of [0, 1], [0, 255], [0, 65535], [min, max] that holds all the X seen by
# fit"


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([pixels(0, 1)], (0, 1)),
        ([pixels(0.2, 0.3)], (0, 1)),
        ([pixels(0, 1.001)], (0, 255)),
        ([pixels(0, 255)], (0, 255)),
        ([pixels(0, 255.5)], (0, 65535)),
        ([pixels(3, 65535, dtype=np.uint16)], (0, 65535)),
        ([pixels(3, 65536)], (3, 65536)),
        ([pixels(-0.001, 1)], (-0.001, 1)),
        ([pixels(-5, 300)], (-5, 300)),
        ([pixels(7, 7)], (0, 255)),
        ([pixels(-7, -7)], (-7, -7)),
        # All images together, not each of its own.
        ([pixels(0, 1), pixels(0, 200)], (0, 255)),
        ([pixels(0, 1), pixels(-1, 0), pixels(9, 10)], (-1, 10)),
    ],
)
def test_first_range_that_holds_all_images(images, expected):
    assert infer_input_range(extents_of(images)) == expected


# "uint8 above 1 is always [0, 255]; bool is [0, 1]"


def test_uint8_above_1_is_0_to_255():
    assert infer_input_range(extents_of([pixels(0, 2, dtype=np.uint8)])) == (0, 255)
    assert image_range(*extents_of([pixels(0, 2, dtype=np.uint8)]), (0, 1), False) == (
        0,
        255,
    )


@pytest.mark.parametrize("fitted_range", [(0, 1), (0, 255), (-3.0, 7.0)])
@pytest.mark.parametrize("on_integers", [True, False])
def test_bool_is_0_to_1(fitted_range, on_integers):
    X = pixels(0, 1, dtype=bool)
    assert infer_input_range(extents_of([X])) == (0, 1)
    assert image_range(*extents_of([X]), fitted_range, on_integers) == (0, 1)
    assert_array_equal(scale_to_unit(X, fitted_range), [[0, 1]])


# "predict applies the range of fit, except that floats within [0, 1] after an integer
# fit, and uint8 after a [0, 1] fit, are what they look like"


@pytest.mark.parametrize(
    ("image", "fitted_range", "on_integers", "expected"),
    [
        (pixels(0, 9), (0, 255), True, (0, 255)),
        (pixels(0.2, 0.9), (0, 255), True, (0, 1)),
        (pixels(0.2, 0.9), (0, 65535), True, (0, 1)),
        (pixels(0.2, 1.1), (0, 255), True, (0, 255)),
        (pixels(-0.2, 0.9), (0, 255), True, (0, 255)),
        # A dark photo in floats, after floats of the same scale.
        (pixels(0.2, 0.9), (0, 255), False, (0, 255)),
        (pixels(0, 1, dtype=np.int64), (0, 255), True, (0, 255)),
        (pixels(0, 90, dtype=np.uint8), (0, 1), False, (0, 255)),
        (pixels(0, 1, dtype=np.uint8), (0, 1), False, (0, 1)),
        (pixels(0, 90, dtype=np.uint8), (0, 65535), True, (0, 65535)),
        (pixels(0, 90, dtype=np.uint16), (0, 1), False, (0, 1)),
        (pixels(0, 90), (-1, 300), False, (-1, 300)),
    ],
)
def test_range_of_an_image_given_to_predict(image, fitted_range, on_integers, expected):
    assert image_range(*extents_of([image]), fitted_range, on_integers) == expected


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)


@pytest.fixture(scope="module")
def models(tiny_gan, photos):
    """One fitted to bytes, one to floats in [0, 1]; the pixels are the same."""
    Y = photos > 127
    return {
        "bytes": tiny_gan().fit(photos, Y),
        "floats": tiny_gan().fit(photos / 255, Y),
    }


def test_fit_keeps_the_range(models):
    assert models["bytes"].input_range_ == (0, 255)
    assert models["floats"].input_range_ == (0, 1)


@pytest.mark.parametrize("fitted_to", ["bytes", "floats"])
def test_bytes_and_floats_of_the_same_photo_give_the_same_picture(
    fitted_to, models, photos
):
    as_bytes = models[fitted_to].deblur(photos)
    as_floats = models[fitted_to].deblur(photos / 255)
    # float32 rounds both to within 6e-8 of each other, which the network passes on.
    assert_allclose(as_bytes, as_floats, atol=1e-5)
    assert as_bytes.std() > 1e-3  # else all inputs would give the same


def test_predict_does_not_take_its_range_from_the_images_given(models, photos):
    darker = models["bytes"].deblur(photos // 2)
    stretched = models["bytes"].deblur(photos // 2 * 2)
    assert np.abs(darker - stretched).max() > 1e-3


# "Anything else off that scale gets a warning that names both ranges"


@pytest.mark.parametrize(
    ("fitted_to", "factor", "dtype", "given", "fitted"),
    [
        ("bytes", 2, np.float64, "[0, 510]", "[0, 255]"),
        ("bytes", 257, np.uint16, "[0, 65535]", "[0, 255]"),
        ("bytes", -1, np.int16, "[-255, 0]", "[0, 255]"),
        ("floats", 1, np.float32, "[0, 255]", "[0, 1]"),
        ("floats", 257, np.uint16, "[0, 65535]", "[0, 1]"),
        ("floats", 1.0000001 / 255, np.float64, "[0, 1.0000001]", "[0, 1]"),
        ("floats", 7e305, np.float64, "[0, 1.785e+308]", "[0, 1]"),
    ],
)
def test_off_scale_images_get_a_warning(
    fitted_to, factor, dtype, given, fitted, models, photos
):
    X = (photos.astype(np.float64) * factor).astype(dtype)
    with pytest.warns(UserWarning, match="outside the input range") as caught:
        grey = models[fitted_to].deblur(X)
    (message,) = (str(warning.message) for warning in caught)
    assert "4 of 4 images of X" in message
    assert f"values in {given}" in message
    assert f"input range {fitted} seen by fit" in message
    # The network must not overflow, however far off the scale.
    assert grey.min() >= 0
    assert grey.max() <= 1


def test_only_images_off_the_scale_are_counted():
    images = [pixels(0, 1), pixels(0, 7), pixels(-2, 1)]
    with pytest.warns(UserWarning, match=r"2 of 3 images of X .* \[-2, 7\], outs.*1\]"):
        warn_off_scale(extents_of(images), [(0, 1)] * 3, (0, 1))


def test_images_on_their_scale_get_no_warning():
    # Warnings are errors in these tests.
    images = [pixels(0, 255, dtype=np.uint8), pixels(0, 1)]
    warn_off_scale(extents_of(images), [(0, 255), (0, 1)], (0, 1))


# Scaling


@pytest.mark.parametrize(
    ("image", "input_range", "expected"),
    [
        (pixels(0, 51, 255, dtype=np.uint8), (0, 255), [0, 0.2, 1]),
        (pixels(0, 13107, 65535, dtype=np.uint16), (0, 65535), [0, 0.2, 1]),
        (pixels(0, 0.25, 1, dtype=np.float16), (0, 1), [0, 0.25, 1]),
        (pixels(-128, 127, dtype=np.int8), (-128, 127), [0, 1]),
        (pixels(-10, 0, 30), (-10, 30), [0, 0.25, 1]),
        (pixels(-3, 6), (0, 2), [-1.5, 3]),  # off the scale, as predict warns
        (pixels(4, 4), (4, 4), [0, 0]),
        (pixels(5, 6), (4, 4), [0, 0]),
        (pixels(0, 1, dtype=bool), (4, 4), [0, 1]),
        (pixels(-LARGEST, 0, LARGEST), (-LARGEST, LARGEST), [0, 0.5, 1]),
        (pixels(0, 1, dtype=np.uint8), (-LARGEST, LARGEST), [0.5, 0.5]),
        (pixels(1e-310, 2e-310, 3e-310), (1e-310, 3e-310), [0, 0.5, 1]),
        (pixels(0, 5e-324), (0, 5e-324), [0, 1]),
        (pixels(0, 1, dtype=np.uint8), (-1e-310, 1e-310), [0.5, 1e6]),
        # Far off the scale, float32 would overflow in the network.
        (pixels(-LARGEST, LARGEST), (0, 1), [-1e6, 1e6]),
        (pixels(-LARGEST, LARGEST), (0, 1e-310), [-1e6, 1e6]),
        (
            pixels(-(2**63), 0, 2**63 - 1, dtype=np.int64),
            (-(2.0**63), 2.0**63),
            [0, 0.5, 1],
        ),
        (pixels(0, 2**64 - 1, dtype=np.uint64), (0, 2.0**64), [0, 1]),
    ],
)
def test_scaling(image, input_range, expected):
    before = image.copy()
    unit = scale_to_unit(image, input_range)
    assert unit.dtype == np.float32
    assert_allclose(unit, [expected], rtol=1e-6, atol=1e-9)
    assert_array_equal(image, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_of_photos_are_scaled_to_the_nearest_float32(dtype):
    """Whatever the dtype in which the quotient is computed."""
    top = np.iinfo(dtype).max
    levels = np.arange(top + 1, dtype=dtype)[np.newaxis]
    exact = np.arange(top + 1) / top
    assert_array_equal(scale_to_unit(levels, (0, float(top)))[0], exact.astype("f4"))

"""Every form of images becomes grey images in the caller's scale, and goes back."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from skdeblurbin._validation import check_image_pair, check_images

SHAPE = (3, 4, 5)


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)


def assert_grey(images, expected, container):
    assert images.container == container
    assert len(images) == len(expected)
    assert images.shapes == [image.shape for image in expected]
    for image, wanted in zip(images.grey, expected, strict=True):
        assert_array_equal(image, wanted)


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X,
        lambda X: X[..., np.newaxis],
        np.asfortranarray,
        lambda X: X.astype(object),
        lambda X: X.astype(">u2"),
        torch.from_numpy,
        lambda X: torch.from_numpy(X).float().requires_grad_(),
        lambda X: torch.from_numpy(X).bfloat16(),  # exact up to 256: 8 bits
        lambda X: torch._neg_view(-torch.from_numpy(X).float()),
        lambda X: np.ma.MaskedArray(X, mask=False),
    ],
    ids=[
        "array",
        "one channel",
        "Fortran order",
        "objects",
        "big-endian",
        "tensor",
        "requires_grad",
        "bfloat16",
        "lazily negated",
        "mask of nothing",
    ],
)
def test_arrays_of_images(form, stack):
    images = check_images(form(stack))
    assert_grey(images, stack, "array")
    assert all(type(image) is np.ndarray for image in images.grey)
    packed = images.pack([np.zeros((4, 5), bool)] * 3)
    assert packed.shape == SHAPE
    assert packed.dtype == bool


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.ndarray.tolist,
        lambda X: [torch.from_numpy(image) for image in X],
        lambda X: [Image.fromarray(image) for image in X],
        lambda X: [X[0], Image.fromarray(X[1]), X[2].tolist()],
        lambda X: [image[..., np.newaxis] for image in X],
        lambda X: [pd.DataFrame(image) for image in X],
        lambda X: pd.Series(list(X)),
    ],
    ids=[
        "list",
        "tuple",
        "nested lists",
        "tensors",
        "PIL",
        "of each kind",
        "one channel",
        "frames",
        "series",
    ],
)
def test_lists_of_images(form, stack):
    images = check_images(form(stack))
    assert_grey(images, stack, "list")
    assert isinstance(images.pack(images.grey), list)


def test_lists_and_object_arrays_of_images_of_mixed_sizes():
    mixed = [np.full((i + 1, 5 - i), i) for i in range(3)]
    as_objects = np.empty(3, dtype=object)
    as_objects[:] = mixed
    for X in (mixed, tuple(mixed), as_objects, [image.tolist() for image in mixed]):
        images = check_images(X)
        assert_grey(images, mixed, "list")
        assert [image.shape for image in images.pack(mixed)] == images.shapes


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X,
        np.ndarray.tolist,
        list,
        lambda X: tuple(map(tuple, X)),
        torch.from_numpy,
        lambda X: list(torch.from_numpy(X)),
        lambda X: [torch.from_numpy(X[0]).bfloat16(), *X[1:]],
        pd.DataFrame,
        lambda X: pd.DataFrame(X, dtype="UInt8"),
    ],
    ids=[
        "array",
        "nested lists",
        "list of arrays",
        "tuples",
        "tensor",
        "list of tensors",
        "mixed list",
        "frame",
        "nullable frame",
    ],
)
def test_rows(form, stack):
    rows = stack.reshape(3, 20)
    images = check_images(form(rows), image_shape=(4, 5))
    assert_grey(images, stack, "rows")
    assert_array_equal(images.pack(images.grey), rows)
    strips = check_images(form(rows))
    assert_grey(strips, rows[:, np.newaxis], "rows")
    assert_array_equal(strips.pack(strips.grey), rows)


def test_rows_must_have_the_pixels_of_image_shape(stack):
    with pytest.raises(
        ValueError, match=r"image_shape=\(4, 6\) means rows of 24 pixels, but X has 20"
    ):
        check_images(stack.reshape(3, 20), image_shape=(4, 6))


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X,
        lambda X: X[:, ::2, ::-1],
        lambda X: X[..., np.newaxis],
        lambda X: X.reshape(3, 20),
        list,
        lambda X: [image[..., np.newaxis] for image in X],
    ],
)
def test_grey_images_are_views(form, stack):
    for image in check_images(form(stack)).grey:
        assert np.shares_memory(image, stack)


def test_memory_maps_and_tensors_are_not_copied(tmp_path, stack):
    np.save(tmp_path / "X.npy", stack)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    for X, memory in ((mapped, mapped), (torch.from_numpy(stack), stack)):
        images = check_images(X)
        assert_grey(images, stack, "array")
        assert all(np.shares_memory(image, memory) for image in images.grey)


# Rec. 601: 0.299 R + 0.587 G + 0.114 B.
@pytest.mark.parametrize(
    ("colour", "luma"),
    [
        ((255, 0, 0), 76),  # 76.245
        ((0, 255, 0), 150),  # 149.685
        ((0, 0, 255), 29),  # 29.07
        ((10, 20, 30), 18),  # 2.99 + 11.74 + 3.42 = 18.15
        ((200, 100, 50), 124),  # 59.8 + 58.7 + 5.7 = 124.2
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_luma_of_integers(colour, luma, dtype):
    X = np.array([[[colour]]], dtype=dtype)
    for form in (X, list(X)):
        (image,) = check_images(form).grey
        assert image.dtype == dtype
        assert image.tolist() == [[luma]]


def test_luma_of_floats_is_not_rounded():
    (image,) = check_images(np.array([[[[0.5, 0.25, 1.0]]]], np.float32)).grey
    assert image.dtype == np.float32
    # 0.1495 + 0.14675 + 0.114
    assert image[0, 0] == pytest.approx(0.41025, rel=1e-6)


def test_luma_of_bool_is_black_or_white():
    X = np.array([[[[1, 1, 0], [0, 0, 1], [0, 1, 0]]]], dtype=bool)
    (image,) = check_images(X).grey
    assert image.dtype == bool
    assert image.tolist() == [[True, False, True]]  # 0.886, 0.114, 0.587


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_grey_colours_keep_their_level_exactly(dtype):
    """Rounding of the weighted sum may not split one level in two."""
    top = 1 if np.dtype(dtype).kind == "f" else 255
    levels = (np.random.default_rng(0).random((1, 40, 50)) * top).astype(dtype)
    (image,) = check_images(np.repeat(levels[..., np.newaxis], 3, axis=-1)).grey
    assert_array_equal(image, levels[0])


def test_colours_of_the_largest_integers_and_floats():
    extremes = np.iinfo(np.int64)
    X = np.array([[[[extremes.max] * 3, [extremes.min] * 3]]])
    (image,) = check_images(X).grey
    assert image.tolist() == [[2.0**63, -(2.0**63)]]
    (image,) = check_images(np.array([[[[1e308, -1e308, 1e308]]]])).grey
    # (0.299 - 0.587 + 0.114) 1e308
    assert image[0, 0] == pytest.approx(-0.174e308, rel=1e-12)


# Alpha over white: luma * alpha + white * (1 - alpha).
@pytest.mark.parametrize(
    ("dtype", "pixels", "expected"),
    [
        # 100 * 51/255 + 255 * 204/255 = 20 + 204
        (np.uint8, [[0, 0, 0, 0], [9, 9, 9, 255], [100, 100, 100, 51]], [255, 9, 224]),
        # 1000 * 13107/65535 + 65535 * 52428/65535 = 200 + 52428
        (np.uint16, [[0, 0, 0, 0], [1000, 1000, 1000, 13107]], [65535, 52628]),
        # numpy's default integers hold photos of 8 bits: opaque is 255, not 2^63 - 1.
        (np.int64, [[0, 0, 0, 0], [9, 9, 9, 255], [100, 100, 100, 51]], [255, 9, 224]),
        # 0.5 * 0.25 + 1 * 0.75
        (np.float64, [[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.25]], [1, 0.875]),
        (bool, [[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]], [1, 0, 1]),
        # No level above 0 to be white: 1 is, since an alpha of 0 must not divide 0.
        (np.float64, [[-1, -1, -1, 0]], [1]),
    ],
)
def test_alpha_over_white(dtype, pixels, expected):
    (image,) = check_images(np.array([[pixels]], dtype=dtype)).grey
    assert image.dtype == dtype
    assert_array_equal(image, [np.array(expected, dtype)])


def picture(mode, *pixels):
    image = Image.new(mode, (len(pixels), 1))
    image.putdata(pixels)
    return image


def palette(mode="P"):
    """Red, green, white; the indices 0, 1, 2 would be nearly black."""
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 255, 255, 255])
    image.putdata([0, 1, 2])
    return image.convert(mode) if mode != "P" else image


def transparent(image):
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("image", "dtype", "expected"),
    [
        (picture("1", 0, 255), bool, [0, 1]),
        (picture("L", 0, 7, 255), np.uint8, [0, 7, 255]),
        (palette(), np.uint8, [76, 150, 255]),
        (transparent(palette()), np.uint8, [255, 150, 255]),
        (palette("PA"), np.uint8, [76, 150, 255]),
        (picture("LA", (100, 51), (9, 255), (0, 0)), np.uint8, [224, 9, 255]),
        # Multiplied by alpha already: 20 is 100 at 51/255.
        (picture("La", (20, 51), (9, 255), (0, 0)), np.uint8, [224, 9, 255]),
        (picture("RGB", (255, 0, 0), (10, 20, 30)), np.uint8, [76, 18]),
        (picture("RGBA", (100, 100, 100, 51), (255, 0, 0, 255)), np.uint8, [224, 76]),
        # No ink is white; all black ink is black; cyan ink lets green and blue pass,
        # 149.685 + 29.07.
        (
            picture("CMYK", (0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0)),
            np.uint8,
            [255, 0, 179],
        ),
        (picture("I;16", 0, 300, 65535), np.uint16, [0, 300, 65535]),
        (transparent(picture("I;16", 9, 300)), np.uint16, [9, 300]),
        (picture("I", -5, 70000), np.int32, [-5, 70000]),
        (picture("F", 0.25, -1.5), np.float32, [0.25, -1.5]),
    ],
    ids=lambda value: f"{value.mode} {value.info}" if hasattr(value, "mode") else "",
)
def test_modes_of_pil(image, dtype, expected):
    (grey,) = check_images([image]).grey
    assert grey.dtype == dtype
    assert_array_equal(grey, [expected])


def test_luma_is_that_of_pil():
    """PIL's own conversion to grey, up to its integer arithmetic."""
    rgb = np.random.default_rng(1).integers(0, 256, (1, 30, 40, 3)).astype(np.uint8)
    (grey,) = check_images(rgb).grey
    theirs = np.asarray(Image.fromarray(rgb[0]).convert("L"))
    assert np.abs(grey.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 6, 4, 2)), r"got an array of shape \(2, 6, 4, 2\).* 2 channels"),
        (np.zeros((2, 3, 4, 5)), r"Channels come last: np.moveaxis\(X, 1, -1\)"),
        (np.zeros((1, 2, 3, 4, 3)), r"got an array of shape \(1, 2, 3, 4, 3\)"),
        ([np.zeros((2, 2)), np.zeros(2)], r"X\[1\] must be an image .* shape \(2,\)"),
        ([np.zeros((2, 2)), 3], r"X\[1\] must be an image .* got int of shape \(\)"),
        ([np.zeros((2, 2)), np.zeros((2, 2, 2))], r"X\[1\] .* shape \(2, 2, 2\)"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], r"Input X\[1\] contains NaN"),
        ([np.zeros((2, 2)), np.zeros((2, 0))], r"X\[1\] is an empty image"),
        ([[1, 2], [3]], r"rows of X must all have the same length.*\[1, 2\]"),
    ],
)
def test_errors_name_the_image_and_its_shape(X, message):
    with pytest.raises(ValueError, match=message):
        check_images(X)


@pytest.mark.parametrize("X", [[{"a": 1}, {"a": 2}], np.array([[{}, 1]], dtype=object)])
def test_objects_that_are_no_numbers(X):
    with pytest.raises(TypeError, match=r"X cannot be read as real numbers: .* 'dict'"):
        check_images(X)


def test_name_and_estimator_are_those_of_messages():
    with pytest.raises(ValueError, match=r"Input Y_true contains NaN") as caught:
        check_images(np.full((2, 2, 2), np.nan), name="Y_true")
    assert "does not accept" not in str(caught.value)
    with pytest.raises(ValueError, match=r"Estimator does not accept missing values"):
        check_images(np.full((2, 2, 2), np.nan), estimator="Estimator")


# Pairs of images, for metrics


def test_a_pair_may_differ_in_form_and_dtype(stack):
    first, second = check_image_pair(stack, list(stack / 2))
    assert_array_equal(first, stack)
    assert_array_equal(second, stack / 2)


@pytest.mark.parametrize(
    ("second", "given"),
    [
        (np.zeros((2, 4, 5)), r"2 images of shape \(4, 5\)"),
        (np.zeros((3, 5, 4)), r"3 images of shape \(5, 4\)"),
        ([np.zeros((4, 5))] * 2 + [np.zeros((4, 6))], r"shape \(4, 5\), \(4, 6\)\."),
        ([np.zeros((1, i)) for i in range(1, 6)], r"5 images .*\(1, 3\), \.\.\."),
    ],
)
def test_a_pair_must_agree_in_number_and_sizes(second, given, stack):
    with pytest.raises(
        ValueError,
        match=rf"Y_true and Prediction .*3 images of shape \(4, 5\).*{given}",
    ):
        check_image_pair(stack, second, ("Y_true", "Prediction"))


def message_of(X, **options):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (all of it is compared)
        check_images(X, **options)
    return str(caught.value)


SHAPES = (
    "(n_samples, height, width), (n_samples, height, width, channels) with 1, 3 or 4 "
    "channels, (n_samples, n_features) rows of flattened images, or a list of images"
)


@pytest.mark.parametrize(("n_sizes", "rest"), [(3, ""), (4, ", ...")])
def test_three_of_many_sizes_are_named(n_sizes, rest):
    images = [np.ones((4, 4 + i)) for i in range(n_sizes)]
    message = f"{n_sizes} images of shape (4, 4), (4, 5), (4, 6){rest} and 1 images"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_image_pair(images, images[:1])


@pytest.mark.parametrize("names", [("Y_true", "Y_pred"), ("X", "Y")])
@pytest.mark.parametrize("wrong", [0, 1])
def test_the_one_of_a_pair_that_is_wrong_is_named(stack, wrong, names):
    pair = [stack, stack]
    pair[wrong] = np.ones(3)
    with pytest.raises(ValueError, match=f"instead: {names[wrong]} must be of shape"):
        check_image_pair(*pair, names)


def test_lists_of_tensors_are_images(stack):
    images = check_images([torch.from_numpy(image) for image in stack])
    for image, expected in zip(images.grey, stack, strict=True):
        assert_array_equal(image, expected)


def test_messages_about_axes_in_full():
    assert message_of(np.arange(4)) == (
        f"Expected images, got 1D array instead: X must be of shape {SHAPES}; got "
        "shape (4,). Reshape your data, for example with X.reshape(-1, height, width)."
    )
    assert message_of(np.array(4), name="X_val") == (
        f"Expected images, got scalar array instead: X_val must be of shape {SHAPES}; "
        "got shape (). Reshape your data, for example with X_val.reshape(-1, height, "
        "width)."
    )
    assert message_of(np.zeros((1, 2, 3, 4, 5))) == (
        f"X must be of shape {SHAPES}; got an array of shape (1, 2, 3, 4, 5)."
    )
    assert message_of(np.zeros((2, 6, 5, 7))) == (
        f"X must be of shape {SHAPES}; got an array of shape (2, 6, 5, 7). Got 7 "
        "channels."
    )
    assert message_of(np.zeros((2, 3, 5, 7))) == (
        f"X must be of shape {SHAPES}; got an array of shape (2, 3, 5, 7). Channels "
        "come last: np.moveaxis(X, 1, -1)."
    )
    assert message_of(np.zeros((0, 3, 4))) == (
        "Found array with 0 sample(s) (shape=(0, 3, 4)) while a minimum of 1 is "
        "required: axis 0 of X is empty."
    )
    assert message_of(np.zeros((2, 3, 0))) == (
        "Found array with 0 feature(s) (shape=(2, 3, 0)) while a minimum of 1 is "
        "required: axis 2 of X is empty."
    )
    assert message_of(np.zeros((2, 3, 4, 3)), colour=False) == (
        "X must have one channel, got 3 (shape (2, 3, 4, 3)): take one, for example "
        "X[..., 0]."
    )


def test_messages_about_entries_in_full():
    sound = np.zeros((3, 4))
    assert message_of([sound, np.zeros(3)]) == (
        "X[1] must be an image of shape (height, width) or (height, width, channels), "
        "got ndarray of shape (3,)."
    )
    assert message_of([np.zeros((0, 4))]) == "X[0] is an empty image of shape (0, 4)."
    assert message_of([np.zeros((6, 5, 7))]) == (
        "X[0] must be an image of shape (height, width) or (height, width, channels) "
        "with 1, 3 or 4 channels, got shape (6, 5, 7). Got 7 channels."
    )
    assert message_of([np.zeros((3, 4, 5, 7))]) == (
        "X[0] must be an image of shape (height, width) or (height, width, channels) "
        "with 1, 3 or 4 channels, got shape (3, 4, 5, 7)."
    )
    assert message_of([np.zeros((3, 4, 5))], name="Y").endswith(
        "Channels come last: np.moveaxis(X, 1, -1)."
    )


def test_chosen_images_keep_their_form(stack):
    for form, container in ((stack, "array"), (list(stack), "list")):
        chosen = check_images(form).take(iter([2, 0]))
        assert_grey(chosen, stack[[2, 0]], container)

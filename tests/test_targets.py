"""Binary targets and weights of samples, or errors that name what was given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from skdeblurbin._targets import (
    check_sample_weight,
    check_targets,
    decode_paper,
    encode_targets,
    find_classes,
)
from skdeblurbin._validation import Images, check_images

SHAPE = (3, 4, 5)


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)


@pytest.mark.parametrize(
    "form",
    [
        lambda Y: Y,
        lambda Y: Y[..., np.newaxis],
        list,
        torch.from_numpy,
        lambda Y: [Image.fromarray(image * np.uint8(255)) for image in Y],
        lambda Y: [
            Image.fromarray(image * np.uint8(255)).convert("RGB") for image in Y
        ],
        lambda Y: [Image.fromarray(image * np.uint8(255)).convert("P") for image in Y],
    ],
    ids=["array", "one channel", "list", "tensor", "PIL", "PIL RGB", "PIL palette"],
)
def test_targets_in_another_form_than_the_images(form, stack):
    binary = (stack > 127).astype(np.uint8)
    targets = check_targets(form(binary), check_images(list(stack)))
    classes = find_classes(targets)
    assert_array_equal(encode_targets(targets, classes), binary == 1)


def test_rows_of_targets_belong_to_images(stack):
    images = check_images(stack)
    targets = check_targets(stack.reshape(3, 20) > 9, images, image_shape=(4, 5))
    assert targets.container == "rows"
    assert_array_equal(targets.grey, stack > 9)
    with pytest.raises(ValueError, match=r"\(4, 5\) in X and \(1, 20\) in y"):
        check_targets(stack.reshape(3, 20) > 9, images)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("form", [np.asarray, list])
def test_targets_have_one_channel(channels, form, stack):
    Y = np.repeat(stack[..., np.newaxis] > 9, channels, axis=-1)
    with pytest.raises(ValueError, match=rf"y.* must have one channel, got {channels}"):
        check_targets(form(Y), check_images(stack))


def test_missing_targets_are_asked_for_in_the_name_of_the_estimator(stack):
    with pytest.raises(ValueError, match="dict requires y to be passed, but the tar"):
        check_targets(None, check_images(stack), estimator={})


@pytest.mark.parametrize(
    ("Y", "expected"),
    [
        (np.array([0, 1, 1]), [0, 1]),
        (np.array([255, 0], np.uint8), [0, 255]),
        (np.array([True, False]), [False, True]),
        (np.array([7, 5], np.int16), [5, 7]),
        (np.array([1, -1], np.float32), [-1, 1]),
    ],
)
def test_classes_are_the_two_values_in_their_dtype(Y, expected):
    targets = check_images(Y[:, np.newaxis, np.newaxis])
    classes = find_classes(targets)
    assert classes.dtype == Y.dtype
    assert classes.tolist() == expected
    encoded = encode_targets(targets, classes)
    assert [image.item() for image in encoded] == (expected[1] == Y).tolist()


@pytest.mark.parametrize(
    ("values", "dtype", "classes", "expected", "expected_dtype"),
    [
        ([1, 1], np.uint8, [0, 1], [0, 1], np.uint8),
        ([1, 1], np.uint8, [1, 0], [0, 1], np.uint8),
        ([True, True], bool, [0, 1], [False, True], bool),
        ([255, 255], np.uint8, (0.0, 255.0), [0, 255], np.uint8),
        # What the dtype of these images cannot hold must not wrap around.
        ([1, 1], np.uint8, [-1, 1], [-1, 1], np.int64),
        ([0, 0], np.uint8, [0, 300], [0, 300], np.int64),
        ([1, 1], np.int64, [0.5, 1], [0.5, 1], np.float64),
        ([0, 0], np.float16, [0, 1e300], [0, 1e300], np.float64),
    ],
)
def test_known_classes(values, dtype, classes, expected, expected_dtype):
    targets = check_images(np.array(values, dtype)[:, np.newaxis, np.newaxis])
    found = find_classes(targets, classes)
    assert found.dtype == expected_dtype
    assert found.tolist() == expected


@pytest.mark.parametrize(
    "classes",
    [[0], [0, 0], [0, 1, 2], ["a", "b"], [0, np.nan], [0, np.inf], 1, [[0], [1, 2]]],
)
def test_classes_are_two_numbers(classes):
    with pytest.raises(ValueError, match="classes must hold exactly two different num"):
        find_classes(check_images(np.zeros((2, 2, 2))), classes)


def test_targets_hold_known_classes_only():
    targets = check_images(np.array([[[0, 1], [0, 2]]]))
    with pytest.raises(ValueError, match=r"only the values \[0, 1\], got 3 values fr"):
        find_classes(targets, [0, 1])


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([3, 3], {}, "^Y_val must hold exactly two different .* got only 3"),
        ([1, 2, 9], {}, ": Y_val must hold .* from 1 to 9.*, for example Y_val > 127"),
        ([1, 2], {"classes": [0, 1]}, "^Y_val must hold only the values"),
    ],
)
def test_messages_name_the_targets(values, options, message):
    with pytest.raises(ValueError, match=message):
        find_classes(check_images(np.array([[values]])), **options, name="Y_val")


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [
        ([False, True], bool),
        ([0, 255], np.uint8),
        ([-128, 127], np.int8),
        ([-3, 70000], np.int64),
        ([-(2**15), 255], ">i2"),
        ([0, 2**64 - 1], np.uint64),
        ([-0.0, 0.1], np.float16),
        ([-1.5, 1e-42], np.float32),
        ([0.1, 0.7], ">f4"),
        ([-1e308, 1e-310], np.float64),
    ],
)
def test_paper_is_decoded_to_the_bits_of_the_classes(classes, dtype):
    classes = np.array(classes, dtype)
    paper = np.random.default_rng(0).random((5, 7)) < 0.5
    for mask in (paper, paper.T, paper[::2, ::-1], paper & False, paper | True):
        decoded = decode_paper(mask, classes)
        expected = classes[mask.astype(int)]  # numpy's indexing, as the other way
        assert decoded.dtype == classes.dtype
        assert decoded.tobytes() == expected.tobytes()
        assert_array_equal(encode_targets(Images([decoded], "array"), classes)[0], mask)


def test_targets_and_images_by_their_names(stack):
    names = ("X_val", "y_val")
    images = check_images(stack)
    for wrong, message in [
        (None, "y_val must hold one binary image for every image of X_val"),
        (stack[:2], "y_val must hold one image for every image of X_val"),
        (stack[:, 1:], r"\(4, 5\) in X_val and \(3, 5\) in y_val"),
        (np.array(["a", "b", "c"]), "y_val must hold images"),
    ]:
        with pytest.raises(ValueError, match=message):
            check_targets(wrong, images, names=names)
    with pytest.raises(ValueError, match=r"y_val must hold only the values \[0, 1\]"):
        find_classes(images, [0, 1], name="y_val")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, 0, 2], [0.5, 0, 1]),
        (np.array([0.5, 1, 1], np.float32), [0.5, 1, 1]),
        (2, [1, 1, 1]),
        (torch.tensor([4.0, 1, 2]), [1, 0.25, 0.5]),
        (np.array([True, False, True]), [1, 0, 1]),
        ([1e308, 1e308, 0.5e308], [1, 1, 0.5]),
        (None, None),
    ],
)
def test_weights_of_samples(given, expected):
    found = check_sample_weight(given, 3)
    if expected is None:
        assert found is None
    else:
        assert found.dtype == np.float64
        assert found.tolist() == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            [1, 2],
            r"sample_weight.shape == \(2,\), expected \(3,\): .* for every image of X",
        ),
        ([[1, 2, 3]], r"sample_weight.shape == \(1, 3\), expected \(3,\)"),
        ([1, -1, 2], r"weights must be at least 0, got -1"),
        ([0, 0, 0], r"at least one non-zero number"),
        (0, r"at least one non-zero number"),
        ([1, np.nan, 1], r"sample_weight contains NaN"),
        ([1, np.inf, 1], r"sample_weight contains infinity"),
        (["a", "b", "c"], r"could not convert string to float"),
        ([1, 2j, 3], r"complex"),
    ],
)
def test_what_are_no_weights(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        check_sample_weight(given, 3)


def message_of(call):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (all of it is compared)
        call()
    return str(caught.value)


def test_messages_in_full():
    shape = (2, 3, 4)
    one = check_images(np.ones(shape, int))
    three = check_images(np.arange(24).reshape(shape) % 3)
    assert message_of(lambda: find_classes(one)) == (
        "y must hold exactly two different values (ink and paper) over all images "
        "together, got only 1. (The number of classes has to be greater than one; got "
        "1 class)"
    )
    assert message_of(lambda: find_classes(three)) == (
        "Unknown label type: y must hold exactly two different values (ink and paper) "
        "over all images together, got 3 values from 0 to 2. Grey target images (JPEG "
        "files, resized masks) can be made binary first, for example y > 127."
    )
    assert message_of(lambda: find_classes(three, [0, 1])) == (
        "y must hold only the values [0, 1], got 3 values from 0 to 2."
    )
    assert message_of(lambda: check_targets(None, one)) == (
        "The estimator requires y to be passed, but the target y is None: y must hold "
        "one binary image for every image of X."
    )
    assert message_of(lambda: check_targets(np.ones((3, 3, 4)), one)) == (
        "Found input variables with inconsistent numbers of samples: [2, 3]: y must "
        "hold one image for every image of X."
    )
    assert message_of(lambda: check_targets(np.array(["a", "b"]), one)) == (
        "Unknown label type: y must hold images, got dtype <U1."
    )
    assert message_of(lambda: check_sample_weight([1, -2], 2)) == (
        "Negative values in data passed to `sample_weight`: weights must be at least "
        "0, got -2."
    )
    assert message_of(lambda: check_sample_weight([0, 0], 2)) == (
        "Sample weights must contain at least one non-zero number."
    )
    assert message_of(lambda: check_sample_weight([1], 2)) == (
        "sample_weight.shape == (1,), expected (2,): sample_weight must hold one "
        "number for every image of X."
    )

"""Metrics of images, against independent implementations and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import f1_score
from sklearn.metrics import root_mean_squared_error as sklearn_rmse

from skdeblurbin.metrics import (
    drd,
    f_measure,
    pseudo_f_measure,
    psnr,
    root_mean_squared_error,
)

INK_METRICS = [f_measure, pseudo_f_measure, drd]
METRICS = [root_mean_squared_error, psnr, *INK_METRICS]
ENCODINGS = {
    "0, 1": (0, 1, np.int64),
    "bool": (False, True, bool),
    "0, 255": (0, 255, np.uint8),
    "-1, 1": (-1, 1, np.float32),
    "5, 7": (5, 7, np.int16),
}


@pytest.fixture(scope="module")
def binary():
    """Truth and prediction of four images, as booleans: True is paper."""
    rng = np.random.default_rng(0)
    true = rng.random((4, 9, 11)) < 0.7
    wrong = rng.random(true.shape) < np.array([0.02, 0.1, 0.3, 0.5])[:, None, None]
    return true, true ^ wrong


def encode(images, encoding):
    low, high, dtype = ENCODINGS[encoding]
    return np.where(images, high, low).astype(dtype)


# RMSE


@pytest.mark.parametrize("encoding", ["0, 1", "bool", "0, 255", "-1, 1"])
def test_rmse_of_binary_images_is_that_of_scikit_learn(encoding, binary):
    true, pred = binary
    expected = [
        sklearn_rmse(t.ravel().astype(float), p.ravel().astype(float))
        for t, p in zip(true, pred, strict=True)
    ]
    coded = encode(true, encoding), encode(pred, encoding)
    assert_allclose(root_mean_squared_error(*coded, per_image=True), expected)
    value = root_mean_squared_error(*coded)
    assert type(value) is float
    assert value == pytest.approx(np.mean(expected), rel=1e-12)


def test_rmse_takes_values_in_the_middle_of_a_scale_for_grey(binary):
    """{5, 7} are dark greys of [0, 255]; scorers know that they are classes."""
    true, pred = (encode(images, "5, 7") for images in binary)
    expected = [
        sklearn_rmse(t.ravel(), p.ravel()) / 255
        for t, p in zip(true, pred, strict=True)
    ]
    values = root_mean_squared_error(true, pred, per_image=True)
    assert_allclose(values, expected, rtol=1e-5)  # differences of float32


@pytest.mark.parametrize("true_encoding", ["0, 1", "bool", "0, 255", "-1, 1"])
@pytest.mark.parametrize("pred_encoding", ["0, 1", "bool", "0, 255", "-1, 1"])
def test_rmse_compares_encodings(true_encoding, pred_encoding, binary):
    true, pred = binary
    coded = encode(true, true_encoding), encode(pred, pred_encoding)
    expected = np.sqrt(np.mean(true != pred, axis=(1, 2))).mean()
    assert root_mean_squared_error(*coded) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_rmse_of_grey_images(top):
    dtype = {1: np.float64, 255: np.uint8, 65535: np.uint16}[top]
    first, second = (np.random.default_rng(1).random((2, 3, 7, 5)) * top).astype(dtype)
    expected = np.mean(
        [
            sklearn_rmse(a.ravel() / top, b.ravel() / top)
            for a, b in zip(first, second, strict=True)
        ]
    )
    assert root_mean_squared_error(first, second) == pytest.approx(expected, rel=1e-6)


def test_rmse_is_the_mean_over_images_not_over_pixels():
    # One of 4 pixels wrong, sqrt(1/4); 0 of 1; 8 of 8. The root of the share of all
    # wrong pixels would be sqrt(9/13).
    true = [np.zeros((2, 2), int), np.ones((1, 1), int), np.zeros((2, 4), int)]
    pred = [np.array([[0, 0], [0, 1]]), np.ones((1, 1), int), np.ones((2, 4), int)]
    assert root_mean_squared_error(true, pred, per_image=True).tolist() == [0.5, 0, 1]
    assert root_mean_squared_error(true, pred) == 0.5


def test_a_prediction_without_ink_or_paper_is_no_other_scale(binary):
    true, _ = binary
    for encoding in ("0, 1", "bool", "0, 255", "-1, 1"):
        for paper in (True, False):
            plain = encode(np.full(true.shape, paper), encoding)
            expected = np.sqrt(np.mean(true != paper, axis=(1, 2))).mean()
            value = root_mean_squared_error(encode(true, encoding), plain)
            assert value == pytest.approx(expected, rel=1e-12)


# PSNR


@pytest.mark.parametrize("encoding", ["0, 1", "bool", "0, 255", "-1, 1"])
def test_psnr_is_that_of_scikit_image(encoding, binary):
    true, pred = binary
    expected = [
        peak_signal_noise_ratio(t.astype(float), p.astype(float), data_range=1)
        for t, p in zip(true, pred, strict=True)
    ]
    coded = encode(true, encoding), encode(pred, encoding)
    assert_allclose(psnr(*coded, per_image=True), expected)
    assert psnr(*coded) == pytest.approx(np.mean(expected), rel=1e-12)


def test_psnr_of_grey_images_is_that_of_scikit_image():
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 256, (2, 6, 20)).astype(np.uint8)
    expected = peak_signal_noise_ratio(first, second, data_range=255)
    assert psnr([first], [second]) == pytest.approx(expected, rel=1e-6)


def test_psnr_by_hand():
    true = np.zeros((3, 10, 10))
    pred = true.copy()
    pred[0, 0, 0] = 1  # MSE 1/100: 20 dB
    pred[1] = 1  # MSE 1: 0 dB
    assert_allclose(psnr(true, pred, per_image=True), [20, 0, np.inf])
    assert psnr(true, pred) == np.inf
    assert psnr(true[:2], pred[:2]) == pytest.approx(10)


# F-measure


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("known", [True, False])
def test_f_measure_of_ink_is_that_of_scikit_learn(encoding, known, binary):
    true, pred = binary
    expected = [
        f1_score(t.ravel(), p.ravel(), pos_label=False)
        for t, p in zip(true, pred, strict=True)
    ]
    coded = encode(true, encoding), encode(pred, encoding)
    classes = ENCODINGS[encoding][:2] if known else None
    assert_allclose(f_measure(*coded, classes=classes, per_image=True), expected)
    value = f_measure(*coded, classes=classes)
    assert type(value) is float
    assert value == pytest.approx(np.mean(expected), rel=1e-12)


def test_f_measure_by_hand():
    # Ink: 3 true, 3 predicted, 2 of them both: 2 * 2 / (3 + 3).
    true, pred = np.array([[[0, 0, 0, 1, 1]]]), np.array([[[0, 0, 1, 0, 1]]])
    assert f_measure(true, pred) == pytest.approx(2 / 3)
    # Paper: 2 true, 2 predicted, 1 both: that would be 1/2.
    assert f_measure(1 - true, 1 - pred) == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        ([1, 1], [1, 1], 1),  # no ink in either
        ([0, 0], [0, 0], 1),  # all ink in both
        ([1, 1], [0, 1], 0),
        ([0, 1], [1, 1], 0),
        ([0, 1], [0, 0], 2 / 3),
    ],
)
@pytest.mark.parametrize("classes", [(0, 1), [1, 0], np.array([0.0, 1.0])])
def test_f_measure_of_images_without_ink_or_paper(true, pred, expected, classes):
    value = f_measure([[true]], [[pred]], classes=classes)
    assert value == pytest.approx(expected)
    if len({*true, *pred}) == 2:
        assert f_measure([[true]], [[pred]]) == value


@pytest.mark.parametrize(
    ("true", "pred", "classes", "message"),
    [
        ([0, 1], [0, 255], None, r"in one encoding.*got \[0, 1, 255\]"),
        ([0.0, 0.5, 1.0], [0, 1, 1], None, r"between them, got \[0.0, 0.5, 1.0\]"),
        ([0, 1, 1, 0], [0, 1, 2, 3], None, r"between them, got \[0, 1, 2\]\."),
        ([7, 8, 9], [1, 2, 3], None, r"got \[1, 2, 3, 7, 8\]\."),
        ([0, 1], [0.5, 1], None, r"at most two values.*got \[0.*0\.5, 1"),
        ([0, 1], [0, 1], [5, 7], r"at most two values.*\[5, 7\], got \[0, 1\]"),
        ([0, 2], [0, 1], [0, 1, 2], r"at most two values"),
        ([0, 1], [0, 1], ["0", "1"], r"at most two values"),
    ],
)
@pytest.mark.parametrize("metric", INK_METRICS)
def test_ink_needs_one_binary_encoding(metric, true, pred, classes, message):
    with pytest.raises(ValueError, match=message):
        metric([[true]], [[pred]], classes=classes)


@pytest.mark.parametrize("metric", INK_METRICS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("known", [True, False])
def test_encodings_of_ink_make_no_difference(metric, encoding, known, binary):
    coded = [encode(images, encoding) for images in binary]
    classes = ENCODINGS[encoding][:2] if known else None
    values = metric(*coded, classes=classes, per_image=True)
    assert values.dtype == np.float64
    assert values.tolist() == metric(*binary, per_image=True).tolist()
    value = metric(*coded, classes=classes)
    assert type(value) is float
    assert value == pytest.approx(values.mean(), rel=1e-12)


# All of them


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.ndarray.tolist,
        torch.from_numpy,
        lambda Y: Y[..., np.newaxis],
        lambda Y: [Image.fromarray(image) for image in Y],
    ],
    ids=["list", "tuple", "nested lists", "tensor", "channel", "PIL"],
)
def test_forms_of_images_make_no_difference(metric, form, binary):
    true, pred = (encode(images, "0, 255") for images in binary)
    assert metric(form(true), pred) == metric(true, form(pred)) == metric(true, pred)


@pytest.mark.parametrize("metric", METRICS)
def test_mixed_sizes_are_the_images_one_by_one(metric, binary):
    true, pred = ([y[0], y[1][:4], y[2][:, 3:], y[3][:1, :5]] for y in binary)
    values = metric(true, pred, per_image=True)
    assert values.shape == (4,)
    alone = [metric([t], [p]) for t, p in zip(true, pred, strict=True)]
    assert values.tolist() == alone
    assert metric(true, pred) == pytest.approx(np.mean(alone))


@pytest.mark.parametrize("metric", [root_mean_squared_error, psnr, f_measure])
def test_rows_are_images(metric, binary):
    true, pred = binary
    rows = true.reshape(4, 99), pred.reshape(4, 99)
    assert metric(*rows) == pytest.approx(metric(true, pred), rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        (root_mean_squared_error, 0),
        (psnr, np.inf),
        (f_measure, 1),
        (pseudo_f_measure, 1),
        (drd, 0),
    ],
)
def test_the_truth_is_the_best_prediction(metric, best, binary):
    true, _ = binary
    before = true.copy()
    assert metric(true, true) == best
    assert (true == before).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("pred", "message"),
    [
        (np.zeros((3, 9, 11)), r"same number of images .*3 images of shape \(9, 11\)"),
        (np.zeros((4, 11, 9)), r"of the same sizes.*4 images of shape \(11, 9\)"),
        (np.full((4, 9, 11), np.nan), "Input Y_pred contains NaN"),
        (np.zeros(9), "Y_pred must be of shape"),
        ([], r"0 sample\(s\).*Y_pred is an empty list"),
        (None, "Y_pred must be of shape .* NoneType"),
        (["a.png"], "Y_pred must be images, got a list that holds text or file names"),
    ],
)
def test_errors_name_the_argument(metric, pred, message, binary):
    with pytest.raises(ValueError, match=message):
        metric(binary[0], pred)
    with pytest.raises(ValueError, match=r"Y_true"):
        metric(pred, binary[0])

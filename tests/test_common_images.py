"""scikit-learn's common checks once more, for stacks of images.

scikit-learn never passes a 3-D X (its issue 14057). Each test here is named after the
check of `sklearn.utils.estimator_checks` whose promise it asks for on 3-D X and Y.
"""

from __future__ import annotations

import copy
import pickle
import re
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils._testing import create_memmap_backed_data
from sklearn.utils.validation import check_is_fitted

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)

METHODS = ("predict", "transform")
CLASSICAL = {
    "otsu": OtsuBinarizer,
    "sauvola": SauvolaBinarizer,
    # Without a search over kernels, which takes its time, in every test.
    "wiener": partial(WienerBinarizer, psf=[[0.2, 0.2, 0.2, 0.2, 0.2]]),
}


@pytest.fixture(params=[*CLASSICAL, "gan"])
def binarizer(request, tiny_gan):
    """An estimator that was not fitted yet."""
    return CLASSICAL.get(request.param, tiny_gan)()


class NotAnArray:
    """Has `__array__` and nothing else of an array."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def public(attributes):
    return {
        name: value
        for name, value in attributes.items()
        if not name.startswith("_") and not name.endswith("_")
    }


def test_names_are_those_of_checks():
    mirrored = [
        name.removeprefix("test_")
        for name in globals()
        if name.startswith("test_check")
    ]
    assert len(mirrored) >= 20
    assert [name for name in mirrored if not hasattr(estimator_checks, name)] == []


# The interface


def test_check_fit_score_takes_y(binarizer, plates):
    for method in ("fit", "score", "partial_fit", "fit_transform"):
        if hasattr(binarizer, method):
            getattr(binarizer, method)(plates.X, plates.Y)


def test_check_estimators_fit_returns_self(binarizer, plates):
    assert binarizer.fit(*plates) is binarizer


def test_check_estimators_overwrite_params(binarizer, plates):
    before = {name: joblib.hash(v) for name, v in binarizer.get_params().items()}
    binarizer.fit(*plates)
    after = {name: joblib.hash(v) for name, v in binarizer.get_params().items()}
    assert after == before


def test_check_dont_overwrite_parameters(binarizer, plates):
    before = dict(vars(binarizer))
    binarizer.fit(*plates)
    assert public(vars(binarizer)) == public(before)
    assert set(vars(binarizer)) > set(before)


def test_check_no_attributes_set_in_init(binarizer):
    assert set(vars(binarizer)) == set(binarizer.get_params())


def test_check_get_params_invariance(binarizer, plates):
    shallow, deep = (binarizer.get_params(deep=deep) for deep in (False, True))
    assert shallow == deep
    assert binarizer.fit(*plates).get_params() == shallow


def test_check_set_params(binarizer, plates):
    # Nothing is checked before fit, and fit checks.
    binarizer.set_params(image_shape=-1)
    assert binarizer.image_shape == -1
    with pytest.raises(ValueError, match=r"image_shape must be .* got -1"):
        binarizer.fit(*plates)
    binarizer.set_params(image_shape=None).fit(*plates)


def test_check_estimator_cloneable(binarizer, plates):
    before = binarizer.get_params()
    cloned = clone(binarizer.fit(*plates))
    assert type(cloned) is type(binarizer)
    assert cloned.get_params() == before
    with pytest.raises(NotFittedError):
        check_is_fitted(cloned)


def test_check_estimator_repr(binarizer, plates):
    unfitted = repr(binarizer)
    assert unfitted.startswith(type(binarizer).__name__ + "(")
    assert repr(binarizer.fit(*plates)) == unfitted


def test_check_mixin_order(binarizer):
    names = [base.__name__ for base in type(binarizer).mro()]
    assert names.index("TransformerMixin") < names.index("BaseEstimator")


def test_check_valid_tag_types(binarizer, plates):
    tags = get_tags(binarizer)
    assert tags.input_tags.two_d_array is True
    assert tags.input_tags.three_d_array is True
    assert tags.transformer_tags.preserves_dtype == []
    assert tags.target_tags.required is isinstance(binarizer, GANBinarizer)
    assert tags.requires_fit is True
    assert get_tags(binarizer.fit(*plates)) == tags


def test_check_requires_y_none(binarizer, plates):
    if get_tags(binarizer).target_tags.required:
        with pytest.raises(ValueError, match="requires y to be passed, but the target"):
            binarizer.fit(plates.X, None)
    else:
        assert_array_equal(binarizer.fit(plates.X, None).classes_, [0, 1])


# Fitted or not


@pytest.mark.parametrize("method", METHODS)
def test_check_estimators_unfitted(binarizer, method, plates):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(binarizer, method)(plates.X)


def test_check_transformers_unfitted(binarizer, plates):
    # Also where predicting would need nothing from fit, and where X is bad too.
    with pytest.raises(NotFittedError):
        binarizer.score(*plates)
    with pytest.raises(NotFittedError):
        binarizer.transform(np.array([]))


def test_check_fit_check_is_fitted(binarizer, plates):
    with pytest.raises(NotFittedError):
        check_is_fitted(binarizer)
    check_is_fitted(binarizer.fit(*plates))


def test_check_n_features_in(binarizer, plates):
    # The height of a stack is no number of features; rows have one, until the next fit.
    rows = [stack.reshape(len(stack), -1) for stack in plates]
    assert not hasattr(binarizer.fit(*plates), "n_features_in_")
    assert binarizer.set_params(image_shape=(24, 40)).fit(*rows).n_features_in_ == 960
    assert not hasattr(binarizer.fit(*plates), "n_features_in_")


def test_check_n_features_in_after_fitting(binarizer, plates):
    # Any height and width can be predicted, as a stack; rows keep their width.
    X, Y = plates
    assert binarizer.fit(X, Y).predict(X[:, 3:, :7]).shape == (6, 21, 7)
    rows = X.reshape(6, -1)
    binarizer.set_params(image_shape=(24, 40)).fit(rows, Y.reshape(6, -1))
    for method in METHODS:
        with pytest.raises(ValueError, match="950 features"):
            getattr(binarizer, method)(rows[:, 10:])


# What comes in


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i4", "i8", "u1", "u2", ">f8"])
def test_check_estimators_dtypes(binarizer, dtype, plates):
    X = plates.X.astype(dtype)
    binarizer.fit(X, plates.Y)
    for method in METHODS:
        result = getattr(binarizer, method)(X)
        assert result.shape == X.shape
        assert result.dtype == plates.Y.dtype


def test_check_dtype_object(binarizer, plates):
    X, Y = plates.X.astype(object), plates.Y
    expected = binarizer.fit(*plates).predict(plates.X)
    assert_array_equal(clone(binarizer).fit(X, Y).predict(X), expected)
    X[0, 0, 0] = {"foo": "bar"}
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        binarizer.fit(X, Y)


def test_check_complex_data(binarizer, plates):
    with pytest.raises(ValueError, match="Complex data not supported"):
        binarizer.fit(plates.X + 1j, plates.Y)
    with pytest.raises(ValueError, match="Complex data not supported"):
        binarizer.fit(plates.X, plates.Y + 1j)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 24, 40), r"Found array with 0 sample\(s\) .* a minimum of 1 is required"),
        ((6, 0, 40), r"Found array with 0 feature\(s\) .* a minimum of 1 is required"),
        ((6, 24, 0), r"Found array with 0 feature\(s\) .* a minimum of 1 is required"),
    ],
)
def test_check_estimators_empty_data_messages(binarizer, shape, message, plates):
    with pytest.raises(ValueError, match=message):
        binarizer.fit(np.empty(shape), np.empty(shape))
    binarizer.fit(*plates)
    for method in METHODS:
        with pytest.raises(ValueError, match=message):
            getattr(binarizer, method)(np.empty(shape))


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_check_estimators_nan_inf(binarizer, value, word, plates):
    bad = plates.X.astype(np.float64)
    bad[-1, 5, 5] = value
    with pytest.raises(ValueError, match=f"Input X contains {word}"):
        binarizer.fit(bad, plates.Y)
    binarizer.fit(*plates)
    for method in METHODS:
        with pytest.raises(ValueError, match=f"Input X contains {word}"):
            getattr(binarizer, method)(bad)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_check_supervised_y_no_nan(binarizer, value, word, plates):
    bad = plates.Y.astype(np.float64)
    bad[0, 0, 0] = value
    with pytest.raises(ValueError, match=f"Input y contains {word}"):
        binarizer.fit(plates.X, bad)


@pytest.mark.parametrize("make", [sparse.coo_array, sparse.csr_array])
def test_check_estimator_sparse_array(binarizer, make, plates):
    # One image as a sparse matrix, in a list, and a sparse matrix of rows.
    image = make(plates.X[0])
    with pytest.raises(TypeError, match="dense data is required"):
        binarizer.fit([image], plates.Y[:1])
    with pytest.raises(TypeError, match="dense data is required"):
        binarizer.fit(plates.X[:1], [make(plates.Y[0])])
    with pytest.raises(TypeError, match="dense data is required"):
        binarizer.fit(*plates).predict([image])


def test_check_estimator_sparse_tag(binarizer):
    assert get_tags(binarizer).input_tags.sparse is False


def test_check_fit1d(binarizer, plates):
    with pytest.raises(ValueError, match="Reshape your data"):
        binarizer.fit(plates.X[0, 0], plates.Y[0, 0])


def test_check_fit2d_predict1d(binarizer, plates):
    binarizer.fit(*plates)
    for method in METHODS:
        with pytest.raises(ValueError, match="Reshape your data"):
            getattr(binarizer, method)(plates.X[0, 0])
        # One image is no stack either.
        with pytest.raises(ValueError, match=re.escape("X[np.newaxis]")):
            getattr(binarizer, method)(plates.X[0])


def test_check_fit2d_1sample(binarizer, plates):
    X, Y = plates.X[:1], plates.Y[:1]
    assert binarizer.fit(X, Y).predict(X).shape == (1, 24, 40)


def test_check_fit2d_1feature(binarizer):
    # Images of one pixel; each is constant, and with that all paper.
    X = np.arange(4.0).reshape(4, 1, 1)
    Y = np.array([0, 1, 0, 1]).reshape(4, 1, 1)
    assert_array_equal(binarizer.fit(X, Y).predict(X), np.ones((4, 1, 1)))


def test_check_positive_only_tag_during_fit(binarizer, plates):
    X = plates.X.astype(np.float64)
    X -= X.mean()
    assert get_tags(binarizer).input_tags.positive_only is False
    assert binarizer.fit(X, plates.Y).predict(X).shape == X.shape


def test_check_readonly_memmap_input(binarizer, plates):
    X, Y = create_memmap_backed_data([np.array(stack) for stack in plates])
    assert not X.flags.writeable
    assert binarizer.fit(X, Y) is binarizer
    assert_array_equal(
        binarizer.predict(X), clone(binarizer).fit(*plates).predict(plates.X)
    )


def test_check_inplace_ensure_writeable(binarizer, plates):
    X, Y = (np.array(stack, dtype=np.float32) for stack in plates)
    for array in (X, Y):
        array.setflags(write=False)
    binarizer.fit(X, Y).transform(X)
    assert not X.flags.writeable
    assert_array_equal(X, plates.X)
    assert_array_equal(Y, plates.Y)


def test_check_f_contiguous_array_estimator(binarizer, plates):
    expected = binarizer.fit(*plates).predict(plates.X)
    X, Y = (np.asfortranarray(stack) for stack in plates)
    assert_array_equal(clone(binarizer).fit(X, Y).predict(X), expected)


def test_check_transformer_data_not_an_array(binarizer, plates):
    expected = binarizer.fit(*plates).predict(plates.X)
    X, Y = NotAnArray(plates.X), NotAnArray(plates.Y)
    assert_array_equal(clone(binarizer).fit(X, Y).predict(X), expected)
    X, Y = plates.X.tolist(), plates.Y.tolist()
    assert_array_equal(clone(binarizer).fit(X, Y).predict(X), expected)


def test_check_array_api_input(binarizer, plates):
    expected = binarizer.fit(*plates).predict(plates.X)
    X, Y = (torch.tensor(stack) for stack in plates)
    assert_array_equal(clone(binarizer).fit(X, Y).predict(X), expected)


# The same again


def test_check_fit_idempotent(binarizer, plates):
    first = binarizer.fit(*plates).predict(plates.X)
    assert_array_equal(binarizer.fit(*plates).predict(plates.X), first)


def test_check_transformer_general(binarizer, plates):
    X, Y = plates
    expected = clone(binarizer).fit(X, Y).transform(X)
    assert_array_equal(clone(binarizer).fit_transform(X, y=Y), expected)
    binarizer.fit(X[::-1], Y[::-1])  # which the next fit forgets
    assert_array_equal(binarizer.fit_transform(X, Y), expected)


def test_check_dict_unchanged(binarizer, plates):
    binarizer.fit(*plates)
    for method in METHODS:
        before, content = dict(vars(binarizer)), joblib.hash(binarizer.__getstate__())
        getattr(binarizer, method)(plates.X)
        assert vars(binarizer) == before
        assert joblib.hash(binarizer.__getstate__()) == content


@pytest.mark.parametrize("method", METHODS)
def test_check_methods_sample_order_invariance(binarizer, method, plates):
    method = getattr(binarizer.fit(*plates), method)
    order = np.array([3, 0, 5, 1, 4, 2])
    assert_array_equal(method(plates.X[order]), method(plates.X)[order])


@pytest.mark.parametrize("method", METHODS)
def test_check_methods_subset_invariance(binarizer, method, plates):
    method = getattr(binarizer.fit(*plates), method)
    alone = [method(image[np.newaxis])[0] for image in plates.X]
    assert_array_equal(method(plates.X), alone)


@pytest.mark.parametrize("readonly_memmap", [False, True])
def test_check_estimators_pickle(binarizer, readonly_memmap, plates):
    binarizer.fit(*plates)
    if readonly_memmap:
        restored = create_memmap_backed_data(binarizer)
    else:
        restored = pickle.loads(pickle.dumps(binarizer))
    for method in METHODS:
        expected = getattr(binarizer, method)(plates.X)
        assert_array_equal(getattr(restored, method)(plates.X), expected)


def test_check_pipeline_consistency(binarizer, plates):
    pipeline = make_pipeline(copy.deepcopy(binarizer)).fit(*plates)
    binarizer.fit(*plates)
    assert pipeline.score(*plates) == binarizer.score(*plates)
    assert_array_equal(
        pipeline.fit_transform(*plates), binarizer.fit_transform(*plates)
    )


def test_check_estimators_partial_fit_n_features(tiny_gan, plates):
    # Later stacks may be of other sizes, but rows of other widths are refused.
    X, Y = plates
    model = tiny_gan().partial_fit(X, Y).partial_fit(X[:, :, :30], Y[:, :, :30])
    assert model.n_epochs_ == 2
    rows, targets = X.reshape(6, -1), Y.reshape(6, -1)
    model = tiny_gan(image_shape=(24, 40)).partial_fit(rows, targets)
    model.set_params(image_shape=(24, 30))
    with pytest.raises(ValueError, match="720 features"):
        model.partial_fit(rows[:, :720], targets[:, :720])

"""Whatever is given: binary images of the same sizes, or a ValueError or TypeError.

SKDEBLURBIN_EXAMPLES=10000 looks at more examples than the tests do.
"""

from __future__ import annotations

import os
import pickle
import re
import tempfile
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer, WienerBinarizer
from tests.test_bad_input import RAW

N_EXAMPLES = int(os.environ.get("SKDEBLURBIN_EXAMPLES", "200"))
DTYPES = [
    *("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "g"),
    *(">u2", ">i4", ">i8", ">f4", ">f8"),
]
BINARIZERS = {
    "otsu": lambda tiny_gan: OtsuBinarizer(),
    "sauvola": lambda tiny_gan: SauvolaBinarizer(window_size=5, k=0.2),
    "wiener": lambda tiny_gan: WienerBinarizer(psf=np.ones((1, 3)), balance=0.1),
    "gan": lambda tiny_gan: tiny_gan(),
}


@st.composite
def stacks(draw):
    """Images of any real dtype, size, values and layout in memory."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 64)), draw(st.integers(1, 64))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["photo", "extreme", "constant", "two", "tiny"]))
    unit = rng.random(shape)
    if kind == "constant":
        unit[:] = unit.flat[0]
    elif kind == "two":
        unit = unit.round()
    if dtype.kind == "b":
        stack = unit > 0.5
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        top = limits.max if kind == "extreme" else min(255, limits.max)
        low = limits.min if kind == "extreme" else 0
        wide = unit * (float(top) - float(low)) + float(low)
        with np.errstate(invalid="ignore"):  # the greatest floats are no int64
            stack = wide.astype(dtype)
    else:
        # What is too large for float64 is refused, by test_bad_input.
        limits = np.finfo(min(dtype, np.dtype(float), key=lambda d: d.itemsize))
        scale = {"extreme": limits.max, "tiny": limits.smallest_subnormal * 3}
        factor = np.asarray(scale.get(kind, 1), dtype)
        with np.errstate(all="ignore"):
            stack = ((2 * unit - 1).astype(dtype) * factor).astype(dtype)
    return laid_out(stack, draw)


def laid_out(stack, draw):
    """The same values with other strides, read-only, mapped, or with other axes."""
    layout = draw(
        st.sampled_from(["C", "F", "strided", "backwards", "read-only", "memmap"])
    )
    if layout == "F":
        return np.asfortranarray(stack)
    if layout == "strided":
        wide = np.repeat(stack, 2, axis=2)
        return wide[:, :, ::2]
    if layout == "backwards":
        return np.ascontiguousarray(stack[:, ::-1, ::-1])[:, ::-1, ::-1]
    if layout == "memmap":
        with tempfile.TemporaryFile() as file:  # which the map keeps
            mapped = np.memmap(file, stack.dtype, "w+", shape=stack.shape)
        mapped[:] = stack
        stack = mapped
    stack.flags.writeable = layout not in ("read-only", "memmap")
    return stack


@st.composite
def truths(draw, shape):
    """Binary images of a shape, in any encoding and layout in memory."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    low, high = draw(st.sampled_from([(0, 1), (0, 100), (1, 2), (7, 3)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    paper = rng.random(shape) < draw(st.sampled_from([0.1, 0.5, 0.9]))
    paper.flat[:2] = False, True
    if dtype.kind == "b":
        return laid_out(paper, draw)
    return laid_out(np.where(paper, high, low).astype(dtype), draw)


def contents(array):
    """All that may not change of what is given."""
    layout = array.dtype, array.shape, array.strides, array.flags.writeable
    return layout, pickle.dumps(array)


@st.composite
def spoilt(draw):
    """Arrays that are no images, or not quite."""
    stack = draw(stacks())
    kind = draw(
        st.sampled_from(["nan", "inf", "complex", "text", "axes", "empty", "object"])
    )
    if kind in ("nan", "inf"):
        stack = np.array(stack, np.float64)
        place = tuple(draw(st.integers(0, side - 1)) for side in stack.shape)
        stack[place] = {"nan": np.nan, "inf": np.inf}[kind]
    elif kind == "complex":
        stack = np.asarray(stack, complex)
    elif kind == "text":
        stack = stack.astype(str)
    elif kind == "axes":
        stack = stack[0, 0] if draw(st.booleans()) else stack[None, None]
    elif kind == "empty":
        stack = stack[:0] if draw(st.booleans()) else stack[:, :0]
    else:
        stack = np.array([stack[0], None, "plate"], dtype=object)
    return stack


@pytest.fixture(scope="module", params=BINARIZERS)
def fitted(request, tiny_gan, plates):
    return BINARIZERS[request.param](tiny_gan).fit(*plates)


often = settings(
    max_examples=N_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(X=stacks())
@often
def test_any_images_have_binary_ones_of_their_size(fitted, X):
    before, state = contents(X), dict(vars(fitted))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*outside the input range")
        answer = fitted.predict(X)
    assert answer.shape == X.shape
    assert answer.dtype == fitted.classes_.dtype
    assert np.isin(answer, fitted.classes_).all()
    assert contents(X) == before
    assert vars(fitted) == state


def fit_anything(make, data):
    """Fit on any images, with any truth of theirs, and binarize them."""
    X = data.draw(stacks())
    assume(X.size > 1)  # both values occur
    Y = data.draw(truths(X.shape))
    before = contents(X), contents(Y)
    with warnings.catch_warnings():
        # A step or two of a tiny network, on noise.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", ".*nearly black")
        model = make().fit(X, Y)
        answer = model.predict(X)
    assert_array_equal(model.classes_, np.unique(Y))
    assert answer.shape == X.shape
    assert np.isin(answer, model.classes_).all()
    assert (contents(X), contents(Y)) == before


@pytest.mark.parametrize("name", ["otsu", "sauvola", "wiener"])
@given(data=st.data())
@often
def test_any_images_are_fitted(name, tiny_gan, data):
    fit_anything(lambda: BINARIZERS[name](tiny_gan), data)


@given(data=st.data())
@settings(often, max_examples=max(N_EXAMPLES // 10, 1))
def test_a_network_is_fitted_on_any_images(tiny_gan, data):
    fit_anything(tiny_gan, data)


@given(X=spoilt())
@often
def test_anything_else_is_a_clear_error(fitted, X):
    before, state = contents(X), dict(vars(fitted))
    with pytest.raises((ValueError, TypeError)) as caught:
        fitted.predict(X)
    message = str(caught.value)
    assert re.search(r"\bX\b|sample\(s\)|Expected images", message), message
    assert not RAW.search(message), message
    assert contents(X) == before
    assert vars(fitted) == state


@given(bad=spoilt(), is_truth=st.booleans())
@often
def test_a_failed_fit_changes_nothing(fitted, plates, bad, is_truth):
    before, state = contents(bad), dict(vars(fitted))
    with pytest.raises((ValueError, TypeError)) as caught:
        fitted.fit(*((plates.X, bad) if is_truth else (bad, plates.Y)))
    message = str(caught.value)
    assert re.search(r"\by\b" if is_truth else r"\bX\b", message), message
    assert not RAW.search(message), message
    assert contents(bad) == before
    assert vars(fitted) == state

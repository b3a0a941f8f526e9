"""Every kind of input that people give by mistake, and what looks like one but is fine.

The rows are those of a survey of what scikit-learn, numpy, torch and scikit-image do
with such input (numbers in the test ids). Where the survey recommends to refuse
something that the API takes by contract (colour, mixed sizes, tiny images), the
contract holds.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer, WienerBinarizer

N, HEIGHT, WIDTH = 3, 6, 8
SHAPE = (N, HEIGHT, WIDTH)
# Words of numpy, torch and Python that tell a user nothing about images.
RAW = re.compile(
    r"zero-size array|inhomogeneous|setting an array element|could not convert|"
    r"argument must be|object of type .* has no len|unsized object|ScalarType|"
    r"Can't call numpy|ambiguous|must be real number, not|broadcast"
)


class Accepted(NamedTuple):
    id: str
    make: Callable[..., Any]
    # Of the result: a tuple is an array of this shape, a list one of images.
    shape: tuple[int, ...] | list[tuple[int, int]] = SHAPE


class Rejected(NamedTuple):
    id: str
    make: Callable[..., Any]
    error: type[Exception]
    message: str


def grey(shape=SHAPE, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def unit(dtype=np.float64) -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE).astype(dtype)


def with_value(value) -> np.ndarray:
    X = unit()
    X[1, 2, 3] = value
    return X


def truth(shape) -> Any:
    """Chessboards, of either colour in turn: two values even if images are 1 x 1."""
    if isinstance(shape, list):
        return [np.indices(s).sum(axis=0) % 2 == i % 2 for i, s in enumerate(shape)]
    return (np.indices(shape).sum(axis=0) % 2).astype(np.uint8)


def objects(images) -> np.ndarray:
    array = np.empty(len(images), dtype=object)
    for i, image in enumerate(images):
        array[i] = image
    return array


def pil(mode: str, *sizes: tuple[int, int]) -> list[Image.Image]:
    sizes = sizes or ((HEIGHT, WIDTH),) * N
    return [Image.fromarray(grey((*size, 3))).convert(mode) for size in sizes]


def memmap(tmp_path: Path, mode: str) -> np.memmap:
    np.save(tmp_path / "X.npy", grey())
    return np.load(tmp_path / "X.npy", mmap_mode=mode)


def read_only() -> np.ndarray:
    X = grey()
    X.setflags(write=False)
    return X


def frame(columns="abcd", dtype=None) -> pd.DataFrame:
    return pd.DataFrame(grey((N, len(columns))), columns=list(columns), dtype=dtype)


def masked(n_masked: int) -> np.ma.MaskedArray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask.reshape(-1)[:n_masked] = True
    return np.ma.MaskedArray(grey(), mask)


def matrix() -> np.matrix:
    with warnings.catch_warnings():  # numpy's own, against making one
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(grey((4, 5)))


MIXED = [(6, 8), (5, 9), (1, 4)]
SAME = [(HEIGHT, WIDTH)] * N

ACCEPTED = [
    Accepted("row01-float64", unit),
    Accepted("row02-float32", lambda: unit(np.float32)),
    Accepted("row03-float16", lambda: unit(np.float16)),
    Accepted("row04-uint8", grey),
    Accepted("row05-uint16", lambda: grey(dtype=np.uint16) * np.uint16(257)),
    Accepted("row06-int64", lambda: grey(dtype=np.int64)),
    Accepted("row07-bool", lambda: grey() > 127),
    Accepted("row08-negative", lambda: unit() - 0.5),
    Accepted("row09-longdouble", lambda: unit(np.longdouble)),
    Accepted("row10-big-endian", lambda: unit().astype(">f8")),
    Accepted("row10-big-endian-int", lambda: grey(dtype=">i2")),
    Accepted("row14-1e308", lambda: (unit() * 2 - 1) * 1e308),
    Accepted("row15-subnormal", lambda: unit() * 1e-310),
    Accepted("row16-int-2^40", lambda: grey(dtype=np.int64) << 32),
    Accepted("row17-constant", lambda: np.full(SHAPE, 77, np.uint8)),
    Accepted("row17-constant-negative", lambda: np.full(SHAPE, -7.5)),
    Accepted("row18-zero", lambda: np.zeros(SHAPE)),
    Accepted("row19-1x1", lambda: grey((N, 1, 1)), (N, 1, 1)),
    Accepted("row20-strip", lambda: grey((N, 1, 9)), (N, 1, 9)),
    Accepted("row27-rgb", lambda: grey((*SHAPE, 3))),
    Accepted("row28-rgba", lambda: grey((*SHAPE, 4))),
    Accepted("row29-one-channel-last", lambda: grey((*SHAPE, 1))),
    Accepted("row30-three-columns", lambda: grey((N, 6, 3)), (N, 6, 3)),
    Accepted("row31-nested-lists", lambda: grey().tolist(), SAME),
    Accepted("row31-list-of-equal", lambda: list(grey()), SAME),
    Accepted("row32-mixed-sizes", lambda: [grey(s) for s in MIXED], MIXED),
    Accepted("row33-object-images", lambda: objects([grey(s) for s in MIXED]), MIXED),
    Accepted("row34-object-numbers", lambda: grey().astype(object)),
    Accepted("row39-fortran", lambda: np.asfortranarray(grey())),
    Accepted("row39-strided", lambda: grey((N, 12, 24))[:, ::2, ::3]),
    Accepted("row39-negative-strides", lambda: grey()[:, ::-1, ::-1]),
    Accepted("row40-read-only", read_only),
    Accepted("row40-memmap", lambda tmp_path: memmap(tmp_path, "r")),
    Accepted("row41-mask-of-nothing", lambda: masked(0)),
    Accepted("row44-frame", frame, (N, 4)),
    Accepted("row44-frame-nullable", lambda: frame(dtype="UInt8"), (N, 4)),
    Accepted("row47-tensor", lambda: torch.from_numpy(grey())),
    Accepted("row48-requires-grad", lambda: torch.from_numpy(unit()).requires_grad_()),
    Accepted("row49-bfloat16", lambda: torch.from_numpy(unit()).bfloat16()),
    Accepted("row51-pil-grey", lambda: pil("L"), SAME),
    Accepted("row51-pil-bilevel", lambda: pil("1"), SAME),
    Accepted("row52-pil-palette", lambda: pil("P"), SAME),
    Accepted("row53-pil-rgb", lambda: pil("RGB"), SAME),
    Accepted("row54-pil-mixed-sizes", lambda: pil("L", *MIXED), MIXED),
]

NO_TEXT = "bytes/strings"
REJECTED = [
    Rejected("row11-complex", lambda: unit() + 1j, ValueError, "Complex data not"),
    Rejected("row12-nan", lambda: with_value(np.nan), ValueError, "contains NaN"),
    Rejected("row13-inf", lambda: with_value(np.inf), ValueError, "contains infinity"),
    Rejected(
        "row13-inf-for-float64",
        lambda: unit(np.longdouble) * np.finfo(np.longdouble).max,
        ValueError,
        "too large for dtype",
    ),
    Rejected(
        "row21-no-samples",
        lambda: np.empty((0, 6, 8)),
        ValueError,
        r"0 sample\(s\) \(shape=\(0, 6, 8\)\) while a minimum of 1 is required",
    ),
    Rejected(
        "row22-zero-height",
        lambda: np.empty((3, 0, 8)),
        ValueError,
        r"0 feature\(s\) \(shape=\(3, 0, 8\)\) while a minimum of 1 is required",
    ),
    Rejected(
        "row23-zero-width",
        lambda: np.empty((3, 6, 0)),
        ValueError,
        r"0 feature\(s\) \(shape=\(3, 6, 0\)\) while a minimum of 1 is required",
    ),
    Rejected(
        "row23-empty-image-in-list",
        lambda: [grey()[0], np.empty((6, 0))],
        ValueError,
        r"X\[1\] is an empty image of shape \(6, 0\)",
    ),
    Rejected("row24-scalar", lambda: 5.0, ValueError, "got scalar array instead"),
    Rejected("row24-0d", lambda: np.array(5), ValueError, "got scalar array instead"),
    Rejected("row25-1d", lambda: grey((9,)), ValueError, "Reshape your data"),
    Rejected("row25-1d-list", lambda: [1, 2, 3], ValueError, "Reshape your data"),
    Rejected(
        "row25-list-of-0d",
        lambda: [np.array(1), np.array(2)],
        ValueError,
        "Reshape your data",
    ),
    Rejected(
        "row29-channels-first",
        lambda: grey((N, 1, 6, 8)),
        ValueError,
        re.escape("Channels come last: np.moveaxis(X, 1, -1)"),
    ),
    Rejected(
        "row32-ragged-rows", lambda: [[1, 2], [3]], ValueError, r"same length.*\[1, 2\]"
    ),
    Rejected(
        "row32-ragged-image",
        lambda: [[[1, 2], [3]], [[1, 2], [3, 4]]],
        ValueError,
        r"X\[0\] is a nested list whose parts differ in length",
    ),
    Rejected("row35-strings", lambda: np.full(SHAPE, "a"), ValueError, NO_TEXT),
    Rejected("row35-numeric-strings", lambda: grey().astype(str), ValueError, NO_TEXT),
    Rejected(
        "row35-numeric-string-objects",
        lambda: grey().astype(str).astype(object),
        ValueError,
        NO_TEXT,
    ),
    Rejected("row35-bytes", lambda: np.full(SHAPE, b"a"), ValueError, NO_TEXT),
    Rejected(
        "row35-structured", lambda: np.zeros(SHAPE, [("a", "u1")]), ValueError, NO_TEXT
    ),
    Rejected(
        "row36-datetime64",
        lambda: grey(dtype="M8[s]"),
        ValueError,
        "must hold real numbers",
    ),
    Rejected(
        "row36-timedelta64",
        lambda: grey(dtype="m8[s]"),
        ValueError,
        "must hold real numbers",
    ),
    Rejected("row37-none", lambda: None, ValueError, "object of type NoneType"),
    Rejected("row37-dict", lambda: {"a": 1}, ValueError, "object of type dict"),
    Rejected("row37-set", lambda: {1, 2}, ValueError, "object of type set"),
    Rejected(
        "row37-generator",
        lambda: (image for image in grey()),
        ValueError,
        "object of type generator",
    ),
    Rejected("row37-path", lambda: Path("plate.png"), ValueError, "imread"),
    Rejected("row37-path-string", lambda: "plate.png", ValueError, "imread"),
    Rejected("row38-list-of-paths", lambda: [Path("a.png")], ValueError, "imread"),
    Rejected("row38-list-of-strings", lambda: ["a.png"], ValueError, "imread"),
    Rejected("row38-object-array-of-paths", lambda: objects(["a"]), ValueError, "imr"),
    Rejected("row38-empty-list", lambda: [], ValueError, r"0 sample\(s\)"),
    Rejected("row41-masked", lambda: masked(2), ValueError, "2 masked pixels"),
    Rejected(
        "row42-matrix",
        matrix,
        TypeError,
        "np.matrix is not supported",
    ),
    *(
        Rejected(
            f"row43-{kind.__name__}",
            lambda kind=kind: kind(grey((4, 5))),
            TypeError,
            "Sparse data was passed for X, but dense data is required",
        )
        for kind in (
            scipy.sparse.csr_array,
            scipy.sparse.coo_array,
            scipy.sparse.csr_matrix,
            scipy.sparse.dok_array,
        )
    ),
    Rejected("row45-duplicate-names", lambda: frame("aab"), ValueError, "unique"),
    Rejected(
        "row46-frame-with-na",
        lambda: frame(dtype="Int64").mask(lambda f: f == f.iloc[0, 0]),
        ValueError,
        "contains NaN",
    ),
    Rejected(
        "row50-meta-tensor",
        lambda: torch.empty(SHAPE, device="meta"),
        TypeError,
        "meta tensor, which has no pixels",
    ),
    Rejected(
        "row50-sparse-tensor",
        lambda: torch.from_numpy(grey()).to_sparse(),
        TypeError,
        "sparse tensor, which has no pixels",
    ),
    # Refused, unlike row 26: nobody has pixels of rows in a picture of PIL's.
    Rejected("row55-single-pil", lambda: pil("L")[0], ValueError, "single PIL image"),
]
# Row 26, and row 56, a picture of 30,000 x 30,000 pixels, have tests of their own.
TESTED_ELSEWHERE = {26, 56}


def two_values(low, high, dtype) -> np.ndarray:
    return np.where(truth(SHAPE) == 1, high, low).astype(dtype)


ACCEPTED_Y = [
    Accepted("y1-0-1", lambda: two_values(0, 1, np.int64)),
    Accepted("y2-bool", lambda: two_values(0, 1, bool)),
    Accepted("y3-0-255", lambda: two_values(0, 255, np.uint8)),
    Accepted("y4-minus-1-1", lambda: two_values(-1, 1, np.int8)),
    Accepted("y5-floats", lambda: two_values(0, 1, np.float32)),
    Accepted("y6-inverted", lambda: (grey() < 128).astype(np.uint8)),
    Accepted("y11-one-channel", lambda: two_values(0, 1, np.uint8)[..., np.newaxis]),
    Accepted("y13-objects-that-are-ints", lambda: two_values(0, 1, object)),
]


def jpeg_noise() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 4, SHAPE)
    return np.where(truth(SHAPE) == 1, 255 - noise, noise).astype(np.uint8)


BINARY = "exactly two different values"
SIZES = "Each image of y must have the height and width of its image of X"
REJECTED_Y = [
    Rejected("y7-constant", lambda: np.ones(SHAPE), ValueError, BINARY + ".* only 1.0"),
    Rejected("y8-grey", unit, ValueError, BINARY + r".*144 values from 0\.0.* to 0\.9"),
    Rejected(
        "y8-three-levels",
        lambda: grey() % 3,
        ValueError,
        BINARY + r".*3 values from 0 to 2.*y > 127",
    ),
    Rejected("y8-jpeg", jpeg_noise, ValueError, BINARY + ".*8 values from 0 to 255"),
    Rejected(
        "y10-fewer",
        lambda: truth(SHAPE)[:2],
        ValueError,
        r"inconsistent numbers of samples: \[3, 2\]",
    ),
    Rejected("y11-height", lambda: truth((N, 5, 8)), ValueError, SIZES),
    Rejected(
        "y11-transposed",
        lambda: truth((N, 8, 6)),
        ValueError,
        SIZES + r".*\(6, 8\) in X and \(8, 6\) in y",
    ),
    Rejected("y11-flat", lambda: truth((N, 48)), ValueError, SIZES),
    Rejected("y11-labels", lambda: np.arange(N) % 2, ValueError, "Reshape your data"),
    Rejected(
        "y11-colour",
        lambda: np.stack([truth(SHAPE)] * 3, axis=-1),
        ValueError,
        r"one channel, got 3.*y\[..., 0\]",
    ),
    Rejected("y12-nan", lambda: with_value(np.nan), ValueError, "y contains NaN"),
    Rejected("y12-inf", lambda: with_value(-np.inf), ValueError, "y contains infinity"),
    Rejected("y13-strings", lambda: np.full(SHAPE, "a"), ValueError, "Unknown label"),
    Rejected(
        "y13-objects", lambda: np.full(SHAPE, "a", object), ValueError, "bytes/strings"
    ),
    Rejected("y13-list-of-strings", lambda: ["a"] * N, ValueError, "holds text"),
    Rejected(
        "y14-sparse",
        lambda: scipy.sparse.csr_array(truth((N, 8))),
        TypeError,
        "Sparse data was passed for y, but dense data is required",
    ),
    Rejected("y15-complex", lambda: unit() + 1j, ValueError, "Complex data not"),
    Rejected("y15-ragged", lambda: [[0, 1], [0]], ValueError, "same length"),
]


def row_number(case) -> int:
    return int(re.match(r"(?:row|y)(\d+)-", case.id)[1])


def cases(table):
    return pytest.mark.parametrize("case", table, ids=[case.id for case in table])


def build(case, tmp_path) -> Any:
    wants_folder = "tmp_path" in inspect.signature(case.make).parameters
    return case.make(tmp_path) if wants_folder else case.make()


def content(X) -> Any:
    """What must not change in an input."""
    if inspect.isgenerator(X):
        return inspect.getgeneratorstate(X)
    if isinstance(X, pd.DataFrame):  # a pickle would show its caches too
        return X.to_csv(), X.dtypes.to_list()
    return pickle.dumps(X)


CLASSICAL = {
    "otsu": OtsuBinarizer(),
    "sauvola": SauvolaBinarizer(),
    "wiener": WienerBinarizer(),
    # On images as small as these, "auto" has hardly anything to choose from.
    "wiener-psf": WienerBinarizer(psf=np.full((3, 3), 1 / 9), balance=0.01),
}


def make_estimator(name, tiny_gan):
    return clone(CLASSICAL[name]) if name in CLASSICAL else tiny_gan()


@pytest.fixture(params=[*CLASSICAL, "gan"])
def name(request):
    return request.param


@pytest.fixture
def estimator(name, tiny_gan):
    return make_estimator(name, tiny_gan)


@pytest.fixture(scope="module")
def fitted_ones(tiny_gan):
    X, Y = grey(), truth(SHAPE)
    return {n: make_estimator(n, tiny_gan).fit(X, Y) for n in (*CLASSICAL, "gan")}


@pytest.fixture
def fitted(name, fitted_ones):
    return copy.deepcopy(fitted_ones[name])


def assert_result(result, shape, values):
    if isinstance(shape, list):
        assert isinstance(result, list)
        assert [image.shape for image in result] == shape
        result = np.concatenate([image.ravel() for image in result])
    else:
        assert isinstance(result, np.ndarray)
        assert result.shape == shape
    assert result.dtype == values.dtype
    assert set(np.unique(result)) <= set(values)


def assert_refused(call, case, name):
    """Exactly the listed type, a message about the array in words of this library."""
    with pytest.raises(case.error, match=re.compile(case.message, re.DOTALL)) as caught:
        call()
    assert caught.type is case.error
    assert re.search(rf"\b[{name}]\b", str(caught.value))
    assert not RAW.search(str(caught.value))


def assert_same_state(estimator, before, pickled):
    after = vars(estimator)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] is not before[name]] == []
    assert pickle.dumps(estimator) == pickled  # nothing changed in place, either


def test_the_tables_hold_every_row():
    rows = {row_number(case) for case in (*ACCEPTED, *REJECTED)} | TESTED_ELSEWHERE
    assert rows == set(range(1, 57))
    y_rows = {row_number(case) for case in (*ACCEPTED_Y, *REJECTED_Y)} | {9}
    assert y_rows == set(range(1, 16))


@cases(ACCEPTED)
def test_accepted_images_are_fitted_and_predicted(case, estimator, tmp_path):
    X = build(case, tmp_path)
    Y = truth(case.shape)
    before = content(X), content(Y)
    result = estimator.fit(X, Y).predict(X)
    assert_result(result, case.shape, np.unique(np.concatenate([y.ravel() for y in Y])))
    assert (content(X), content(Y)) == before


@cases(REJECTED)
def test_refused_images_leave_an_unfitted_estimator_unfitted(case, estimator):
    X = case.make()
    before = content(X)
    state, pickled = dict(vars(estimator)), pickle.dumps(estimator)
    assert_refused(lambda: estimator.fit(X, truth(SHAPE)), case, "X")
    assert_same_state(estimator, state, pickled)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    assert content(X) == before


@cases(REJECTED)
def test_refused_images_leave_a_fitted_estimator_as_it_was(case, fitted):
    X = case.make()
    state, pickled = dict(vars(fitted)), pickle.dumps(fitted)
    assert_refused(lambda: fitted.fit(X, truth(SHAPE)), case, "X")
    assert_refused(lambda: fitted.predict(X), case, "X")
    assert_same_state(fitted, state, pickled)


@cases(ACCEPTED_Y)
def test_accepted_truth_is_answered_in_its_encoding(case, estimator):
    X, Y = grey(), case.make()
    before = content(Y)
    result = estimator.fit(X, Y).predict(X)
    # Numbers in an array of objects become floats, as they do in scikit-learn.
    dtype = np.float64 if Y.dtype == object else Y.dtype
    values = np.unique(Y.astype(dtype))
    assert_result(result, SHAPE, values)
    assert estimator.classes_.dtype == dtype
    assert estimator.classes_.tolist() == values.tolist()
    assert content(Y) == before


@cases(REJECTED_Y)
def test_refused_truth_leaves_the_estimator_as_it_was(case, estimator, fitted):
    X, Y = grey(), case.make()
    before = content(X), content(Y)
    for model in (estimator, fitted):
        state, pickled = dict(vars(model)), pickle.dumps(model)
        assert_refused(lambda model=model: model.fit(X, Y), case, "Yy")
        assert_same_state(model, state, pickled)
    assert (content(X), content(Y)) == before


def test_y9_without_truth(tiny_gan):
    case = Rejected("y9-none", lambda: None, ValueError, "requires y to be passed")
    assert_refused(lambda: tiny_gan().fit(grey(), None), case, "Yy")
    # Those without networks need none.
    values = np.array([0, 1], np.uint8)
    for binarizer in CLASSICAL.values():
        result = clone(binarizer).fit(grey()).predict(grey())
        assert_result(result, SHAPE, values)


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, torch.from_numpy])
def test_row26_a_single_picture_is_read_as_rows_with_a_warning(form, estimator):
    picture, Y = grey((20, 24)), truth((20, 24))
    with pytest.warns(UserWarning, match="X of shape .20, 24. is read as 20 images"):
        estimator.fit(form(picture), form(Y))
    # It is known by now that rows are meant: a warning would be an error here.
    assert_result(estimator.predict(form(picture)), (20, 24), estimator.classes_)


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, torch.from_numpy])
def test_row26_a_single_picture_is_refused_after_a_fit_on_images(form, fitted):
    case = Rejected("", grey, ValueError, r"two-dimensional, but .*X\[np.newaxis\]")
    assert_refused(lambda: fitted.predict(form(grey((20, 24)))), case, "X")
    assert fitted.predict(grey((20, 24))[np.newaxis]).shape == (1, 20, 24)


@pytest.mark.parametrize("value", [77, 0, -3.5])
@pytest.mark.parametrize("binarizer", CLASSICAL.values(), ids=CLASSICAL)
@pytest.mark.filterwarnings("ignore:.*outside the input range:UserWarning")
def test_rows_17_and_18_constant_images_are_all_background(value, binarizer):
    X = np.full(SHAPE, value)
    assert clone(binarizer).fit(X).predict(X).all()
    # Background too where ink is bright, as in the pair that it is fitted on here.
    light_on_dark = clone(binarizer).fit(grey(), (grey() < 128).astype(np.uint8))
    assert not light_on_dark.bright_is_paper_
    assert light_on_dark.predict(X).all()


@pytest.mark.parametrize("value", [77, 0])
def test_constant_images_are_background_after_a_fit_on_others(value, fitted):
    assert fitted.predict(np.full(SHAPE, value, np.uint8)).all()


def test_columns_without_usable_names_leave_the_estimator_as_it_was(fitted):
    state, pickled = dict(vars(fitted)), pickle.dumps(fitted)
    X = frame().rename(columns={"a": 1})
    with pytest.raises(TypeError, match="Feature names are only supported"):
        fitted.fit(X, truth(X.shape))
    assert_same_state(fitted, state, pickled)


def test_columns_without_usable_names_are_refused_before_training(tiny_gan, capsys):
    """scikit-learn looks at names last, when hours of training may have passed."""
    X = frame()
    tiny_gan(verbose=1).fit(X, truth(X.shape))
    assert "epoch" in capsys.readouterr().err.lower()
    with pytest.raises(TypeError, match="Feature names are only supported"):
        tiny_gan(verbose=1).fit(X.rename(columns={"a": 1}), truth(X.shape))
    assert capsys.readouterr().err == ""


# Large images

HUGE = (1, 30_000, 30_000)


@pytest.mark.parametrize("method", ["predict", "deblur", "transform", "fit"])
def test_images_that_are_too_large_are_refused_by_a_named_limit(
    method, tiny_gan, plates
):
    model = tiny_gan().fit(*plates)
    state = dict(vars(model))
    huge = np.broadcast_to(np.uint8(0), HUGE)  # a single byte
    arguments = (huge, huge) if method == "fit" else (huge,)
    with pytest.raises(
        ValueError, match=r"X\[0\] has 30000x30000 = 900000000 .*max_image_pixels"
    ):
        getattr(model, method)(*arguments)
    assert vars(model) == state


def test_the_limit_of_pixels_is_the_users(tiny_gan, plates):
    model = tiny_gan(max_image_pixels=24 * 40).fit(*plates)
    model.predict(plates.X)
    wide = np.zeros((1, 24, 41), np.uint8)
    with pytest.raises(ValueError, match=r"24x41 = 984 .*max_image_pixels=960"):
        model.predict(wide)
    model.set_params(max_image_pixels=None).predict(wide)


def test_tiles_do_not_show_in_what_is_predicted(tiny_gan, plates):
    model = tiny_gan().fit(*plates)
    X = np.tile(plates.X, (1, 24, 20))[:2]
    whole = model.deblur(X)
    model.set_params(working_memory=1.2)
    assert np.abs(model.deblur(X) - whole).max() < 1e-5
    with sklearn.config_context(working_memory=1.2):
        tiled = model.set_params(working_memory=None).deblur(X)
    assert np.abs(tiled - whole).max() < 1e-5
    model.set_params(working_memory=1e-3)
    with pytest.warns(UserWarning, match=r"Currently 0\.001 MiB, 1 MiB required"):
        assert np.abs(model.deblur(X) - whole).max() < 1e-5


def test_a_working_shape_that_is_too_large_is_refused(tiny_gan, plates):
    model = tiny_gan().fit(*plates).set_params(working_shape=(10**6, 10**6))
    with pytest.raises(ValueError, match=r"working_shape=\(1000000, 1000000\) has"):
        model.predict(plates.X)
    with pytest.raises(ValueError, match=r"working_shape=\(1000000, 1000000\) has"):
        model.fit(*plates)

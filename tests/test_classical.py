"""What the binarizers without networks do to images, and how they choose settings.

What all binarizers have in common is in test_binarizer_properties.py.
"""

from __future__ import annotations

import inspect
import itertools
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.restoration import wiener
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer, WienerBinarizer
from skdeblurbin._classical.kernels import kernel_family
from skdeblurbin._classical.search import choose_setting, evenly_spaced
from skdeblurbin._classical.wiener import _deconvolve
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets.degradations import (
    defocus_blur,
    disk_kernel,
    motion_blur,
    motion_kernel,
    uneven_light,
)
from skdeblurbin.metrics import rmse_scorer

FOLDS = KFold(2)


@pytest.fixture(scope="module")
def sharp():
    """Drawn characters without any blur, in [0, 1], and their truth."""
    X, Y = make_blurred_plates(8, (48, 96), severity=0, light_on_dark=0, random_state=0)
    return X / 255, Y


@pytest.fixture(scope="module")
def noisy(plates):
    """The plates under noise, so that no setting makes them perfect."""
    noise = np.random.default_rng(0).normal(0, 40, plates.X.shape)
    return (plates.X + noise).clip(0, 255).astype(np.uint8), plates.Y


def photograph(images, blur):
    """Blur, the noise of one part in a hundred, and 256 levels."""
    noise = np.random.default_rng(0).normal(0, 0.01, np.shape(images))
    blurred = np.stack([blur(image) for image in images]) + noise
    return (255 * blurred).round().clip(0, 255).astype(np.uint8)


# Sauvola's threshold


def sauvola(image, size, k):
    """The paper's formula, window by window."""
    reach = [min(size, 2 * side - 1) // 2 for side in image.shape]
    padded = np.pad(image, [(r, r) for r in reach], mode="reflect")
    paper = np.empty(image.shape, bool)
    for row, column in np.ndindex(image.shape):
        window = padded[
            row : row + 2 * reach[0] + 1, column : column + 2 * reach[1] + 1
        ]
        threshold = window.mean() * (1 + k * (window.std() / 0.5 - 1))
        paper[row, column] = image[row, column] > threshold
    return paper


@pytest.mark.parametrize("shape", [(9, 14), (3, 20), (1, 15), (11, 1), (2, 2)])
@pytest.mark.parametrize(("size", "k"), [(3, 0.2), (5, 0.02), (25, 0.5), (7, 1)])
def test_sauvola_is_the_formula(shape, size, k):
    X = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    expected = np.stack([sauvola(image / 255, size, k) for image in X])
    model = SauvolaBinarizer(window_size=size, k=k).fit(X)
    assert_array_equal(model.predict(X), expected)


def test_windows_larger_than_the_image():
    # A window of any size takes no more memory than one that always holds the image.
    X = np.random.default_rng(0).integers(0, 256, (4, 7, 12), dtype=np.uint8)
    size = 10**9 + 1
    expected = np.stack([sauvola(image / 255, size, 0.2) for image in X])
    model = SauvolaBinarizer(window_size=size, k=0.2).fit(X)
    assert_array_equal(model.predict(X), expected)


def test_sauvola_on_the_negative_where_ink_is_bright(noisy):
    X, Y = noisy
    parameters = {"window_size": 9, "k": 0.1}
    model = SauvolaBinarizer(**parameters).fit(255 - X, Y)
    assert not model.bright_is_paper_
    expected = np.stack([sauvola(image / 255, 9, 0.1) for image in X])
    assert_array_equal(model.predict(255 - X), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_even_black_is_ink_everywhere(dtype):
    # There the threshold is 0, if sums have no rounding errors.
    X = np.random.default_rng(0).random((3, 40, 60)).astype(dtype)
    X[:, 10:35, 20:50] = 0
    paper = SauvolaBinarizer(window_size=5, k=0.2).fit(X).predict(X)
    assert not paper[:, 12:33, 22:48].any()


def test_sauvola_is_for_uneven_light(sharp):
    X, Y = sharp
    rng = np.random.default_rng(0)
    X = np.stack([uneven_light(image, rng, 0.9) for image in X])
    assert -SauvolaBinarizer().fit(X, Y).score(X, Y) < 0.5 * -OtsuBinarizer().fit(
        X, Y
    ).score(X, Y)


def test_sauvola_warns_of_another_scale(plates):
    model = SauvolaBinarizer().fit(plates.X / 255.0)
    with pytest.warns(UserWarning, match=r"outside the input range \[0, 1\]") as seen:
        model.predict(plates.X.astype(float))
    assert seen[0].filename == __file__
    with pytest.warns(
        UserWarning, match="read on the scale .* as nearly black"
    ) as seen:
        SauvolaBinarizer().fit(plates.X / plates.X.max() * 1.05)
    assert seen[0].filename == __file__


# Wiener's filter

BLURS = {
    "motion, 9 px, 0 degrees": (
        lambda image: motion_blur(image, 9),
        motion_kernel(9),
    ),
    "motion, 7 px, 90 degrees": (
        lambda image: motion_blur(image, 7, np.pi / 2),
        motion_kernel(7, np.pi / 2),
    ),
    "motion, 11 px, 150 degrees": (
        lambda image: motion_blur(image, 11, np.deg2rad(150)),
        motion_kernel(11, np.deg2rad(150)),
    ),
    "defocus, radius 2.5 px": (
        lambda image: defocus_blur(image, 2.5),
        disk_kernel(2.5),
    ),
}


@pytest.mark.parametrize("name", BLURS)
def test_the_true_kernel_beats_otsu(name, sharp):
    blur, psf = BLURS[name]
    X, Y = photograph(sharp[0], blur), sharp[1]
    model = WienerBinarizer(psf=psf, balance=0.003).fit(X, Y)
    assert -model.score(X, Y) < 0.6 * -OtsuBinarizer().fit(X, Y).score(X, Y)


@pytest.mark.parametrize("name", BLURS)
def test_auto_finds_the_kernel_of_all_plates(name, sharp):
    blur, psf = BLURS[name]
    X, Y = photograph(sharp[0], blur), sharp[1]
    model = WienerBinarizer(balance=0.003).fit(X, Y)
    assert model.kernel_ == name
    # The same but for empty borders.
    rows, columns = (
        (n - m) // 2 for n, m in zip(psf.shape, model.psf_.shape, strict=True)
    )
    inner = psf[rows : psf.shape[0] - rows, columns : psf.shape[1] - columns]
    assert_allclose(model.psf_, inner, atol=1e-6)


def test_sharp_plates_need_no_kernel(sharp):
    Y = sharp[1]
    model = WienerBinarizer().fit(50 + 150 * Y, Y)
    assert model.kernel_ == "no blur"
    assert_array_equal(model.predict(50 + 150 * Y), Y)


@pytest.mark.parametrize("psf", [[[0.6, 0.3, 0.1, 0, 0]], [[0.4, 0.3, 0.2, 0.1]]])
def test_kernels_lie_as_documented(psf, sharp):
    # By numpy's own convolution, with [0, n // 2] as the centre.
    weights = np.array(psf[0])
    before = len(weights) // 2

    def blur(image):
        rows = np.pad(image, [(0, 0), (8, 8)], mode="edge")
        return np.stack(
            [np.convolve(row, weights)[8 + before :][: image.shape[1]] for row in rows]
        )

    X, Y = photograph(sharp[0], blur), sharp[1]
    error, mirrored = (
        -WienerBinarizer(psf=p, balance=0.01).fit(X, Y).score(X, Y)
        for p in (psf, [psf[0][::-1]])
    )
    assert error < 0.8 * mirrored


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 6), (24, 21), (48, 31), (99, 3)])
def test_a_kernel_that_blurs_nothing(shape, plates):
    # Also where it is larger than the image, or has the shape of the latter's spectrum.
    psf = np.zeros(shape)
    psf[shape[0] // 2, shape[1] // 2] = 3
    model = WienerBinarizer(psf=psf, balance=1e-9).fit(*plates)
    expected = OtsuBinarizer().fit(*plates).predict(plates.X)
    assert_array_equal(model.predict(plates.X), expected)


@pytest.mark.parametrize("balance", [5e-324, 1e-200, 1e300])
def test_extreme_balances_do_not_overflow(balance, plates):
    # The spectrum of this kernel has zeros.
    model = WienerBinarizer(psf=np.ones((4, 4)), balance=balance).fit(*plates)
    assert model.predict(plates.X).shape == plates.X.shape


def test_extreme_kernels_do_not_overflow(plates):
    psf = np.array([[1e308, 1e308, 1e308]])
    model = WienerBinarizer(psf=psf, balance=0.01).fit(*plates)
    assert_array_equal(model.psf_, [[1 / 3, 1 / 3, 1 / 3]])
    WienerBinarizer(psf=psf * 0 + 5e-324, balance=0.01).fit(*plates)


def test_wiener_does_not_depend_on_brightness_and_contrast(plates):
    model = WienerBinarizer(psf=np.ones((1, 5)), balance=0.1).fit(*plates)
    expected = model.predict(plates.X)
    X = plates.X.astype(np.float64)
    for contrast, brightness in [(0.25, 0), (1, -100), (3, 17), (1e-6, 1e3), (1e5, -9)]:
        assert_array_equal(model.predict(contrast * X + brightness), expected)


def test_wiener_at_the_borders():
    # Left and right of this image differ: a circular filter mixes them up.
    step = np.repeat([[0.2, 0.8]], 40, axis=1).repeat(30, axis=0)
    blurred = motion_blur(step, 9)
    psf = motion_kernel(9)
    assert np.abs(wiener(blurred, psf, 1e-3) - step)[:, [0, -1]].min() > 0.1
    restored = _deconvolve(blurred, psf, 1e-3) * np.ptp(blurred) + blurred.min()
    assert np.abs(restored - step)[:, [0, -1]].max() < 0.05


# What fit chooses


def grid_of_sauvola(height):
    parts = (0.125, 0.175, 0.25, 0.4, 0.55, 0.75, 1, 1.5)
    sizes = {max(3, int(height * part) // 2 * 2 + 1) for part in parts}
    return {
        "window_size": sorted(sizes),
        "k": [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
    }


def grid_of_wiener(shape):
    return {
        "psf": [kernel.psf for kernel in kernel_family(shape)],
        "balance": [0.003, 0.01, 0.03, 0.1, 0.3],
    }


@pytest.mark.parametrize("given", [{}, {"window_size": 7}, {"k": 0.3}])
def test_sauvola_chooses_the_best(given, noisy):
    grid = grid_of_sauvola(24) | {name: [value] for name, value in given.items()}
    scores = [
        SauvolaBinarizer(window_size=size, k=k).fit(*noisy).score(*noisy)
        for size, k in itertools.product(*grid.values())
    ]
    assert max(scores) > min(scores)
    model = SauvolaBinarizer(**given).fit(*noisy)
    assert model.score(*noisy) == max(scores)
    assert {"window_size": model.window_size_, "k": model.k_}.items() >= given.items()


@pytest.mark.parametrize("given", [{}, {"psf": np.ones((1, 5)) / 5}, {"balance": 2.0}])
def test_wiener_chooses_the_best(given, noisy):
    grid = grid_of_wiener((24, 40)) | {name: [value] for name, value in given.items()}
    scores = [
        WienerBinarizer(psf=psf, balance=balance).fit(*noisy).score(*noisy)
        for psf, balance in itertools.product(*grid.values())
    ]
    assert max(scores) > min(scores)
    model = WienerBinarizer(**given).fit(*noisy)
    assert model.score(*noisy) == max(scores)
    found = {"psf": model.psf_, "balance": model.balance_}
    for name, value in given.items():
        assert_allclose(found[name], value)
    assert (model.kernel_ == "given") == ("psf" in given)


def test_wiener_is_no_worse_than_otsu_on_its_pairs():
    X, Y = make_blurred_plates(20, (24, 48), random_state=0)
    assert WienerBinarizer().fit(X, Y).score(X, Y) >= OtsuBinarizer().fit(X, Y).score(
        X, Y
    )


@pytest.mark.parametrize(("height", "size"), [(64, 25), (128, 51), (24, 9), (5, 3)])
def test_sauvola_without_truth(height, size):
    # The customary constants for 64 rows, and windows that grow with the height.
    X = np.random.default_rng(0).random((3, height, 20))
    model = SauvolaBinarizer().fit(X)
    assert (model.window_size_, model.k_) == (size, 0.2)
    assert model.bright_is_paper_
    given = SauvolaBinarizer(window_size=7).fit(X)
    assert (given.window_size_, given.k_) == (7, 0.2)


def test_wiener_without_truth(plates):
    model = WienerBinarizer().fit(plates.X)
    assert (model.kernel_, model.balance_) == ("no blur", 0.1)
    assert_array_equal(model.psf_, [[1]])
    assert_array_equal(
        model.predict(plates.X), OtsuBinarizer().fit(plates.X).predict(plates.X)
    )
    given = WienerBinarizer(psf=[[1, 2, 1]]).fit(plates.X)
    assert_array_equal(given.psf_, [[0.25, 0.5, 0.25]])
    assert (given.kernel_, given.balance_) == ("given", 0.1)


def test_no_blur_is_otsu_to_the_last_grey_level():
    # Levels that no float32, and hardly a float64, can tell apart.
    X = 2**52 + np.arange(24).reshape(1, 4, 6)
    expected = OtsuBinarizer().fit(X).predict(X)
    assert_array_equal(WienerBinarizer().fit(X).predict(X), expected)


@pytest.mark.parametrize("kind", [SauvolaBinarizer, WienerBinarizer])
def test_light_characters(kind, noisy):
    X, Y = noisy
    dark, light = kind().fit(X, Y), kind().fit(255 - X, Y)
    assert dark.bright_is_paper_
    assert not light.bright_is_paper_
    assert_array_equal(light.predict(255 - X), dark.predict(X))


@pytest.mark.parametrize("kind", [SauvolaBinarizer, WienerBinarizer])
def test_mixed_sizes_count_by_their_median(kind, noisy):
    X, Y = ([image[: 24 - i] for i, image in enumerate(stack)] for stack in noisy)
    model = kind().fit(X, Y)
    assert model.image_shape_ is None
    assert [image.shape for image in model.predict(X)] == [y.shape for y in Y]
    if kind is SauvolaBinarizer:
        # Heights 24 to 19: the median is 21.5, and 2/5 of it between 7 and 9.
        assert SauvolaBinarizer().fit(X).window_size_ == 9


# The search


def test_evenly_spaced():
    assert evenly_spaced(4, 6) == [0, 1, 2, 3]
    assert evenly_spaced(6, 6) == [0, 1, 2, 3, 4, 5]
    assert evenly_spaced(101, 6) == [0, 20, 40, 60, 80, 100]
    assert len(set(evenly_spaced(19, 18))) == 18


def images_that_know_their_number(n):
    return [np.array([[i]]) for i in range(n)], [np.ones((1, 2), bool)] * n


WRONG, HALF, RIGHT = (np.array([pair], bool) for pair in [(0, 0), (0, 1), (1, 1)])


@pytest.mark.parametrize("n_pairs", [54, 500, 5000])
def test_the_search_takes_bounded_time(n_pairs):
    calls = []

    def binarize(image, setting):
        calls.append(setting)
        return (RIGHT if setting == 0 else HALF), WRONG

    pairs = images_that_know_their_number(n_pairs)
    assert choose_setting(range(100), binarize, *pairs) == (0, True)
    # A sixth of 100 is 17, a sixth of 17 is 3.
    assert len(calls) == 100 * 6 + 17 * 18 + 3 * 54


def test_the_fallback_stays_to_the_end():
    pairs = images_that_know_their_number(1000)
    first = evenly_spaced(1000, 6)

    def binarize(image, setting):
        if setting == 0:  # the worst on the first six pairs, and right on all others
            return (WRONG if image.item() in first else RIGHT), WRONG
        return HALF, WRONG

    assert choose_setting(range(50), binarize, *pairs) == (0, True)


def test_the_best_on_more_pairs_wins():
    pairs = images_that_know_their_number(12)

    def binarize(image, setting):
        better = {0: False, 1: image.item() % 2 == 0, 2: image.item() > 2}[setting]
        return WRONG, (RIGHT if better else HALF)

    # 2 is right on 9 pairs, 1 on 6, and dark is paper.
    assert choose_setting([0, 1, 2], binarize, *pairs) == (2, False)


def test_of_equals_the_first_wins():
    pairs = images_that_know_their_number(3)
    assert choose_setting("ab", lambda image, setting: (HALF, HALF), *pairs) == (
        "a",
        True,
    )


# The family


def test_family_of_kernels():
    family = kernel_family((128, 192))
    assert len(family) >= 50
    assert len({kernel.name for kernel in family}) == len(family)
    assert family[0].name == "no blur"
    assert_array_equal(family[0].psf, [[1]])
    for psf, _ in family:
        assert psf.sum() == pytest.approx(1)
        assert psf.min() >= 0
        # Odd, and balanced on the central pixel.
        assert [side % 2 for side in psf.shape] == [1, 1]
        for axis, side in enumerate(psf.shape):
            place = np.arange(side) @ psf.sum(axis=1 - axis)
            assert place == pytest.approx(side // 2, abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (1, 40), (24, 40), (40, 12)])
def test_kernels_are_at_most_half_an_image(shape):
    family = kernel_family(shape)
    assert family[0].name == "no blur"
    for psf, _ in family[1:]:
        assert psf.shape[0] <= max(1, shape[0] / 2)
        assert psf.shape[1] <= max(1, shape[1] / 2)
    if shape == (1, 40):  # of one row, along the row
        assert {name.split(", ")[2] for _, name in family[1:]} == {"0 degrees"}


# Among scikit-learn's tools


@pytest.mark.parametrize(
    ("model", "grid"),
    [
        (SauvolaBinarizer(), {"window_size": [5, 9, "auto"], "k": [0.05, 0.2]}),
        (WienerBinarizer(balance=0.1), {"psf": [np.ones((1, n)) for n in (1, 5, 9)]}),
        (WienerBinarizer(), {"psf": [np.eye(3), np.eye(3)[::-1]], "balance": [0.1, 1]}),
        (WienerBinarizer(psf=np.ones((1, 5))), {"balance": [0.01, 0.1, "auto"]}),
    ],
    ids=["sauvola", "psf", "psf and balance", "balance"],
)
def test_grid_search(model, grid, noisy):
    search = GridSearchCV(
        model, grid, scoring=rmse_scorer, cv=FOLDS, error_score="raise"
    ).fit(*noisy)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == np.prod([len(values) for values in grid.values()])
    assert len(set(scores)) > 1
    again = clone(model).set_params(**search.best_params_).fit(*noisy)
    assert_array_equal(search.predict(noisy[0]), again.predict(noisy[0]))


def test_a_kernel_is_a_parameter_like_others(plates):
    psf = np.array([[1.0, 2.0, 1.0]])
    psf.setflags(write=False)
    model = WienerBinarizer(psf=psf)
    assert model.get_params()["psf"] is psf
    assert repr(model) == "WienerBinarizer(psf=array([[1., 2., 1.]]))"
    cloned = clone(model)
    assert_array_equal(cloned.psf, psf)
    expected = model.fit(*plates).predict(plates.X)
    assert_array_equal(cloned.fit(*plates).predict(plates.X), expected)
    assert_array_equal(psf, [[1, 2, 1]])
    restored = pickle.loads(pickle.dumps(model))
    assert_array_equal(restored.psf, psf)
    assert_array_equal(restored.predict(plates.X), expected)
    # A new kernel waits for the next fit, and belongs to the model from then on.
    other = np.ones((1, 5))
    assert_array_equal(model.set_params(psf=other).predict(plates.X), expected)
    model.fit(*plates)
    other[:] = 0
    assert_array_equal(model.psf_, np.full((1, 5), 0.2))


@pytest.mark.parametrize("kind", [SauvolaBinarizer, WienerBinarizer])
def test_in_a_pipeline(kind, noisy):
    X, Y = noisy
    pipeline = make_pipeline(FunctionTransformer(lambda X: 255 - X), kind()).fit(X, Y)
    alone = kind().fit(255 - X, Y)
    assert_array_equal(pipeline.predict(X), alone.predict(255 - X))
    assert pipeline.score(X, Y) == alone.score(255 - X, Y)


@pytest.mark.parametrize("kind", [OtsuBinarizer, SauvolaBinarizer, WienerBinarizer])
def test_parameters_are_keywords(kind):
    kinds = {p.kind for p in inspect.signature(kind).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}

import time
from importlib import resources

import numpy as np
import pytest
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.registration import phase_cross_correlation

from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.datasets._drawing import (
    CAP_HEIGHTS,
    FONTS,
    NAME_FONTS,
    glyph,
    load_font,
    written,
)
from skdeblurbin.datasets._texts import (
    ALPHABET,
    DIGITS,
    LETTERS,
    WITH_NAMES,
    WITH_SIGNS,
    draw_plate_text,
)

LAYOUTS = ("characters", "plate")


@pytest.fixture(scope="module", params=LAYOUTS)
def sharp(request):
    """Sixty pairs that are hardly degraded, with their texts, and the layout."""
    pairs = make_blurred_plates(
        60, layout=request.param, severity=0, return_text=True, random_state=0
    )
    return *pairs, request.param


def light_on_dark(photo, truth):
    """Whether the characters of a sharp photo are lighter than the paper."""
    height, width = truth.shape
    middle = np.s_[height // 4 : -height // 4, width // 4 : -width // 4]
    ink = truth[middle] == 0
    return photo[middle][ink].mean() > photo[middle][~ink].mean()


def otsu_rmse(X, Y):
    """RMSE of Otsu's threshold, each image with the polarity that fits better."""
    errors = []
    for photo, truth in zip(X, Y, strict=True):
        wrong = np.mean((photo > threshold_otsu(photo)) != truth)
        errors.append(np.sqrt(min(wrong, 1 - wrong)))
    return np.mean(errors)


@pytest.mark.parametrize(
    ("layout", "shape"), [("characters", (128, 128)), ("plate", (128, 192))]
)
def test_default_shapes_are_those_of_the_paper(layout, shape):
    X, Y = make_blurred_plates(2, layout=layout, random_state=0)
    assert X.shape == Y.shape == (2, *shape)
    assert X.dtype == Y.dtype == np.uint8
    assert X.max() > 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(16, 16), (17, 61), (64, 192), (301, 40), [33, 35]])
@pytest.mark.parametrize("severity", [0, 1.0])
def test_any_shape_holds_ink_and_paper(layout, shape, severity):
    X, Y = make_blurred_plates(4, shape, layout, severity=severity, random_state=1)
    assert X.shape == Y.shape == (4, *shape)
    assert set(np.unique(Y)) == {0, 1}
    for truth in Y:
        assert 0.02 < np.mean(truth == 0) < 0.9


def test_every_truth_has_exactly_two_values(sharp):
    _, Y, _, _ = sharp
    for truth in Y:
        np.testing.assert_array_equal(np.unique(truth), [0, 1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_same_images(layout):
    first = make_blurred_plates(3, layout=layout, return_text=True, random_state=5)
    again = make_blurred_plates(3, layout=layout, return_text=True, random_state=5)
    other = make_blurred_plates(3, layout=layout, return_text=True, random_state=6)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])
    assert first[2] != other[2]


def test_image_i_does_not_depend_on_n_samples():
    few = make_blurred_plates(2, random_state=3, return_text=True)
    many = make_blurred_plates(5, random_state=3, return_text=True)
    for a, b in zip(few, many, strict=True):
        np.testing.assert_array_equal(a, b[:2])
    assert not np.array_equal(many[0][0], many[0][1])


def test_random_state_may_be_a_randomstate_that_moves_on():
    rng = np.random.RandomState(7)
    first, second = (make_blurred_plates(1, random_state=rng)[0] for _ in range(2))
    expected = make_blurred_plates(1, random_state=np.random.RandomState(7))[0]
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(first, make_blurred_plates(1, random_state=7)[0])
    assert not np.array_equal(first, second)


def test_none_draws_new_plates():
    first, second = (make_blurred_plates(1, random_state=None)[0] for _ in range(2))
    assert not np.array_equal(first, second)


def test_global_generator_is_left_alone():
    before = np.random.get_state()  # noqa: NPY002
    make_blurred_plates(3, random_state=0)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_truth_and_text_do_not_depend_on_severity():
    _, sharp, first = make_blurred_plates(
        6, severity=0, return_text=True, random_state=2
    )
    _, hard, second = make_blurred_plates(
        6, severity=1, return_text=True, random_state=2
    )
    np.testing.assert_array_equal(sharp, hard)
    assert first == second


def test_texts_are_plate_numbers(sharp):
    _, _, texts, _ = sharp
    assert len(texts) == 60
    assert len(set(texts)) > 50
    for text in texts:
        assert set(text) <= set(ALPHABET)
        assert 4 <= sum(c.isalnum() for c in text) <= 10
        assert text == text.strip()
    assert set("".join(texts)) >= set(DIGITS)
    assert len(set("".join(texts)) & set(LETTERS)) > 20


def test_text_is_returned_on_demand_only():
    assert len(make_blurred_plates(1, random_state=0)) == 2
    assert len(make_blurred_plates(1, random_state=0, return_text=True)) == 3


def test_both_polarities_occur_and_ink_is_zero_in_both(sharp):
    X, Y, _, layout = sharp
    dark = np.array([light_on_dark(x, y) for x, y in zip(X, Y, strict=True)])
    # 60 draws at 25 %: three standard deviations are 0.17.
    assert 0.08 < dark.mean() < 0.42
    if layout == "characters":
        # Characters cover less than the paper does, whichever is the darker.
        assert all((y == 0).mean() < 0.5 for y in Y)


def test_one_and_two_lines_occur():
    _, Y = make_blurred_plates(60, random_state=0)
    # Between two lines there is a row of paper alone in the middle half.
    two = [(y[40:88] == 1).all(axis=1).any() for y in Y]
    assert 0.25 < np.mean(two) < 0.75


def test_characters_are_not_cut():
    _, Y = make_blurred_plates(100, severity=0, random_state=0)
    frame = np.ones(Y.shape[1:], bool)
    frame[1:-1, 1:-1] = False
    assert (Y[:, frame] == 1).all()


def test_characters_fill_the_picture():
    _, Y = make_blurred_plates(60, severity=0, random_state=0)
    for truth in Y:
        rows, columns = np.nonzero(truth == 0)
        assert np.ptp(rows) > 0.7 * truth.shape[0]
        assert np.ptp(columns) > 0.75 * truth.shape[1]


def test_ink_blobs_are_the_characters_of_the_text():
    _, Y, texts = make_blurred_plates(60, severity=0, return_text=True, random_state=0)
    extra = []
    for truth, text in zip(Y, texts, strict=True):
        n_blobs = label(truth == 0, connectivity=2).max()
        extra.append(n_blobs - len(text.replace(" ", "")))
    # Neighbours may touch, and a dot may be thinner than a pixel; seldom.
    assert np.mean(np.array(extra) == 0) > 0.8


def test_around_a_plate_all_is_ink_and_its_paper_is_one_field():
    _, Y = make_blurred_plates(60, layout="plate", severity=0, random_state=0)
    for truth in Y:
        assert not truth[0].any()
        assert not truth[-1].any()
        assert not truth[:, 0].any()
        assert not truth[:, -1].any()
        blobs = np.bincount(label(truth, connectivity=1).ravel())[1:]
        # The rest are the holes of characters.
        assert blobs.max() > 0.7 * blobs.sum()
        assert blobs.max() > 0.15 * truth.size


@pytest.mark.parametrize("layout", LAYOUTS)
def test_photo_and_truth_are_aligned(layout):
    X, Y = make_blurred_plates(40, layout=layout, severity=0.5, random_state=4)
    sharp, _ = make_blurred_plates(40, layout=layout, severity=0, random_state=4)
    shifts = []
    for photo, clear, truth in zip(X, sharp, Y, strict=True):
        sign = -1.0 if light_on_dark(clear, truth) else 1.0
        window = np.outer(*(np.hanning(n) for n in truth.shape))
        a, b = (
            window * (image - image.mean())
            for image in (sign * photo.astype(float), truth.astype(float))
        )
        shift, _, _ = phase_cross_correlation(
            b, a, upsample_factor=10, normalization=None
        )
        # Of a hopeless photo the best match may lie a whole character away.
        if np.abs(shift).max() < 8:
            shifts.append(shift)
    assert len(shifts) > 32
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.5
    assert np.median(np.abs(shifts)) < 1.0


def test_sharp_photos_are_aligned_to_a_tenth_of_a_pixel():
    X, Y = make_blurred_plates(40, layout="characters", severity=0, random_state=4)
    shifts = []
    for photo, truth in zip(X, Y, strict=True):
        sign = -1.0 if light_on_dark(photo, truth) else 1.0
        shifts.append(
            phase_cross_correlation(
                truth - truth.mean(),
                sign * (photo - photo.mean()),
                upsample_factor=50,
                normalization=None,
            )[0]
        )
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.1
    assert np.abs(shifts).max() < 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_otsu_fails_more_as_severity_grows(layout):
    errors = [
        otsu_rmse(
            *make_blurred_plates(
                40, (64, 80), layout=layout, severity=s, random_state=0
            )
        )
        for s in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > errors[0] + 0.15
    if layout == "characters":
        assert errors[0] < 0.1


@pytest.mark.parametrize("severity", [0, 0.5])
def test_photos_vary_in_grey_within_a_severity(severity):
    X, _ = make_blurred_plates(30, severity=severity, random_state=0)
    assert X.mean(axis=(1, 2)).std() > 15
    assert X.std(axis=(1, 2)).min() > 1


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"n_samples": 0},
            ValueError,
            r"n_samples must be an int in \[1, inf\), got 0",
        ),
        ({"n_samples": -3}, ValueError, r"n_samples must be .* got -3"),
        ({"n_samples": 2.0}, TypeError, r"n_samples must be an int .* got 2\.0"),
        ({"n_samples": True}, TypeError, r"n_samples must be .* got True"),
        ({"image_shape": (15, 64)}, ValueError, r"image_shape .*\[16, inf\).*\(15, 64"),
        ({"image_shape": (64,)}, ValueError, r"image_shape must be .* got \(64,\)"),
        ({"image_shape": (64, 64, 3)}, ValueError, r"image_shape must be .*64, 3"),
        ({"image_shape": ()}, ValueError, r"image_shape must be .* got \(\)"),
        ({"image_shape": 64}, TypeError, r"image_shape must be .* got 64"),
        ({"image_shape": (64.0, 64)}, TypeError, r"image_shape must be .* got \(64\.0"),
        ({"image_shape": "ab"}, TypeError, r"image_shape must be .* got 'ab'"),
        ({"layout": "bikes"}, ValueError, r"layout must be one of 'characters', 'plat"),
        ({"layout": None}, ValueError, r"layout must be one of .* got None"),
        (
            {"severity": 1.5},
            ValueError,
            r"severity must be a real number in the range \[0, 1\], got 1",
        ),
        ({"severity": -0.1}, ValueError, r"severity must be .* got -0\.1"),
        ({"severity": np.nan}, ValueError, r"severity must be .* got nan"),
        ({"severity": "hard"}, TypeError, r"severity must be .* got 'hard'"),
        ({"return_text": "yes"}, TypeError, r"return_text must be a bool, got 'yes'"),
        ({"random_state": "x"}, ValueError, r"'x' cannot be used to seed"),
    ],
)
def test_bad_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        make_blurred_plates(**{"n_samples": 1, **parameters})


def test_numpy_scalars_are_welcome():
    X, _ = make_blurred_plates(
        np.int64(2),
        (np.int32(32), np.int32(48)),
        severity=np.float32(0.5),
        random_state=np.int64(3),
    )
    same, _ = make_blurred_plates(2, (32, 48), severity=0.5, random_state=3)
    np.testing.assert_array_equal(X, same)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_drawing_is_fast(layout):
    make_blurred_plates(30, layout=layout, random_state=0)  # fills the glyph cache
    start = time.process_time()
    make_blurred_plates(40, layout=layout, random_state=1)
    # The target is 50 pairs a second on an idle core; 10 leaves room for slow ones.
    assert 40 / (time.process_time() - start) > 10


@pytest.mark.parametrize("name", FONTS + NAME_FONTS)
def test_every_font_has_a_licence(name):
    fonts = resources.files("skdeblurbin.datasets").joinpath("fonts")
    licence = fonts.joinpath(f"{name}-LICENSE.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "with reserved font name" not in licence.lower()
    assert f"`{name}.ttf`" in fonts.joinpath("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAME_FONTS)
def test_names_have_small_letters(name):
    missing = written(name, "\u0416", 48)
    for character in LETTERS + DIGITS + LETTERS.lower():
        assert not np.array_equal(written(name, character, 48), missing)
    high = written(name, "x", 48).shape[0] / written(name, "X", 48).shape[0]
    assert 0.4 < high < 0.9


@pytest.mark.parametrize("name", FONTS)
def test_every_font_has_every_character(name):
    missing = load_font(name, 48).getmask("\u0416")  # not in the fonts: .notdef
    drawn = set()
    for character in ALPHABET.replace(" ", ""):
        mask = glyph(name, character, 48)
        assert mask.max() > 128, character
        assert bytes(load_font(name, 48).getmask(character)) != bytes(missing)
        drawn.add((mask.shape, mask.tobytes()))
    # I and 1, or O and 0, would be one glyph in a font unfit for plates.
    assert len(drawn) == len(ALPHABET) - 1


def test_fonts_folder_holds_the_listed_fonts_and_is_small():
    fonts = resources.files("skdeblurbin.datasets").joinpath("fonts")
    files = {file.name: len(file.read_bytes()) for file in fonts.iterdir()}
    found = {name[:-4] for name in files if name.endswith(".ttf")}
    assert found == {*FONTS, *NAME_FONTS}
    assert len(found) >= 6
    assert sum(files.values()) < 300_000


@pytest.mark.parametrize("name", FONTS)
def test_no_glyph_is_cut(name):
    for cap_height in CAP_HEIGHTS[:3]:
        for character in ALPHABET.replace(" ", ""):
            mask = glyph(name, character, cap_height)
            assert mask[0].max() < 32, (character, cap_height)
            assert mask[-1].max() < 32, (character, cap_height)


@pytest.mark.parametrize("layout", ["characters", "plate"])
@pytest.mark.parametrize("share", [0, 1])
def test_share_of_plates_that_are_light_on_dark(layout, share):
    X, Y = make_blurred_plates(
        20, (48, 72), layout, severity=0, light_on_dark=share, random_state=0
    )
    # Inside of the plate, where paper and characters are, but no surroundings.
    X, Y = X[:, 14:34, 16:56].astype(float), Y[:, 14:34, 16:56]
    brighter_paper = [
        x[y == 1].mean() > x[y == 0].mean() for x, y in zip(X, Y, strict=True)
    ]
    assert np.mean(brighter_paper) == 1 - share


def test_light_on_dark_changes_nothing_but_the_polarity():
    texts = [
        make_blurred_plates(5, light_on_dark=s, return_text=True, random_state=0)[2]
        for s in (0, 1)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_bad_share(bad):
    with pytest.raises(ValueError, match="light_on_dark must be a real number in"):
        make_blurred_plates(1, light_on_dark=bad)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("effects", ["all", ["lettering"], {"surface"}])
def test_effects_are_in_the_photo_and_no_ink(layout, effects):
    options = {"layout": layout, "severity": 0, "random_state": 2}
    X, Y = make_blurred_plates(12, effects=effects, **options)
    plain, plain_truth = make_blurred_plates(12, **options)
    assert not np.array_equal(X, plain)
    for truth, before in zip(Y, plain_truth, strict=True):
        assert set(np.unique(truth)) == {0, 1}
        # What is around the number is as it was; other families change the plate too.
        if layout == "plate" and effects == {"surface"}:
            rim = len(truth) // 20
            assert truth[:rim].sum() == before[:rim].sum()
    # Names, pictures and stickers are no ink: there is about as much as before, less
    # where they take room, more or less by bolder or finer strokes.
    share = np.mean(Y == 0) / np.mean(plain_truth == 0)
    assert 0.6 < share < 1.2


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(16, 16), (17, 61), (301, 40)])
@pytest.mark.parametrize("severity", [0, 1.0])
def test_all_effects_at_any_shape(layout, shape, severity):
    options = {"layout": layout, "severity": severity, "effects": "all"}
    X, Y, texts = make_blurred_plates(
        6, shape, return_text=True, random_state=1, **options
    )
    again = make_blurred_plates(3, shape, random_state=1, **options)
    assert X.shape == Y.shape == (6, *shape)
    assert len(texts) == 6
    np.testing.assert_array_equal(X[:3], again[0])
    np.testing.assert_array_equal(Y[:3], again[1])


def test_view_cuts_borders_off_and_takes_in_more_of_the_car():
    options = {"layout": "plate", "severity": 0, "random_state": 4}
    _, plain = make_blurred_plates(60, **options)
    _, free = make_blurred_plates(60, effects=["view"], **options)
    rim = [np.concatenate([t[0], t[-1], t[:, 0], t[:, -1]]) for t in free]
    assert not any(t[0].any() or t[:, 0].any() for t in plain)
    assert 0.1 < np.mean([edge.any() for edge in rim]) < 0.6
    paper = [truths.mean(axis=(1, 2)) for truths in (plain, free)]
    assert np.ptp(paper[1]) > 1.15 * np.ptp(paper[0])


def test_plates_with_names_have_numbers_of_their_kinds():
    kinds = set()
    for seed in range(300):
        (text,) = draw_plate_text(np.random.default_rng(seed), 1, named=True)
        kinds.add(
            "".join("D" if c.isdigit() else "L" if c.isalpha() else c for c in text)
        )
    assert len(kinds & set(WITH_NAMES)) > 0.8 * len(WITH_NAMES)
    assert kinds >= set(WITH_SIGNS)


def test_light_camera_and_motion_leave_the_truth_alone():
    options = {"layout": "plate", "severity": 0.8, "random_state": 3}
    X, Y = make_blurred_plates(8, **options)
    for effect in ("light", "camera", "motion"):
        changed, truth = make_blurred_plates(8, effects=(effect,), **options)
        np.testing.assert_array_equal(truth, Y)
        assert not np.array_equal(changed, X)


@pytest.mark.parametrize(
    ("effects", "error"),
    [
        ("lettering", TypeError),
        (None, TypeError),
        (1, TypeError),
        (["rain"], ValueError),
    ],
)
def test_bad_effects(effects, error):
    with pytest.raises(error, match=r"effects must be 'all' or .* lettering, surface"):
        make_blurred_plates(1, effects=effects)

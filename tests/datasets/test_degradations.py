import math

import numpy as np
import pytest

from skdeblurbin.datasets.degradations import EFFECTS as ALL
from skdeblurbin.datasets.degradations import (
    add_noise,
    defocus_blur,
    degrade,
    disk_kernel,
    gaussian_blur,
    glare,
    jpeg_compress,
    lower_resolution,
    motion_blur,
    motion_kernel,
    night,
    rolling_gain,
    shake_blur,
    shake_kernel,
    sharpen,
    uneven_light,
    video_blocks,
)

PATHS = [(0.4, 0.0, 0.0), (5.0, 0.0, 0.0), (9.3, 0.7, 0.0), (13.0, 2.0, 1.5)]
PATHS += [(26.0, -1.0, math.pi), (3.0, math.pi / 2, -2.0)]


def scene(height=48, width=64):
    image = np.full((height, width), 0.8, np.float32)
    image[height // 3 + 1 : 2 * height // 3, width // 4 + 2 : width // 2] = 0.1
    return image


def centroid(kernel):
    rows, columns = np.indices(kernel.shape)
    total = kernel.sum()
    return (rows * kernel).sum() / total, (columns * kernel).sum() / total


EFFECTS = {
    "motion": lambda image, rng: motion_blur(image, 7.0, 0.3, 0.5),
    "defocus": lambda image, rng: defocus_blur(image, 2.5),
    "gaussian": lambda image, rng: gaussian_blur(image, 1.2),
    "resolution": lambda image, rng: lower_resolution(image, 2.7),
    "noise": lambda image, rng: add_noise(image, rng, 0.05, 0.03),
    "light": lambda image, rng: uneven_light(image, rng, 0.7),
    "jpeg": lambda image, rng: jpeg_compress(image, 40),
    "shake": lambda image, rng: shake_blur(image, 7.0, rng, 0.5),
    "glare": lambda image, rng: glare(image, rng, 0.7),
    "night": lambda image, rng: night(image, rng, 0.7),
    "sharpen": lambda image, rng: sharpen(image, 1.5, 1.2),
    "gain": lambda image, rng: rolling_gain(image, rng, 0.8),
    "video": lambda image, rng: video_blocks(image, rng, 0.5),
    "all": lambda image, rng: degrade(image, 0.6, rng, ALL),
    "degrade": lambda image, rng: degrade(image, 0.6, rng),
}


@pytest.fixture(params=sorted(EFFECTS))
def effect(request):
    return EFFECTS[request.param]


@pytest.mark.parametrize("shape", [(48, 64), (1, 1), (1, 40), (17, 5)])
def test_every_effect_keeps_shape_dtype_and_range(effect, shape):
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    result = effect(image, np.random.default_rng(1))
    assert result.shape == shape
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1


def test_every_effect_changes_its_result_and_not_its_input(effect):
    image = scene()
    before = image.copy()
    result = effect(image, np.random.default_rng(1))
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(result, image)
    assert np.abs(result - image).max() > 0.02


def test_every_effect_is_repeatable_and_takes_nested_lists(effect):
    first = effect(scene(), np.random.default_rng(3))
    again = effect(scene().tolist(), np.random.default_rng(3))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", ["noise", "light", "degrade"])
def test_random_effects_follow_the_generator_and_leave_the_global_one(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = EFFECTS[name](scene(), np.random.default_rng(3))
    other = EFFECTS[name](scene(), np.random.default_rng(4))
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("shape", [(3,), (2, 3, 3), (0, 4), ()])
def test_every_effect_refuses_what_is_not_a_grey_image(effect, shape):
    with pytest.raises(ValueError, match=r"image must be a non-empty 2-D array"):
        effect(np.zeros(shape), np.random.default_rng(0))


@pytest.mark.parametrize(("length", "angle", "curvature"), PATHS)
def test_motion_kernel_is_normalised_and_centred(length, angle, curvature):
    kernel = motion_kernel(length, angle, curvature)
    size = kernel.shape[0]
    assert kernel.shape == (size, size)
    assert size % 2 == 1
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert centroid(kernel) == pytest.approx([size // 2] * 2, abs=1e-4)


@pytest.mark.parametrize("length", [3.0, 6.5, 13.0])
def test_straight_motion_spreads_as_far_as_its_length(length):
    # A uniform line has variance length^2 / 12; spreading a point that is uniform
    # within a pixel over its two neighbours adds E[d (1 - d)] = 1/6.
    kernel = motion_kernel(length, 0.0).astype(float)
    x = np.arange(kernel.shape[1]) - kernel.shape[1] // 2
    variance = (kernel.sum(axis=0) * x**2).sum()
    assert variance == pytest.approx(length**2 / 12 + 1 / 6, rel=0.05)
    assert kernel[kernel.shape[0] // 2].sum() == pytest.approx(1, abs=1e-6)


def test_motion_angle_turns_from_columns_to_rows():
    across = motion_kernel(9.0, 0.0)
    np.testing.assert_allclose(motion_kernel(9.0, np.pi / 2), across.T, atol=1e-6)
    diagonal = motion_kernel(9.0, np.pi / 4)
    assert np.trace(diagonal) > 0.5 > np.trace(diagonal[::-1])


def test_curvature_bends_the_path():
    straight, bent = motion_kernel(15.0), motion_kernel(15.0, 0.0, np.pi)
    assert np.count_nonzero(straight.sum(axis=1) > 1e-6) == 1
    assert np.count_nonzero(bent.sum(axis=1) > 1e-3) > 3
    # Half a circle of length 15 has a diameter of 2 * 15 / pi = 9.5.
    assert np.ptp(np.flatnonzero(bent.sum(axis=0) > 1e-6)) == pytest.approx(10, abs=1)


@pytest.mark.parametrize("radius", [0.6, 1.0, 2.3, 5.0])
def test_disk_kernel_is_normalised_symmetric_and_of_its_radius(radius):
    kernel = disk_kernel(radius)
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(kernel, kernel[::-1])
    np.testing.assert_array_equal(kernel, kernel.T)
    # Away from the rim every pixel has the height 1 / (pi r^2).
    if radius >= 2:
        middle = kernel[kernel.shape[0] // 2, kernel.shape[1] // 2]
        assert middle == pytest.approx(1 / (np.pi * radius**2), rel=0.02)


def test_zero_lengths_are_the_identity():
    image = scene()
    np.testing.assert_array_equal(motion_blur(image, 0), image)
    np.testing.assert_array_equal(defocus_blur(image, 0), image)
    np.testing.assert_array_equal(lower_resolution(image, 1), image)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(add_noise(image, rng, 0, 0), image)
    np.testing.assert_allclose(uneven_light(image, rng, 0), image, atol=1e-6)


def test_blur_keeps_a_constant_image_constant_up_to_the_border():
    grey = np.full((20, 30), 0.37)
    np.testing.assert_allclose(motion_blur(grey, 11, 0.4, 1.0), 0.37, atol=1e-5)
    np.testing.assert_allclose(defocus_blur(grey, 4), 0.37, atol=1e-5)


@pytest.mark.parametrize(("length", "angle", "curvature"), PATHS)
def test_motion_blur_does_not_shift(length, angle, curvature):
    dot = np.zeros((61, 61))
    dot[30, 30] = 1
    moved = motion_blur(dot, length, angle, curvature)
    assert centroid(moved) == pytest.approx((30, 30), abs=0.01)


@pytest.mark.parametrize("factor", [1.5, 2.0, 3.3])
def test_lower_resolution_does_not_shift(factor):
    dot = np.zeros((64, 60))
    dot[24:40, 20:40] = 1
    coarse = lower_resolution(dot, factor)
    assert centroid(coarse) == pytest.approx((31.5, 29.5), abs=0.05)


def test_gaussian_blur_has_the_stated_width():
    dot = np.zeros((41, 41))
    dot[20, 20] = 1
    rows, columns = np.indices(dot.shape) - 20
    blurred = gaussian_blur(dot, 3.0)
    assert float((rows**2 * blurred).sum()) == pytest.approx(9, rel=0.02)
    assert float((columns**2 * blurred).sum()) == pytest.approx(9, rel=0.02)
    # A disk of radius r has the variance r^2 / 4 along each axis.
    disk = defocus_blur(dot, 6.0)
    assert float((rows**2 * disk).sum()) == pytest.approx(9, rel=0.02)


def test_lower_resolution_removes_fine_detail_only():
    stripes = np.tile([0.0, 1.0], (32, 16))
    assert lower_resolution(stripes, 4).std() < 0.05
    steps = np.repeat([0.0, 1.0], 16)[None].repeat(32, axis=0)
    assert lower_resolution(steps, 4).std() > 0.4


@pytest.mark.parametrize(("shot", "read", "grey"), [(0.1, 0, 0.25), (0.03, 0.04, 0.5)])
def test_noise_has_the_stated_variance(shot, read, grey):
    noisy = add_noise(np.full((200, 200), grey), np.random.default_rng(0), shot, read)
    # The standard deviation of n = 40000 draws is known to 1 / sqrt(2 n) = 0.35 %.
    expected = np.sqrt(shot**2 * grey + read**2)
    assert noisy.std() == pytest.approx(expected, rel=0.02)
    assert noisy.mean() == pytest.approx(grey, abs=5 * expected / 200)


def test_light_of_full_strength_leaves_a_quarter_on_average():
    lit = [
        uneven_light(np.ones((32, 32)), np.random.default_rng(i), 1.0)
        for i in range(200)
    ]
    assert all(np.ptp(image) > 0.1 for image in lit)
    assert 0.4 < np.mean(lit) < 0.9


def test_jpeg_is_worse_at_lower_quality():
    image = scene() + np.random.default_rng(0).normal(0, 0.05, (48, 64))
    errors = [
        np.abs(jpeg_compress(image, q) - image.clip(0, 1)).mean() for q in (95, 50, 10)
    ]
    assert errors[0] < errors[1] < errors[2]
    levels = jpeg_compress(image, 50) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_degrade_grows_with_severity_from_almost_nothing():
    image = scene(64, 96)
    errors = [
        np.mean(
            [
                np.abs(degrade(image, s, np.random.default_rng(i)) - image).mean()
                for i in range(30)
            ]
        )
        for s in (0, 0.25, 0.5, 1)
    ]
    assert errors[0] < 0.02
    assert errors == sorted(errors)
    assert errors[-1] > 4 * errors[0]


def edge_width(height):
    """Distance between the 25 % and 75 % points of an edge, averaged over draws."""
    image = np.zeros((height, height), np.float32)
    image[:, height // 2 :] = 1
    widths = []
    for i in range(40):
        row = degrade(image, 0.6, np.random.default_rng(i)).mean(axis=0)
        low, high = row[: height // 8].mean(), row[-height // 8 :].mean()
        row = (row - low) / (high - low)
        widths.append(np.count_nonzero((row > 0.25) & (row < 0.75)))
    return np.mean(widths)


def test_lengths_scale_with_the_height():
    assert edge_width(192) / edge_width(64) == pytest.approx(3, rel=0.35)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: motion_kernel(-1),
            r"length must be a real number in the range \[0, inf\), got -1",
        ),
        (lambda: motion_kernel(np.inf), r"length must be .* got inf"),
        (lambda: motion_kernel(3, np.nan), r"angle must be .* got nan"),
        (lambda: motion_kernel(3, 0, np.inf), r"curvature must be .* got inf"),
        (
            lambda: disk_kernel(-0.1),
            r"radius must be a real number in the range \[0, inf\), got -0.1",
        ),
        (lambda: gaussian_blur(scene(), -1), r"sigma must be .*\[0, inf\), got -1"),
        (lambda: lower_resolution(scene(), 0.5), r"factor must be .*\[1, inf\)"),
        (lambda: jpeg_compress(scene(), 0), r"quality must be .*\[1, 100\], got 0"),
        (lambda: jpeg_compress(scene(), 101), r"quality must be .*\[1, 100\]"),
        (lambda: add_noise(scene(), None, -1), r"shot must be .*\[0, 1\], got -1"),
        (lambda: add_noise(scene(), None, 0, 2), r"read must be .*\[0, 1\], got 2"),
        (lambda: uneven_light(scene(), None, 1.1), r"strength must be .*got 1\.1"),
        (lambda: degrade(scene(), 1.5, None), r"severity must be .*got 1\.5"),
    ],
)
def test_numbers_out_of_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("bad", ["3", None, True, [3.0]])
def test_wrong_types_are_named(bad):
    with pytest.raises(
        TypeError, match=r"length must be a real number in the range \[0, inf\), got"
    ):
        motion_kernel(bad)
    with pytest.raises(
        TypeError, match=r"severity must be a real number in the range \[0, 1\], got"
    ):
        degrade(scene(), bad, np.random.default_rng(0))


def test_grey_values_of_another_scale_are_refused():
    with pytest.raises(ValueError, match=r"in \[0, 1\], got values from 0 to 255: div"):
        motion_blur(np.array([[0, 255]], np.uint8), 3.0)


@pytest.mark.parametrize("length", [0.5, 4.0, 20.0])
def test_shake_kernel_is_normalised_centred_and_no_longer_than_its_path(length):
    for seed in range(5):
        kernel = shake_kernel(length, np.random.default_rng(seed), 0.7)
        size = len(kernel)
        assert kernel.sum() == pytest.approx(1)
        assert kernel.min() >= 0
        assert centroid(kernel) == pytest.approx((size // 2, size // 2), abs=1e-4)
        # Within its path's length of the centre, and a pixel for the interpolation.
        assert size // 2 <= length + 1
    assert shake_kernel(0, np.random.default_rng(0)).tolist() == [[1]]


def test_without_jitter_a_shaky_path_is_straight():
    def width(kernel):
        """Variance across the path."""
        places = np.indices(kernel.shape).reshape(2, -1)
        return np.linalg.eigvalsh(np.cov(places, aweights=kernel.ravel()))[0]

    # A straight line, spread over its neighbours: the variance of a triangle of half
    # width 1 is 1/6.
    assert width(shake_kernel(12.0, np.random.default_rng(3), 0.0)) < 0.2
    assert width(shake_kernel(12.0, np.random.default_rng(3), 1.0)) > 1


def test_without_strength_nothing_changes():
    image = scene()
    rng = np.random.default_rng(0)
    for result in (
        shake_blur(image, 0, rng),
        glare(image, rng, 0),
        night(image, rng, 0),
        sharpen(image, 0),
        sharpen(image, 2.0, 0),
        rolling_gain(image, rng, 0),
        video_blocks(image, rng, 0),
    ):
        np.testing.assert_allclose(result, image, atol=1e-5)


def test_glare_only_adds_light_and_night_only_takes_it():
    image = scene()
    for seed in range(8):
        assert (glare(image, np.random.default_rng(seed)) >= image - 1e-6).all()
        assert (night(image, np.random.default_rng(seed)) <= image + 1e-6).all()


def test_sharpening_makes_halos_on_both_sides_of_an_edge():
    step = np.tile(np.repeat([0.3, 0.7], 20), (5, 1))
    found = sharpen(step, 1.0, 2.0)[2]
    # Of a step blurred by a Gaussian of sigma 2, half a pixel from the edge there are
    # 0.3 + 0.4 * Phi(-1/4) = 0.4605 and 0.5395: twice the step less that.
    assert found[19] == pytest.approx(2 * 0.3 - 0.4605, abs=1e-3)
    assert found[20] == pytest.approx(2 * 0.7 - 0.5395, abs=1e-3)
    np.testing.assert_allclose(found[[0, -1]], [0.3, 0.7], atol=1e-3)


def test_gain_rolls_over_rows_between_half_and_all():
    banded = rolling_gain(np.ones((200, 3)), np.random.default_rng(0), 1.0)
    assert (banded == banded[:, :1]).all()
    assert banded.min() == pytest.approx(0.5, abs=0.02)
    assert banded.max() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("side", [4, 8, 16])
def test_blocks_lose_their_detail_and_jump_at_their_edges(side):
    ramp = np.add.outer(np.arange(6 * side), np.arange(8 * side)) / (14 * side)
    weak, strong = (
        video_blocks(ramp, np.random.default_rng(1), strength, side)
        for strength in (0.02, 1.0)
    )
    assert np.abs(weak - ramp).mean() < np.abs(strong - ramp).mean() / 2
    jumps = np.abs(np.diff(strong, axis=1)).mean(axis=0)
    places = [jumps[start::side].mean() for start in range(side)]
    assert max(places) > 1.5 * min(places)


@pytest.mark.parametrize("effect", ALL)
def test_families_of_degrade_change_something_or_belong_to_the_plate(effect):
    image = scene(64, 96)
    changed = [
        not np.array_equal(
            degrade(image, 0.7, np.random.default_rng(seed)),
            degrade(image, 0.7, np.random.default_rng(seed), [effect]),
        )
        for seed in range(20)
    ]
    assert any(changed) == (effect in ("light", "camera", "motion"))

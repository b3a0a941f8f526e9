"""Equations (2) to (4): every expected value is written-out arithmetic."""

import math

import pytest
import torch

from skdeblurbin.training import (
    AbsoluteLoss,
    AdversarialLoss,
    CrossEntropyLoss,
    GeneratorLoss,
    PerceptualLoss,
)
from skdeblurbin.training.losses import log_mean_sigmoid, masked_mean


def logit(probability):
    return math.log(probability / (1 - probability))


@pytest.fixture
def patches():
    """Two images of two patches: D = (0.5 + 0.9) / 2 and (0.2 + 0.4) / 2."""
    return torch.tensor(
        [[[[logit(0.5), logit(0.9)]]], [[[logit(0.2), logit(0.4)]]]]
    ).double()


def test_patch_responses_are_averaged_before_the_logarithm(patches):
    torch.testing.assert_close(
        log_mean_sigmoid(patches), torch.tensor([0.7, 0.3]).double().log()
    )


def test_discriminator_loss_of_equation_2(patches):
    # -log D(real) - log(1 - D(fake)) = -log 0.7 - log 0.7 and -log 0.3 - log 0.3 when
    # the fakes are the negated logits (1 - D = 0.7 and 0.3), averaged over two images.
    loss = AdversarialLoss().discriminator(patches, -patches)
    assert loss.item() == pytest.approx(-(math.log(0.7) + math.log(0.3)))
    # With equal logits: -(log 0.7 + log 0.3) for either image.
    loss = AdversarialLoss().discriminator(patches, patches)
    assert loss.item() == pytest.approx(-(math.log(0.7) + math.log(0.3)))
    # Real certain to be real, fake certain to be fake: no loss.
    sure = torch.full((1, 1, 2, 2), 50.0)
    assert AdversarialLoss().discriminator(sure, -sure).item() == pytest.approx(0)


def test_generator_loss_is_the_non_saturating_form(patches):
    loss = AdversarialLoss().generator(patches)
    assert loss.item() == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)


@pytest.mark.parametrize("value", [-1e4, -100.0, 100.0, 1e4])
def test_extreme_logits_stay_finite_with_gradient(value):
    logits = torch.full((1, 1, 3, 3), value, requires_grad=True)
    loss = AdversarialLoss().discriminator(logits, logits)
    loss.backward()
    # log sigma(v) = v and log sigma(-v) = 0 to within e^-100 for v = -100, and so on.
    assert loss.item() == pytest.approx(abs(value))
    assert torch.isfinite(logits.grad).all()
    # A naive log(mean(sigmoid)) is infinite here: the test can tell.
    assert not math.isfinite(torch.sigmoid(torch.tensor(-1e4)).log())


def test_masked_patches_do_not_count():
    logits = torch.tensor([[[[logit(0.9), logit(0.1)]]]])
    mask = torch.zeros(1, 1, 4, 8)
    mask[..., :4] = 1  # the right patch lies in the padding
    value = AdversarialLoss().generator(logits, mask).item()
    assert value == pytest.approx(-math.log(0.9), abs=1e-6)


def test_an_image_smaller_than_half_a_patch_keeps_one():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 0, 0] = 1
    logits = torch.full((1, 1, 2, 2), logit(0.25))
    assert log_mean_sigmoid(logits, mask).item() == pytest.approx(math.log(0.25))


def test_cross_entropy_of_pixels():
    # Outputs 0 and 0.6 mean paper with probability 0.5 and 0.8; the truth is paper,
    # then ink: -log 0.5 and -log 0.2.
    output = torch.tensor([[[[0.0, 0.6]]]]).double()
    truth = torch.tensor([[[[1.0, -1.0]]]]).double()
    wanted = -(math.log(0.5) + math.log(0.2)) / 2
    assert CrossEntropyLoss()(output, truth).item() == pytest.approx(wanted)
    mask = torch.tensor([[[[0.0, 1.0]]]]).double()
    assert CrossEntropyLoss()(output, truth, mask).item() == pytest.approx(
        -math.log(0.2)
    )


@pytest.mark.parametrize("before_tanh", [-8.0, -6.0, -1.0, 0.0, 3.0])
def test_gradient_of_the_cross_entropy_is_the_error_itself(before_tanh):
    """d/dx of the cross-entropy of sigmoid(2 x) is tanh(x) minus the truth in -1, 1."""
    x = torch.full((1, 1, 1, 1), before_tanh, requires_grad=True)
    CrossEntropyLoss()(torch.tanh(x), torch.ones(1, 1, 1, 1)).backward()
    assert x.grad.item() == pytest.approx(math.tanh(before_tanh) - 1, rel=0.02)


def test_cross_entropy_is_finite_where_the_output_is_wrong_and_sure():
    x = torch.full((1, 1, 1, 1), -40.0, requires_grad=True)
    loss = CrossEntropyLoss()(torch.tanh(x), torch.ones(1, 1, 1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(1e-8))
    assert x.grad.item() == 0


def test_content_loss_is_the_mean_absolute_difference():
    output = torch.tensor([[[[1.0, -1.0], [0.5, 0.0]]]])
    target = torch.tensor([[[[1.0, 1.0], [1.0, -1.0]]]])
    assert AbsoluteLoss()(output, target).item() == (0 + 2 + 0.5 + 1) / 4


def test_perceptual_loss_of_equation_3():
    # phi(y) = (3 y, y^2) on [0, 1]: y is 1 and 0, the output 0.5 and 0 there.
    def features(images):
        return torch.cat([3 * images, images**2], dim=1)

    target = torch.tensor([[[[1.0, -1.0]]]])
    output = torch.tensor([[[[0.0, -1.0]]]])
    expected = ((3 - 1.5) ** 2 + (1 - 0.25) ** 2 + 0 + 0) / 4
    assert PerceptualLoss(features)(output, target).item() == pytest.approx(expected)


def test_perceptual_loss_takes_the_target_without_gradient():
    target = torch.zeros(1, 1, 2, 2, requires_grad=True)
    output = torch.ones(1, 1, 2, 2, requires_grad=True)
    PerceptualLoss(torch.sin)(output, target).backward()
    assert target.grad is None
    assert output.grad.abs().sum() > 0


def test_total_of_equation_4():
    output = torch.zeros(1, 1, 2, 2)
    target = torch.ones(1, 1, 2, 2)
    loss = GeneratorLoss(
        K1=145, K2=170, perceptual=PerceptualLoss(lambda images: 2 * images)
    )
    terms = loss(output, target, torch.zeros(1, 1, 1, 1))
    assert terms["adversarial_loss"].item() == pytest.approx(math.log(2))
    assert terms["perceptual_loss"].item() == pytest.approx((2 * 1 - 2 * 0.5) ** 2)
    assert terms["content_loss"].item() == 1
    total = math.log(2) + 145 * 1 + 170 * 1
    assert terms["generator_loss"].item() == pytest.approx(total)


@pytest.mark.parametrize(
    ("weights", "names"),
    [
        ({"K1": 0}, {"adversarial_loss", "content_loss"}),
        ({"K2": 0}, {"adversarial_loss", "perceptual_loss"}),
        ({"adversarial_weight": 0}, {"perceptual_loss", "content_loss"}),
    ],
)
def test_a_weight_of_zero_skips_its_term(weights, names):
    loss = GeneratorLoss(perceptual=PerceptualLoss(torch.sin), **weights)
    image = torch.zeros(1, 1, 2, 2)
    terms = loss(image, image, torch.zeros(1, 1, 1, 1))
    assert set(terms) == names | {"generator_loss"}


def test_masks_weigh_each_image_by_itself():
    values = torch.tensor([[[[1.0, 9.0]]], [[[2.0, 4.0]]]])
    mask = torch.tensor([[[[1.0, 0.0]]], [[[1.0, 1.0]]]])
    # The first image has one pixel, 1; the second two, of mean 3.
    assert masked_mean(values, mask).item() == (1 + 3) / 2
    assert masked_mean(values, None).item() == (1 + 9 + 2 + 4) / 4


def test_mask_at_the_resolution_of_feature_maps():
    mask = torch.zeros(1, 1, 2, 4)
    mask[..., :3] = 1
    values = torch.tensor([[[[1.0, 4.0]]]])  # half of the right cell is inside
    assert masked_mean(values, mask).item() == pytest.approx((1 + 0.5 * 4) / 1.5)


def outside_changed(values, mask):
    """The same values within a mask, and others outside of it."""
    return torch.where(mask > 0, values, torch.full_like(values, 0.77))


@pytest.mark.parametrize("content", [AbsoluteLoss(), CrossEntropyLoss()])
def test_what_lies_outside_of_the_mask_does_not_count_in_any_term(content):
    generator = torch.Generator().manual_seed(0)
    shape = (2, 1, 6, 10)
    mask = torch.ones(shape)
    mask[0, :, 4:], mask[1, :, :, 7:] = 0, 0
    output, target, logits, real = (
        torch.rand(shape, generator=generator) * 1.8 - 0.9 for _ in range(4)
    )
    loss = GeneratorLoss(
        K1=3.0,
        K2=5.0,
        adversarial_weight=7.0,
        perceptual=PerceptualLoss(lambda grey: torch.cat([grey, grey**2], dim=1)),
        content=content,
    )
    found = loss(output, target, logits, mask)
    changed = [outside_changed(v, mask) for v in (output, target, logits)]
    again = loss(*changed, mask)
    without = loss(output, target, logits)
    for name, value in found.items():
        torch.testing.assert_close(again[name], value)
        assert abs(float(without[name] - value)) > 1e-3, name
    # Equation (4), with weights that tell the terms apart.
    total = (
        3 * found["perceptual_loss"]
        + 5 * found["content_loss"]
        + 7 * found["adversarial_loss"]
    )
    torch.testing.assert_close(found["generator_loss"], total)
    # And of the discriminator: either kind of logits has the mask.
    discriminate = AdversarialLoss().discriminator
    value = discriminate(real, logits, mask)
    assert abs(float(discriminate(real, logits) - value)) > 1e-3
    for pair in [
        (outside_changed(real, mask), logits),
        (real, outside_changed(logits, mask)),
    ]:
        torch.testing.assert_close(discriminate(*pair, mask), value)


def test_patches_half_inside_count_and_are_averaged_by_their_number():
    # Four patches of two columns: two inside, one half inside, one outside.
    mask = torch.zeros(1, 1, 2, 8)
    mask[..., :5] = 1
    logits = torch.tensor([[[[logit(0.2), logit(0.4), logit(0.9), 50.0]]]])
    value = log_mean_sigmoid(logits, mask)
    assert value.shape == (1,)
    assert value.item() == pytest.approx(math.log((0.2 + 0.4 + 0.9) / 3), abs=1e-6)
    # Two images of different numbers of patches: each by its own.
    masks = torch.cat([mask, torch.ones_like(mask)])
    both = log_mean_sigmoid(torch.cat([logits, logits]), masks)
    wanted = [math.log(1.5 / 3), math.log(2.5 / 4)]
    assert both.tolist() == pytest.approx(wanted, abs=1e-6)


def test_masks_shrink_along_either_side():
    mask = torch.zeros(1, 1, 6, 8)
    mask[..., :3, :] = 1
    values = torch.tensor([1.0, 5.0])[None, None, :, None].expand(1, 3, 2, 4)
    # Of features of two rows, the upper one is inside, in all three channels.
    assert masked_mean(values, mask).item() == pytest.approx(1)
    rows = torch.tensor([1.0, 5.0, 9.0])[None, None, :, None].expand(1, 3, 3, 8)
    # Of three rows one is inside, one half, and one is outside.
    assert masked_mean(rows, mask).item() == pytest.approx((1 + 0.5 * 5) / 1.5)


@pytest.mark.parametrize("masked", [False, True])
def test_weights_multiply_what_each_image_adds(masked):
    values = torch.tensor([[[[1.0, 9.0]]], [[[2.0, 4.0]]]])
    mask = torch.tensor([[[[1.0, 0.0]]], [[[1.0, 1.0]]]]) if masked else None
    weight = torch.tensor([0.5, 1.5])
    # Means of the images: 5, or 1 of the first's only pixel inside; 3.
    first = 1 if masked else 5
    wanted = (0.5 * first + 1.5 * 3) / 2
    assert masked_mean(values, mask, weight).item() == pytest.approx(wanted)


def test_weights_count_in_every_term():
    rng = torch.Generator().manual_seed(0)
    output = torch.rand(2, 1, 4, 4, generator=rng) * 2 - 1
    target = torch.rand(2, 1, 4, 4, generator=rng).round() * 2 - 1
    real, fake = torch.randn(2, 2, 1, 3, 3, generator=rng)
    mask = torch.ones(2, 1, 4, 4)
    mask[0, ..., 3] = 0
    loss = GeneratorLoss(
        K1=3, K2=5, perceptual=PerceptualLoss(torch.sin), content=CrossEntropyLoss()
    )
    weight = torch.tensor([0.25, 1.75])

    def weighed(measure):
        """Half the sum of what each image gives alone, times its weight."""
        return sum(w * measure(slice(i, i + 1)) for i, w in enumerate(weight)) / 2

    found = loss(output, target, fake, mask, weight)
    for name, value in found.items():
        wanted = weighed(
            lambda i, n=name: loss(output[i], target[i], fake[i], mask[i])[n]
        )
        assert value.item() == pytest.approx(wanted.item()), name
    adversarial = AdversarialLoss()
    found = adversarial.discriminator(real, fake, mask, weight)
    wanted = weighed(lambda i: adversarial.discriminator(real[i], fake[i], mask[i]))
    assert found.item() == pytest.approx(wanted.item())

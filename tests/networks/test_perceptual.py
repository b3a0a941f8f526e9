"""What `perceptual` may be, and how its features reach the training."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeblurbin.networks import PatchDiscriminator, VGG16Features
from skdeblurbin.networks.glyph import calibration_images
from skdeblurbin.networks.perceptual import resolve_perceptual


def test_other_values_of_perceptual():
    assert resolve_perceptual(None) is None
    assert resolve_perceptual(torch.sin) is torch.sin
    with pytest.raises(
        ValueError, match=r"perceptual must be None, 'glyph', 'vgg16', .* 'vgg19'"
    ):
        resolve_perceptual("vgg19")
    with pytest.raises(TypeError, match="got an object of type int"):
        resolve_perceptual(3)


def test_a_module_is_copied_and_left_as_it_is():
    module = nn.Conv2d(1, 2, 3)
    used = resolve_perceptual(module)
    assert used is not module
    assert module.training
    assert all(p.requires_grad for p in module.parameters())
    assert not any(p.requires_grad for p in used.parameters())


@pytest.fixture(scope="module")
def pairs():
    rng = torch.Generator().manual_seed(0)
    Y = (torch.rand(4, 16, 16, generator=rng) > 0.5).numpy()
    return Y * 0.8 + 0.1, Y


def test_fit_with_vgg16_from_a_path(tmp_path, weights, pairs, tiny_gan):
    file = tmp_path / "weights.pth"
    torch.save(weights, file)
    model = tiny_gan(perceptual="vgg16", perceptual_weights=file).fit(*pairs)
    assert model.history_[0]["perceptual_loss"] > 0


def test_K1_of_zero_never_touches_the_feature_network(pairs, tiny_gan):
    def features(images):
        raise AssertionError("the feature network was used")

    model = tiny_gan(K1=0, perceptual=features).fit(*pairs)
    assert "perceptual_loss" not in model.history_[0]
    # No weights are looked for either.
    tiny_gan(K1=0, perceptual="vgg16").fit(*pairs)


def test_a_callable_gets_grey_images_in_the_unit_interval(pairs, tiny_gan):
    seen = []

    def features(images):
        values = images.detach()
        seen.append((images.shape, float(values.min()), float(values.max())))
        return images

    tiny_gan(perceptual=features).fit(*pairs)
    # A trial before the training; then one step: the target once, the output once.
    assert [shape for shape, _, _ in seen] == [(1, 1, 32, 32)] + [(4, 1, 16, 16)] * 2
    assert seen[1][1:] == (0.0, 1.0)
    assert 0 <= seen[2][1] <= seen[2][2] <= 1


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (nn.Conv2d(3, 4, 3), r"it failed: .*expand\(-1, 3, -1, -1\)"),
        (lambda images: (images, images), r"got tuple"),
        (lambda images: images.mean(), r"got Tensor \(\)"),
        (lambda images: images.detach(), "its result has none"),
    ],
)
def test_feature_networks_that_cannot_work_are_refused_at_once(
    features, message, pairs, tiny_gan
):
    with pytest.raises(ValueError, match=f"perceptual must map grey .*{message}"):
        tiny_gan(perceptual=features).fit(*pairs)


def test_a_class_is_no_feature_network():
    with pytest.raises(TypeError, match="got an object of type type"):
        resolve_perceptual(VGG16Features)


@pytest.mark.parametrize("name", ["glyph", "vgg16"])
def test_named_features_have_unit_mean_square(tmp_path, weights, name):
    torch.save(weights, tmp_path / "weights.pth")
    features = resolve_perceptual(name, tmp_path / "weights.pth")
    mean_square = features(calibration_images()).square().mean()
    assert float(mean_square) == pytest.approx(1, abs=2e-3)  # float16 for "glyph"


def test_rescaled_vgg16_differs_by_a_factor_only(tmp_path, weights):
    torch.save(weights, tmp_path / "weights.pth")
    images = calibration_images()[:2, :, :32, :32]
    raw = VGG16Features.from_file(tmp_path / "weights.pth")(images)
    scaled = resolve_perceptual("vgg16", tmp_path / "weights.pth")(images)
    factor = scaled.norm() / raw.norm()
    torch.testing.assert_close(scaled, factor * raw, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["glyph", "vgg16"])
def test_each_fit_has_features_of_its_own(tmp_path, weights, name):
    """A fit moves them to its device, while another may use its own elsewhere."""
    file = tmp_path / "weights.pth"
    torch.save(weights, file)
    first, second = (resolve_perceptual(name, file) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.data_ptr() != b.data_ptr()


def test_vgg16s_file_is_read_once(tmp_path, weights, monkeypatch):
    file = tmp_path / "weights.pth"
    torch.save(weights, file)
    resolve_perceptual("vgg16", file)
    monkeypatch.setattr(torch, "load", None)
    resolve_perceptual("vgg16", file)


def test_weights_of_zero_are_refused(tmp_path, weights):
    file = tmp_path / "weights.pth"
    torch.save({name: torch.zeros_like(w) for name, w in weights.items()}, file)
    with pytest.raises(ValueError, match=r"a mean square of 0\.0"):
        resolve_perceptual("vgg16", file)


def test_calibration_images_cannot_be_spoilt():
    calibration_images().zero_()
    assert calibration_images().any()


def test_discriminator_features_are_its_last_hidden_layer():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(n_layers=3, base_channels=4)
    features = resolve_perceptual("discriminator", discriminator=discriminator)
    images = torch.rand(2, 1, 32, 48)
    found = features(images)
    assert found.shape == (2, 8, 8, 12)
    logits = discriminator(2 * images - 1)
    torch.testing.assert_close(discriminator.layers[-1](found), logits)


@pytest.mark.parametrize(
    "options", [{"conditional": True}, {"n_layers": 1}], ids=lambda o: next(iter(o))
)
def test_discriminators_whose_features_will_not_do(options):
    with pytest.raises(ValueError, match="needs conditional=False and n_discrim"):
        resolve_perceptual("discriminator", discriminator=PatchDiscriminator(**options))


def test_discriminator_features_need_a_discriminator(pairs, tiny_gan):
    with pytest.raises(ValueError, match="which adversarial_weight=0 trains without"):
        tiny_gan(perceptual="discriminator", adversarial_weight=0).fit(*pairs)


@pytest.mark.parametrize("perceptual", ["glyph", "discriminator"])
def test_fit_with_features_that_need_no_file(pairs, tiny_gan, perceptual):
    model = tiny_gan(perceptual=perceptual).fit(*pairs)
    without = tiny_gan(perceptual=None).fit(*pairs)
    assert model.history_[0]["perceptual_loss"] > 0
    assert "perceptual_loss" not in without.history_[0]
    assert not np.array_equal(model.deblur(pairs[0]), without.deblur(pairs[0]))


def test_the_discriminator_learns_nothing_from_its_own_features(pairs, tiny_gan):
    """The perceptual loss goes to the generator: one step of D is that without it."""
    one_step = {"max_epochs": 1, "augment": False, "n_threads": 1}
    with_features = tiny_gan(perceptual="discriminator", **one_step).fit(*pairs)
    without = tiny_gan(perceptual=None, **one_step).fit(*pairs)
    for a, b in zip(
        with_features.discriminator_.parameters(),
        without.discriminator_.parameters(),
        strict=True,
    ):
        assert torch.equal(a, b)

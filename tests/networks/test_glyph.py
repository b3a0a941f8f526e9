"""The bundled feature network: its form, its weights, and what it can read."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeblurbin.networks import GlyphClassifier, GlyphFeatures
from skdeblurbin.networks.glyph import (
    calibration_images,
    scale_to_unit_mean_square,
)


def kinds(network):
    return [type(layer).__name__ for layer in network]


def test_it_has_vgg16s_form():
    # VGG16 up to phi_{3,3}: stages of two, two and three convolutions.
    layers = GlyphFeatures().features
    pair = ["Conv2d", "ReLU"]
    expected = pair * 2 + ["MaxPool2d"] + pair * 2 + ["MaxPool2d"] + pair * 3
    assert kinds(layers) == expected
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert [layer.out_channels for layer in convolutions] == [
        24,
        24,
        48,
        48,
        96,
        96,
        96,
    ]


def test_shipped_features_are_fixed_and_finite():
    features = GlyphFeatures.bundled()
    assert not features.training
    for parameter in features.parameters():
        assert parameter.dtype == torch.float32
        assert not parameter.requires_grad
        assert torch.isfinite(parameter).all()


def test_classifier_and_features_share_weights():
    images = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    classifier = GlyphClassifier.bundled()
    assert torch.equal(GlyphFeatures.bundled()(images), classifier.features(images))


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(
        ValueError, match=r"\(n_images, 1, 32, 32\), got \(1, 1, 48, 32"
    ):
        GlyphClassifier.bundled()(torch.zeros(1, 1, 48, 32))


def test_loading_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    GlyphClassifier.bundled()
    assert torch.equal(torch.get_rng_state(), before)


def test_calibration_images_are_binary_plates():
    images = calibration_images()
    assert images.shape == (16, 1, 64, 96)
    assert set(images.unique().tolist()) == {0.0, 1.0}
    ink = 1 - images.mean(dim=(1, 2, 3))
    assert (ink > 0.1).all()
    assert (ink < 0.7).all()


def test_scaling_to_unit_mean_square():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU()).requires_grad_(False)
    network[0].weight.copy_(torch.tensor([3.0, 1.0]).view(2, 1, 1, 1))
    network[0].bias.zero_()
    images = torch.ones(1, 1, 4, 4)
    # Features 3 and 1: the mean square is (9 + 1) / 2 = 5.
    assert scale_to_unit_mean_square(network, images) == pytest.approx(5)
    assert float(network(images).square().mean()) == pytest.approx(1)
    np.testing.assert_allclose(
        network[0].weight.flatten().numpy(), np.array([3, 1]) / np.sqrt(5), rtol=1e-6
    )

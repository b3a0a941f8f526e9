import pytest
import torch
from torch import nn

from skdeblurbin.networks import PatchDiscriminator


def test_four_convolutional_layers():
    discriminator = PatchDiscriminator()
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.stride[0]) for c in convolutions] == [
        (1, 64, 2),
        (64, 128, 2),
        (128, 256, 2),
        (256, 1, 1),
    ]


def test_parameter_count():
    # 4x4 kernels; bias in the first and last layer, BatchNorm after the two between.
    first = 16 * 1 * 64 + 64
    between = 16 * 64 * 128 + 2 * 128 + 16 * 128 * 256 + 2 * 256
    last = 16 * 256 * 1 + 1
    n_parameters = sum(p.numel() for p in PatchDiscriminator().parameters())
    assert n_parameters == first + between + last


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (16, 16), (37, 91)])
def test_any_image_size_gives_patches(n_layers, size):
    discriminator = PatchDiscriminator(n_layers, base_channels=2).eval()
    logits = discriminator(torch.randn(1, 1, *size))
    assert logits.shape[:2] == (1, 1)
    assert logits.numel() >= 1


def test_a_patch_depends_on_its_surroundings_only():
    """Receptive field of 3 stride-2 and 1 stride-1 layer of 4x4: 4 -> 10 -> 22 -> 46.

    From the last layer back: 4; then (4 - 1) * 2 + 4 = 10; (10 - 1) * 2 + 4 = 22;
    (22 - 1) * 2 + 4 = 46.
    """
    discriminator = PatchDiscriminator(base_channels=2).double().eval()
    image = torch.randn(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    logits = discriminator(image)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    touched = (image.grad[0, 0] != 0).any(dim=0).nonzero()
    assert int(touched.max() - touched.min()) + 1 == 46


def test_conditional_uses_the_blurred_image():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(base_channels=2, conditional=True).eval()
    binary, blurred = torch.randn(2, 1, 1, 32, 32)
    assert not torch.equal(
        discriminator(binary, blurred), discriminator(binary, -blurred)
    )
    with pytest.raises(ValueError, match="needs the blurred image"):
        discriminator(binary)


def test_unconditional_ignores_the_blurred_image():
    discriminator = PatchDiscriminator(base_channels=2).eval()
    binary, blurred = torch.randn(2, 1, 1, 32, 32)
    assert torch.equal(discriminator(binary, blurred), discriminator(binary))

"""The discriminator: a Markovian classifier of patches (PatchGAN)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdeblurbin._tensors import pad_to

MINIMUM_SIZE = 16  # height and width of the least image, in pixels
NEGATIVE_SLOPE = 0.2  # as in pix2pix


class PatchDiscriminator(nn.Module):
    """Classifier that tells ground truth from generator output, patch by patch.

    `n_layers` convolutions of 4x4: all but the last halve the resolution and are
    followed by BatchNorm (except the first) and LeakyReLU; the last gives one logit
    for each patch. The probability that an image is real is the mean of the patches'
    sigmoids, which :class:`skdeblurbin.training.AdversarialLoss` computes from these
    logits [1]_ [2]_.

    Parameters
    ----------
    n_layers : int, default=4
        Number of convolutional layers.
    base_channels : int, default=64
        Channels of the first layer; they double with each layer, up to eightfold.
    conditional : bool, default=False
        Whether the blurred image is a second input channel. The paper's text reads as
        unconditional.

    Attributes
    ----------
    minimum_size : int
        Least height and width; smaller images are padded by replication.
    options : dict
        The constructor's arguments, with which an equal network can be built.

    References
    ----------
    .. [1] Nguyen & Nguyen, "Joint Image Deblurring and Binarization for License Plate
       Images using Deep Generative Adversarial Networks", figure 3.
    .. [2] P. Isola et al., "Image-to-Image Translation with Conditional Adversarial
       Networks", CVPR 2017, section 3.2.2. :doi:`10.1109/CVPR.2017.632`

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import PatchDiscriminator
    >>> PatchDiscriminator(base_channels=8)(torch.zeros(2, 1, 64, 96)).shape
    torch.Size([2, 1, 7, 11])
    """

    def __init__(
        self, n_layers: int = 4, base_channels: int = 64, conditional: bool = False
    ) -> None:
        super().__init__()
        self.options = {
            "n_layers": n_layers,
            "base_channels": base_channels,
            "conditional": conditional,
        }
        self.conditional = conditional
        self.minimum_size = max(MINIMUM_SIZE, 2**n_layers)
        layers: list[nn.Module] = []
        channels = 2 if conditional else 1
        for i in range(n_layers - 1):
            wider = base_channels * min(2**i, 8)
            layers.append(
                nn.Conv2d(channels, wider, 4, stride=2, padding=1, bias=i == 0)
            )
            if i > 0:
                layers.append(nn.BatchNorm2d(wider))
            layers.append(nn.LeakyReLU(NEGATIVE_SLOPE))
            channels = wider
        layers.append(nn.Conv2d(channels, 1, 4, stride=1, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, binary: Tensor, blurred: Tensor | None = None) -> Tensor:
        """Rate the patches of a batch.

        Parameters
        ----------
        binary : Tensor of shape (n_images, 1, height, width)
            Ground truth or generator output, in [-1, 1].
        blurred : Tensor of the same shape, default=None
            The blurred images, in [-1, 1]; used by a conditional discriminator only.

        Returns
        -------
        Tensor of shape (n_images, 1, n_rows, n_columns)
            The logit of each patch being real.

        Raises
        ------
        ValueError
            If the discriminator is conditional and `blurred` is missing.
        """
        if self.conditional:
            if blurred is None:
                raise ValueError("A conditional discriminator needs the blurred image.")
            binary = torch.cat([binary, blurred], dim=1)
        logits: Tensor = self.layers[-1](self.hidden(binary))
        return logits

    def hidden(self, images: Tensor) -> Tensor:
        """Feature maps of the last hidden layer.

        Parameters
        ----------
        images : Tensor of shape (n_images, n_channels, height, width)
            What the first layer sees, in [-1, 1]: one channel, or two where the
            discriminator is conditional.

        Returns
        -------
        Tensor of shape (n_images, n_features, n_rows, n_columns)
        """
        height = max(self.minimum_size, images.shape[-2])
        width = max(self.minimum_size, images.shape[-1])
        found: Tensor = self.layers[:-1](pad_to(images, height, width))
        return found

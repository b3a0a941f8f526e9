"""The generator: a field of dense blocks at one resolution (figures 1 and 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeblurbin._tensors import pad_to

NEGATIVE_SLOPE = 0.2  # ours; the paper says "LeakyReLU"
BOTTLENECK_FACTOR = 4  # ours: the 1x1 convolution gives 4 x growth_rate channels


class DenseBlock(nn.Sequential):
    """One dense block of figure 2.

    LeakyReLU, 1x1 convolution, BatchNorm, LeakyReLU, 3x3 convolution, BatchNorm.
    The caller concatenates the result with the block's input.

    Parameters
    ----------
    in_channels : int
        Channels of everything that came before the block.
    growth_rate : int
        Channels that the block adds.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import DenseBlock
    >>> DenseBlock(in_channels=8, growth_rate=4)(torch.zeros(2, 8, 5, 6)).shape
    torch.Size([2, 4, 5, 6])
    """

    def __init__(self, in_channels: int, growth_rate: int) -> None:
        bottleneck = BOTTLENECK_FACTOR * growth_rate
        # No bias before BatchNorm, which would subtract it again.
        super().__init__(
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(in_channels, bottleneck, kernel_size=1, bias=False),
            nn.BatchNorm2d(bottleneck),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(bottleneck, growth_rate, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(growth_rate),
        )


class DenseGenerator(nn.Module):
    """Generator that maps a blurred image to a sharp, nearly binary one.

    (i) a 3x3 convolution; (ii) `n_blocks` dense blocks in sequence, each block's
    output concatenated with what came before it; (iii) a tail of LeakyReLU, 1x1
    convolution and BatchNorm; (iv) the global skip, which concatenates the outputs of
    (i) and (iii); then a 3x3 convolution to one channel and tanh [1]_.

    With ``downsampling=1`` this is the paper's network. With 2 or 4, each square of
    pixels is folded into channels before (i), and unfolded after the last
    convolution; everything between is the same, on 4 or 16 times fewer positions,
    and sees 2 or 4 times as far.

    Parameters
    ----------
    n_blocks : int, default=10
        Number of dense blocks.
    growth_rate : int, default=32
        Channels that each block adds.
    base_channels : int, default=64
        Channels of (i) and (iii).
    downsampling : {1, 2, 4}, default=1
        Side in pixels of the squares folded into channels.

    Attributes
    ----------
    receptive_field : int
        Side in pixels of the square of input pixels that an output pixel depends on,
        at most: ``downsampling * (2 * n_blocks + 5)``.
    options : dict
        The constructor's arguments, with which an equal network can be built.

    References
    ----------
    .. [1] Nguyen & Nguyen, "Joint Image Deblurring and Binarization for License Plate
       Images using Deep Generative Adversarial Networks", figures 1 and 2.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import DenseGenerator
    >>> generator = DenseGenerator(n_blocks=2, downsampling=4)
    >>> generator(torch.zeros(1, 1, 64, 90)).shape
    torch.Size([1, 1, 64, 90])
    >>> generator.receptive_field
    36
    """

    def __init__(
        self,
        n_blocks: int = 10,
        growth_rate: int = 32,
        base_channels: int = 64,
        downsampling: int = 1,
    ) -> None:
        super().__init__()
        self.options = {
            "n_blocks": n_blocks,
            "growth_rate": growth_rate,
            "base_channels": base_channels,
            "downsampling": downsampling,
        }
        self.downsampling = downsampling
        folded = downsampling**2
        self.head = nn.Conv2d(folded, base_channels, kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(
            DenseBlock(base_channels + i * growth_rate, growth_rate)
            for i in range(n_blocks)
        )
        self.tail = nn.Sequential(
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(
                base_channels + n_blocks * growth_rate,
                base_channels,
                kernel_size=1,
                bias=False,
            ),
            nn.BatchNorm2d(base_channels),
        )
        self.output = nn.Conv2d(2 * base_channels, folded, kernel_size=3, padding=1)

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the square of input that an output pixel depends on."""
        return self.downsampling * (2 * len(self.blocks) + 5)

    def forward(self, blurred: Tensor) -> Tensor:
        """Deblur a batch.

        Parameters
        ----------
        blurred : Tensor of shape (n_images, 1, height, width)
            Grey images in [-1, 1]; any height and width.

        Returns
        -------
        Tensor of shape (n_images, 1, height, width)
            In (-1, 1): -1 is ink, 1 is paper.
        """
        head = self.head(fold(blurred, self.downsampling))  # (n, base, h, w)
        features = head
        for block in self.blocks:
            features = torch.cat([features, block(features)], dim=1)
        skip = torch.cat([head, self.tail(features)], dim=1)  # (n, 2 base, h, w)
        return unfold(self.output(skip), self.downsampling, blurred.shape[-2:])


def fold(blurred: Tensor, side: int) -> Tensor:
    """Pad images to whole squares of pixels, and fold the squares into channels.

    Parameters
    ----------
    blurred : Tensor of shape (n_images, 1, height, width)
    side : int
        Of the squares, in pixels.

    Returns
    -------
    Tensor of shape (n_images, side**2, n_rows, n_columns)
    """
    height, width = (-(-length // side) * side for length in blurred.shape[-2:])
    return functional.pixel_unshuffle(pad_to(blurred, height, width), side)


def unfold(output: Tensor, side: int, size: torch.Size) -> Tensor:
    """Squash the last convolution's output to (-1, 1), and undo `fold`.

    Parameters
    ----------
    output : Tensor of shape (n_images, side**2, n_rows, n_columns)
    side : int
        Of the squares, in pixels.
    size : (height, width)
        Of what was folded.

    Returns
    -------
    Tensor of shape (n_images, 1, height, width)
    """
    height, width = size
    sharp = torch.tanh(functional.pixel_shuffle(output, side))
    return sharp[..., :height, :width]

"""The generator: a field of dense blocks (figures 1 and 2), below levels of a U-Net."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from skdeblurbin._tensors import pad_to

# Ours; the paper says "LeakyReLU". Steeper is more nearly linear, and learns slower
# (docs/benchmarks).
NEGATIVE_SLOPE = 0.01
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


class Level(nn.Sequential):
    """Two 3x3 convolutions, each followed by BatchNorm and LeakyReLU.

    Parameters
    ----------
    in_channels, channels : int

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks.generator import Level
    >>> Level(in_channels=4, channels=8)(torch.zeros(2, 4, 5, 6)).shape
    torch.Size([2, 8, 5, 6])
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        layers: list[nn.Module] = []
        for width in (in_channels, channels):
            layers += [
                nn.Conv2d(width, channels, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True),
            ]
        super().__init__(*layers)


class DenseGenerator(nn.Module):
    """Generator that maps a blurred image to a sharp, nearly binary one.

    (i) a 3x3 convolution; (ii) `n_blocks` dense blocks in sequence, each block's
    output concatenated with what came before it; (iii) a tail of LeakyReLU, 1x1
    convolution and BatchNorm; (iv) the global skip, which concatenates the outputs of
    (i) and (iii); then a 3x3 convolution to one channel and tanh [1]_.

    With ``downsampling=1`` and ``n_levels=0`` this is the paper's network.

    With `downsampling` of 2 or 4, each square of pixels is folded into channels before
    everything else, and unfolded after the last convolution: all between is the same,
    on 4 or 16 times fewer positions, and sees 2 or 4 times as far.

    With `n_levels`, the dense blocks work below so many levels of a U-Net [2]_: on the
    way down, two convolutions at each level, then the maximum of each 2x2 square; on
    the way up, after the global skip, a transposed convolution, concatenation with what
    the level gave on the way down, and two convolutions. So fine strokes and wide
    surroundings cost little. The photo times a weight is added before tanh; training
    begins from the photo alone.

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
    n_levels : int, default=0
        Levels above the dense blocks. The lowest has `base_channels` channels, each
        one above it half as many, 8 at least.

    Attributes
    ----------
    receptive_field : int
        Side in pixels of the square of input pixels that an output pixel depends on,
        at most. Without levels it is ``downsampling * (2 * n_blocks + 5)``.
    unit : int
        Side in pixels of what becomes one position of the dense blocks,
        ``downsampling * 2**n_levels``; images are padded to multiples of it.
    options : dict
        The constructor's arguments, with which an equal network can be built.

    References
    ----------
    .. [1] Nguyen & Nguyen, "Joint Image Deblurring and Binarization for License Plate
       Images using Deep Generative Adversarial Networks", figures 1 and 2.
    .. [2] O. Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image
       Segmentation", MICCAI 2015. :doi:`10.1007/978-3-319-24574-4_28`

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
        n_levels: int = 0,
    ) -> None:
        super().__init__()
        self.options = {
            "n_blocks": n_blocks,
            "growth_rate": growth_rate,
            "base_channels": base_channels,
            "downsampling": downsampling,
            "n_levels": n_levels,
        }
        self.downsampling = downsampling
        self.unit: int = downsampling * 2**n_levels
        folded = downsampling**2
        channels = [max(8, base_channels >> i) for i in reversed(range(n_levels))]
        widths = [folded, *channels]
        self.down = nn.ModuleList(map(Level, widths, channels))
        self.head = nn.Conv2d(widths[-1], base_channels, kernel_size=3, padding=1)
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
        rising = [2 * base_channels, *reversed(channels)]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, width, kernel_size=2, stride=2)
            for below, width in pairwise(rising)
        )
        self.joined = nn.ModuleList(Level(2 * width, width) for width in rising[1:])
        self.output = nn.Conv2d(rising[-1], folded, kernel_size=3, padding=1)
        if n_levels:
            self.photo_weight = nn.Parameter(torch.tensor(1.0))
            # Training begins from the photo. He's initialisation of the last
            # convolution would begin from noise as strong as the answer, which is to be
            # unlearnt first (docs/benchmarks).
            self.starts_at = {"output.weight": 0.0, "photo_weight": 1.0}

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the square of input that an output pixel depends on."""
        n_levels = len(self.down)
        # Of each position of an output's square, the positions that it comes from.
        spans = [self._seen_from(position, n_levels) for position in range(2**n_levels)]
        return self.downsampling * max(last - first + 1 for first, last in spans)

    def _seen_from(self, position: int, n_levels: int) -> tuple[int, int]:
        """First and last of the folded positions that an output's position sees."""
        first, last = position - 1, position + 1  # the output's convolution
        for _ in range(n_levels):
            first, last = (first - 2) // 2, (last + 2) // 2
        reach = 1 + len(self.blocks)  # the head's, and one in each block
        first, last = first - reach, last + reach
        for _ in range(n_levels):
            first, last = 2 * first - 2, 2 * last + 1 + 2
        return first, last

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
        folded = fold(blurred, self.downsampling, self.unit)
        features, levels = self.descend(folded)
        head = self.head(features)  # (n, base, h, w)
        features = head
        for block in self.blocks:
            features = torch.cat([features, block(features)], dim=1)
        features = torch.cat([head, self.tail(features)], dim=1)  # (n, 2 base, h, w)
        output = self.ascend(features, levels, folded)
        return unfold(output, self.downsampling, blurred.shape[-2:])

    def descend(self, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Go down the levels.

        Parameters
        ----------
        features : Tensor of shape (n_images, downsampling**2, n_rows, n_columns)

        Returns
        -------
        features : Tensor
            At the resolution of the dense blocks.
        levels : list of Tensor
            What each level gives to the way up, the uppermost first.
        """
        levels = []
        for level in self.down:
            levels.append(level(features))
            features = functional.max_pool2d(levels[-1], 2)
        return features, levels

    def ascend(self, features: Tensor, levels: list[Tensor], folded: Tensor) -> Tensor:
        """Go up the levels, and make the output.

        Parameters
        ----------
        features : Tensor
            At the resolution of the dense blocks.
        levels : list of Tensor
            As from `descend`; consumed.
        folded : Tensor of shape (n_images, downsampling**2, n_rows, n_columns)
            The photos.

        Returns
        -------
        Tensor of the shape of `folded`
            To be squashed by tanh.
        """
        for up, joined in zip(self.up, self.joined, strict=True):
            features = joined(torch.cat([levels.pop(), up(features)], dim=1))
        output: Tensor = self.output(features)
        return output + self.photo_weight * folded if len(self.up) else output


def fold(blurred: Tensor, side: int, unit: int) -> Tensor:
    """Pad images to multiples of `unit`, and fold squares of pixels into channels.

    Parameters
    ----------
    blurred : Tensor of shape (n_images, 1, height, width)
    side : int
        Of the squares, in pixels.
    unit : int
        In pixels, a multiple of `side`.

    Returns
    -------
    Tensor of shape (n_images, side**2, n_rows, n_columns)
    """
    height, width = (-(-length // unit) * unit for length in blurred.shape[-2:])
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

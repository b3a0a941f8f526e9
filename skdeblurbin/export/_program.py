"""A generator with everything around it, as one module that torch.onnx can export."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval

from skdeblurbin.export._operations import pad_to_multiples, resize, split_by_otsu
from skdeblurbin.networks.generator import NEGATIVE_SLOPE, DenseGenerator, Level


class FoldedGenerator(nn.Module):
    """A trained generator for tensors of sizes that are not known yet.

    BatchNorm is folded into the convolutions before it, and each feature map is
    activated once. Results are those of the generator up to rounding.

    Parameters
    ----------
    generator : DenseGenerator
        In evaluation mode. It is copied to the CPU.
    """

    def __init__(self, generator: DenseGenerator) -> None:
        super().__init__()
        generator = copy.deepcopy(generator).cpu()
        self.side, self.unit = generator.downsampling, generator.unit
        self.down = nn.ModuleList(_level(cast(Level, part)) for part in generator.down)
        self.head = generator.head
        self.squeeze, self.grow = nn.ModuleList(), nn.ModuleList()
        for block in generator.blocks:
            _, squeeze, squeeze_norm, _, grow, grow_norm = block.children()
            self.squeeze.append(_folded(squeeze, squeeze_norm))
            self.grow.append(_folded(grow, grow_norm))
        _, convolution, norm = generator.tail.children()
        self.tail = _folded(convolution, norm)
        self.up = generator.up
        self.joined = nn.ModuleList(
            _level(cast(Level, part)) for part in generator.joined
        )
        self.output = generator.output
        self.photo_weight = float(generator.photo_weight) if len(self.up) else 0.0

    def forward(self, blurred: Tensor) -> Tensor:
        """Deblur a batch.

        Parameters
        ----------
        blurred : Tensor of shape (n_images, 1, height, width)
            In [-1, 1].

        Returns
        -------
        Tensor of the same shape
            In (-1, 1).
        """
        height, width = blurred.shape[-2:]
        padded = pad_to_multiples(blurred, self.unit)
        folded = maps = functional.pixel_unshuffle(padded, self.side)
        levels = []
        for level in self.down:
            levels.append(level(maps))
            maps = functional.max_pool2d(levels[-1], 2)
        head = self.head(maps)
        features = _activated(head)
        for squeeze, grow in zip(self.squeeze, self.grow, strict=True):
            grown = grow(_activated(squeeze(features)))
            features = torch.cat([features, _activated(grown)], dim=1)
        maps = torch.cat([head, self.tail(features)], dim=1)
        for up, joined in zip(self.up, self.joined, strict=True):
            maps = joined(torch.cat([levels.pop(), up(maps)], dim=1))
        output = self.output(maps)
        if len(self.up):
            output = output + self.photo_weight * folded
        sharp = torch.tanh(functional.pixel_shuffle(output, self.side))
        return sharp[..., :height, :width]


class BinarizerProgram(nn.Module):
    """Bytes in, bytes out: scaling, resizing, the network, Otsu's threshold.

    Parameters
    ----------
    generator : DenseGenerator
        In evaluation mode.
    working_shape : tuple (height, width) or None
        To which images are resized for the network.
    resize_back : bool
        Whether results are resized to the images' own shapes.
    is_unit : bool
        Whether the model was trained on values in [0, 1]. Images of bytes up to 1 are
        then read on that scale; all others on [0, 255].
    """

    def __init__(
        self,
        generator: DenseGenerator,
        working_shape: tuple[int, int] | None,
        *,
        resize_back: bool,
        is_unit: bool,
    ) -> None:
        super().__init__()
        self.network = FoldedGenerator(generator)
        self.working_shape = working_shape
        self.resize_back = resize_back
        self.is_unit = is_unit

    def forward(self, image: Tensor, added: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Deblur and binarize a batch.

        Parameters
        ----------
        image : uint8 Tensor of shape (n_images, height, width)
        added : float32 Tensor that broadcasts to that shape
            Added to the image when it is scaled to [0, 1].

        Returns
        -------
        binary : uint8 Tensor of shape (n_images, height, width)
            0 is ink, 255 is paper. The shape is `working_shape` if results are not
            resized back.
        grey : uint8 Tensor of that shape
            What is split by Otsu's threshold, rounded.
        deblurred : float32 Tensor of that shape
            The same in [0, 1], as it is.
        """
        unit = self._scaled(image) + added
        is_blank = unit.amin((1, 2), True) == unit.amax((1, 2), True)
        scaled = resize(unit, *self.working_shape) if self.working_shape else unit
        deblurred = (self.network(scaled[:, None] * 2 - 1)[:, 0] + 1) / 2
        if self.working_shape and self.resize_back:
            deblurred = resize(deblurred, image.shape[1], image.shape[2])
        # Where nothing is to be seen, all is paper.
        is_paper = split_by_otsu(deblurred) | is_blank
        grey = (deblurred * 255).round().to(torch.uint8)
        return is_paper.to(torch.uint8) * 255, grey, deblurred

    def _scaled(self, image: Tensor) -> Tensor:
        values = image.float()
        if not self.is_unit:
            return values / 255
        return values / torch.where(values.amax((1, 2), True) > 1, 255.0, 1.0)


def _activated(maps: Tensor) -> Tensor:
    return functional.leaky_relu(maps, NEGATIVE_SLOPE)


def _folded(convolution: Any, norm: Any) -> nn.Module:
    """One convolution that does what a convolution and its norm do."""
    folded: nn.Module = fuse_conv_bn_eval(convolution, norm)
    return folded


def _level(level: Level) -> nn.Sequential:
    """A level's two convolutions, with their norms in them."""
    first, first_norm, _, second, second_norm, _ = level.children()
    return nn.Sequential(
        _folded(first, first_norm),
        nn.LeakyReLU(NEGATIVE_SLOPE),
        _folded(second, second_norm),
        nn.LeakyReLU(NEGATIVE_SLOPE),
    )

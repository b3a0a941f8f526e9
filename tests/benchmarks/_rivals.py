"""What the library is measured against: the plain training loop, and a plain U-Net.

Not a script. These are written out with plain torch and nothing of the library's
training, so that a change of the library's losses or trainer leaves the rival as it is;
`tests/test_speed_ratios.py` checks that the losses are the library's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skdeblurbin import GANBinarizer
from skdeblurbin._tensors import build_network, initialize_weights
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin.networks import DenseGenerator, GlyphFeatures, PatchDiscriminator
from skdeblurbin.training import Batch
from skdeblurbin.training.averaging import WeightAverage
from skdeblurbin.training.optimizers import OptimizerMaker

# Channels of the four resolutions: doubling, in multiples of 16 (which CPU kernels work
# on), with as many weights as the default generator, within 4 %.
_UNET_CHANNELS = (16, 32, 64, 128)
_BETAS = (0.5, 0.999)
_LEARNING_RATE = 0.001  # of Adam


class PlainLoop:
    """Adversarial training as one would first write it, with the plain modules.

    The generator runs once for either update, for the discriminator's without gradients
    as in DCGAN's and pix2pix's loops; features of the targets are computed in each
    step; everything else is autograd. No averaging of weights, no measures beside the
    losses.

    Parameters
    ----------
    perceptual : {None, "glyph"}
        The features of the perceptual loss.
    **parameters
        Of `GANBinarizer`; those of networks, losses and optimizers count.
    """

    def __init__(self, *, perceptual: str | None = None, **parameters: Any) -> None:
        known = GANBinarizer(perceptual=perceptual, **parameters)
        seeded = torch.Generator().manual_seed(0)
        self.generator = build_network(
            DenseGenerator, known._generator_options(), seeded
        )
        self.discriminator = build_network(
            PatchDiscriminator, known._discriminator_options(), seeded
        )
        self.features = GlyphFeatures.bundled() if perceptual == "glyph" else None
        self.K1, self.K2 = known.K1, known.K2
        self._content = {"l1": functional.l1_loss, "cross_entropy": cross_entropy}[
            known.content_loss
        ]
        self.adversarial_weight = known.adversarial_weight
        self._generator_optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=_LEARNING_RATE, betas=_BETAS
        )
        self._discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=_LEARNING_RATE, betas=_BETAS
        )
        self.network = self.generator

    def step(self, batch: Batch) -> dict[str, float]:
        """Update the discriminator, then the generator."""
        self.generator.train()
        self.discriminator.train()
        return {
            "discriminator_loss": self._update_discriminator(batch),
            **self._update_generator(batch),
        }

    def _update_discriminator(self, batch: Batch) -> float:
        with torch.no_grad():
            fake = self.generator(batch.blurred)
        self.discriminator.requires_grad_(True)
        real_logits = self.discriminator(batch.target)
        fake_logits = self.discriminator(fake)
        loss = -(log_mean(real_logits) + log_mean(-fake_logits)).mean()
        self._discriminator_optimizer.zero_grad()
        loss.backward()
        self._discriminator_optimizer.step()
        return float(loss.detach())

    def _update_generator(self, batch: Batch) -> dict[str, float]:
        output = self.generator(batch.blurred)
        self.discriminator.requires_grad_(False)
        adversarial = -log_mean(self.discriminator(output)).mean()
        content = self._content(output, batch.target)
        loss = self.adversarial_weight * adversarial + self.K2 * content
        found = {"adversarial_loss": adversarial, "content_loss": content}
        if self.features is not None:
            with torch.no_grad():
                wanted = self.features((batch.target + 1) / 2)
            seen = self.features((output + 1) / 2)
            found["perceptual_loss"] = (wanted - seen).square().mean()
            loss = loss + self.K1 * found["perceptual_loss"]
        self._generator_optimizer.zero_grad()
        loss.backward()
        self._generator_optimizer.step()
        return {name: float(value.detach()) for name, value in found.items()}


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Of the probability of paper, where output and target are in [-1, 1]."""
    return functional.binary_cross_entropy((output + 1) / 2, (target + 1) / 2)


def log_mean(logits: Tensor) -> Tensor:
    """Logarithm of the mean over the patches of their sigmoids, for each image."""
    flat = functional.logsigmoid(logits).flatten(1)
    return torch.logsumexp(flat, dim=1) - math.log(flat.shape[1])


class UNet(nn.Module):
    """A plain U-Net: two convolutions, BatchNorm and ReLU at each of four resolutions.

    Max-pooling on the way down, transposed convolutions and concatenation with the skip
    on the way up, a 1x1 convolution to the logit of paper.
    """

    def __init__(self, channels: tuple[int, ...] = _UNET_CHANNELS) -> None:
        super().__init__()
        ups = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.down = nn.ModuleList(
            _two_convolutions(before, after)
            for before, after in zip((1, *channels[:-1]), channels, strict=True)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(deep, shallow, 2, stride=2) for deep, shallow in ups
        )
        self.joined = nn.ModuleList(
            _two_convolutions(2 * shallow, shallow) for _, shallow in ups
        )
        self.output = nn.Conv2d(channels[0], 1, kernel_size=1)

    def forward(self, blurred: Tensor) -> Tensor:
        """Map images in [-1, 1], (n, 1, height, width), to logits of the same shape."""
        height, width = blurred.shape[-2:]
        side = 2 ** len(self.up)
        missing = (0, -width % side, 0, -height % side)
        features = functional.pad(blurred, missing, mode="replicate")
        skips: list[Tensor] = []
        for number, level in enumerate(self.down):
            if number:
                features = functional.max_pool2d(features, 2)
            features = level(features)
            skips.append(features)
        skips.pop()
        for up, joined in zip(self.up, self.joined, strict=True):
            features = joined(torch.cat([skips.pop(), up(features)], dim=1))
        logits: Tensor = self.output(features)
        return logits[..., :height, :width]


def _two_convolutions(in_channels: int, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (in_channels, channels):
        layers += [
            nn.Conv2d(width, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def _plain_adam(network: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    return [torch.optim.Adam(network.parameters(), lr=rate)]


class UNetLoop:
    """Trains a `UNet` with binary cross-entropy, batch by batch.

    Parameters
    ----------
    optimizers : callable (network, learning rate) -> list of Optimizer
    learning_rate : float
    average : float or None
        Decay of the moving average of the weights to predict with, the library's; None
        has none.
    """

    def __init__(
        self,
        optimizers: OptimizerMaker = _plain_adam,
        learning_rate: float = _LEARNING_RATE,
        average: float | None = None,
    ) -> None:
        with torch.random.fork_rng():
            self._trained = UNet()
        initialize_weights(self._trained, torch.Generator().manual_seed(0))
        self._optimizers = optimizers(self._trained, learning_rate)
        self._average = (
            None if average is None else WeightAverage(self._trained, average)
        )
        self.network = self._average.module if self._average else self._trained

    def step(self, batch: Batch) -> dict[str, float]:
        """One update."""
        self._trained.train()
        paper = (batch.target + 1) / 2
        loss = functional.binary_cross_entropy_with_logits(
            self._trained(batch.blurred), paper
        )
        self._trained.zero_grad()
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
        if self._average:
            self._average.update(self._trained)
        return {"cross_entropy": float(loss.detach())}


def binarize_with(
    network: Callable[[Tensor], Tensor] | nn.Module,
    unit_images: Iterable[NDArray[np.float32]],
) -> list[NDArray[np.bool_]]:
    """What `predict` does, for a rival's network: one by one, then Otsu's threshold.

    Of logits, Otsu would see the tails only; their sigmoid is what is grey.
    """
    if isinstance(network, nn.Module):
        network.eval()
    is_logit = isinstance(network, UNet)
    found = []
    with torch.inference_mode():
        for image in unit_images:
            output = network(torch.from_numpy(image)[None, None] * 2 - 1)
            grey = output.sigmoid() if is_logit else output
            found.append(binarize_otsu(grey[0, 0].numpy()))
    return found

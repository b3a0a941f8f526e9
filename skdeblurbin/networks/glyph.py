"""The bundled feature network: trained on drawn plate characters under blur."""

from __future__ import annotations

import math
from importlib import resources
from typing import Self, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from skdeblurbin._tensors import build_network
from skdeblurbin.networks.vgg import Layers, vgg_layers

#: What the characters of `GlyphClassifier` are, in the order of its logits.
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Height and width in pixels of the pictures that `GlyphClassifier` reads.
PICTURE_SIDE = 32
#: The shipped weights: features, head, and the fixed set of `calibration_images`.
WEIGHTS_FILE = "glyph.safetensors"

Network = TypeVar("Network", bound=nn.Module)

_LAYERS: Layers = (24, 24, "M", 48, 48, "M", 96, 96, 96)


class GlyphFeatures(nn.Module):
    """Feature maps of a small network of VGG16's form that reads characters.

    Seven 3x3 convolutions in three stages, as VGG16 up to phi_{3,3}, with 24, 48 and
    96 channels. `GlyphClassifier` was trained to recognise drawn plate characters
    under blur; the model card in the documentation says how, and how well. The
    features have a mean square of 1 on `calibration_images`.

    Parameters
    ----------
    normalize : bool, default=False
        Whether BatchNorm follows each convolution, as in training; in the shipped
        weights it is folded into the convolutions.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import GlyphFeatures
    >>> features = GlyphFeatures.bundled()
    >>> features(torch.rand(1, 1, 32, 48)).shape
    torch.Size([1, 96, 8, 12])
    """

    def __init__(self, normalize: bool = False) -> None:
        super().__init__()
        self.features = vgg_layers(1, _LAYERS, normalize=normalize)

    def forward(self, grey: Tensor) -> Tensor:
        """Map grey images to feature maps.

        Parameters
        ----------
        grey : Tensor of shape (n_images, 1, height, width)
            In [0, 1]; height and width at least 4.

        Returns
        -------
        Tensor of shape (n_images, 96, height // 4, width // 4)
        """
        features: Tensor = self.features(2 * grey - 1)
        return features

    @classmethod
    def bundled(cls) -> Self:
        """Load the shipped weights: float32, evaluation mode, no gradients."""
        return _load(cls, prefix="features.")


class GlyphClassifier(nn.Module):
    """Reads one plate character: `GlyphFeatures` and two dense layers.

    The character is in the middle of a picture of 32x32 pixels, 15 to 27 pixels high,
    dark on light.

    Parameters
    ----------
    normalize : bool, default=False
        As for `GlyphFeatures`.
    dropout : float, default=0
        Share of the features left out at random in training.

    Attributes
    ----------
    characters : str
        The 36 characters in the order of the logits.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import GlyphClassifier
    >>> stroke = torch.ones(1, 1, 32, 32)
    >>> stroke[:, :, 5:27, 14:18] = 0
    >>> reader = GlyphClassifier.bundled()
    >>> reader.characters[int(reader(stroke).argmax())]
    'I'
    """

    characters = CHARACTERS

    def __init__(self, normalize: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.features = GlyphFeatures(normalize)
        side = PICTURE_SIDE // 8
        self.head = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(96 * side * side, 128),
            nn.ReLU(),
            nn.Linear(128, len(CHARACTERS)),
        )

    def forward(self, grey: Tensor) -> Tensor:
        """Rate the 36 characters.

        Parameters
        ----------
        grey : Tensor of shape (n_images, 1, 32, 32)
            Pictures in [0, 1] of one character each, dark on light, in the middle.

        Returns
        -------
        Tensor of shape (n_images, 36)
            Logits in the order of `characters`.

        Raises
        ------
        ValueError
            If the pictures have another shape.
        """
        if grey.shape[1:] != (1, PICTURE_SIDE, PICTURE_SIDE):
            raise ValueError(
                f"grey must be of shape (n_images, 1, {PICTURE_SIDE}, {PICTURE_SIDE}), "
                f"got {tuple(grey.shape)}."
            )
        logits: Tensor = self.head(self.features(grey))
        return logits

    @classmethod
    def bundled(cls) -> Self:
        """Load the shipped weights: float32, evaluation mode, no gradients."""
        return _load(cls)


def calibration_images() -> Tensor:
    """The fixed set on which features are scaled to unit mean square.

    Returns
    -------
    Tensor of shape (16, 1, 64, 96)
        Drawn binary plates: 0 is ink, 1 is paper.
    """
    packed = _read_file()["calibration"].numpy()
    return torch.from_numpy(np.unpackbits(packed, axis=-1).astype(np.float32))


@torch.no_grad()
def scale_to_unit_mean_square(features: nn.Module, images: Tensor) -> float:
    """Scale a feature network's last convolution in place.

    Afterwards the features of `images` have a mean square of 1. The scale of features
    is arbitrary, and with it what a weight of their loss means.

    Parameters
    ----------
    features : nn.Module
        Ends in a convolution and a ReLU, which passes a positive factor on.
    images : Tensor of shape (n_images, 1, height, width)
        In [0, 1]; see `calibration_images`.

    Returns
    -------
    float
        The mean square before.

    Raises
    ------
    ValueError
        If the mean square is 0, or not finite.
    """
    mean_square = float(features(images).square().mean())
    if not 0 < mean_square < math.inf:
        raise ValueError(f"its features have a mean square of {mean_square}.")
    last = [m for m in features.modules() if isinstance(m, nn.Conv2d)][-1]
    for parameter in last.parameters():
        parameter.mul_(mean_square**-0.5)
    return mean_square


def _read_file() -> dict[str, Tensor]:
    folder = resources.files("skdeblurbin.networks").joinpath("weights")
    # Mapped into memory, so that processes beside each other share what they read.
    with resources.as_file(folder.joinpath(WEIGHTS_FILE)) as path:
        return load_file(path)


def _load(kind: type[Network], prefix: str = "") -> Network:
    network: Network = build_network(kind, {}, torch.Generator())
    weights = _read_file()
    state = {name: weights[prefix + name].float() for name in network.state_dict()}
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)

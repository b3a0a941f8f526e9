"""Networks of VGG's form, and VGG16's weights from a file of the user's."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from skdeblurbin._tensors import build_network

_ENVIRONMENT = "SKDEBLURBIN_VGG16"
_TORCHVISION_NAME = "vgg16-397923af.pth"
# Of red, green and blue, over ImageNet.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Layers = Sequence[int | Literal["M"]]
# VGG16 up to the third convolution before the third max-pooling.
_VGG16_LAYERS: Layers = (64, 64, "M", 128, 128, "M", 256, 256, 256)


def vgg_layers(
    in_channels: int, layers: Layers, *, normalize: bool = False
) -> nn.Sequential:
    """Build 3x3 convolutions with ReLU, and 2x2 max-poolings between them.

    Parameters
    ----------
    in_channels : int
    layers : sequence of int or "M"
        Channels of each convolution; "M" is a max-pooling.
    normalize : bool, default=False
        Whether BatchNorm follows each convolution, for training.

    Returns
    -------
    nn.Sequential
    """
    built: list[nn.Module] = []
    channels = in_channels
    for width in layers:
        if width == "M":
            built.append(nn.MaxPool2d(2))
            continue
        built.append(nn.Conv2d(channels, width, 3, padding=1, bias=not normalize))
        if normalize:
            built.append(nn.BatchNorm2d(width))
        built.append(nn.ReLU(inplace=True))  # half the memory of what it activates
        channels = width
    return nn.Sequential(*built)


class VGG16Features(nn.Module):
    """The layers of VGG16 up to phi_{3,3}: seven 3x3 convolutions.

    The output is that of the ReLU after the third convolution before the third
    max-pooling [1]_ (torchvision's ``features[:16]``, Keras's ``block3_conv3``). Names
    of the weights and input convention are torchvision's: RGB in [0, 1], normalised by
    ImageNet's means and standard deviations. `K1` means something under one
    convention only; Keras's weights expect another and give other values.

    References
    ----------
    .. [1] K. Simonyan & A. Zisserman, "Very Deep Convolutional Networks for
       Large-Scale Image Recognition", ICLR 2015, configuration D. arXiv:1409.1556

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import VGG16Features
    >>> VGG16Features()(torch.rand(1, 1, 32, 48)).shape
    torch.Size([1, 256, 8, 12])
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = vgg_layers(3, _VGG16_LAYERS)

    def forward(self, grey: Tensor) -> Tensor:
        """Map grey images to feature maps.

        Parameters
        ----------
        grey : Tensor of shape (n_images, 1, height, width)
            In [0, 1]; height and width at least 4.

        Returns
        -------
        Tensor of shape (n_images, 256, height // 4, width // 4)
        """
        mean, std = (grey.new_tensor(x).view(1, 3, 1, 1) for x in (_MEAN, _STD))
        features: Tensor = self.features((grey.expand(-1, 3, -1, -1) - mean) / std)
        return features

    @classmethod
    def from_file(cls, path: str | os.PathLike[str] | None = None) -> VGG16Features:
        """Load weights in torchvision's layout; nothing is ever downloaded.

        Parameters
        ----------
        path : path, default=None
            A ``.pth`` (read without executing code) or ``.safetensors`` file. None
            looks at the environment variable ``SKDEBLURBIN_VGG16``, then for
            ``vgg16-397923af.pth`` in the torch hub cache.

        Returns
        -------
        VGG16Features
            In evaluation mode, without gradients.

        Raises
        ------
        FileNotFoundError
            If there is no such file; the message says how to get one.
        ValueError
            If the file is damaged, or does not hold VGG16's weights.
        """
        file = find_vgg16(path)
        _check_digest(file)
        weights = _read_weights(file)
        network: VGG16Features = build_network(cls, {}, torch.Generator())
        expected = network.state_dict()
        for key, value in expected.items():
            if key not in weights:
                raise ValueError(f"{file} does not hold VGG16's weights: no {key!r}.")
            if weights[key].shape != value.shape:
                raise ValueError(
                    f"{file} does not hold VGG16's weights: {key!r} must be of shape "
                    f"{tuple(value.shape)}, got {tuple(weights[key].shape)}."
                )
            if not torch.isfinite(weights[key]).all():
                raise ValueError(f"{file} is damaged: {key!r} is not finite.")
        network.load_state_dict({key: weights[key] for key in expected})
        return network.eval().requires_grad_(False)


def find_vgg16(path: str | os.PathLike[str] | None = None) -> Path:
    """Find the file with VGG16's weights; see `VGG16Features.from_file`."""
    if path is not None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"perceptual_weights must be a path or None, got {path!r}.")
        file = Path(path).expanduser()
    elif os.environ.get(_ENVIRONMENT):
        file = Path(os.environ[_ENVIRONMENT])
    else:
        file = Path(torch.hub.get_dir()) / "checkpoints" / _TORCHVISION_NAME
    if file.is_file():
        return file
    raise FileNotFoundError(
        f"perceptual='vgg16' needs VGG16's weights, and {file} is no file. "
        "Nothing is downloaded silently. Get them once, on a machine with internet "
        f"access, from https://download.pytorch.org/models/{_TORCHVISION_NAME} (528 "
        "MB), and name the file by perceptual_weights=, by the environment variable "
        f"{_ENVIRONMENT}, or put it where it was looked for. perceptual='glyph' needs "
        "no file."
    )


def _check_digest(file: Path) -> None:
    """A name such as vgg16-397923af.pth carries the first digits of its SHA-256."""
    stated = re.fullmatch(r"vgg16-([0-9a-f]{8,64})\.pth", file.name)
    if stated is None:
        return
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(stated[1]):
        raise ValueError(
            f"{file} is damaged: its SHA-256 begins with {digest[: len(stated[1])]}, "
            f"but its name says {stated[1]}."
        )


def _read_weights(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        # Memory-mapped: seven of sixteen layers are read, not half a gigabyte. Files
        # from before torch 1.6, as torchvision's own may be, cannot be mapped.
        mmap = zipfile.is_zipfile(file)
        weights = torch.load(file, map_location="cpu", weights_only=True, mmap=mmap)
    except OSError:
        raise
    except Exception as error:  # torch and safetensors raise a dozen kinds
        raise ValueError(f"{file} cannot be read as weights: {error!r}") from error
    if not isinstance(weights, dict) or not all(
        isinstance(value, Tensor) for value in weights.values()
    ):
        raise ValueError(f"{file} does not hold a state dict of tensors.")
    return weights

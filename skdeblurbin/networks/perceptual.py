"""Feature networks for the perceptual loss.

`resolve_perceptual` is the one place that turns the `perceptual` parameter of an
estimator into something that maps images to feature maps.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skdeblurbin.networks.discriminator import PatchDiscriminator
from skdeblurbin.networks.glyph import (
    GlyphFeatures,
    calibration_images,
    scale_to_unit_mean_square,
)
from skdeblurbin.networks.vgg import VGG16Features, find_vgg16

FeatureNetwork = Callable[[Tensor], Tensor]

_NAMES = ("glyph", "vgg16", "discriminator")
_ALLOWED = (
    "perceptual must be None, 'glyph', 'vgg16', 'discriminator', an nn.Module or a "
    "callable, got "
)


class DiscriminatorFeatures:
    """The last hidden layer of a discriminator that is being trained.

    The features follow the discriminator as it learns. BatchNorm and LeakyReLU keep
    their mean square at about 1/2.

    Parameters
    ----------
    discriminator : PatchDiscriminator
        Of two layers at least, that sees the binary image only.
    """

    def __init__(self, discriminator: PatchDiscriminator) -> None:
        if discriminator.conditional or discriminator.options["n_layers"] < 2:
            raise ValueError(
                "perceptual='discriminator' needs conditional=False and "
                "n_discriminator_layers of at least 2, got "
                f"conditional={discriminator.conditional} and n_discriminator_layers="
                f"{discriminator.options['n_layers']}."
            )
        self._discriminator = discriminator

    def __call__(self, grey: Tensor) -> Tensor:
        """Map grey images in [0, 1] to feature maps."""
        return self._discriminator.hidden(2 * grey - 1)


def resolve_perceptual(
    perceptual: Any,
    weights: str | os.PathLike[str] | None = None,
    discriminator: PatchDiscriminator | None = None,
) -> FeatureNetwork | None:
    """Turn the parameter `perceptual` into a map from images to feature maps.

    Parameters
    ----------
    perceptual : None, "glyph", "vgg16", "discriminator", nn.Module or callable
        The features of "glyph" and "vgg16" are scaled to unit mean square on
        `calibration_images`. A module is copied, and the copy set to evaluation mode
        without gradients, so that the caller's stays as it is. A callable is used as
        it is. Either gets grey images (n_images, 1, height, width) in [0, 1] and
        returns feature maps (n_images, n_channels, n_rows, n_columns).
    weights : path, default=None
        File with the weights of "vgg16".
    discriminator : PatchDiscriminator, default=None
        The one that is trained against; None trains without.

    Returns
    -------
    callable or None
        None where there is no perceptual loss.

    Raises
    ------
    ValueError
        If `perceptual` is another string, or a module or callable that fails on a
        grey image; if it is "discriminator", and there is none, or none that fits.
    TypeError
        If it is neither of these.
    FileNotFoundError
        If the weights of "vgg16" are not on this machine.
    """
    if perceptual is None:
        return None
    if isinstance(perceptual, str):
        return _named_features(perceptual, weights, discriminator)
    if isinstance(perceptual, nn.Module):
        return copy.deepcopy(perceptual).eval().requires_grad_(False)
    if callable(perceptual) and not isinstance(perceptual, type):
        features: FeatureNetwork = perceptual
        return features
    raise TypeError(f"{_ALLOWED}an object of type {type(perceptual).__name__}.")


def check_perceptual_name(perceptual: Any) -> None:
    """Raise ValueError if `perceptual` is a string that names no feature network."""
    if isinstance(perceptual, str) and perceptual not in _NAMES:
        raise ValueError(f"{_ALLOWED}{perceptual!r}.")


def _named_features(
    name: str,
    weights: str | os.PathLike[str] | None,
    discriminator: PatchDiscriminator | None,
) -> FeatureNetwork:
    # Copies, since a fit moves them to its device, and another may run beside.
    if name == "glyph":
        return copy.deepcopy(_glyph())
    if name == "vgg16":
        file = find_vgg16(weights)
        about = file.stat()
        return copy.deepcopy(_vgg16_of(file, about.st_mtime_ns, about.st_size))
    check_perceptual_name(name)
    if discriminator is None:
        raise ValueError(
            "perceptual='discriminator' needs a discriminator, which "
            "adversarial_weight=0 trains without."
        )
    return DiscriminatorFeatures(discriminator)


def check_features(features: FeatureNetwork, device: torch.device) -> None:
    """Try a feature network on one small image, before any training.

    Raises
    ------
    ValueError
        If it fails, or does not give feature maps with gradients to the image.
    """
    rule = (
        "perceptual must map grey images (n_images, 1, height, width) to feature maps "
        "(n_images, n_channels, n_rows, n_columns)"
    )
    image = torch.linspace(0, 1, 32 * 32, device=device).view(1, 1, 32, 32)
    image.requires_grad_()
    try:
        found = features(image)
    except Exception as error:
        raise ValueError(
            f"{rule}; on a grey image it failed: {error} (A network for RGB images "
            "wants images.expand(-1, 3, -1, -1).)"
        ) from error
    if not isinstance(found, Tensor) or found.dim() != 4:
        shape = tuple(found.shape) if isinstance(found, Tensor) else ""
        raise ValueError(f"{rule}, got {type(found).__name__} {shape}.")
    if not found.requires_grad:
        raise ValueError(f"{rule} with gradients; its result has none.")


@lru_cache(maxsize=1)
def _glyph() -> GlyphFeatures:
    """Read the shipped weights once a process."""
    return GlyphFeatures.bundled()


@lru_cache(maxsize=1)
def _vgg16_of(file: Path, mtime_ns: int, size: int) -> VGG16Features:
    """Read a file once a process, and again only if it has changed."""
    network = VGG16Features.from_file(file)
    try:
        scale_to_unit_mean_square(network, calibration_images())
    except ValueError as error:
        raise ValueError(f"{file} does not hold VGG16's weights: {error}") from error
    return network

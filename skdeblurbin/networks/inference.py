"""Prediction with a trained generator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skdeblurbin._tensors import full_precision


def deblur_images(
    generator: nn.Module, images: Iterable[NDArray[np.float32]]
) -> Iterator[NDArray[np.float32]]:
    """Deblur images one by one.

    Images go through the network alone, since the last bits of a convolution depend on
    the batch: an image gives the same result whatever it is predicted with.

    Parameters
    ----------
    generator : nn.Module
        In evaluation mode; maps (1, 1, height, width) in [-1, 1] to the same.
    images : iterable of float32 ndarray of shape (height, width)
        In [0, 1].

    Yields
    ------
    float32 ndarray of shape (height, width)
        In [0, 1]: dark is ink, bright is paper.
    """
    device = next(generator.parameters()).device
    for image in images:
        with torch.inference_mode(), full_precision(device):
            blurred = torch.from_numpy(np.ascontiguousarray(image)).to(device)
            sharp = generator(blurred[None, None] * 2 - 1)[0, 0]
            grey = ((sharp + 1) / 2).cpu().numpy()
        yield grey  # outside of the block, whose mode would reach the caller

"""What is around the network, in operations of torch that ONNX has too.

All of it works on tensors whose sizes are not known yet: no Python number depends on
them, and no branch. Each function is one of numpy's elsewhere in the package.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Grey levels that Otsu's threshold tells apart. Sorting, which tells all of them apart,
# takes ONNX Runtime 10 ms for 128x192 pixels, and counting 1 ms.
_LEVELS = 2**16
# Of the cubic kernel.
_SHARPNESS = -0.5
_REACH = 2.0


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Resample as :func:`skdeblurbin._resizing.resize` does, which is Pillow.

    Parameters
    ----------
    images : float32 Tensor of shape (n_images, h, w)
    height, width : int

    Returns
    -------
    float32 Tensor of shape (n_images, height, width)
        In [0, 1], unless the size is the same, with which images stay as they are.
    """
    before = images.shape[-2:]
    # Along rows first, in double precision, and rounded in between: Pillow's own order.
    rows = _resampling(before[1], width).t()
    resized = (images.double() @ rows).float()
    columns = _resampling(before[0], height)
    resized = (columns @ resized.double()).float()
    changed = (_number(before[0]) != height) | (_number(before[1]) != width)
    return torch.where(changed, resized.clamp(0, 1), resized)


def _resampling(before: int, after: int) -> Tensor:
    """Weights (after, before) that resample so many pixels to so many, as Pillow."""
    scale = _number(before) / _number(after)
    stretch = scale.clamp(min=1.0)  # the kernel covers the area that a pixel shrinks to
    centres = ((torch.arange(after, dtype=torch.float64) + 0.5) * scale)[:, None]
    pixels = torch.arange(before, dtype=torch.float64)
    reach = _REACH * stretch
    first = (centres - reach + 0.5).floor()
    beyond = (centres + reach + 0.5).floor()
    weights = _cubic((pixels + 0.5 - centres) / stretch)
    weights = weights * ((pixels >= first) & (pixels < beyond))
    return weights / weights.sum(dim=1, keepdim=True)


def _cubic(distances: Tensor) -> Tensor:
    """Keys' kernel, which is 0 from a distance of 2 on."""
    far, a = distances.abs(), _SHARPNESS
    inner = ((a + 2) * far - (a + 3)) * far * far + 1
    outer = (((far - 5) * far + 8) * far - 4) * a
    return torch.where(far < 1, inner, outer * (far < _REACH))


def _number(length: int) -> Tensor:
    return torch.scalar_tensor(length, dtype=torch.float64)


def pad_to_multiples(images: Tensor, unit: int) -> Tensor:
    """Pad images (..., h, w) by replication to multiples of `unit`.

    As :func:`skdeblurbin._tensors.pad_to` does, which asks whether there is anything to
    pad.
    """
    for axis in (-2, -1):
        length = images.shape[axis]
        padded = (length + unit - 1) // unit * unit
        chosen = torch.arange(padded).clamp(max=length - 1)
        images = images.index_select(axis, chosen)
    return images


def split_by_otsu(grey: Tensor) -> Tensor:
    """Split each image at its own threshold of Otsu: True is bright.

    As :func:`skdeblurbin._thresholding.binarize_otsu`, but for grey levels that differ
    by less than 1/65,536 of the image's range, which are dark or bright together. Sums
    are those of the levels themselves.

    Parameters
    ----------
    grey : float32 Tensor of shape (n_images, height, width)

    Returns
    -------
    bool Tensor of the same shape
        A constant image is all bright.
    """
    steps = grey.flatten(1).double()  # (n, pixels)
    lowest = steps.amin(dim=1, keepdim=True)
    steps = steps - lowest
    span = steps.amax(dim=1, keepdim=True)
    is_constant = span == 0
    numbers = (steps / (span + is_constant) * (_LEVELS - 1)).long()
    empty = torch.zeros(grey.shape[0], _LEVELS, dtype=torch.float64)
    n_dark = empty.scatter_add(1, numbers, torch.ones_like(steps)).cumsum(1)
    dark = empty.scatter_add(1, numbers, steps).cumsum(1)
    n_bright = n_dark[:, -1:] - n_dark
    bright = dark[:, -1:] - dark
    between = dark / n_dark.clamp(min=1) - bright / n_bright.clamp(min=1)
    # In single precision, as scikit-image weighs it.
    weight = n_dark.float() * n_bright.float()
    between = between * between * weight.double()
    split = between.argmax(dim=1, keepdim=True)
    return ((numbers > split) | is_constant).reshape(grey.shape)

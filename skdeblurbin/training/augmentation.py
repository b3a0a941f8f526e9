"""Random changes of training pairs, so that few pairs teach more."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from skdeblurbin.datasets.degradations import motion_kernel

# Standard deviations: what differs between one photo of a plate and the next.
_ROTATION = 0.02  # radians
_SHEAR = 0.04
_SCALE = 0.04
_SHIFT = 0.03  # of height and width
_GAIN = 0.2  # of the logarithm of contrast
_OFFSET = 0.08
_GAMMA = 0.2  # of the logarithm of gamma
_MAX_NOISE = 0.03
_REBLUR_SHARE = 0.3  # of the images
_MAX_REBLUR = 0.06  # of the height


def augment_pair(
    blurred: NDArray[np.float32],
    target: NDArray[np.float32],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Change one pair at random: both are moved alike, the photo also degraded.

    A small affine map (rotation, shear, scale, shift) of both; then contrast,
    brightness, gamma, noise and sometimes a short motion blur of the photo alone.

    Parameters
    ----------
    blurred : float32 ndarray of shape (height, width)
        In [0, 1].
    target : float32 ndarray of the same shape
        0 is ink, 1 is paper.
    rng : numpy.random.Generator

    Returns
    -------
    blurred, target : float32 ndarrays of the same shape
        The target again holds 0 and 1 only.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeblurbin.training.augmentation import augment_pair
    >>> rng = np.random.default_rng(0)
    >>> target = np.ones((32, 48), dtype=np.float32)
    >>> blurred, moved = augment_pair(target / 2, target, rng)
    >>> blurred.shape, np.unique(moved)
    ((32, 48), array([1.], dtype=float32))
    """
    both = torch.from_numpy(np.stack([blurred, target])[None])  # (1, 2, h, w)
    moved = move(both, rng)[0]
    photo = moved[:1]
    if rng.random() < _REBLUR_SHARE:
        photo = _reblur(photo, rng)
    photo = relight(photo, rng)
    noise = rng.random() * _MAX_NOISE
    grain = rng.standard_normal(blurred.shape, dtype=np.float32)
    degraded = np.clip(photo[0].numpy() + np.float32(noise) * grain, 0, 1)
    # Halves between ink and paper are decided, since targets are binary.
    return degraded, (moved[1].numpy() > 0.5).astype(np.float32)


def move(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Turn, shear, scale and shift images a little, all of them alike.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
    rng : numpy.random.Generator

    Returns
    -------
    Tensor of the same shape
    """
    height, width = images.shape[-2:]
    angle, shear = rng.normal(0, _ROTATION), rng.normal(0, _SHEAR)
    scale_x, scale_y = np.exp(rng.normal(0, _SCALE, 2))
    shift_x, shift_y = rng.normal(0, 2 * _SHIFT, 2)  # grid_sample's unit: half a side
    aspect = height / width
    matrix = torch.tensor(
        [
            [scale_x, (shear - angle) * aspect, shift_x],
            [angle / aspect, scale_y, shift_y],
        ],
        dtype=torch.float32,
    )
    grid = functional.affine_grid(matrix[None], list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid, padding_mode="border", align_corners=False
    )


def _reblur(photo: Tensor, rng: np.random.Generator) -> Tensor:
    length = rng.random() * _MAX_REBLUR * photo.shape[-2]
    kernel = torch.from_numpy(motion_kernel(length, rng.uniform(0, np.pi)))
    margin = kernel.shape[-1] // 2
    padded = functional.pad(photo[None], [margin] * 4, mode="replicate")
    return functional.conv2d(padded, kernel[None, None])[0]


def relight(photo: Tensor, rng: np.random.Generator) -> Tensor:
    """Change contrast, brightness and gamma a little.

    Parameters
    ----------
    photo : Tensor of any shape
        In [0, 1].
    rng : numpy.random.Generator

    Returns
    -------
    Tensor of the same shape
        In [0, 1].
    """
    gain, gamma = np.exp(rng.normal(0, (_GAIN, _GAMMA)))
    middle = photo.mean()
    stretched = (photo - middle) * gain + middle + rng.normal(0, _OFFSET)
    relit: Tensor = stretched.clamp(0, 1) ** gamma
    return relit

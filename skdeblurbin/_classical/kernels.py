"""The family of blur kernels that `WienerBinarizer` chooses from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdeblurbin.datasets.degradations import disk_kernel, motion_kernel

# In pixels; the angle of short motion is hardly seen, and tried in fewer directions.
_LENGTHS = (3, 5, 7, 9, 11, 13, 16, 20, 26)
_ANGLES = (0, 30, 60, 90, 120, 150)
_ANGLES_OF_SHORTEST = (0, 45, 90, 135)
_RADII = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
# Weights below this are rounding errors of the angle.
_NOTHING = 1e-6


class Kernel(NamedTuple):
    """A point-spread function and what it is, in words."""

    psf: NDArray[np.float64]
    name: str


def kernel_family(image_shape: tuple[int, int]) -> list[Kernel]:
    """List the kernels at most half as high and half as wide as the images.

    The first is a single pixel. Then come straight motion and defocus, from short to
    long and from small to large.
    """
    family = [Kernel(np.ones((1, 1)), "no blur")]
    for length in _LENGTHS:
        for angle in _ANGLES if length > _LENGTHS[0] else _ANGLES_OF_SHORTEST:
            psf = motion_kernel(length, np.deg2rad(angle))
            family.append(
                Kernel(_trimmed(psf), f"motion, {length} px, {angle} degrees")
            )
    for radius in _RADII:
        name = f"defocus, radius {radius:g} px"
        family.append(Kernel(_trimmed(disk_kernel(radius)), name))
    highest, widest = (max(1, side // 2) for side in image_shape)
    return [
        kernel
        for kernel in family
        if kernel.psf.shape[0] <= highest and kernel.psf.shape[1] <= widest
    ]


def _trimmed(kernel: NDArray[np.float32]) -> NDArray[np.float64]:
    """Drop empty borders, as much on either side, so that the centre stays.

    Images are padded by the size of the kernel: less of it takes less time.
    """
    rows, columns = (
        int(min(np.flatnonzero(held)[0], np.flatnonzero(held[::-1])[0]))
        for held in (kernel.max(axis=1) > _NOTHING, kernel.max(axis=0) > _NOTHING)
    )
    height, width = kernel.shape
    wide = kernel[rows : height - rows, columns : width - columns].astype(np.float64)
    trimmed: NDArray[np.float64] = wide / wide.sum()
    return trimmed

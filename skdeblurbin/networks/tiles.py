"""Images that are too large for the network at once, piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from skdeblurbin.networks.generator import DenseGenerator

# What a prediction needs at once, in multiples of its widest feature maps: those, what
# a convolution makes of them, and its own scratch memory. Measured: up to 2.4.
_SCRATCH = 3


def bytes_per_pixel(generator: DenseGenerator) -> float:
    """Memory for the widest feature maps of a generator, for each pixel of an image."""
    # What each resolution's convolutions see, the dense blocks' first.
    widths: list[int] = [cast(nn.Conv2d, generator.tail[1]).in_channels]
    levels = cast("list[list[nn.Conv2d]]", generator.joined)
    widths += [level[0].in_channels for level in levels]
    sides = [generator.unit / (1 << i) for i in range(len(widths))]
    return 4 * max(width / side**2 for width, side in zip(widths, sides, strict=True))


class Tiling:
    """Tiles of an image, each with as much around it as its pixels depend on.

    Tiles begin at multiples of the generator's unit, and reach beyond their own pixels
    by its receptive field at least, so that what they give is what the whole image
    would, up to rounding.

    Parameters
    ----------
    generator : DenseGenerator
    shape : tuple (height, width)
        Of the image.
    n_bytes : float
        Memory that a tile may take on its way through the generator.

    Attributes
    ----------
    is_whole : bool
        Whether the image is a single tile.

    Raises
    ------
    ValueError
        If not even a tile of the least size has room.

    Examples
    --------
    >>> from skdeblurbin.networks import DenseGenerator
    >>> from skdeblurbin.networks.tiles import Tiling
    >>> Tiling(DenseGenerator(n_blocks=1), (500, 300), n_bytes=2**28).is_whole
    True
    >>> Tiling(DenseGenerator(n_blocks=1), (5000, 300), n_bytes=2**28).is_whole
    False
    """

    def __init__(
        self, generator: DenseGenerator, shape: tuple[int, int], n_bytes: float
    ) -> None:
        self._unit = generator.unit
        # The field is that of the luckiest pixel; others see a unit less or more.
        reach = -(-generator.receptive_field // 2 // self._unit) + 1
        self._margin = reach * self._unit
        self._shape = shape
        per_pixel = _SCRATCH * bytes_per_pixel(generator)
        n_pixels = n_bytes / per_pixel
        self.is_whole = math.prod(shape) <= n_pixels
        least = 2 * self._margin + self._unit
        side = int(math.sqrt(n_pixels))
        if not self.is_whole and side < least:
            raise ValueError(
                f"working_memory={n_bytes / 2**20:g} MiB is too little for an image of "
                f"{shape[0]}x{shape[1]} pixels: the tiles that this network needs take "
                f"{math.ceil(least**2 * per_pixel / 2**20)} MiB."
            )
        # What a short side leaves, the long one may have.
        height = min(shape[0], side)
        width = min(shape[1], int(n_pixels / height))
        self._sides = min(shape[0], int(n_pixels / width)), width

    def deblur(
        self,
        image: NDArray[np.float32],
        deblur: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """Deblur an image tile by tile.

        Parameters
        ----------
        image : float32 ndarray of the tiling's shape
        deblur : callable
            Maps a piece of it to the same piece, deblurred.

        Returns
        -------
        float32 ndarray of that shape
        """
        result = np.empty(self._shape, np.float32)
        for top, rows, bottom in self._pieces(axis=0):
            for left, columns, right in self._pieces(axis=1):
                tile = deblur(image[top:bottom, left:right])
                result[rows, columns] = tile[
                    rows.start - top : rows.stop - top,
                    columns.start - left : columns.stop - left,
                ]
        return result

    def _pieces(self, axis: int) -> Iterator[tuple[int, slice, int]]:
        """Along an axis: where each tile begins, what of it is its own, and its end."""
        length, side, margin = self._shape[axis], self._sides[axis], self._margin
        if side >= length:
            yield 0, slice(0, length), length
            return
        step = (side - 2 * margin) // self._unit * self._unit
        step = -(-length // -(-length // step))  # as even as can be
        step = -(-step // self._unit) * self._unit
        for start in range(0, length, step):
            stop = min(start + step, length)
            yield max(start - margin, 0), slice(start, stop), min(stop + margin, length)

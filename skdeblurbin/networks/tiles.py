"""Images that are too large for the network at once, piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from skdeblurbin._warnings import warn_user
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
    n_bytes : float
        What a tile takes: more than allowed where even the least one does.

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
        padded = [-(-side // self._unit) * self._unit for side in shape]
        per_pixel = _SCRATCH * bytes_per_pixel(generator)
        self.is_whole = n_bytes >= per_pixel * math.prod(padded)
        if self.is_whole:
            self._sides, self.n_bytes = shape, per_pixel * math.prod(padded)
            return
        least = [min(side, 2 * self._margin + self._unit) for side in padded]
        n_pixels = max(n_bytes / per_pixel, math.prod(least))
        # What a short side leaves, the long one may have.
        height = max(least[0], min(padded[0], int(math.sqrt(n_pixels))))
        width = max(least[1], min(padded[1], int(n_pixels / height)))
        height = max(least[0], min(padded[0], int(n_pixels / width)))
        self._sides, self.n_bytes = (height, width), per_pixel * height * width

    def warn_of_memory(self, n_bytes: float) -> None:
        """Warn, in scikit-learn's words, if a tile takes more than is allowed."""
        if self.n_bytes > n_bytes:
            warn_user(
                f"Could not adhere to working_memory. Currently {n_bytes / 2**20:g} "
                f"MiB, {math.ceil(self.n_bytes / 2**20)} MiB required by this network."
            )

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

"""What both fast forms of the generator share: feature maps as rows, and their memory.

A batch of feature maps whose channels come last in memory is a matrix with one row for
each position and one column for each channel. In such a matrix a dense block's input
is a range of columns, which a matrix product reads in place.
"""

from __future__ import annotations

import torch
from torch import Tensor, UntypedStorage

#: LeakyReLU into memory that is there: (rows, slope, out=rows).
leaky_relu_into = torch.ops.aten.leaky_relu.out


def as_rows(maps: Tensor) -> Tensor:
    """(n, channels, height, width) as (n * height * width, channels).

    A view where the channels come last in memory, else a copy.
    """
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def as_maps(rows: Tensor, size: tuple[int, int, int]) -> Tensor:
    """View rows as (n, channels, height, width); `size` is (n, height, width)."""
    return rows.view(*size, rows.shape[-1]).permute(0, 3, 1, 2)


def channels_last(tensor: Tensor) -> Tensor:
    """The same numbers with the channels last in memory, copied only if need be."""
    return tensor.contiguous(memory_format=torch.channels_last)


class Buffers:
    """Memory to be used again.

    The operating system hands out large pieces of memory page by page, as they are
    first written to, which takes several times as long as the arithmetic of an
    activation function.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks._rows import Buffers
    >>> buffers = Buffers()
    >>> first = buffers.take(6, 4, like=torch.zeros(1))
    >>> address = first.data_ptr()
    >>> buffers.give(first)
    >>> buffers.take(5, 4, like=torch.zeros(1)).data_ptr() == address
    True
    """

    def __init__(self) -> None:
        self._free: list[UntypedStorage] = []

    def take(self, n_rows: int, n_columns: int, like: Tensor) -> Tensor:
        """Uninitialised rows with the dtype and device of `like`."""
        size = n_rows * n_columns * like.element_size()
        sizes = [storage.nbytes() for storage in self._free]
        fitting = [i for i, free in enumerate(sizes) if size <= free <= 2 * size]
        if fitting:
            storage = self._free.pop(min(fitting, key=sizes.__getitem__))
        else:
            # The sizes have changed, as with images of mixed sizes: what is left of the
            # old ones would only add up.
            self._free.clear()
            storage = UntypedStorage(size, device=like.device)
        return like.new_empty(0).set_(storage, 0, (n_rows, n_columns), (n_columns, 1))

    def give(self, *rows: Tensor) -> None:
        """Hand back what was taken, and is not looked at any more."""
        self._free.extend(r.untyped_storage() for r in rows)

    def n_bytes(self) -> int:
        """Size of what lies ready."""
        return sum(storage.nbytes() for storage in self._free)

    def clear(self) -> None:
        """Return the memory that lies ready."""
        self._free.clear()

"""Sequences whose entries are made when they are read, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Entry = TypeVar("Entry", covariant=True)


class Mapped(Sequence[Entry], Generic[Entry]):
    """A sequence seen through a function, which is called at each reading.

    Data sets larger than memory are seen so: nothing of them is kept.

    Parameters
    ----------
    source : sequence
        Whatever has a length, and entries by number.
    make : callable (entry of `source`) -> entry

    Examples
    --------
    >>> from skdeblurbin._sequences import Mapped
    >>> squares = Mapped(range(4), lambda number: number**2)
    >>> list(squares), squares[3], len(squares)
    ([0, 1, 4, 9], 9, 4)
    """

    def __init__(self, source: Any, make: Callable[[Any], Entry]) -> None:
        self._source = source
        self._make = make

    def __len__(self) -> int:
        return len(self._source)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Mapped[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Mapped[Entry]:
        if isinstance(index, slice):
            return Mapped(range(len(self))[index], self.__getitem__)
        return self._make(self._source[index])

    def __iter__(self) -> Iterator[Entry]:
        # By number: not every sequence of a user ends with an IndexError.
        return map(self.__getitem__, range(len(self)))

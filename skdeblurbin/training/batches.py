"""From validated images to the batches that the trainer takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skdeblurbin._ranges import scale_to_unit
from skdeblurbin._resizing import resize
from skdeblurbin._sequences import Mapped
from skdeblurbin._tensors import to_batch
from skdeblurbin.training.trainer import Batch

Augmentation = Callable[
    [NDArray[np.float32], NDArray[np.float32], np.random.Generator],
    tuple[NDArray[np.float32], NDArray[np.float32]],
]


@dataclass(frozen=True)
class Pairs:
    """Blurred images and their truth, where the caller keeps them.

    Attributes
    ----------
    grey : sequence of ndarray of shape (height, width)
        Blurred images in the caller's scale.
    ranges : sequence of (low, high)
        The range of each that becomes [0, 1].
    paper : sequence of bool ndarray of shape (height, width)
        The truth: True is paper.
    working_shape : tuple (height, width) or None
        The shape that a network sees the images in; None is their own.
    weights : float64 ndarray of shape (n_pairs,), or None
        What each pair counts for, all above 0; None where all count alike.
    """

    grey: Sequence[NDArray[Any]]
    ranges: Sequence[tuple[float, float]]
    paper: Sequence[NDArray[np.bool_]]
    working_shape: tuple[int, int] | None = None
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.grey)

    def take(self, indices: Iterable[int]) -> Pairs:
        """The pairs with these indices."""
        chosen = list(indices)
        return Pairs(
            Mapped(chosen, self.grey.__getitem__),
            [self.ranges[i] for i in chosen],
            Mapped(chosen, self.paper.__getitem__),
            self.working_shape,
            None if self.weights is None else self.weights[chosen],
        )

    def scaled(self) -> Iterator[NDArray[np.float32]]:
        """The blurred images one by one, in [0, 1]."""
        return map(scale_to_unit, self.grey, self.ranges)


class PairBatches:
    """Shuffled batches of pairs; each iteration is one epoch in a new order.

    Images are scaled, augmented and padded batch by batch, so that the data set is
    never copied as a whole.

    Parameters
    ----------
    pairs : Pairs
    batch_size : int
        The greatest number of pairs in a batch; batches are as even as can be.
    minimum_size : int
        Smaller images are padded to this height and width.
    rng : numpy.random.Generator
        Shuffles and augments.
    device : torch.device
    augmentation : callable (blurred, target, rng) -> (blurred, target), default=None
        Changes one pair of float32 images in [0, 1].
    """

    def __init__(
        self,
        pairs: Pairs,
        *,
        batch_size: int,
        minimum_size: int,
        rng: np.random.Generator,
        device: torch.device,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._pairs = pairs
        self._batch_size = batch_size
        self._minimum_size = minimum_size
        self._rng = rng
        self._device = device
        self._augmentation = augmentation
        self._weights = _as_shares(pairs.weights)
        self._order = np.arange(0)  # of the present iteration
        self._n_drawn = 0  # batches of it
        self._resumed: tuple[NDArray[np.int64], int] | None = None

    def __len__(self) -> int:
        return -(-len(self._pairs) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for indices in self._begin():
            self._n_drawn += 1
            photos, truths = zip(*map(self._pair, indices), strict=True)
            blurred, mask = to_batch(photos, self._minimum_size, self._device)
            target, _ = to_batch(truths, self._minimum_size, self._device)
            yield Batch(blurred * 2 - 1, target * 2 - 1, mask, self._weight(indices))

    def _begin(self) -> list[NDArray[np.int64]]:
        """The batches of a new iteration, or what is left of a resumed one."""
        if self._resumed is None:
            self._order, self._n_drawn = self._rng.permutation(len(self._pairs)), 0
        else:
            (self._order, self._n_drawn), self._resumed = self._resumed, None
        return np.array_split(self._order, len(self))[self._n_drawn :]

    def state_dict(self) -> dict[str, Any]:
        """The place in the present iteration, and that of the random generator."""
        return {
            "order": self._order,
            "n_drawn": self._n_drawn,
            "random": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any], *, is_over: bool = False) -> None:
        """Let the next iteration go on from where another one was, or follow it.

        `is_over` tells that the other one was used to its end, and another may follow.
        """
        if not is_over:
            self._resumed = np.asarray(state["order"]), state["n_drawn"]
        self._rng.bit_generator.state = state["random"]

    def _weight(self, indices: NDArray[np.int64]) -> Tensor | None:
        if self._weights is None:
            return None
        return torch.from_numpy(self._weights[indices]).to(self._device)

    def _pair(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        pairs = self._pairs
        blurred = scale_to_unit(pairs.grey[index], pairs.ranges[index])
        target = pairs.paper[index].astype(np.float32)
        if pairs.working_shape is not None:
            blurred = resize(blurred, pairs.working_shape)
            target = (resize(target, pairs.working_shape) > 0.5).astype(np.float32)
        if self._augmentation is None:
            return blurred, target
        return self._augmentation(blurred, target, self._rng)


def _as_shares(weights: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
    """Weights with a mean of 1; None if all are the same, and so without effect."""
    if weights is None or weights.min() == weights.max():
        return None
    shares: NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return shares

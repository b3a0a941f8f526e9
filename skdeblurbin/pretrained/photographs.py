"""Sharp drawings, photographed anew each time that they are trained on.

Drawing a plate takes ten times as long as taking a picture of it: so the drawings are
kept, and no photo is ever seen twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from skdeblurbin._gan import GANBinarizer
from skdeblurbin._ranges import scale_to_unit
from skdeblurbin.datasets.degradations import (
    EFFECTS,
    REFERENCE_HEIGHT,
    add_noise,
    degrade,
    gaussian_blur,
    motion_blur,
    uneven_light,
)
from skdeblurbin.training import Batch, PairBatches, Pairs, Trainer
from skdeblurbin.training.augmentation import move, relight

#: From photos that are hardly blurred to such as cannot be read.
SEVERITIES = (0.1, 0.25, 0.4, 0.5, 0.6, 0.8)
#: Of the photos, how many are under one cause of blur, by a camera made for plates.
#: All effects together hardly teach to undo long motion: too much else is wrong.
PLAIN_SHARE = 0.5
#: Of those, how many are of a scene that a camera has seen before, and at what severity
#: at most: frames are averaged, enlarged and compressed before somebody crops a plate.
RECORDED_SHARE, RECORDED_SEVERITY = 0.25, 0.3

FloatImage = NDArray[np.float32]


class PhotographedGANBinarizer(GANBinarizer):
    """A GANBinarizer that is given sharp plates, and photographs them itself.

    Photos do not depend on `n_workers`, the number of processes that make them.
    """

    n_workers = 1

    def _batches(
        self,
        pairs: Pairs,
        trainer: Trainer,
        rng: np.random.Generator,
        device: torch.device,
    ) -> PairBatches:
        batches = PhotographedBatches(
            pairs, batch_size=self.batch_size, minimum_size=1, rng=rng, device=device
        )
        batches.n_workers = self.n_workers
        return batches


class PhotographedBatches(PairBatches):
    """Shuffled batches of sharp pairs, all of one size, photographed by processes."""

    n_workers = 1

    def __iter__(self) -> Iterator[Batch]:
        batches = self._begin()
        # A new order for each epoch: so no photo is taken twice, and a resumed epoch
        # takes those that are left.
        epoch = tuple(self._order[:4].tolist())
        keys = [[(int(i), epoch) for i in indices] for indices in batches]
        loader: DataLoader[Any] = DataLoader(
            _Photos(self._pairs),
            batch_sampler=keys,
            num_workers=self.n_workers,
        )
        for photos, truths in loader:
            self._n_drawn += 1
            yield Batch(self._to_network(photos, 255), self._to_network(truths, 1))

    def _to_network(self, images: Tensor, white: int) -> Tensor:
        return images.to(self._device)[:, None].float() * (2 / white) - 1


class _Photos(Dataset[tuple[NDArray[np.uint8], NDArray[np.uint8]]]):
    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def __getitem__(
        self, key: tuple[int, tuple[int, ...]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        index, epoch = key
        rng = np.random.default_rng([*epoch, index])
        plate = scale_to_unit(self._pairs.grey[index], self._pairs.ranges[index])
        truth = self._pairs.paper[index].astype(np.float32)
        photo, moved = photograph(plate, truth, rng)
        return np.rint(photo * 255).astype(np.uint8), moved


def photograph(
    plate: FloatImage, truth: FloatImage, rng: np.random.Generator
) -> tuple[FloatImage, NDArray[np.uint8]]:
    """Move a sharp plate and its truth a little, and take a photo of it.

    Parameters
    ----------
    plate : float32 ndarray of shape (height, width)
        In [0, 1].
    truth : float32 ndarray of the same shape
        0 is ink, 1 is paper.
    rng : numpy.random.Generator

    Returns
    -------
    photo : float32 ndarray of the same shape
        In [0, 1].
    truth : uint8 ndarray of the same shape
        Of the plate where it is now.
    """
    both = move(torch.from_numpy(np.stack([plate, truth])[None]), rng)[0]
    scene = relight(both[0], rng).numpy()
    if rng.random() < PLAIN_SHARE:
        if rng.random() < RECORDED_SHARE:
            scene = degrade(scene, rng.uniform(0, RECORDED_SEVERITY), rng, EFFECTS)
        photo = photograph_plainly(scene, rng)
    else:
        photo = degrade(scene, rng.choice(SEVERITIES), rng, EFFECTS)
    return photo, (both[1].numpy() > 0.5).astype(np.uint8)


def photograph_plainly(plate: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Blur by one straight movement, or out of focus, or not; noise, uneven light.

    Lengths are in pixels for 64 rows of plate.
    """
    unit = plate.shape[0] / REFERENCE_HEIGHT
    photo = plate
    if rng.random() < 0.5:
        photo = uneven_light(photo, rng, rng.uniform(0, 1))
    cause = rng.choice(["motion", "defocus", "none"], p=[0.7, 0.2, 0.1])
    if cause == "motion":
        length, angle = rng.uniform(1.5, 16), rng.uniform(0, np.pi)
        photo = motion_blur(photo, length * unit, angle)
    elif cause == "defocus":
        photo = gaussian_blur(photo, rng.uniform(0.5, 2.8) * unit)
    if rng.random() < 0.5:
        photo = add_noise(photo, rng, shot=0, read=rng.uniform(0, 10 / 255))
    return photo

"""Sharp plates that are photographed while a model trains on them."""

import numpy as np
import pytest
import torch

from skdeblurbin.pretrained.photographs import (
    PhotographedBatches,
    photograph,
    photograph_plainly,
)
from skdeblurbin.training import Pairs

N_PLATES = 9


@pytest.fixture(scope="module")
def plate():
    grey = np.full((64, 96), 0.6, np.float32)
    grey[20:44, 30:60] = 0.1
    return grey


@pytest.fixture(scope="module")
def pairs(plate):
    grey = [np.rint(255 * np.roll(plate, 3 * i)).astype(np.uint8) for i in range(9)]
    paper = [image > 90 for image in grey]
    return Pairs(grey, [(0.0, 255.0)] * len(grey), paper)


@pytest.fixture
def make_batches(pairs):
    def make(n_workers=0):
        batches = PhotographedBatches(
            pairs,
            batch_size=4,
            minimum_size=1,
            rng=np.random.default_rng(0),
            device=torch.device("cpu"),
        )
        batches.n_workers = n_workers
        return batches

    return make


def contrast(image):
    return np.abs(np.diff(image[32])).max()


def test_plain_photos_are_of_the_same_brightness_or_darker(plate):
    rng = np.random.default_rng(0)
    photos = [photograph_plainly(plate, rng) for _ in range(60)]
    means = np.array([photo.mean() for photo in photos])
    # Blur and noise keep the light; uneven light takes some of it away.
    assert means.max() < plate.mean() + 0.02
    assert np.count_nonzero(means > plate.mean() - 0.02) >= 15
    # One in ten is sharp, and half of those are without noise and without light.
    assert any(np.array_equal(photo, plate) for photo in photos)
    contrasts = [contrast(photo) for photo in photos]
    assert min(contrasts) < 0.1 < max(contrasts)


def test_a_photo_and_its_truth_stay_together(plate):
    truth = (plate > 0.3).astype(np.float32)
    rng = np.random.default_rng(0)
    for _ in range(20):
        photo, moved = photograph(plate, truth, rng)
        assert photo.shape == moved.shape == plate.shape
        assert photo.dtype == np.float32
        assert 0 <= photo.min() <= photo.max() <= 1
        assert set(np.unique(moved)) <= {0, 1}
        # Ink is darker than paper wherever it is now, on the mean.
        assert photo[moved == 0].mean() < photo[moved == 1].mean()


def test_photos_are_blurred_by_all_degrees(plate):
    rng = np.random.default_rng(0)
    truth = (plate > 0.3).astype(np.float32)
    found = [contrast(photograph(plate, truth, rng)[0]) for _ in range(60)]
    # The plate itself has 0.5.
    assert np.quantile(found, 0.2) < 0.1
    assert np.quantile(found, 0.95) > 0.3


def test_each_plate_once_an_epoch_and_another_photo_in_the_next(make_batches):
    batches = make_batches()
    assert [len(batch.blurred) for batch in batches] == [3, 3, 3]
    epochs = [torch.cat([batch.blurred for batch in batches]) for _ in range(2)]
    photos = {image.numpy().tobytes() for epoch in epochs for image in epoch}
    assert len(photos) == 2 * N_PLATES
    for batch in batches:
        assert batch.blurred.shape == batch.target.shape == (3, 1, 64, 96)
        assert -1 <= batch.blurred.min() <= batch.blurred.max() <= 1
        assert set(batch.target.unique().tolist()) == {-1, 1}
        assert batch.mask is batch.weight is None


def test_processes_make_the_same_photos(make_batches):
    alone, helped = make_batches(), make_batches(n_workers=1)
    for first, second in zip(alone, helped, strict=True):
        assert torch.equal(first.blurred, second.blurred)
        assert torch.equal(first.target, second.target)


def test_an_epoch_goes_on_where_it_was(make_batches):
    whole = [batch.blurred for batch in make_batches()]
    first, second = make_batches(), make_batches()
    taken = iter(first)
    assert torch.equal(next(taken).blurred, whole[0])
    second.load_state_dict(first.state_dict())
    rest = [batch.blurred for batch in second]
    assert len(rest) == len(whole) - 1
    assert all(map(torch.equal, rest, whole[1:]))

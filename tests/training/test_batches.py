from dataclasses import replace

import numpy as np
import pytest
import torch

from skdeblurbin.training import PairBatches, Pairs, augment_pair


def make_pairs(shapes):
    rng = np.random.default_rng(0)
    grey = [rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
    return Pairs(grey, [(0.0, 255.0)] * len(grey), [image > 99 for image in grey])


def make_batches(pairs, **options):
    return PairBatches(
        pairs,
        **{
            "batch_size": 4,
            "minimum_size": 16,
            "rng": np.random.default_rng(0),
            "device": torch.device("cpu"),
            **options,
        },
    )


def test_each_pair_once_an_epoch_in_a_new_order():
    pairs = make_pairs([(16, 16)] * 10)
    batches = make_batches(pairs)
    epochs = []
    for _ in range(2):
        seen = torch.cat([batch.blurred for batch in batches])
        epochs.append(seen)
        found = {image.numpy().tobytes() for image in seen}
        wanted = {
            (2 * (g.astype(np.float32) / 255)[None] - 1).tobytes() for g in pairs.grey
        }
        assert found == wanted
    assert not torch.equal(*epochs)


def test_batches_are_even():
    # 9 pairs in batches of at most 4: 3, 3, 3 rather than 4, 4, 1.
    batches = make_batches(make_pairs([(16, 16)] * 9))
    assert [len(batch.blurred) for batch in batches] == [3, 3, 3]
    assert len(batches) == 3


def test_scale_of_photo_and_truth():
    pairs = Pairs(
        [np.array([[0.0, 510.0]])], [(0.0, 510.0)], [np.array([[False, True]])]
    )
    batch = next(iter(make_batches(pairs, minimum_size=1)))
    assert batch.blurred.tolist() == [[[[-1.0, 1.0]]]]
    assert batch.target.tolist() == [[[[-1.0, 1.0]]]]
    assert batch.mask is None


def test_mixed_and_tiny_sizes_are_padded_by_replication_and_masked():
    pairs = make_pairs([(3, 20), (18, 5)])
    batch = next(iter(make_batches(pairs)))
    assert batch.blurred.shape == batch.target.shape == (2, 1, 18, 20)
    for image, mask in zip(batch.blurred[:, 0], batch.mask[:, 0], strict=True):
        height = int(mask[:, 0].sum())
        width = int(mask[0].sum())
        assert (height, width) in [(3, 20), (18, 5)]
        assert mask.sum() == height * width
        assert (image[height:, 0] == image[height - 1, 0]).all()
        assert (image[0, width:] == image[0, width - 1]).all()


def test_equal_sizes_need_no_mask():
    batch = next(iter(make_batches(make_pairs([(17, 19)] * 2))))
    assert batch.mask is None


def test_padding_does_not_change_the_gradient_of_the_loss():
    from skdeblurbin.training import AbsoluteLoss

    pairs = make_pairs([(16, 16), (20, 24)])
    batch = next(iter(make_batches(pairs)))
    output = batch.blurred.clone().requires_grad_()
    AbsoluteLoss()(output, batch.target, batch.mask).backward()
    assert (output.grad[batch.mask == 0] == 0).all()
    assert (output.grad[batch.mask == 1] != 0).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (16, 16), (48, 130)])
def test_augmentation_keeps_shape_range_and_two_values(shape):
    rng = np.random.default_rng(0)
    target = (rng.random(shape) > 0.5).astype(np.float32)
    photo = rng.random(shape, dtype=np.float32)
    for _ in range(20):
        changed, moved = augment_pair(photo, target, rng)
        assert changed.shape == moved.shape == shape
        assert changed.dtype == moved.dtype == np.float32
        assert 0 <= changed.min() <= changed.max() <= 1
        assert set(np.unique(moved)) <= {0.0, 1.0}


def test_augmentation_moves_both_images_alike():
    """A photo that shows its truth still does, wherever both were moved."""
    target = np.ones((64, 96), np.float32)
    target[20:44, 30:70] = 0
    moved_at_all = 0
    for seed in range(30):
        photo, moved = augment_pair(
            0.2 + 0.6 * target, target, np.random.default_rng(seed)
        )
        middle = (photo.max() + photo.min()) / 2
        # Noise and a blur of up to 4 px remain at the outline of the rectangle.
        assert np.mean((photo > middle) != (moved > 0.5)) < 0.02
        moved_at_all += not np.array_equal(moved, target)
    assert moved_at_all == 30


def test_augmentation_is_seeded_and_leaves_its_input():
    target = np.eye(32, dtype=np.float32)
    before = target.copy()
    one, other = (
        augment_pair(target, target, np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(target, before)


def test_weights_belong_to_their_pairs_and_have_a_mean_of_one():
    pairs = replace(make_pairs([(16, 16)] * 5), weights=np.array([1.0, 2, 3, 4, 10]))
    wanted = {
        (2 * (grey.astype(np.float32) / 255)[None] - 1).tobytes(): weight / 4
        for grey, weight in zip(pairs.grey, pairs.weights, strict=True)
    }
    found = {}
    for batch in make_batches(pairs, batch_size=2):
        for image, weight in zip(batch.blurred, batch.weight, strict=True):
            found[image.numpy().tobytes()] = weight.item()
    assert found == wanted


def test_weights_without_effect_are_none():
    pairs = make_pairs([(16, 16)] * 3)
    for weights in (None, np.full(3, 0.7)):
        batch = next(iter(make_batches(replace(pairs, weights=weights))))
        assert batch.weight is None


def test_chosen_pairs_keep_their_weights():
    pairs = replace(make_pairs([(4, 4)] * 3), weights=np.array([1.0, 2, 3]))
    assert pairs.take([2, 0]).weights.tolist() == [3, 1]

"""The inference form, and prediction with it: the plain modules' results."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch import nn
from torch.testing import assert_close

from skdeblurbin.networks import DenseGenerator, inference
from skdeblurbin.networks._rows import Buffers, as_maps, as_rows
from skdeblurbin.networks.inference import (
    InferenceForm,
    deblur_images,
    inference_form,
)


def trained(**options) -> DenseGenerator:
    """A generator whose running statistics are not those of a new one."""
    torch.manual_seed(0)
    generator = DenseGenerator(**options)
    for name, values in generator.named_buffers():
        if name.endswith("running_var"):
            values.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            values.normal_()
    for name, values in generator.named_parameters():
        if values.dim() == 1 and "head" not in name:
            nn.init.normal_(values, mean=1.0 if name.endswith("weight") else 0.0)
    return generator.eval()


def photos(n, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return list(rng.random((n, height, width), dtype=np.float32))


@pytest.mark.parametrize(
    ("downsampling", "n_levels"), [(1, 0), (2, 0), (4, 0), (1, 3), (2, 2), (4, 1)]
)
@pytest.mark.parametrize("size", [(32, 48), (37, 29), (1, 1), (1, 50), (5, 64)])
def test_form_equals_the_plain_modules(downsampling, n_levels, size):
    generator = trained(
        n_blocks=3,
        growth_rate=5,
        base_channels=7,
        downsampling=downsampling,
        n_levels=n_levels,
    )
    blurred = torch.rand(2, 1, *size) * 2 - 1
    with torch.inference_mode():
        wanted = generator(blurred)
        assert_close(InferenceForm(generator)(blurred), wanted, atol=1e-5, rtol=0)


def test_form_equals_the_plain_modules_at_the_papers_size():
    generator = trained().double()
    blurred = torch.rand(1, 1, 24, 20, dtype=torch.float64) * 2 - 1
    with torch.inference_mode():
        wanted = generator(blurred)
        assert_close(InferenceForm(generator)(blurred), wanted, atol=1e-12, rtol=0)


def test_prediction_equals_the_plain_modules():
    generator = trained(n_blocks=3, downsampling=4)
    (photo,) = photos(1, 30, 50)
    (grey,) = deblur_images(generator, [photo])
    with torch.inference_mode():
        wanted = (generator(torch.from_numpy(photo)[None, None] * 2 - 1) + 1) / 2
    assert grey.shape == photo.shape
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, wanted[0, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize(("downsampling", "n_levels"), [(1, 0), (4, 0), (2, 2)])
@pytest.mark.parametrize("size", [(64, 96), (32, 48), (16, 16)])
def test_an_image_gives_the_same_bits_in_every_company(downsampling, n_levels, size):
    generator = trained(n_blocks=3, downsampling=downsampling, n_levels=n_levels)
    many = photos(40, *size)
    alone = [next(deblur_images(generator, [photo])) for photo in many]
    for _ in range(2):  # the first time batches are tried, the second used
        for photo, grey in zip(alone, deblur_images(generator, many), strict=True):
            assert_array_equal(photo, grey)


def test_images_of_mixed_sizes_keep_their_order():
    generator = trained(n_blocks=1, downsampling=2)
    mixed = [*photos(3, 16, 20), *photos(1, 20, 16), *photos(2, 16, 20, seed=1)]
    found = list(deblur_images(generator, mixed))
    assert [grey.shape for grey in found] == [photo.shape for photo in mixed]
    for photo, grey in zip(mixed, found, strict=True):
        assert_array_equal(grey, next(deblur_images(generator, [photo])))


def test_batches_are_used_where_they_give_the_same_bits_and_only_there(monkeypatch):
    """A network whose batches give other bits is predicted with one by one."""
    generator = trained(n_blocks=1, downsampling=4)
    many = photos(12, 16, 16)
    monkeypatch.setattr(inference, "_batch_size", lambda *_: 4)
    sizes = []
    plain = InferenceForm.__call__

    def exact(self, blurred, buffers=None):
        sizes.append(len(blurred))
        return torch.cat([plain(self, image, buffers) for image in blurred.split(1)])

    def inexact(self, blurred, buffers=None):
        sizes.append(len(blurred))
        return plain(self, blurred, buffers) + 1e-6 * (len(blurred) - 1)

    for call, wanted in (
        (exact, [1, 1, 1, 1, 4, 4, 4]),  # the first batch is run both ways
        (inexact, [1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1, 1, 1]),
    ):
        monkeypatch.setattr(inference, "_same_bits", {})
        monkeypatch.setattr(InferenceForm, "__call__", call)
        sizes.clear()
        alone = [
            plain(inference_form(generator), torch.from_numpy(p)[None, None] * 2 - 1)
            for p in many
        ]
        found = list(deblur_images(generator, many))
        assert sizes == wanted
        for grey, sharp in zip(found, alone, strict=True):
            assert_array_equal(grey, ((sharp[0, 0] + 1) / 2).numpy())


def test_incomplete_batches_are_filled_up_on_accelerators(monkeypatch):
    """So that an image's company never changes the size of its batch."""
    monkeypatch.setattr(inference, "_batch_size", lambda *_: 4)
    monkeypatch.setattr(
        inference,
        "_deblurrer",
        lambda generator, device: (
            lambda *batch: inference._deblur_filled(generator, *batch)
        ),
    )
    generator = trained(n_blocks=1, downsampling=2)
    sizes = []
    generator.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    many = photos(6, 16, 20)
    found = list(deblur_images(generator, many))
    assert sizes == [4, 4]
    assert len(found) == 6
    for photo, grey in zip(many, found, strict=True):
        assert_array_equal(grey, next(deblur_images(generator, [photo])))


def test_a_diverged_network_does_not_speak_for_sound_ones(monkeypatch):
    monkeypatch.setattr(inference, "_same_bits", {})
    monkeypatch.setattr(inference, "_batch_size", lambda *_: 4)
    diverged = trained(n_blocks=1, downsampling=4)
    torch.nn.init.constant_(diverged.output.weight, float("nan"))
    list(deblur_images(diverged, photos(4, 16, 16)))
    assert not inference._same_bits
    list(deblur_images(trained(n_blocks=1, downsampling=4), photos(4, 16, 16)))
    assert len(inference._same_bits) == 1


def test_a_forward_pass_of_ones_own_is_run():
    class White(DenseGenerator):
        def forward(self, blurred):
            return torch.ones_like(blurred)

    (grey,) = deblur_images(White(n_blocks=1).eval(), photos(1, 8, 8))
    assert_array_equal(grey, np.ones((8, 8)))


def test_batches_stay_within_the_memory_budget():
    generator = DenseGenerator(downsampling=1)  # 384 feature maps
    device = torch.device("cpu")
    n_images = inference._batch_size(generator, device, (16, 16))
    assert n_images == inference._CPU_BYTES // (384 * 4 * 16 * 16) > 1
    assert inference._batch_size(generator, device, (2000, 3000)) == 1
    # The uppermost level joins 2 x 32 maps at half the resolution, the blocks see 192
    # at an eighth.
    generator = DenseGenerator(n_blocks=4, downsampling=2, n_levels=2)
    n_images = inference._batch_size(generator, device, (128, 192))
    assert n_images == inference._CPU_BYTES // (64 // 4 * 4 * 128 * 192) > 1
    assert inference._batch_size(generator, torch.device("cuda"), (1, 1)) == 8


def test_form_is_made_once_and_again_when_weights_change():
    generator = trained(n_blocks=1)
    form = inference_form(generator)
    assert inference_form(generator) is form
    with torch.no_grad():
        generator.blocks[0][1].weight.mul_(2)
    changed = inference_form(generator)
    assert changed is not form
    generator.load_state_dict(trained(n_blocks=1).state_dict())
    assert inference_form(generator) is not changed
    assert inference_form(copy.deepcopy(generator)) is not inference_form(generator)


def test_form_of_weights_made_in_inference_mode_is_never_stale():
    with torch.inference_mode():
        generator = trained(n_blocks=1)
        first = inference_form(generator)
        generator.blocks[0][1].weight.mul_(2)
        assert inference_form(generator) is not first


def test_forms_do_not_keep_generators_alive():
    before = len(inference._forms)
    generator = trained(n_blocks=1)
    inference_form(generator)
    assert len(inference._forms) == before + 1
    del generator
    assert len(inference._forms) == before


def test_threads_that_predict_at_once_give_the_same_bits():
    generator = trained(n_blocks=3, downsampling=4)
    many = [photos(20, 32, 48, seed=seed) for seed in range(4)]
    wanted = [list(deblur_images(generator, part)) for part in many]
    found = [[] for _ in many]
    start = threading.Barrier(len(many))

    def predict(part, results):
        start.wait()
        for _ in range(5):
            results[:] = deblur_images(generator, part)

    threads = [
        threading.Thread(target=predict, args=pair)
        for pair in zip(many, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for right, part in zip(wanted, found, strict=True):
        assert_array_equal(np.stack(part), np.stack(right))


def test_other_modules_are_run_as_they_are():
    module = nn.Conv2d(1, 1, 3, padding=1)
    (photo,) = photos(1, 8, 9)
    (grey,) = deblur_images(module, [photo])
    wanted = (module(torch.from_numpy(photo)[None, None] * 2 - 1) + 1) / 2
    np.testing.assert_allclose(grey, wanted.detach()[0, 0].numpy(), atol=1e-6)


def test_rows_are_a_view_of_maps_with_channels_last():
    maps = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    last = maps.contiguous(memory_format=torch.channels_last)
    rows = as_rows(last)
    assert rows.data_ptr() == last.data_ptr()
    assert_close(rows[7], maps[0, :, 1, 2])  # row 1 of 5 positions, column 2
    assert_close(as_maps(rows, (2, 4, 5)), maps)
    assert_close(as_rows(maps), rows)


def test_buffers_are_used_again_but_not_for_much_smaller_things():
    like = torch.zeros(1)
    buffers = Buffers()
    large = buffers.take(100, 10, like)
    address = large.data_ptr()
    buffers.give(large)
    assert buffers.n_bytes() == 4000
    small = buffers.take(10, 10, like)
    assert small.data_ptr() != address
    assert buffers.n_bytes() == 0  # what no longer fits is not kept
    buffers.give(small)
    wide = buffers.take(5, 10, like.double())
    assert wide.dtype == torch.float64
    assert wide.shape == (5, 10)

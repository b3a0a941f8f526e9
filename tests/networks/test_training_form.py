"""The training form: the plain modules' results, gradients and running statistics."""

from __future__ import annotations

import copy
import gc

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from skdeblurbin.networks import DenseGenerator
from skdeblurbin.networks._rows import Buffers
from skdeblurbin.networks.training_form import (
    TrainingForm,
    _convolutions,
    _DenseField,
)


def pair_of_generators(dtype=torch.float32, **options):
    torch.manual_seed(0)
    generator = DenseGenerator(**options).to(dtype)
    return generator, copy.deepcopy(generator)


def run(forward, generator, blurred, cotangent):
    """Output and gradients; None is added to nothing."""
    generator.zero_grad()
    output = forward(blurred)
    output.backward(cotangent)
    return output.detach(), [p.grad for p in generator.parameters()]


def assert_same_step(form, generator, plain, blurred, tolerance):
    """Output, gradients (relative to the greatest) and running statistics.

    Some gradients are but rounding: that of a shift which a later norm takes out again.
    """
    cotangent = torch.randn_like(blurred)
    output, gradients = run(form, generator, blurred, cotangent)
    wanted, wanted_gradients = run(plain, plain, blurred, cotangent)
    assert_close(output, wanted, atol=tolerance / 10, rtol=0)
    floor = max(float(right.abs().max()) for right in wanted_gradients) / 100
    for found, right in zip(gradients, wanted_gradients, strict=True):
        scale = max(float(right.abs().max()), floor)
        assert_close(found, right, atol=tolerance * scale, rtol=0)
    for found, right in zip(generator.buffers(), plain.buffers(), strict=True):
        assert_close(found, right, atol=tolerance / 10, rtol=0)


SIZES = [(32, 48), (37, 29), (16, 17), (5, 64)]


# (downsampling, n_levels)
SCALES = [(1, 0), (2, 0), (4, 0), (1, 2), (2, 1), (2, 2)]


@pytest.mark.parametrize(("downsampling", "n_levels"), SCALES)
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_plain_modules(downsampling, n_levels, size):
    """In double precision, where rounding hides nothing."""
    generator, plain = pair_of_generators(
        torch.float64,
        n_blocks=3,
        growth_rate=5,
        base_channels=7,
        downsampling=downsampling,
        n_levels=n_levels,
    )
    form = TrainingForm(generator)
    for _ in range(2):  # the second time in memory that the first has used
        blurred = torch.rand(3, 1, *size, dtype=torch.float64) * 2 - 1
        assert_same_step(form, generator, plain, blurred, tolerance=1e-9)


@pytest.mark.parametrize(("downsampling", "n_levels"), SCALES)
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_plain_modules_in_single_precision(
    downsampling, n_levels, size, monkeypatch
):
    """With the paper's widths, and without kinks.

    A number that rounding carries across LeakyReLU's kink changes the gradient by a
    step, in the plain modules as here; a slope of 1 leaves the arithmetic alone.
    """
    generator, plain = pair_of_generators(
        n_blocks=10, downsampling=downsampling, n_levels=n_levels
    )
    monkeypatch.setattr("skdeblurbin.networks.training_form.NEGATIVE_SLOPE", 1.0)
    for module in (*generator.modules(), *plain.modules()):
        if isinstance(module, nn.LeakyReLU):
            module.negative_slope = 1.0
    blurred = torch.rand(3, 1, *size) * 2 - 1
    form = TrainingForm(generator)
    assert_same_step(form, generator, plain, blurred, tolerance=1e-4)


class Recomputed(torch.autograd.Function):
    """The field, whose graph serves once, for `gradcheck`, which asks repeatedly."""

    @staticmethod
    def forward(ctx, norms, *inputs):
        ctx.norms = norms
        ctx.save_for_backward(*inputs)
        head, *parameters = inputs
        return _DenseField.apply(head, Buffers(), norms, *parameters)

    @staticmethod
    def backward(ctx, grad):
        inputs = [i.detach().requires_grad_() for i in ctx.saved_tensors]
        with torch.enable_grad():
            head, *parameters = inputs
            output = _DenseField.apply(head, Buffers(), ctx.norms, *parameters)
        return None, *torch.autograd.grad(output, inputs, grad)


@pytest.mark.parametrize("n_blocks", [1, 2])
def test_gradient_by_finite_differences(n_blocks):
    generator, _ = pair_of_generators(
        torch.float64, n_blocks=n_blocks, growth_rate=2, base_channels=3
    )
    layers = list(_convolutions(generator))
    parameters = [
        tensor.detach().clone().requires_grad_()
        for convolution, norm in layers
        for tensor in (convolution.weight, norm.weight, norm.bias)
    ]
    head = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    head = head.contiguous(memory_format=torch.channels_last).requires_grad_()
    norms = [norm for _, norm in layers]
    assert torch.autograd.gradcheck(
        lambda *inputs: Recomputed.apply(norms, *inputs), (head, *parameters)
    )


def test_gradient_to_the_photo():
    generator, plain = pair_of_generators(torch.float64, n_blocks=2, downsampling=2)
    photo = torch.rand(2, 1, 16, 16, dtype=torch.float64)
    gradients = []
    for forward in (TrainingForm(generator), plain):
        blurred = photo.clone().requires_grad_()
        forward(blurred).square().sum().backward()
        gradients.append(blurred.grad)
    assert_close(*gradients, atol=1e-9 * float(gradients[1].abs().max()), rtol=0)


def test_pieces_of_a_batch_give_the_whole_gradient(monkeypatch):
    """Large batches go through the convolutions' gradients image by image."""
    generator, plain = pair_of_generators(torch.float64, n_blocks=2)
    monkeypatch.setattr("skdeblurbin.networks.training_form._PIECE_BYTES", 1)
    blurred = torch.rand(3, 1, 16, 20, dtype=torch.float64)
    form = TrainingForm(generator)
    assert_same_step(form, generator, plain, blurred, tolerance=1e-9)


def test_sizes_may_change_from_batch_to_batch():
    generator, plain = pair_of_generators(torch.float64, n_blocks=2, downsampling=4)
    form = TrainingForm(generator)
    for n_images, height, width in ((4, 32, 48), (3, 32, 48), (1, 64, 64), (4, 32, 48)):
        blurred = torch.rand(n_images, 1, height, width, dtype=torch.float64)
        assert_same_step(form, generator, plain, blurred, tolerance=1e-9)


def test_two_outputs_at_once_do_not_share_memory():
    generator, plain = pair_of_generators(torch.float64, n_blocks=2)
    form = TrainingForm(generator)
    first, second = torch.rand(2, 2, 1, 16, 16, dtype=torch.float64)
    cotangent = torch.randn(2, 1, 16, 16, dtype=torch.float64)
    for forward in (form, plain):
        output, _ = forward(first), forward(second)
        output.backward(cotangent)
    for found, right in zip(generator.parameters(), plain.parameters(), strict=True):
        scale = float(right.grad.abs().max())
        assert_close(found.grad, right.grad, atol=1e-9 * scale, rtol=0)


def test_an_output_that_is_never_differentiated_keeps_nothing():
    generator, _ = pair_of_generators(n_blocks=2)
    form = TrainingForm(generator)
    for _ in range(3):
        form(torch.rand(2, 1, 16, 16))
    gc.collect()
    run(form, generator, torch.rand(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
    after_one = form._buffers.n_bytes()
    for _ in range(3):
        form(torch.rand(2, 1, 16, 16))
    run(form, generator, torch.rand(2, 1, 16, 16), torch.ones(2, 1, 16, 16))
    assert form._buffers.n_bytes() <= after_one


def test_a_second_gradient_of_one_output_is_an_error():
    generator, _ = pair_of_generators(n_blocks=1)
    output = TrainingForm(generator)(torch.rand(1, 1, 16, 16)).sum()
    output.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="once for each forward pass"):
        output.backward()


def test_a_weight_that_changed_before_the_gradient_is_an_error():
    generator, _ = pair_of_generators(n_blocks=1)
    output = TrainingForm(generator)(torch.rand(1, 1, 16, 16)).sum()
    with torch.no_grad():
        generator.tail[1].weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.backward()


def test_one_position_cannot_be_normalised():
    generator, plain = pair_of_generators(n_blocks=1, downsampling=4)
    for forward in (plain, TrainingForm(generator)):
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            forward(torch.rand(1, 1, 4, 4))


def test_equal_steps_give_equal_bits():
    gradients = []
    for _ in range(2):
        generator, _ = pair_of_generators(n_blocks=3)
        blurred = torch.linspace(-1, 1, 2 * 40 * 40).view(2, 1, 40, 40)
        form = TrainingForm(generator)
        gradients.append(run(form, generator, blurred, torch.ones_like(blurred))[1])
    for first, second in zip(*gradients, strict=True):
        assert torch.equal(first, second)

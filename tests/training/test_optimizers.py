"""Muon: against singular value decompositions and its update written out."""

import copy

import pytest
import torch
from torch import nn

from skdeblurbin.networks import DenseGenerator
from skdeblurbin.training.optimizers import OPTIMIZERS, Muon, orthogonalized


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(8, 8), (4, 30), (30, 4), (64, 128), (1, 5)])
def test_orthogonalized_keeps_singular_vectors_and_evens_out_the_values(shape):
    matrix = drawn(*shape)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    (result,) = orthogonalized([matrix])
    assert result.shape == matrix.shape
    core = left.T @ result @ right.T
    values = core.diagonal()
    # The range that the iteration's authors give is about 0.7 to 1.2; singular values
    # that are tiny beside the greatest (square matrices have some) stay below it.
    assert values.max() < 1.25
    assert values.median() > 0.65
    assert (core - values.diag()).abs().max() < 1e-3


def test_matrices_are_independent_of_those_beside_them():
    matrices = [drawn(4, 9), drawn(9, 4, seed=1), drawn(4, 20, seed=2), drawn(3, 3)]
    together = orthogonalized(matrices)
    for matrix, result in zip(matrices, together, strict=True):
        torch.testing.assert_close(result, orthogonalized([matrix])[0])


def test_orthogonalized_is_the_iteration_written_out():
    matrix = drawn(5, 12)
    expected = matrix.double() / matrix.double().norm()
    for _ in range(5):
        product = expected @ expected.T
        expected = (
            3.4445 * expected
            - 4.775 * product @ expected
            + 2.0315 * product @ product @ expected
        )
    result = orthogonalized([matrix])[0]
    torch.testing.assert_close(result.double(), expected, atol=1e-4, rtol=1e-4)


def test_zero_and_deficient_matrices_stay_finite():
    deficient = torch.outer(torch.arange(4.0), torch.ones(7))
    zero, result = orthogonalized([torch.zeros(4, 7), deficient])
    assert (zero == 0).all()
    assert result.isfinite().all()
    assert torch.linalg.matrix_rank(result, atol=1e-3) == 1


def test_two_steps_of_muon_written_out():
    kernel = nn.Parameter(torch.zeros(2, 3, 1, 2))
    optimizer = Muon([kernel], lr=0.1, momentum=0.75)
    first, second = drawn(2, 3, 1, 2), drawn(2, 3, 1, 2, seed=1)
    expected, mean = torch.zeros(2, 6), torch.zeros(2, 6)
    for gradient in (first, second):
        kernel.grad = gradient.clone()
        optimizer.step()
        matrix = gradient.reshape(2, 6)
        mean = 0.75 * mean + 0.25 * matrix
        ahead = 0.75 * mean + 0.25 * matrix
        # As large as an update of Adam: 0.2 sqrt(max(rows, columns)).
        expected -= 0.1 * 0.2 * 6**0.5 * orthogonalized([ahead])[0]
    torch.testing.assert_close(kernel.detach().reshape(2, 6), expected)


def test_memory_layout_changes_nothing():
    gradient = drawn(6, 4, 3, 3)
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        for of_gradient in (torch.contiguous_format, torch.channels_last):
            kernel = nn.Parameter(torch.zeros(6, 4, 3, 3).to(memory_format=layout))
            kernel.grad = gradient.to(memory_format=of_gradient)
            Muon([kernel], lr=0.1).step()
            results.append(kernel.detach())
    for result in results[1:]:
        torch.testing.assert_close(result, results[0])


def test_kernels_without_gradient_stay():
    with_gradient, without = nn.Parameter(torch.ones(2, 2)), nn.Parameter(drawn(2, 2))
    before = without.detach().clone()
    with_gradient.grad = torch.eye(2)
    Muon([with_gradient, without], lr=0.1).step()
    assert (without == before).all()
    assert (with_gradient != 1).any()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_parameter_has_one_optimizer(name):
    network = DenseGenerator(n_blocks=1, n_levels=1)
    optimizers = OPTIMIZERS[name](network, 0.25)
    found = [
        parameter
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert len(found) == len(list(network.parameters()))
    assert {id(p) for p in found} == {id(p) for p in network.parameters()}
    assert {g["lr"] for o in optimizers for g in o.param_groups} == {0.25}


def test_state_goes_on_in_a_copy():
    kernels = [nn.Parameter(torch.zeros(3, 4)) for _ in range(2)]
    first, second = (Muon([kernel], lr=0.1) for kernel in kernels)
    kernels[0].grad = drawn(3, 4)
    first.step()
    kernels[1].data.copy_(kernels[0].detach())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for kernel, optimizer in zip(kernels, (first, second), strict=True):
        kernel.grad = drawn(3, 4, seed=1)
        optimizer.step()
    assert (kernels[0] == kernels[1]).all()

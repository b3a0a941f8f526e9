"""The optimizers that train a network: Adam, and Muon for the kernels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Coefficients of the polynomial in [1]_, which brings singular values to about 1 fast.
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.775, 2.0315
_N_ITERATIONS = 5

# With it an update has the size of Adam's, so that one learning rate serves both [2]_.
_UPDATE_SIZE = 0.2

# Makes the optimizers of a network, each for some of its parameters.
OptimizerMaker = Callable[[nn.Module, float], list[torch.optim.Optimizer]]


class Muon(torch.optim.Optimizer):
    """Momentum, whose matrices are made orthogonal before each update [1]_.

    A gradient's matrix is mostly a few directions with large singular values. With all
    of them made equal, each step learns in all directions. A kernel of shape (n, ...)
    is taken as a matrix of n rows; its update is scaled to the size of Adam's [2]_.

    Parameters
    ----------
    kernels : iterable of nn.Parameter
        With two dimensions at least.
    lr : float
    momentum : float, default=0.9
        Share of the past in the running mean of the gradients; Nesterov's form.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024. https://kellerjordan.github.io/posts/muon/
    .. [2] J. Liu et al., "Muon is Scalable for LLM Training", 2025. arXiv:2502.16982,
       equation (4)

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training.optimizers import Muon
    >>> kernel = torch.nn.Parameter(torch.zeros(2, 2))
    >>> kernel.grad = torch.tensor([[100.0, 0.0], [0.0, 1.0]])
    >>> Muon([kernel], lr=1.0).step()
    >>> bool(kernel[0, 0] < -0.1 and kernel[1, 1] < -0.1)
    True
    """

    def __init__(
        self, kernels: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.9
    ) -> None:
        super().__init__(kernels, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every kernel that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
            for kernel in kernels:
                if not self.state[kernel]:
                    self.state[kernel]["mean"] = torch.zeros_like(kernel)
            gradients = [kernel.grad for kernel in kernels]
            means = [self.state[kernel]["mean"] for kernel in kernels]
            torch._foreach_lerp_(means, gradients, 1 - group["momentum"])
            ahead = torch._foreach_lerp(gradients, means, group["momentum"])
            updates = orthogonalized(
                [
                    _in_memory_order(update, kernel).flatten(1)
                    for update, kernel in zip(ahead, kernels, strict=True)
                ]
            )
            for kernel, update in zip(kernels, updates, strict=True):
                size = _UPDATE_SIZE * max(update.shape) ** 0.5
                ordered = _in_memory_order(kernel, kernel)
                ordered.add_(update.view_as(ordered), alpha=-group["lr"] * size)


def orthogonalized(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Matrices with the same singular vectors, and singular values of about 1.

    Five steps of a Newton-Schulz iteration: singular values that are not far below the
    greatest come to between 0.7 and 1.2.

    Parameters
    ----------
    matrices : sequence of Tensor of shape (n_rows, n_columns)

    Returns
    -------
    list of Tensor of the same shapes
    """
    wide = [m.t() if m.shape[0] > m.shape[1] else m for m in matrices]
    same_size: defaultdict[int, list[int]] = defaultdict(list)
    for i, matrix in enumerate(wide):
        same_size[len(matrix)].append(i)
    results = list(wide)
    for indices in same_size.values():
        scaled = [wide[i] / (wide[i].norm() + 1e-30) for i in indices]
        factors = _polar_factors(torch.stack([m @ m.t() for m in scaled]))
        for i, matrix, factor in zip(indices, scaled, factors, strict=True):
            results[i] = factor @ matrix
    return [
        result.t() if matrix.shape[0] > matrix.shape[1] else result
        for matrix, result in zip(matrices, results, strict=True)
    ]


def _polar_factors(products: Tensor) -> Tensor:
    """What to multiply matrices with, from their products with their transposes.

    Each step multiplies a matrix by a polynomial of its product, which is of the
    shorter side squared. All steps' polynomials commute: so the matrix itself is
    needed at the end only.
    """
    identity = torch.eye(
        products.shape[-1], dtype=products.dtype, device=products.device
    )

    def polynomial() -> Tensor:
        return torch.baddbmm(
            products, products, products, beta=_CUBIC, alpha=_QUINTIC
        ).add_(identity, alpha=_LINEAR)

    factors = factor = polynomial()
    for _ in range(_N_ITERATIONS - 1):
        products = factor @ products @ factor
        factor = polynomial()
        factors = factor @ factors
    return factors


def _in_memory_order(tensor: Tensor, kernel: Tensor) -> Tensor:
    """A view of a tensor of a kernel's shape, its axes as they lie in the kernel.

    The order of a matrix's columns does not matter, as long as they need not be moved.
    """
    last = kernel.ndim == 4 and kernel.is_contiguous(memory_format=torch.channels_last)
    return tensor.permute(0, 2, 3, 1) if last else tensor


def adam(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Adam for all parameters of a network."""
    return [_adam(network.parameters(), learning_rate)]


def muon(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the kernels of a network's convolutions, Adam for the rest."""
    kernels, rest = _kernels_and_rest(network)
    return [Muon(kernels, lr=learning_rate), _adam(rest, learning_rate)]


def state_shapes(
    name: str, network: nn.Module
) -> list[list[dict[str, tuple[int, ...]]]]:
    """What the optimizers of a network remember of each parameter, without making them.

    Parameters
    ----------
    name : str
        Of `OPTIMIZERS`.
    network : nn.Module
        On any device, "meta" too.

    Returns
    -------
    list of list of dict of str to shape
        For each optimizer, for each of its parameters: names and shapes of the arrays
        in its state.
    """
    if name == "adam":
        return [[_adam_shapes(p) for p in network.parameters()]]
    kernels, rest = _kernels_and_rest(network)
    return [
        [{"mean": tuple(p.shape)} for p in kernels],
        [_adam_shapes(p) for p in rest],
    ]


def _kernels_and_rest(
    network: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    kernels = [p for p in network.parameters() if p.ndim > 1]
    return kernels, [p for p in network.parameters() if p.ndim <= 1]


def _adam_shapes(parameter: nn.Parameter) -> dict[str, tuple[int, ...]]:
    shape = tuple(parameter.shape)
    return {"step": (), "exp_avg": shape, "exp_avg_sq": shape}


OPTIMIZERS: dict[str, OptimizerMaker] = {
    "muon": muon,
    "adam": adam,
}


def _adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    # The momentum of 0.5 is that of pix2pix: 0.9 lets adversarial training oscillate.
    # Fused: one call for all weights instead of a dozen for each.
    betas = (0.5, 0.999)
    return torch.optim.Adam(parameters, lr=learning_rate, betas=betas, fused=True)


def make_ready(optimizer: torch.optim.Optimizer) -> None:
    """Make an optimizer fit for its update, whatever state it has taken over.

    The fused Adam reads weights and moments side by side as they lie in memory, so that
    they must lie alike; a state that went through numpy has channels first.
    """
    for group in optimizer.param_groups:
        if isinstance(optimizer, torch.optim.Adam):
            group["fused"] = True
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            for name, value in state.items():
                if value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter).copy_(value)

"""The generator's training form: the same network and gradients, without moving memory.

`DenseGenerator.forward` is the definition: every block concatenates and activates all
earlier feature maps, and autograd keeps what each of these steps made. Here each
feature map is activated once and written once, into its columns of one matrix that
every later block reads in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from skdeblurbin.networks._rows import (
    Buffers,
    as_maps,
    as_rows,
    channels_last,
    leaky_relu_into,
)
from skdeblurbin.networks.generator import (
    NEGATIVE_SLOPE,
    DenseGenerator,
    fold,
    unfold,
)

# Operators of one signature each: looking it up takes as long as a small operation.
_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.default
_leaky_relu_backward_out = torch.ops.aten.leaky_relu_backward.grad_input
_batch_norm_backward = torch.ops.aten.native_batch_norm_backward.default
_convolution_backward = torch.ops.aten.convolution_backward.default

# Results of a convolution up to this size come from memory that the process has already
# (glibc's malloc asks the system anew for each piece of 32 MiB or more).
_PIECE_BYTES = 2**24


class TrainingForm:
    """A generator's forward pass in training mode, made for its gradient.

    Results and gradients are those of ``generator(blurred)`` up to rounding; running
    statistics are updated alike. The weights are the generator's own.

    Parameters
    ----------
    generator : DenseGenerator
        On the CPU, and in training mode whenever this is called.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import DenseGenerator
    >>> from skdeblurbin.networks.training_form import TrainingForm
    >>> generator = DenseGenerator(n_blocks=2)
    >>> blurred = torch.rand(2, 1, 16, 16)
    >>> torch.allclose(TrainingForm(generator)(blurred), generator(blurred), atol=1e-5)
    True
    """

    def __init__(self, generator: DenseGenerator) -> None:
        self._generator = generator
        self._buffers = Buffers()

    def __call__(self, blurred: Tensor) -> Tensor:
        """Deblur a batch, as `DenseGenerator.forward` does.

        Parameters
        ----------
        blurred : Tensor of shape (n_images, 1, height, width)
            In [-1, 1].

        Returns
        -------
        Tensor of the same shape
            In (-1, 1).
        """
        generator = self._generator
        side = generator.downsampling
        folded = channels_last(fold(blurred, side, generator.unit))
        features, levels = generator.descend(folded)
        head = generator.head(features)  # (n, base, h, w)
        layers = list(_convolutions(generator))
        parameters = [
            tensor
            for convolution, norm in layers
            for tensor in (convolution.weight, norm.weight, norm.bias)
        ]
        norms = [norm for _, norm in layers]
        field: Any = _DenseField
        tail = field.apply(head, self._buffers, norms, *parameters)
        if levels:
            both = torch.cat([head, tail], dim=1)
            output = generator.ascend(both, levels, folded)
        else:
            # The global skip's convolution is the sum of one of each of its two inputs,
            # which need not be concatenated for it.
            of_head, of_tail = generator.output.weight.split(head.shape[1], dim=1)
            bias = generator.output.bias
            output = functional.conv2d(head, of_head, bias, padding=1)
            output = output + functional.conv2d(tail, of_tail, padding=1)
        return unfold(output, side, blurred.shape[-2:])


def _convolutions(
    generator: DenseGenerator,
) -> Iterator[tuple[Any, Any]]:
    """The field's convolutions, two a block and the tail's, each with its norm."""
    for block in generator.blocks:
        _, squeeze, squeeze_norm, _, grow, grow_norm = block.children()
        yield squeeze, squeeze_norm
        yield grow, grow_norm
    _, convolution, norm = generator.tail.children()
    yield convolution, norm


class _Layer(NamedTuple):
    """A convolution without bias, what it made, and the normalisation of that."""

    weight: Tensor  # (out, in, kernel, kernel)
    scale: Tensor  # (out,)
    shift: Tensor  # (out,)
    result: Tensor  # (rows, out), of the convolution
    mean: Tensor  # (out,)
    inverse_std: Tensor  # (out,)

    def normalized(self, out: Tensor) -> Tensor:
        """Write the normalised result to `out`."""
        scale = self.scale * self.inverse_std
        return torch.addcmul(
            self.shift - self.mean * scale, self.result, scale, out=out
        )

    def activated(self, out: Tensor) -> Tensor:
        """Write the normalised result, activated, to `out`."""
        return functional.leaky_relu_(self.normalized(out), NEGATIVE_SLOPE)

    def gradient_of_norm(self, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From the gradient to the normalised result to that of what went into it.

        Returns
        -------
        result, scale, shift : Tensor
            The gradients; the first takes the place of `self.result`.
        """
        _, to_scale, to_shift = _batch_norm_backward(
            as_maps(grad, (1, len(grad), 1)),
            as_maps(self.result, (1, len(grad), 1)),
            self.scale,
            None,
            None,
            self.mean,
            self.inverse_std,
            True,
            0.0,
            [False, True, True],
        )
        # Mean and variance depend on every row: what the gradient has in common over
        # the rows, and in proportion to the rows, does not get through.
        factor = self.scale * self.inverse_std
        slope = -factor * self.inverse_std * to_scale / len(grad)
        offset = -factor * to_shift / len(grad) - slope * self.mean
        result = torch.addcmul(offset, self.result, slope, out=self.result)
        return result.addcmul_(grad, factor), to_scale, to_shift


class _DenseField(torch.autograd.Function):
    """The blocks and the tail: from the head's feature maps to the tail's."""

    @staticmethod
    def forward(
        ctx: Any,
        head: Tensor,
        buffers: Buffers,
        norms: list[nn.BatchNorm2d],
        *parameters: Tensor,
    ) -> Tensor:
        size = (head.shape[0], head.shape[2], head.shape[3])
        rows = as_rows(head)
        known = head.shape[1]
        width = parameters[-3].shape[1]  # of all feature maps, which the tail sees
        features = buffers.take(len(rows), width, like=head)
        leaky_relu_into(rows, NEGATIVE_SLOPE, out=features[:, :known])
        layers: list[_Layer] = []
        for i in range(0, len(norms) - 1, 2):
            matrix = parameters[3 * i].flatten(1)
            squeezed = buffers.take(len(rows), len(matrix), like=head)
            torch.mm(features[:, :known], matrix.t(), out=squeezed)
            squeeze = _layer(parameters[3 * i : 3 * i + 3], squeezed, norms[i])
            active = squeeze.activated(
                out=buffers.take(len(rows), len(matrix), like=head)
            )
            weight = channels_last(parameters[3 * i + 3])
            grown = functional.conv2d(as_maps(active, size), weight, padding=1)
            buffers.give(active)
            grow = _layer(
                parameters[3 * i + 3 : 3 * i + 6], as_rows(grown), norms[i + 1]
            )
            new = slice(known, known + len(weight))
            grow.activated(out=features[:, new])
            known += len(weight)
            layers += [squeeze, grow]
        result = torch.mm(features, parameters[-3].flatten(1).t())
        layers.append(_layer(parameters[-3:], result, norms[-1]))
        tail = layers[-1].normalized(out=torch.empty_like(result))
        ctx.save_for_backward(*parameters)
        ctx.size, ctx.buffers = size, buffers
        ctx.features, ctx.layers = features, layers
        return as_maps(tail, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.features is None:
            raise RuntimeError(
                "A training form's gradient can be taken once for each forward pass."
            )
        # An error if a weight was changed since, unless by a fused optimizer, which
        # autograd does not see.
        _ = ctx.saved_tensors
        features, buffers, layers = ctx.features, ctx.buffers, ctx.layers
        ctx.features = ctx.layers = None  # their memory is overwritten from here on
        to_features = buffers.take(*features.shape, like=features)
        to_result, *of_norm = layers[-1].gradient_of_norm(as_rows(grad))
        torch.mm(to_result, layers[-1].weight.flatten(1), out=to_features)
        of_weight = torch.mm(to_result.t(), features).view_as(layers[-1].weight)
        gradients = [(of_weight, *of_norm)]
        known = features.shape[1]
        for squeeze, grow in zip(layers[-3::-2], layers[-2::-2], strict=True):
            known -= len(grow.weight)
            gradients += _block_gradient(
                squeeze, grow, features, to_features, known, ctx.size, buffers
            )
        to_head = _leaky_relu_backward(
            to_features[:, :known], features[:, :known], NEGATIVE_SLOPE, True
        )
        buffers.give(features, to_features)
        flat = [gradient for of_layer in reversed(gradients) for gradient in of_layer]
        return as_maps(to_head, ctx.size), None, None, *flat


def _block_gradient(
    squeeze: _Layer,
    grow: _Layer,
    features: Tensor,
    to_features: Tensor,
    known: int,
    size: tuple[int, int, int],
    buffers: Buffers,
) -> list[tuple[Tensor, ...]]:
    """Take a block's gradient: add to that of the first `known` feature maps.

    Returns
    -------
    list of two tuples of Tensor
        The gradients of weight, scale and shift of `grow`, then of `squeeze`.
    """
    new = slice(known, known + len(grow.weight))
    to_normalized = _leaky_relu_backward(
        to_features[:, new], features[:, new], NEGATIVE_SLOPE, True
    )
    n_rows, n_squeezed = squeeze.result.shape
    to_grown, *of_grow_norm = grow.gradient_of_norm(to_normalized)
    active = squeeze.activated(out=buffers.take(n_rows, n_squeezed, like=features))
    of_grow = _convolution_gradient(
        as_maps(to_grown, size), as_maps(active, size), grow
    )
    to_squeezed, *of_squeeze_norm = squeeze.gradient_of_norm(active)
    to_features[:, :known].addmm_(to_squeezed, squeeze.weight.flatten(1))
    of_squeeze = torch.mm(to_squeezed.t(), features[:, :known])
    buffers.give(active, squeeze.result)
    return [
        (of_grow, *of_grow_norm),
        (of_squeeze.view_as(squeeze.weight), *of_squeeze_norm),
    ]


def _convolution_gradient(to_grown: Tensor, active: Tensor, grow: _Layer) -> Tensor:
    """The weight's gradient, and in place of `active` that to what was activated.

    Parameters
    ----------
    to_grown, active : Tensor of shape (n_images, channels, height, width)
        The gradient to what the convolution made, and what went into it.
    grow : _Layer
    """
    of_weight = torch.zeros_like(grow.weight)
    n_images = max(1, _PIECE_BYTES // (active[0].numel() * active.element_size()))
    for gradient, maps in zip(
        to_grown.split(n_images), active.split(n_images), strict=True
    ):
        to_maps, of_piece, _ = _convolution_backward(
            gradient, maps, channels_last(grow.weight), None, [1, 1], [1, 1], [1, 1],
            False, [0, 0], 1, [True, True, False],
        )  # fmt: skip
        of_weight += of_piece
        _leaky_relu_backward_out(to_maps, maps, NEGATIVE_SLOPE, True, grad_input=maps)
    return of_weight


def _layer(weights: Sequence[Tensor], result: Tensor, norm: nn.BatchNorm2d) -> _Layer:
    """Measure what a convolution made, and update the norm's running statistics.

    Raises
    ------
    ValueError
        If there is one row only, as BatchNorm does.
    """
    if len(result) == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got 1 position."
        )
    mean, variance = torch.batch_norm_update_stats(
        as_maps(result, (1, len(result), 1)),
        norm.running_mean,
        norm.running_var,
        cast(float, norm.momentum),
    )
    # Also tells `inference_form` that the network has changed, which the running
    # statistics and a fused optimizer do not.
    cast(Tensor, norm.num_batches_tracked).add_(1)
    weight, scale, shift = weights
    return _Layer(weight, scale, shift, result, mean, (variance + norm.eps).rsqrt())

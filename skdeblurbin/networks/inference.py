"""The generator's inference form, and prediction with it."""

from __future__ import annotations

import math
import operator
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby, islice
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from skdeblurbin._resizing import resize
from skdeblurbin._tensors import full_precision
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
    Level,
    fold,
    unfold,
)
from skdeblurbin.networks.tiles import Tiling, bytes_per_pixel

# Columns before the feature maps, so that these begin on a cache line; the last of them
# holds ones, whose weights are the biases.
_BEFORE = 16
# Scratch memory that a thread keeps at most from one prediction to the next.
_KEPT_BYTES = 2**28
# Memory for the feature maps of a batch. On the CPU, more than the caches hold makes
# batches slower than images one by one (docs/benchmarks).
_CPU_BYTES = 2**24
_MOST_AT_ONCE = 64
# Batches on accelerators, where a single image costs as much as so many.
_FILLED_TO = 8

_Deblur = Callable[[Tensor, int], Tensor]


class InferenceForm:
    """A trained generator's forward pass without gradients.

    BatchNorm is folded into the convolutions before it. Each feature map is activated
    once, when it is written into its columns of one matrix, which every later block
    reads in place. Results are those of the generator in evaluation mode up to
    rounding.

    Parameters
    ----------
    generator : DenseGenerator
        On the CPU. Its weights are copied: later changes have no effect.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.networks import DenseGenerator
    >>> from skdeblurbin.networks.inference import InferenceForm
    >>> generator = DenseGenerator(n_blocks=2).eval()
    >>> blurred = torch.rand(2, 1, 20, 30)
    >>> with torch.inference_mode():
    ...     sharp = InferenceForm(generator)(blurred)
    ...     torch.allclose(sharp, generator(blurred), atol=1e-5)
    True
    """

    @torch.no_grad()
    def __init__(self, generator: DenseGenerator) -> None:
        self._side, self._unit = generator.downsampling, generator.unit
        self._down = [_level(cast(Level, level)) for level in generator.down]
        self._head = _copies(generator.head)
        self._blocks = []
        for block in generator.blocks:
            _, squeeze, squeeze_norm, _, grow, grow_norm = block.children()
            weight, bias = _folded(grow, grow_norm)
            self._blocks.append(
                (_as_matrix(squeeze, squeeze_norm), channels_last(weight), bias)
            )
        _, convolution, norm = generator.tail.children()
        self._tail = _as_matrix(convolution, norm)
        self._up = [
            (*_copies(cast(nn.ConvTranspose2d, up)), _level(cast(Level, joined)))
            for up, joined in zip(generator.up, generator.joined, strict=True)
        ]
        self._output = _copies(generator.output)
        self._photo_weight = float(generator.photo_weight) if self._up else 0.0

    def __call__(self, blurred: Tensor, buffers: Buffers | None = None) -> Tensor:
        """Deblur a batch, as `DenseGenerator.forward` does.

        Parameters
        ----------
        blurred : Tensor of shape (n_images, 1, height, width)
            In [-1, 1].
        buffers : Buffers, default=None
            Memory to use for what lies between.

        Returns
        -------
        Tensor of the same shape
            In (-1, 1).
        """
        buffers = buffers or Buffers()
        folded = maps = channels_last(fold(blurred, self._side, self._unit))
        levels = []
        for level in self._down:
            levels.append(_convolve(maps, level))
            maps = functional.max_pool2d(levels[-1], 2)
        size = (maps.shape[0], maps.shape[2], maps.shape[3])
        head = as_rows(functional.conv2d(maps, *self._head, padding=1))
        base, width = head.shape[1], self._tail.shape[0] - 1
        features = buffers.take(len(head), _BEFORE + width, like=head)
        features[:, _BEFORE - 1] = 1
        leaky_relu_into(head, NEGATIVE_SLOPE, out=_columns(features, 0, base))
        self._grow(features, size, base, buffers)
        skip = buffers.take(len(head), 2 * base, like=head)
        skip[:, :base] = head
        torch.mm(_columns(features, -1, width), self._tail, out=skip[:, base:])
        maps = as_maps(skip, size)
        for weight, bias, level in self._up:
            risen = functional.conv_transpose2d(maps, weight, bias, stride=2)
            maps = _convolve(torch.cat([levels.pop(), risen], dim=1), level)
        output = functional.conv2d(maps, *self._output, padding=1)
        if self._up:
            output.add_(folded, alpha=self._photo_weight)
        buffers.give(features, skip)
        return unfold(output, self._side, blurred.shape[-2:])

    def _grow(
        self,
        features: Tensor,
        size: tuple[int, int, int],
        known: int,
        buffers: Buffers,
    ) -> None:
        """Fill in the feature maps of all blocks; the first `known` are there."""
        for squeeze, weight, bias in self._blocks:
            squeezed = buffers.take(len(features), squeeze.shape[1], features)
            torch.mm(_columns(features, -1, known), squeeze, out=squeezed)
            functional.leaky_relu_(squeezed, NEGATIVE_SLOPE)
            maps = functional.conv2d(as_maps(squeezed, size), weight, bias, padding=1)
            grown = as_rows(maps)
            end = known + grown.shape[1]
            new = _columns(features, known, end)
            leaky_relu_into(grown, NEGATIVE_SLOPE, out=new)
            buffers.give(squeezed)
            known = end


def _columns(features: Tensor, start: int, end: int) -> Tensor:
    """Columns of feature maps; they are counted from 0, and number -1 holds ones."""
    return features[:, _BEFORE + start : _BEFORE + end]


def _folded(convolution: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the normalisation that follows it."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight = convolution.weight * scale[:, None, None, None]
    return weight, norm.bias - norm.running_mean * scale


def _as_matrix(convolution: Any, norm: Any) -> Tensor:
    """A 1x1 convolution and its norm as (1 + in, out); the first row is the bias."""
    weight, bias = _folded(convolution, norm)
    return torch.cat([bias[None], weight.flatten(1).t()]).contiguous()


def _level(level: Level) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of a level's two convolutions with their norms."""
    first, first_norm, _, second, second_norm, _ = level.children()
    folded = [_folded(first, first_norm), _folded(second, second_norm)]
    return [(channels_last(weight), bias) for weight, bias in folded]


def _convolve(maps: Tensor, level: list[tuple[Tensor, Tensor]]) -> Tensor:
    for weight, bias in level:
        maps = functional.conv2d(maps, weight, bias, padding=1)
        functional.leaky_relu_(maps, NEGATIVE_SLOPE)
    return maps


def _copies(convolution: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    assert convolution.bias is not None
    weight = convolution.weight.clone(memory_format=torch.channels_last)
    return weight, convolution.bias.clone()


# The forms of generators that are in use, each with the state of the weights it is of.
_State = tuple[list[Tensor], list[int]]
_forms: weakref.WeakKeyDictionary[nn.Module, tuple[_State, InferenceForm]] = (
    weakref.WeakKeyDictionary()
)
_scratch = threading.local()
# Whether a batch gives its images the bits that they give alone, by all that matters:
# the network's options, the batch's shape, the number of threads.
_same_bits: dict[tuple[int, ...], bool] = {}


def inference_form(generator: DenseGenerator) -> InferenceForm:
    """The generator's inference form, made anew only if its weights have changed.

    Changes behind autograd's back (through ``.data``, memory shared with numpy, or a
    fused optimizer on a network in evaluation mode) go unnoticed. Weights made in
    inference mode do not tell of changes: their form is made anew each time.
    """
    tensors: list[Tensor] = []
    _collect_weights(generator, tensors)
    if any(tensor.is_inference() for tensor in tensors):
        return InferenceForm(generator)
    # The tensors themselves, since a new one may lie where an old one lay.
    state = tensors, [tensor._version for tensor in tensors]
    known = _forms.get(generator)
    if known is None or not _same_state(known[0], state):
        known = _forms[generator] = state, InferenceForm(generator)
    return known[1]


def _same_state(first: _State, second: _State) -> bool:
    return (
        first[1] == second[1]
        and len(first[0]) == len(second[0])
        and all(map(operator.is_, first[0], second[0]))
    )


def _collect_weights(module: nn.Module, found: list[Tensor]) -> None:
    """What ``module.parameters()`` and ``buffers()`` give, in a third of the time."""
    found += [p for p in module._parameters.values() if p is not None]
    found += [b for b in module._buffers.values() if b is not None]
    for child in module._modules.values():
        if child is not None:
            _collect_weights(child, found)


def deblur_images(
    generator: nn.Module,
    images: Iterable[NDArray[np.float32]],
    working_shape: tuple[int, int] | None = None,
    *,
    resize_back: bool = True,
    n_bytes: float = math.inf,
) -> Iterator[NDArray[np.float32]]:
    """Deblur images; what an image gives does not depend on the others, to the bit.

    Neighbours of one size go through the network together, as many as a memory budget
    holds. On the CPU they do so only where that gives the same bits as one by one,
    which the first full batch of each size tells. On an accelerator incomplete batches
    are filled up, so that their size depends on that of the images alone.

    Parameters
    ----------
    generator : nn.Module
        In evaluation mode; maps (n_images, 1, height, width) in [-1, 1] to the same.
    images : iterable of float32 ndarray of shape (height, width)
        In [0, 1].
    working_shape : tuple (height, width), default=None
        Resize the images to this shape for the network; None leaves them as they are.
    resize_back : bool, default=True
        Whether to resize what the network gives to the images' own shapes.
    n_bytes : float, default=inf
        Memory that an image may take on its way through the network; those that would
        need more go through it in tiles. Where even the least tile needs more, it gets
        it, with a warning.

    Yields
    ------
    float32 ndarray of shape (height, width)
        In [0, 1]: dark is ink, bright is paper.
    """
    if working_shape is not None:
        shapes: deque[tuple[int, int]] = deque()
        resized = _resized(images, working_shape, shapes)
        for grey in deblur_images(generator, resized, n_bytes=n_bytes):
            shape = shapes.popleft()
            yield resize(grey, shape) if resize_back else grey
        return
    device = next(generator.parameters()).device
    deblur = _deblurrer(generator, device)
    for shape, group in groupby(images, key=np.shape):
        if type(generator) is DenseGenerator:  # of others the field is not known
            tiling = Tiling(generator, (shape[0], shape[1]), n_bytes)
            if not tiling.is_whole:
                tiling.warn_of_memory(n_bytes)
                piece = partial(_deblur_piece, deblur, device)
                yield from (tiling.deblur(image, piece) for image in group)
                continue
        size = _batch_size(generator, device, shape)
        while batch := list(islice(group, size)):
            yield from _deblur_batch(deblur, device, batch, size)


def _deblur_batch(
    deblur: _Deblur, device: torch.device, batch: list[NDArray[np.float32]], size: int
) -> NDArray[np.float32]:
    # No generator, in which the modes would reach the caller between two images.
    with torch.inference_mode(), full_precision(device):
        blurred = torch.from_numpy(np.stack(batch)[:, None]).to(device) * 2 - 1
        grey: NDArray[np.float32] = (
            ((deblur(blurred, size) + 1) / 2)[:, 0].cpu().numpy()
        )
    return grey


def _deblur_piece(
    deblur: _Deblur, device: torch.device, piece: NDArray[np.float32]
) -> NDArray[np.float32]:
    result: NDArray[np.float32] = _deblur_batch(deblur, device, [piece], 1)[0]
    return result


def _resized(
    images: Iterable[NDArray[np.float32]],
    shape: tuple[int, int],
    shapes: deque[tuple[int, int]],
) -> Iterator[NDArray[np.float32]]:
    """Images in another shape; their own are noted in `shapes`."""
    for image in images:
        shapes.append((image.shape[0], image.shape[1]))
        yield resize(image, shape)


def _batch_size(
    generator: nn.Module, device: torch.device, shape: tuple[int, ...]
) -> int:
    """How many images of one size go through the network together, at least one."""
    if type(generator) is not DenseGenerator:
        return 1
    if device.type != "cpu":
        return _FILLED_TO
    n_bytes = bytes_per_pixel(generator) * math.prod(shape)
    return min(max(int(_CPU_BYTES / n_bytes), 1), _MOST_AT_ONCE)


def _deblurrer(generator: nn.Module, device: torch.device) -> _Deblur:
    if device.type != "cpu":
        return partial(_deblur_filled, generator)
    if type(generator) is DenseGenerator:  # not one with a forward pass of its own
        kind = tuple(generator.options.values())
        return partial(_deblur_exactly, inference_form(generator), kind)
    return lambda blurred, size: generator(blurred)


def _deblur_filled(generator: nn.Module, blurred: Tensor, size: int) -> Tensor:
    """Deblur a batch that is filled up to its full size with copies of an image."""
    filling = blurred[-1:].expand(size - len(blurred), *blurred.shape[1:])
    found: Tensor = generator(torch.cat([blurred, filling]))
    return found[: len(blurred)]


def _deblur_exactly(
    form: InferenceForm, kind: tuple[int, ...], blurred: Tensor, size: int
) -> Tensor:
    """Deblur a batch with the bits that its images give one by one.

    The order of a sum's terms, and so its last bits, may depend on the size of a batch,
    but not on the numbers: one batch that comes out the same speaks for all.
    """
    run = partial(_run_in_scratch, form)
    if len(blurred) == 1:
        return run(blurred)
    batch_kind = (*kind, *blurred.shape, torch.get_num_threads())
    # None: not known yet, and incomplete batches are not worth trying.
    same_bits = _same_bits.get(batch_kind) if len(blurred) == size else False
    if same_bits:
        return run(blurred)
    alone = torch.cat([run(image) for image in blurred.split(1)])
    if same_bits is None and alone.isfinite().all():  # NaN never equals itself
        _same_bits[batch_kind] = torch.equal(run(blurred), alone)
    return alone


def _run_in_scratch(form: InferenceForm, blurred: Tensor) -> Tensor:
    if not hasattr(_scratch, "buffers"):  # of this thread alone
        _scratch.buffers = Buffers()
    sharp = form(blurred, _scratch.buffers)
    if _scratch.buffers.n_bytes() > _KEPT_BYTES:
        _scratch.buffers.clear()
    return sharp

"""Between numpy and torch: tensors, padding, devices, threads and seeded weights."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

# torch's thread count belongs to the whole process: one block at a time may set it.
_THREADS_LOCK = threading.RLock()

# Held by a fit.
_FIT_LOCK = threading.RLock()


def _renew_locks() -> None:
    """A fork copies locks that other threads hold, and that nobody would release."""
    global _THREADS_LOCK, _FIT_LOCK
    _THREADS_LOCK, _FIT_LOCK = threading.RLock(), threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


@contextmanager
def one_fit_at_a_time() -> Iterator[None]:
    """Let fits in threads of one process run one after the other, with gradients.

    Callers' blocks that switch gradients off do not reach inside.
    """
    with _FIT_LOCK, torch.inference_mode(False), torch.enable_grad():
        yield


class Interruptible:
    """Context managers that a block can leave for a while, and enter again.

    Parameters
    ----------
    *managers : callable () -> context manager
        Entered in this order.
    """

    def __init__(self, *managers: Callable[[], AbstractContextManager[Any]]) -> None:
        self._managers = managers
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # one that fails lets go of those before it
            for manager in self._managers:
                stack.enter_context(manager())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def left(self) -> Iterator[None]:
        """Run a block outside of the context managers."""
        self._stack.close()
        try:
            yield
        finally:
            self._enter_again()

    def _enter_again(self) -> None:
        """Enter, though Ctrl-C may come while another thread is waited for.

        Whoever catches it must be inside again, so it is passed on afterwards.
        """
        try:
            self.__enter__()
        except KeyboardInterrupt as interrupt:
            try:
                self.__enter__()
            except KeyboardInterrupt as again:
                raise RuntimeError("Interrupted twice while waiting.") from again
            raise interrupt


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Keep callers' autocast out of a block."""
    with torch.autocast(device.type, enabled=False):
        yield


def resolve_device(device: str | torch.device) -> torch.device:
    """Turn the `device` parameter into a device that is there.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"} or torch.device
        "auto" takes a CUDA device, else MPS, else the CPU.

    Raises
    ------
    ValueError
        If the device has no such name, or is not on this machine.
    """
    if isinstance(device, str) and device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    allowed = "'auto', 'cpu', 'cuda', 'cuda:N', 'mps' or a torch.device"
    if not isinstance(device, (str, torch.device)):
        raise TypeError(f"device must be {allowed}, got {device!r}.")
    try:
        resolved = torch.device(device)
    except RuntimeError:
        raise ValueError(f"device must be {allowed}, got {device!r}.") from None
    if resolved.type == "cpu":
        return torch.device("cpu")
    there = {
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    if resolved.type not in there:
        raise ValueError(f"device must be {allowed}, got {device!r}.")
    if (resolved.index or 0) >= there[resolved.type]:
        raise ValueError(
            f"device={str(device)!r} is not available on this machine, which has "
            f"{there[resolved.type]} {resolved.type} devices; device='auto' takes what "
            "is there."
        )
    return resolved


def device_or_cpu(name: str) -> torch.device:
    """The device of a pickle, or the CPU on a machine that has no such device."""
    try:
        return resolve_device(name)
    except ValueError:
        return torch.device("cpu")


def place(network: Any, device: torch.device) -> Any:
    """Move convolutions to a device, in place; on a CPU with channels last in memory.

    So they take from a tenth (the discriminator) to a third (feature networks) less
    time than with channels first; other devices were not measured.
    """
    if device.type == "cpu":
        network = network.to(memory_format=torch.channels_last)
    return network.to(device)


@contextmanager
def torch_threads(n_threads: int | None) -> Iterator[None]:
    """Run a block with `n_threads` torch threads, and restore the count after it.

    Blocks that change the count in several threads of one process wait for each other.
    None, or the count that is set, changes nothing and waits for nobody: predictions
    go on while another thread fits with the same count.
    """
    if n_threads is None or n_threads == torch.get_num_threads():
        yield
        return
    with _THREADS_LOCK:
        before = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def pad_to(image: Tensor, height: int, width: int) -> Tensor:
    """Pad images (..., channels, h, w) by replication below and to the right."""
    missing = (0, width - image.shape[-1], 0, height - image.shape[-2])
    if not any(missing):
        return image
    return functional.pad(image, missing, mode="replicate")


def to_batch(
    images: Sequence[NDArray[np.float32]], minimum: int, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Stack images of any sizes, padded by replication to one size.

    Parameters
    ----------
    images : sequence of float32 ndarray of shape (height, width)
    minimum : int
        The least height and width of the batch, in pixels.
    device : torch.device

    Returns
    -------
    batch : Tensor of shape (n_images, 1, height, width)
    mask : Tensor of the same shape, or None
        1 where a pixel belongs to an image, 0 where it pads; None where nothing pads.
    """
    height = max(minimum, *(image.shape[0] for image in images))
    width = max(minimum, *(image.shape[1] for image in images))
    tensors = [torch.from_numpy(np.ascontiguousarray(i))[None] for i in images]
    batch = torch.stack([pad_to(t, height, width) for t in tensors]).to(device)
    if all(image.shape == (height, width) for image in images):
        return batch, None
    mask = torch.zeros_like(batch)
    for i, image in enumerate(images):
        mask[i, :, : image.shape[0], : image.shape[1]] = 1
    return batch, mask


def initialize_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw a module's weights from `generator`, in place.

    Convolutions after He et al. (2015) [1]_ for leaky ReLU of slope 0.2, transposed
    ones (whose kernels do not overlap) to keep the variance, biases 0, batch
    normalisation as the identity with fresh running statistics. Parameters that the
    module names in `starts_at` have the values given there.

    References
    ----------
    .. [1] K. He et al., "Delving Deep into Rectifiers", ICCV 2015.
       :doi:`10.1109/ICCV.2015.123`
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(
                part.weight, a=0.2, nonlinearity="leaky_relu", generator=generator
            )
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.ConvTranspose2d):
            # As wide as its stride: each output has one term for each input channel.
            std = part.in_channels**-0.5
            nn.init.normal_(part.weight, std=std, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
    starts_at: dict[str, float] = getattr(module, "starts_at", {})
    for name, value in starts_at.items():
        nn.init.constant_(module.get_parameter(name), value)


def build_network(
    network: type[nn.Module], options: dict[str, Any], generator: torch.Generator
) -> Any:
    """Build a network on the CPU with weights drawn from `generator` alone.

    torch's layer constructors draw from the global generator; on the meta device they
    draw nothing, so that global state stays as it was found.
    """
    with torch.device("meta"):
        module = network(**options)
    # Of single precision, whatever the process's default is.
    module = module.float().to_empty(device="cpu")
    initialize_weights(module, generator)
    return module


def to_numpy_state(state: Any, known: dict[int, Any] | None = None) -> Any:
    """Nested dicts and lists of tensors as the same of numpy arrays, on the CPU.

    A tensor that occurs twice becomes one array; `known` has them by the tensors'
    identity.
    """
    known = {} if known is None else known
    if isinstance(state, Tensor):
        if id(state) not in known:
            known[id(state)] = state.detach().cpu().numpy().copy()
        return known[id(state)]
    if isinstance(state, dict):
        return {key: to_numpy_state(value, known) for key, value in state.items()}
    if isinstance(state, list):
        return [to_numpy_state(value, known) for value in state]
    return state


def from_numpy_state(state: Any) -> Any:
    """Invert `to_numpy_state`; arrays are copied, since they may be memory-mapped."""
    if isinstance(state, np.ndarray):
        return torch.from_numpy(np.array(state))
    if isinstance(state, dict):
        return {key: from_numpy_state(value) for key, value in state.items()}
    if isinstance(state, list):
        return [from_numpy_state(value) for value in state]
    return state

"""What the benchmark scripts share: clocks, FLOP, memory, and the library's trainer.

Not a script. The scripts beside it import it as a plain module, since Python puts a
script's own folder on the path; tests load it through `benchmark_module` of conftest.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.metadata
import json
import multiprocessing
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from skdeblurbin import GANBinarizer
from skdeblurbin._files import write_atomically
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.pretrained.photographs import SEVERITIES
from skdeblurbin.training import Batch, PairBatches, Pairs, Trainer

# Worker threads of OpenMP and ONNX Runtime go on spinning for some milliseconds after
# their work, and would slow down whoever is timed next.
_SETTLE_SECONDS = 0.01
_PEAK_SIDE = 2048
_PACKAGES = ("torch", "numpy", "scikit-learn", "onnxruntime", "openvino")
#: The paper's form: dense blocks alone, and the adversary's weight.
DENSE: dict[str, Any] = {"n_blocks": 10, "n_levels": 0, "adversarial_weight": 1}
_LARGE = 1 << 20


def machine() -> str:
    """Lines that say what a measurement was made on, and when."""
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue  # the optional ones
    return (
        f"{_cpu_model()}, {multiprocessing.cpu_count()} logical CPUs, "
        f"{torch.get_num_threads()} torch threads; {date.today().isoformat()}\n"
        f"{', '.join(versions)}"
    )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak(rounds: int = 9) -> float:
    """FLOP per second of a float32 matrix product of 2048x2048, the median."""
    left, right = torch.rand(2, _PEAK_SIDE, _PEAK_SIDE)
    result = torch.empty(_PEAK_SIDE, _PEAK_SIDE)
    seconds = in_turn({"mm": lambda: torch.mm(left, right, out=result)}, rounds)
    return 2 * _PEAK_SIDE**3 / seconds["mm"]


def in_turn(
    functions: dict[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    n_calls: int = 1,
) -> dict[str, float]:
    """Median seconds of each function, all called in turn so that drift hits all.

    Each is called once before, for what only a first call pays. Every round begins
    with another function, so that none always comes after the same one. With several
    `n_calls`, a round calls each function so many times and counts the last call: that
    of a function in use, which finds its data in the cache.
    """
    names = list(functions)
    for name in names:
        functions[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(_SETTLE_SECONDS)
            for _ in range(n_calls):
                start = clock()
                functions[name]()
                seconds = clock() - start
            times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def count_flop(function: Callable[[], Any]) -> int:
    """FLOP of the convolutions and products in a call; a multiply-add counts two."""
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


def peak_growth(
    prepare: Callable[..., Callable[[], Any]], *arguments: Any, threads: int
) -> int:
    """Bytes by which the memory of a fresh process grows, at most, in a function.

    Parameters
    ----------
    prepare : callable
        Of a module's top level; called with `arguments` in the new process, gives the
        function to measure. What it allocates itself is not counted.
    threads : int
        torch threads of the new process.
    """
    # Not fork: a copy of this process begins with this process's memory.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_growth, (prepare, arguments, threads))


def _growth(
    prepare: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...], threads: int
) -> int:
    torch.set_num_threads(threads)
    function = prepare(*arguments)
    status = Path("/proc/self/status")
    if not status.exists():
        before = _max_rss()
        function()
        return _max_rss() - before
    _release_free_memory()
    # The peak of the preparation is forgotten, since it could hide the function's.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes(status, "VmRSS")
    function()
    return _status_bytes(status, "VmHWM") - before


def _release_free_memory() -> None:
    """Give back what the allocator keeps, and the function would use without growth."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return  # not glibc


def _status_bytes(status: Path, field: str) -> int:
    for line in status.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{status} has no {field}.")


def _max_rss() -> int:
    import resource  # not on Windows, where the tests import this module too

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def as_pairs(X: np.ndarray, Y: np.ndarray) -> Pairs:
    """Drawn plates (uint8, dark ink) as the training takes them."""
    return Pairs(list(X), [(0.0, 255.0)] * len(X), [truth > truth.min() for truth in Y])


def drawn_batches(
    n_images: int, image_shape: tuple[int, int], layout: str = "characters"
) -> Iterator[Batch]:
    """Batches of drawn plates without end, each of new tensors.

    New, so that whatever is kept of a tensor from one step to the next is no gain: in a
    training, batches do not come twice either.
    """
    X, Y = make_blurred_plates(4 * n_images, image_shape, layout, random_state=0)
    prepared = list(
        PairBatches(
            as_pairs(X, Y),
            batch_size=n_images,
            minimum_size=min(image_shape),
            rng=np.random.default_rng(0),
            device=torch.device("cpu"),
        )
    )
    for batch in cycle(prepared):
        yield Batch(batch.blurred.clone(), batch.target.clone(), batch.mask)


def draw_all_severities(
    effects: tuple[str, ...], n_samples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Plates of 128x192 of all severities that `plate` is trained on, shuffled."""
    parts = [
        make_blurred_plates(
            n_samples // len(SEVERITIES),
            layout="plate",
            severity=severity,
            effects=effects,
            random_state=seed + i,
        )
        for i, severity in enumerate(SEVERITIES)
    ]
    X, Y = (np.concatenate(stacks) for stacks in zip(*parts, strict=True))
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order], Y[order]


def network_parameters(downsampling: int | None) -> dict[str, Any]:
    """The default network's, or those of the dense network at a downsampling."""
    return {} if downsampling is None else DENSE | {"downsampling": downsampling}


def library_trainer(**parameters: Any) -> Trainer:
    """The trainer that `GANBinarizer(**parameters).fit` would use, on the CPU."""
    model = GANBinarizer(random_state=0, device="cpu", **parameters)
    trainer = model._make_trainer(
        np.random.default_rng(0), torch.device("cpu"), continuing=False
    )
    for network in (trainer.generator, trainer.discriminator):
        if network is not None:
            network.train()
    return trainer


def read_results(file: Path | None) -> dict[str, Any]:
    """What earlier runs have kept in a file, if there is one."""
    if file is None or not file.exists():
        return {}
    return json.loads(file.read_text())


def write_results(file: Path | None, results: dict[str, Any]) -> None:
    """Keep what was measured so far, where there is a file for it."""
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, f"{json.dumps(results, indent=1)}\n".encode())


def named_model(name: str) -> GANBinarizer:
    """The model in a file, or of the package."""
    if Path(name).exists():
        return GANBinarizer.load(name)
    return GANBinarizer.from_pretrained(name)


def n_parameters(network: nn.Module) -> int:
    """Number of weights that training changes."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def mebibytes(n_bytes: float) -> str:
    """A number of bytes for a table."""
    return f"{n_bytes / _LARGE:.1f} MiB"

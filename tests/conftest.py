"""Set-up of the test session, and what several test modules need."""

from __future__ import annotations

import os

# scipy reads this once, when it is first imported; without it scikit-learn skips its
# check_array_api_input, and "all checks passed" would not be what it says.
os.environ["SCIPY_ARRAY_API"] = "1"
# Read when numpy and torch are first imported. The networks of the tests are too small
# to gain from threads, and the workers of pytest-xdist would fight for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test may need a display.
os.environ["MPLBACKEND"] = "Agg"

import importlib.util
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import hypothesis
import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter1d

from skdeblurbin import GANBinarizer

# Scripts without doctests; some need packages that the tests do not.
collect_ignore = ["benchmarks", "soak"]

# No deadline, since the machine may be busy; the same examples in every run, and no
# folder of examples left in the checkout.
hypothesis.settings.register_profile(
    "skdeblurbin", deadline=None, derandomize=True, database=None
)
hypothesis.settings.load_profile("skdeblurbin")


class Plates(NamedTuple):
    """Pairs of images of shape (6, 24, 40)."""

    X: np.ndarray
    """Blurred, uint8: dark strokes on a bright plate."""
    Y: np.ndarray
    """Truth, uint8: 0 is ink, 1 is paper."""


@pytest.fixture(scope="session")
def plates() -> Plates:
    """Six small pairs, of strokes drawn with numpy; read-only."""
    rng = np.random.default_rng(0)
    Y = np.ones((6, 24, 40), dtype=np.uint8)
    for image in Y:
        for left in range(4, 34, 7):
            width, top = rng.integers(2, 5), rng.integers(2, 8)
            image[top : 24 - top, left : left + width] = 0
            crossbar = rng.integers(8, 14)
            image[crossbar : crossbar + 3, left : left + 5] = 0
    grey = np.where(Y == 1, rng.uniform(170, 220, (6, 1, 1)), 40.0)
    blurred = uniform_filter1d(grey, size=5, axis=2, mode="nearest")
    X = (blurred + rng.normal(0, 4, Y.shape)).clip(0, 255).astype(np.uint8)
    for array in (X, Y):
        array.setflags(write=False)
    return Plates(X, Y)


@pytest.fixture(scope="session")
def tiny_gan() -> Callable[..., GANBinarizer]:
    """Make a GANBinarizer that trains in a fraction of a second."""

    def make(**parameters: Any) -> GANBinarizer:
        tiny: dict[str, Any] = {
            "n_blocks": 1,
            "growth_rate": 2,
            "base_channels": 4,
            "discriminator_channels": 4,
            "max_epochs": 1,
            "batch_size": 4,
            "random_state": 0,
            "n_threads": 1,
            "device": "cpu",
        }
        return GANBinarizer(**(tiny | parameters))

    return make


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """Python's own handler of Ctrl-C; jobs in the background are started without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def benchmark_module() -> Callable[[str], ModuleType]:
    """Load what the benchmark scripts share, `_measure` or `_rivals`, by its name.

    The folder is no package, and on no path: its scripts find these beside them.
    """

    def load(name: str) -> ModuleType:
        if name not in sys.modules:
            file = Path(__file__).parent / "benchmarks" / f"{name}.py"
            spec = importlib.util.spec_from_file_location(name, file)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module  # where dataclasses and pickle look for it
            spec.loader.exec_module(module)
        return sys.modules[name]

    return load


def _global_state() -> dict[str, Any]:
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    cudnn = torch.backends.cudnn
    return {
        "numpy's generator": (name, keys.tolist(), position, has_gauss, cached),
        "torch's generator": torch.get_rng_state().tolist(),
        "torch threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "gradient mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "cudnn flags": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
    }


@contextmanager
def _unchanged() -> Iterator[None]:
    before = _global_state()
    yield
    after = _global_state()
    assert [name for name in before if before[name] != after[name]] == []


@pytest.fixture
def global_state_unchanged() -> Callable[[], AbstractContextManager[None]]:
    """Context manager that fails if its block changes the state of the process."""
    return _unchanged

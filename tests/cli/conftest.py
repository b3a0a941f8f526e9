"""What tests of several subcommands need."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from skdeblurbin.cli import main


@pytest.fixture(scope="session")
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program as people do, in a process of its own."""

    def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "skdeblurbin", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, **options)

    return run


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the program in this process: (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return int(code), *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def pairs(plates, tmp_path_factory) -> Path:
    """A folder with six pairs in `blurred` and `binary`; not to be written to."""
    folder = tmp_path_factory.mktemp("pairs")
    for kind, images in (("blurred", plates.X), ("binary", plates.Y * 255)):
        (folder / kind).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(folder / kind / f"plate{number}.png")
    return folder


@pytest.fixture(scope="session")
def model_file(plates, tiny_gan, tmp_path_factory) -> Path:
    """A model trained for an instant on the pairs."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    tiny_gan().fit(plates.X, plates.Y).save(path)
    return path


def hear_ctrl_c():
    """For `preexec_fn`: jobs in the background are started deaf to it, and so may be
    these tests.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)

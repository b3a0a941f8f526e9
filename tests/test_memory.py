"""Fits and predictions leave no memory behind: the short form of the soak script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "soak" / "memory.py"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_from_cycle_to_cycle():
    code = ["-W", "ignore", str(SCRIPT), "--tiny", "--cycles", "50"]
    run = subprocess.run([sys.executable, *code], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr

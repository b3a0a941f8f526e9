"""The short form of tests/soak/many_files.py."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "soak" / "many_files.py"


def test_more_files_take_no_more_memory():
    command = [sys.executable, SCRIPT, "--files", "32", "400"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr

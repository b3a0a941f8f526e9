"""Whether ``skdeblurbin binarize`` takes more memory for more files.

    python tests/soak/many_files.py [--files 1000 10000] [--jobs 1]

Binarizes folders of so many photos of 200x400 pixels, each in a process of its own, and
prints the peak of its resident memory. The exit status is 1 if the second folder takes
more than the first by 10 MB and 2 KB a file: a photo in memory has 320 KB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from sklearn.exceptions import ConvergenceWarning

from skdeblurbin import GANBinarizer

MOST, MOST_A_FILE = 10, 0.002  # MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, nargs=2, default=[1000, 10000])
    parser.add_argument("--jobs", default="1")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "tiny.safetensors")
        few, many = (measure(folder, n, arguments.jobs) for n in arguments.files)
    allowed = MOST + MOST_A_FILE * (arguments.files[1] - arguments.files[0])
    print(f"{many - few:+.1f} MB; {allowed:.1f} allowed")
    return int(many - few > allowed)


def write_model(path: Path) -> None:
    """A network that takes no time."""
    Y = np.tile(np.arange(400) // 8 % 2 == 1, (4, 200, 1))
    sizes = {"n_blocks": 1, "base_channels": 4, "growth_rate": 2, "n_levels": 0}
    model = GANBinarizer(
        **sizes, working_shape=(16, 32), max_epochs=1, adversarial_weight=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it learns next to nothing
        model.fit(Y * np.uint8(200), Y).save(path)


def measure(folder: Path, n_files: int, jobs: str) -> float:
    """Peak of the resident memory in MB."""
    photos = folder / f"photos{n_files}"
    photos.mkdir()
    pattern = np.arange(200 * 400).reshape(200, 400)
    for number in range(n_files):  # no two are equal
        photo = Image.fromarray((pattern // (number % 50 + 3) % 256).astype(np.uint8))
        photo.save(photos / f"{number}.png", compress_level=1)
    command = [sys.executable, "-m", "skdeblurbin", "binarize", str(photos)]
    command += ["-o", str(folder / f"binary{n_files}"), "--json", "--jobs", jobs]
    command += ["--model", str(folder / "tiny.safetensors")]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    seconds, peak = time.perf_counter() - start, usage.ru_maxrss / 1024
    print(f"{n_files} files: {peak:.1f} MB at most, {seconds:.0f} s", flush=True)
    return peak


if __name__ == "__main__":
    sys.exit(main())

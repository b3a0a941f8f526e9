"""Binarize one image of many pixels in bounded memory.

    python tests/soak/large_image.py [--side 30000] [--working-memory 256]

A small generator, of random weights but for a short training, takes a picture of
side x side pixels, of plates beside each other, in tiles. Printed are seconds, and by
how much the resident memory rose at most, in bytes for each pixel. Reads Linux's /proc.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates


def memory(kind: str) -> float:
    """Resident memory in bytes: now (VmRSS), or the peak (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(kind))
    return 1024.0 * int(line.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--side", type=int, default=30_000)
    parser.add_argument("--working-memory", type=float, default=256)
    arguments = parser.parse_args()
    X, Y = make_blurred_plates(16, (64, 96), "plate", random_state=0)
    model = GANBinarizer(
        n_blocks=1, downsampling=4, n_levels=1, max_epochs=5, random_state=0
    ).fit(X, Y)
    side = arguments.side
    row = np.concatenate(list(X), axis=1)
    picture = np.tile(row, (-(-side // 64), -(-side // row.shape[1])))[:side, :side]
    picture = np.ascontiguousarray(picture)
    try:
        model.predict([picture])
    except ValueError as error:
        print(error)
    model.set_params(max_image_pixels=None, working_memory=arguments.working_memory)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = memory("VmRSS"), time.perf_counter()
    (binary,) = model.predict([picture])
    seconds = time.perf_counter() - start
    risen = memory("VmHWM") - before
    print(
        f"{side}x{side}: {seconds:.0f} s, {risen / 2**20:.0f} MiB, which is "
        f"{risen / side**2:.1f} bytes a pixel, beyond the picture itself; "
        f"{binary.mean():.3f} of it paper"
    )


if __name__ == "__main__":
    main()

"""Whether fits and predictions leave memory behind.

    python tests/soak/memory.py [--cycles 200] [--tiny]

Fits, predicts and pickles in one process, again and again, and prints the resident
memory. The exit status is 1 if it grows by more than 0.1 MB a cycle, by a straight line
through the second half of the cycles. `--tiny` takes the smallest network, as
`tests/test_memory.py` does, so that a cycle takes a fifth of a second.
"""

from __future__ import annotations

import argparse
import gc
import pickle
import sys
from pathlib import Path

import numpy as np

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

MOST = 0.1  # MB a cycle
TINY = {
    "growth_rate": 2,
    "base_channels": 4,
    "discriminator_channels": 4,
    "n_levels": 0,
}


def resident() -> float:
    """Resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("there is no VmRSS in /proc/self/status")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    options = TINY if arguments.tiny else {}
    X, Y = make_blurred_plates(8, (32, 48), "plate", random_state=0)
    measured = []
    for cycle in range(arguments.cycles):
        model = GANBinarizer(n_blocks=2, max_epochs=2, random_state=cycle, **options)
        model.fit(X, Y).partial_fit(X, Y)
        pickle.loads(pickle.dumps(model)).predict(X)
        model.score(X, Y)
        gc.collect()
        measured.append(resident())
        if cycle % 20 == 19:
            print(f"cycle {cycle + 1}: {measured[-1]:.1f} MB", flush=True)
    half = measured[len(measured) // 2 :]
    slope = float(np.polyfit(np.arange(len(half)), half, 1)[0])
    print(f"{slope:+.4f} MB a cycle; {MOST} allowed")
    return int(slope > MOST)


if __name__ == "__main__":
    sys.exit(main())

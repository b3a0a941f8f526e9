"""Pairs that make_blurred_plates draws in a second of one core.

python tests/benchmarks/drawing_speed.py
"""

from __future__ import annotations

import statistics
import time

from skdeblurbin.datasets import make_blurred_plates

ROUNDS = 5
PAIRS = 100


def main() -> None:
    for layout, shape in (("characters", (128, 128)), ("plate", (128, 192))):
        make_blurred_plates(1, shape, layout, random_state=0)  # loads the fonts
        speeds = []
        for seed in range(ROUNDS):
            start = time.process_time()
            make_blurred_plates(PAIRS, shape, layout, random_state=seed)
            speeds.append(PAIRS / (time.process_time() - start))
        print(
            f"{layout:12}{shape!s:12}{statistics.median(speeds):6.0f} pairs a second "
            f"(median of {ROUNDS}; {min(speeds):.0f} to {max(speeds):.0f})"
        )


if __name__ == "__main__":
    main()

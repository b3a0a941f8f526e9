"""Time of one training step and of one prediction, for several settings.

python tests/benchmarks/step_time.py

Settings are timed in turn, so that a drift of the machine hits all alike; medians.
"""

from __future__ import annotations

import statistics
import time

from _measure import network_parameters

from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

SETTINGS = {
    "default": {},
    "discriminator_channels=32": {"discriminator_channels": 32},
    "adversarial_weight=0": {"adversarial_weight": 0},
    "n_blocks=10": {"n_blocks": 10},
    "dense, downsampling=4": network_parameters(4),
    "dense, downsampling=2": network_parameters(2),
    "dense, downsampling=1": network_parameters(1),
}
ROUNDS = 3


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    X, Y = make_blurred_plates(4, (128, 192), layout="plate", random_state=0)
    models = {
        name: GANBinarizer(random_state=0, **options).partial_fit(X, Y)
        for name, options in SETTINGS.items()
    }
    steps = {name: [] for name in SETTINGS}
    predictions = {name: [] for name in SETTINGS}
    for _ in range(ROUNDS):
        for name, model in models.items():
            steps[name].append(seconds(model.partial_fit, X, Y))
            predictions[name].append(seconds(model.predict, X[:1]))
    print("128x192 pixels; a step is a batch of 4 with augmentation and set-up")
    print(f"{'setting':28}{'step':>10}{'of default':>12}{'predict':>10}")
    reference = statistics.median(steps["default"])
    for name in SETTINGS:
        step = statistics.median(steps[name])
        predict = statistics.median(predictions[name])
        print(f"{name:28}{step:8.2f} s{step / reference:11.1f}x{predict:8.3f} s")


if __name__ == "__main__":
    main()

"""Numbers that are no longer finite: how they are found, named, and what to try."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm


class DivergenceError(FloatingPointError):
    """A loss, a gradient or a weight is no longer a finite number.

    Attributes
    ----------
    quantity : str
        What is not finite.
    value : float
    step : int or None
        The step of its epoch, from 1, if it was in one.
    """

    def __init__(self, quantity: str, value: float, step: int | None = None) -> None:
        super().__init__(f"{quantity} became {value}")
        self.quantity, self.value, self.step = quantity, value, step

    def __reduce__(self) -> tuple[Any, ...]:
        # Not the message, which is what pickle would give.
        return type(self), (self.quantity, self.value, self.step)


def check_numbers(found: dict[str, Tensor]) -> None:
    """Raise DivergenceError of the first number that is not finite.

    This waits for the device, once for each network and step: an update must not be
    made before its gradient is known to be sound.
    """
    if torch.stack(list(found.values())).isfinite().all():
        return
    for name, value in found.items():
        if not value.isfinite():
            raise DivergenceError(name, float(value))


def check_weights(state: Mapping[str, Any]) -> None:
    """Raise DivergenceError if a trainer's state has weights that are not finite.

    Running statistics count as weights.
    """
    networks = {
        "generator": state["generator"],
        "averaged generator": state["average"]["module"] if "average" in state else {},
        "discriminator": state.get("discriminator", {}),
    }
    weights = {
        f"{name} in the {part}": value
        for part, network in networks.items()
        for name, value in network.items()
    }
    numbers = [value for value in weights.values() if value.is_floating_point()]
    if get_total_norm(numbers, math.inf).isfinite():  # of the greatest, or NaN
        return
    for name, value in weights.items():
        if not value.isfinite().all():
            raise DivergenceError(name, float(value[~value.isfinite()][0]))


def advice_for(quantity: str, learning_rate: float) -> str:
    """What to try when `quantity` is no longer finite."""
    if quantity == "perceptual_loss":
        return (
            "Check that the feature network gives finite numbers of moderate size for "
            "images in [0, 1], and scale its output down if not."
        )
    lower = f"Try a learning_rate below {learning_rate:g}"
    if quantity.startswith("generator_gradient") or quantity == "generator_loss":
        return f"{lower}, or smaller weights K1, K2 and adversarial_weight."
    return f"{lower} (the default, 0.003, suits most data)."

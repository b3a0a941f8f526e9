"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class WeightAverage:
    """Moving average of the weights and running statistics of a network.

    Averaged generators give steadier images than the last step's [1]_. The decay
    starts low, ``min(decay, (1 + t) / (10 + t))`` at update t, so that the first random
    weights are soon forgotten.

    Parameters
    ----------
    module : nn.Module
        The network to follow.
    decay : float
        In [0, 1); the average reaches back about ``1 / (1 - decay)`` updates.

    References
    ----------
    .. [1] Y. Yazici et al., "The Unusual Effectiveness of Averaging in GAN Training",
       ICLR 2019. arXiv:1806.04498

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training.averaging import WeightAverage
    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.zeros_(layer.weight)
    >>> average = WeightAverage(layer, decay=0.5)
    >>> _ = torch.nn.init.ones_(layer.weight)
    >>> average.update(layer)  # the decay of the first update is 1/10
    >>> round(float(average.module.weight.detach()), 2)
    0.9
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.restart(module)

    def restart(self, module: nn.Module) -> None:
        """Forget the past: the average is the network as it is."""
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.n_updates = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the network's present weights into the average."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        averaged, present = self.module.state_dict(), module.state_dict()
        numbers = [n for n, value in averaged.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [averaged[n] for n in numbers], [present[n] for n in numbers], 1 - decay
        )
        for name in averaged.keys() - numbers:  # BatchNorm's counts of batches
            averaged[name].copy_(present[name])
        self.n_updates += 1

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights and the number of updates."""
        return {"module": self.module.state_dict(), "n_updates": self.n_updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the state of another average."""
        self.module.load_state_dict(state["module"])
        self.n_updates = int(state["n_updates"])

"""BatchNorm that keeps what it knows while the network around it learns."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class FrozenBatchNorm:
    """The BatchNorm of a network, which normalizes by its running statistics.

    Parameters
    ----------
    network : nn.Module

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training.freezing import FrozenBatchNorm
    >>> network = torch.nn.Sequential(torch.nn.BatchNorm2d(1)).train()
    >>> FrozenBatchNorm(network).hold()
    >>> _ = network(torch.ones(2, 1, 4, 4))
    >>> network[0].running_mean
    tensor([0.])
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]

    def hold(self) -> None:
        """Normalize by the running statistics from now on, and leave them alone."""
        for norm in self._norms:
            norm.eval()

    def tell_of_update(self) -> None:
        """Count an update of the network.

        So `networks.inference_form` sees that it has changed, which a fused optimizer
        does not tell, and the statistics no longer do.
        """
        for norm in self._norms:
            cast(Tensor, norm.num_batches_tracked).add_(1)

    @torch.no_grad()
    def take_over(self, fitted: nn.Module) -> None:
        """Take the statistics of an equal network, which was predicted with."""
        known = dict(fitted.named_buffers())
        for name, statistic in self._network.named_buffers():
            statistic.copy_(known[name])

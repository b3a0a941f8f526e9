"""Alternating updates of generator and discriminator.

Nothing in this file knows what the two networks are: modules and losses are handed in.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from skdeblurbin.training.averaging import WeightAverage
from skdeblurbin.training.divergence import (
    DivergenceError,
    check_numbers,
    check_weights,
)
from skdeblurbin.training.freezing import FrozenBatchNorm
from skdeblurbin.training.losses import (
    GeneratorLoss,
    log_mean_sigmoid,
    weighted_mean,
)
from skdeblurbin.training.optimizers import OptimizerMaker, adam, make_ready

_LOG_HALF = math.log(1 / 2)
#: So many steps in a row may be left out before an epoch is given up.
MOST_SKIPPED = 10


@dataclass(frozen=True)
class Batch:
    """Pairs of images, all of shape (n_images, 1, height, width).

    Attributes
    ----------
    blurred, target : Tensor
        In [-1, 1]; targets hold -1 (ink) and 1 (paper).
    mask : Tensor or None
        1 inside the images, 0 in their padding; None where nothing is padded.
    weight : Tensor of shape (n_images,), or None
        What each image counts for in the losses; None counts all alike.
    """

    blurred: Tensor
    target: Tensor
    mask: Tensor | None = None
    weight: Tensor | None = None


class Trainer:
    """Trains a generator against a discriminator, batch by batch.

    Parameters
    ----------
    generator : nn.Module
        Maps blurred images to sharp ones.
    discriminator : nn.Module or None
        Maps (images, blurred images) to patch logits; None trains without.
    loss : GeneratorLoss
    learning_rate : float
        Of all optimizers.
    average_decay : float or None
        Decay of the moving average of the generator's weights; None keeps none.
    freeze_batch_norm : bool, default=False
        Whether the generator's BatchNorm keeps its running statistics, and normalizes
        by them.
    generate : callable (Tensor) -> Tensor, default=None
        Another form of the generator's forward pass, with the same weights, to take
        the steps with. None calls the generator itself.
    optimizers : callable (network, learning rate) -> list of Optimizer, default=adam
        Makes the optimizers of the generator, each for some of its parameters. The
        discriminator has Adam.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module | None,
        loss: GeneratorLoss,
        *,
        learning_rate: float,
        average_decay: float | None = None,
        freeze_batch_norm: bool = False,
        generate: Callable[[Tensor], Tensor] | None = None,
        optimizers: OptimizerMaker = adam,
    ) -> None:
        self.generator = generator
        self.generate = generate or generator
        self._frozen = FrozenBatchNorm(generator) if freeze_batch_norm else None
        self.discriminator = discriminator
        self.loss = loss
        self.learning_rate = learning_rate
        self.generator_optimizers = optimizers(generator, learning_rate)
        self.discriminator_optimizers = (
            [] if discriminator is None else adam(discriminator, learning_rate)
        )
        self._names: list[str] = []
        self._measured: list[Tensor] = []  # of each step of the present epoch
        self.n_steps = self.n_skipped = 0  # of the present epoch
        self._n_skipped_in_row = 0
        # What a forward pass changes, of a step that is left out too.
        self._statistics = [
            buffer
            for network in (generator, discriminator)
            if network is not None
            for buffer in network.buffers()
        ]
        self.average = (
            None if average_decay is None else WeightAverage(generator, average_decay)
        )

    @property
    def trained_generator(self) -> nn.Module:
        """The generator to predict with: the averaged one, where there is one."""
        return self.generator if self.average is None else self.average.module

    def train_epoch(
        self,
        batches: Iterable[Batch],
        progress: tuple[float, float] | None = None,
        on_step: Callable[[], None] | None = None,
    ) -> dict[str, float]:
        """Make one step for each batch, or for those that are left of a resumed epoch.

        A step whose loss or gradient is not finite is left out: the network that they
        are of, and its optimizers, stay as they are. If that is the generator, the
        discriminator's own step of that batch was made before.

        Parameters
        ----------
        batches : iterable of Batch, with a length
        progress : (float, float), default=None
            Shares of the whole training done before and after this epoch, between
            which the learning rate falls along a half cosine; None keeps it constant.
        on_step : callable () -> None, default=None
            Called after each step. `epoch_state` is whole there.

        Returns
        -------
        dict of str to float
            Means over the steps of what `train_step` returns, the learning rates of the
            last step, and the number of those that were left out.

        Raises
        ------
        DivergenceError
            If all steps, or ten in a row, had to be left out, or a weight after the
            last step is not finite.
        """
        self.generator.train()
        if self._frozen is not None:
            self._frozen.hold()
        if self.discriminator is not None:
            self.discriminator.train()
        n_steps = len(batches)  # type: ignore[arg-type]
        try:
            for batch in batches:
                if progress is not None:
                    begin, end = progress
                    done = begin + (end - begin) * self.n_steps / n_steps
                    self._decay_learning_rate(done)
                self._step_or_skip(batch, n_steps)
                if on_step is not None:
                    on_step()
            means = torch.stack(self._measured).cpu().double().mean(dim=0).tolist()
            skipped = self.n_skipped
        finally:
            self._measured, self.n_steps, self.n_skipped = [], 0, 0
        self.check_finite()
        return {
            **dict(zip(self._names, means, strict=True)),
            **{
                f"{network}_learning_rate": optimizers[0].param_groups[0]["lr"]
                for network, optimizers in self._optimizers().items()
                if optimizers
            },
            "skipped_steps": skipped,
        }

    def _step_or_skip(self, batch: Batch, n_steps: int) -> None:
        """Make a step of an epoch, unless its numbers are not finite."""
        self.n_steps += 1
        try:
            found = self.train_step(batch)
        except DivergenceError as error:
            self.n_skipped += 1
            self._n_skipped_in_row += 1
            if self._n_skipped_in_row < MOST_SKIPPED and self.n_skipped < n_steps:
                return
            self._n_skipped_in_row = 0
            error.step = self.n_steps
            raise
        self._n_skipped_in_row = 0
        self._names = list(found)
        # Kept on the device, to be read at the epoch's end.
        self._measured.append(torch.stack(list(found.values())))

    def check_finite(self) -> None:
        """Raise DivergenceError if a weight or running statistic is not finite."""
        check_weights(self.state_dict())

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Update the discriminator, then the generator, from one generator output.

        Returns
        -------
        dict of str to Tensor of shape ()
            The loss terms; the RMSE on {0, 1} of the output split at 0; of each network
            the gradient's norm; of the discriminator the shares of real and fake images
            that it told right, before its update.

        Raises
        ------
        DivergenceError
            If a loss or a gradient is not finite. The network that it belongs to is
            not updated, nor the generator if it is the discriminator; no optimizer has
            seen it, and running statistics are those of before.
        """
        before = [statistic.clone() for statistic in self._statistics]
        try:
            output = self.generate(batch.blurred)
            found: dict[str, Tensor] = {}
            if self.discriminator is not None:
                found |= self._update_discriminator(batch, output.detach())
            found |= self._update_generator(batch, output)
        except DivergenceError:
            with torch.no_grad():
                torch._foreach_copy_(self._statistics, before)
            raise
        if self.average is not None:
            self.average.update(self.generator)
        found["rmse"] = _binary_rmse(output.detach(), batch)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on exactly from here."""
        state: dict[str, Any] = {"generator": self.generator.state_dict()}
        if self.discriminator is not None:
            state["discriminator"] = self.discriminator.state_dict()
        state["optimizers"] = {
            network: [optimizer.state_dict() for optimizer in optimizers]
            for network, optimizers in self._optimizers().items()
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        return state

    def epoch_state(self) -> dict[str, Any]:
        """What was measured in the present epoch: what `resume_epoch` needs."""
        return {
            "names": self._names,
            "measured": list(self._measured),
            "n_steps": self.n_steps,
            "n_skipped": self.n_skipped,
            "n_skipped_in_row": self._n_skipped_in_row,
            "learning_rate": self.generator_optimizers[0].param_groups[0]["lr"],
        }

    def resume_epoch(self, state: dict[str, Any]) -> None:
        """Let the next call of `train_epoch` go on with an epoch that was begun."""
        self._names, self._measured = state["names"], list(state["measured"])
        self.n_steps, self.n_skipped = state["n_steps"], state["n_skipped"]
        self._n_skipped_in_row = state["n_skipped_in_row"]
        self._set_learning_rate(state["learning_rate"])

    def networks(self, state: dict[str, Any]) -> tuple[nn.Module, nn.Module | None]:
        """Copies of the generator to predict with and of the discriminator.

        Parameters
        ----------
        state : dict
            Of this trainer, at whatever time: the weights that the copies get.

        Returns
        -------
        generator, discriminator : nn.Module, nn.Module or None
            In evaluation mode, the generator without gradients.
        """
        generator = copy.deepcopy(self.trained_generator)
        average = state.get("average")
        generator.load_state_dict(
            state["generator"] if average is None else average["module"]
        )
        discriminator = copy.deepcopy(self.discriminator)
        if discriminator is not None:
            discriminator.load_state_dict(state["discriminator"])
            discriminator.eval()
        return generator.eval().requires_grad_(False), discriminator

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of another trainer of equal networks.

        Optimizers keep their moments, but take this trainer's learning rate. What the
        other trainer had not (a discriminator, an average) starts afresh.
        """
        # torch's optimizers would share the moments with the one they came from.
        state = copy.deepcopy(state)
        self.generator.load_state_dict(state["generator"])
        if self.discriminator is not None and "discriminator" in state:
            self.discriminator.load_state_dict(state["discriminator"])
        for network, optimizers in self._optimizers().items():
            known = state.get("optimizers", {}).get(network, [])
            if len(known) == len(optimizers):
                for optimizer, moments in zip(optimizers, known, strict=True):
                    # Moments are taken over, but how to use them is this trainer's.
                    own = optimizer.state_dict()
                    optimizer.load_state_dict({**own, "state": moments["state"]})
                    make_ready(optimizer)
        if self.average is not None:
            if "average" in state:
                self.average.load_state_dict(state["average"])
            else:
                self.average.restart(self.generator)
            if self._frozen is not None:
                self._frozen.take_over(self.average.module)
        self._decay_learning_rate(0.0)

    def _update_discriminator(self, batch: Batch, output: Tensor) -> dict[str, Tensor]:
        assert self.discriminator is not None
        real = self.discriminator(batch.target, batch.blurred)
        fake = self.discriminator(output, batch.blurred)
        loss = self.loss.adversarial.discriminator(real, fake, batch.mask, batch.weight)
        self.discriminator.zero_grad()
        loss.backward()
        found = {
            "discriminator_loss": loss.detach(),
            "discriminator_gradient_norm": _gradient_norm(self.discriminator),
        }
        check_numbers(found)
        for optimizer in self.discriminator_optimizers:
            optimizer.step()
        return found | _accuracies(real.detach(), fake.detach(), batch.mask)

    def _update_generator(self, batch: Batch, output: Tensor) -> dict[str, Tensor]:
        logits = None
        if self.discriminator is not None:
            logits = self.discriminator(output, batch.blurred)
        terms = self.loss(output, batch.target, logits, batch.mask, batch.weight)
        self.generator.zero_grad()
        # Discriminator and feature network pass gradients on, and keep none.
        parameters = list(self.generator.parameters())
        terms["generator_loss"].backward(inputs=parameters)
        found = {name: value.detach() for name, value in terms.items()}
        found["generator_gradient_norm"] = _gradient_norm(self.generator)
        check_numbers(found)
        for optimizer in self.generator_optimizers:
            optimizer.step()
        if self._frozen is not None:
            self._frozen.tell_of_update()
        return found

    def _decay_learning_rate(self, done: float) -> None:
        self._set_learning_rate(self.learning_rate * (1 + math.cos(math.pi * done)) / 2)

    def _set_learning_rate(self, rate: float) -> None:
        for optimizers in self._optimizers().values():
            for group in chain.from_iterable(o.param_groups for o in optimizers):
                group["lr"] = rate

    def _optimizers(self) -> dict[str, list[torch.optim.Optimizer]]:
        return {
            "generator": self.generator_optimizers,
            "discriminator": self.discriminator_optimizers,
        }


def _gradient_norm(network: nn.Module) -> Tensor:
    """L2 norm of the gradient with respect to all parameters of a network."""
    return get_total_norm([p.grad for p in network.parameters() if p.grad is not None])


@torch.no_grad()
def _accuracies(
    real_logits: Tensor, fake_logits: Tensor, mask: Tensor | None
) -> dict[str, Tensor]:
    """Shares of the images that D > 1/2 calls real, and D < 1/2 fake, rightly."""
    real = log_mean_sigmoid(real_logits, mask) > _LOG_HALF
    fake = log_mean_sigmoid(fake_logits, mask) < _LOG_HALF
    return {
        "discriminator_accuracy_real": real.float().mean(),
        "discriminator_accuracy_fake": fake.float().mean(),
    }


@torch.no_grad()
def _binary_rmse(output: Tensor, batch: Batch) -> Tensor:
    wrong = ((output > 0) != (batch.target > 0)).float()
    inside = torch.ones_like(wrong) if batch.mask is None else batch.mask
    shares = (wrong * inside).sum(dim=(1, 2, 3)) / inside.sum(dim=(1, 2, 3))
    return weighted_mean(shares.sqrt(), batch.weight)

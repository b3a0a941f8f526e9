"""A whole training: epochs, validation, early stopping, progress and interruption."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from skdeblurbin.training.batches import PairBatches
from skdeblurbin.training.trainer import Trainer

_ADVICE = "training has diverged. Try a lower learning_rate, or larger batches."


class TrainingRun:
    """Trains for a number of epochs and keeps the best, or last, generator.

    Parameters
    ----------
    trainer : Trainer
    max_epochs : int
        Number of epochs to train.
    decay : bool
        Whether the learning rate falls to 0 over these epochs.
    validate : callable (generator) -> float, default=None
        Gives the error of a generator on pairs set aside; less is better.
    n_iter_no_change : int or None, default=None
        Stop after this many epochs without a lower error.
    verbose : int, default=0
        1 prints a line for each epoch.
    history : list of dict, default=()
        Of the epochs of earlier runs, which this one continues.

    Attributes
    ----------
    history : list of dict
        One for each epoch, earlier runs included.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        max_epochs: int,
        decay: bool,
        validate: Callable[[nn.Module], float] | None = None,
        n_iter_no_change: int | None = None,
        verbose: int = 0,
        history: list[dict[str, Any]] | tuple[()] = (),
    ) -> None:
        self._trainer = trainer
        self._max_epochs = max_epochs
        self._decay = decay
        self._validate = validate
        self._patience = n_iter_no_change
        self._verbose = verbose
        self._best: dict[str, Any] | None = None
        self._best_error = math.inf
        self._epochs_since_best = 0
        self._n_earlier = len(history)
        self.history = [dict(epoch) for epoch in history]

    def train(self, batches: PairBatches) -> nn.Module:
        """Train, and return a generator to predict with.

        Ctrl-C ends the training with a warning, as in scikit-learn's MLPClassifier; it
        is passed on where no epoch is done yet, and there is nothing to keep.

        Returns
        -------
        nn.Module
            In evaluation mode, without gradients: of the epoch with the lowest error
            where `validate` is given, else of the last. The trainer is left in the
            state of the same epoch, so that training goes on from there.

        Raises
        ------
        FloatingPointError
            If a loss or a weight becomes infinite or NaN.
        """
        if self._validate is not None and self._n_earlier:
            self._keep_best()  # what earlier runs reached is not given up
        if self._verbose and self._max_epochs > 1:
            print(f"[GANBinarizer] {self._max_epochs} epochs of {len(batches)} steps")
        start = time.perf_counter()
        try:
            for number in range(self._max_epochs):
                self._train_epoch(batches, number)
                if self._verbose:
                    self._print_line(number, time.perf_counter() - start)
                if self._patience and self._epochs_since_best >= self._patience:
                    break
        except KeyboardInterrupt:
            n_done = len(self.history) - self._n_earlier
            if n_done == 0:
                raise
            warnings.warn(
                f"Training interrupted by user after {n_done} of {self._max_epochs} "
                "epochs; what was learnt is kept.",
                UserWarning,
                stacklevel=4,
            )
        if self._best is not None:
            self._trainer.load_state_dict(self._best)
        generator = copy.deepcopy(self._trainer.trained_generator)
        _check_finite(generator, self._trainer.generator)
        return generator.eval().requires_grad_(False)

    def _train_epoch(self, batches: PairBatches, number: int) -> None:
        start = time.perf_counter()
        share = (number / self._max_epochs, (number + 1) / self._max_epochs)
        found = self._trainer.train_epoch(batches, share if self._decay else None)
        epoch: dict[str, Any] = {"epoch": len(self.history) + 1, **found}
        bad = [name for name, value in found.items() if not math.isfinite(value)]
        if bad:
            raise FloatingPointError(
                f"{bad[0]} became {found[bad[0]]} in epoch {epoch['epoch']}: {_ADVICE}"
            )
        if self._validate is not None:
            epoch["validation_rmse"] = self._keep_best()
        epoch["seconds"] = time.perf_counter() - start
        self.history.append(epoch)

    def _keep_best(self) -> float:
        """Measure the present generator, and keep the trainer's state if it leads."""
        assert self._validate is not None
        generator = self._trainer.trained_generator
        training = generator.training
        error = self._validate(generator.eval())
        generator.train(training)
        if error < self._best_error:
            self._best_error = error
            self._best = copy.deepcopy(self._trainer.state_dict())
            self._epochs_since_best = 0
        else:
            self._epochs_since_best += 1
        return error

    def _print_line(self, number: int, seconds: float) -> None:
        epoch = self.history[-1]
        values = "  ".join(
            f"{name.removesuffix('_loss')} {value:.4f}"
            for name, value in epoch.items()
            if name not in ("epoch", "seconds")
        )
        left = round(seconds / (number + 1) * (self._max_epochs - number - 1))
        last = self._n_earlier + self._max_epochs
        print(
            f"[GANBinarizer] epoch {epoch['epoch']}/{last}  {values}  "
            f"{epoch['seconds']:.1f} s  left {left // 60}:{left % 60:02d}",
            flush=True,
        )


def _check_finite(*networks: nn.Module) -> None:
    """The last update comes after the last loss: look at what it left."""
    for network in networks:
        for name, value in network.state_dict().items():
            if not torch.isfinite(value).all():
                raise FloatingPointError(
                    f"The generator's {name} is not finite after the last step: "
                    f"{_ADVICE}"
                )

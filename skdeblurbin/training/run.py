"""A whole training: epochs, validation, early stopping, progress and interruption."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

from torch import nn

from skdeblurbin.training.batches import PairBatches
from skdeblurbin.training.trainer import Trainer


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
        self.history = [dict(epoch) for epoch in history]

    def train(self, batches: PairBatches) -> nn.Module:
        """Train, and return a generator to predict with.

        Ctrl-C ends the training with a warning, as in scikit-learn's MLPClassifier.

        Returns
        -------
        nn.Module
            In evaluation mode, without gradients: of the epoch with the lowest error
            where `validate` is given, else of the last.

        Raises
        ------
        FloatingPointError
            If a loss becomes infinite or NaN.
        """
        if self._verbose:
            print(
                f"[GANBinarizer] {self._max_epochs} epochs of {len(batches)} steps",
                flush=True,
            )
        start = time.perf_counter()
        try:
            for number in range(self._max_epochs):
                self._train_epoch(batches, number)
                if self._verbose:
                    self._print_line(number, time.perf_counter() - start)
                if self._patience and self._epochs_since_best >= self._patience:
                    break
        except KeyboardInterrupt:
            warnings.warn(
                f"Training interrupted by user after {len(self.history)} whole epochs; "
                "what was learnt is kept.",
                UserWarning,
                stacklevel=4,
            )
        generator = copy.deepcopy(self._trainer.trained_generator)
        if self._best is not None:
            generator.load_state_dict(self._best)
        return generator.eval().requires_grad_(False)

    def _train_epoch(self, batches: PairBatches, number: int) -> None:
        start = time.perf_counter()
        share = (number / self._max_epochs, (number + 1) / self._max_epochs)
        found = self._trainer.train_epoch(batches, share if self._decay else None)
        epoch: dict[str, Any] = {"epoch": len(self.history) + 1, **found}
        bad = [name for name, value in found.items() if not math.isfinite(value)]
        if bad:
            raise FloatingPointError(
                f"{bad[0]} became {found[bad[0]]} in epoch {epoch['epoch']}: training "
                "has diverged. Try a lower learning_rate, or larger batches."
            )
        if self._validate is not None:
            self._keep_best(epoch)
        epoch["seconds"] = time.perf_counter() - start
        self.history.append(epoch)

    def _keep_best(self, epoch: dict[str, Any]) -> None:
        assert self._validate is not None
        generator = self._trainer.trained_generator
        training = generator.training
        error = self._validate(generator.eval())
        generator.train(training)
        epoch["validation_rmse"] = error
        if error < self._best_error:
            self._best_error = error
            self._best = copy.deepcopy(generator.state_dict())
            self._epochs_since_best = 0
        else:
            self._epochs_since_best += 1

    def _print_line(self, number: int, seconds: float) -> None:
        epoch = self.history[-1]
        values = "  ".join(
            f"{name.removesuffix('_loss')} {value:.4f}"
            for name, value in epoch.items()
            if name not in ("epoch", "seconds")
        )
        left = round(seconds / (number + 1) * (self._max_epochs - number - 1))
        print(
            f"[GANBinarizer] epoch {number + 1}/{self._max_epochs}  {values}  "
            f"{epoch['seconds']:.1f} s  left {left // 60}:{left % 60:02d}",
            flush=True,
        )

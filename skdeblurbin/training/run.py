"""A whole training: epochs, validation, early stopping, progress and interruption."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from torch import nn

from skdeblurbin._tensors import to_numpy_state
from skdeblurbin._warnings import TrainingInterrupted, warn_user
from skdeblurbin.training.batches import PairBatches
from skdeblurbin.training.checkpoint import KEPT_OF_RUN, Checkpoint, check_state
from skdeblurbin.training.divergence import DivergenceError, advice_for
from skdeblurbin.training.reporting import TrainingReport
from skdeblurbin.training.signals import Signals
from skdeblurbin.training.trainer import Trainer

#: How often a training that diverges goes back and on with a lower learning rate, and
#: how much lower that is.
MOST_ROLLBACKS, ROLLBACK_RATE = 3, 0.1


class TrainingRun:
    """Trains for a number of epochs and keeps the best, or last, generator.

    Parameters
    ----------
    trainer : Trainer
    max_epochs : int
        Number of epochs to train.
    decay : bool
        Whether the learning rate falls to 0 over these epochs.
    validate : callable (generator) -> dict of str to float, default=None
        Measures a generator on pairs set aside. "rmse" decides on the best epoch, less
        is better; all go into the history, after ``"validation_"``.
    n_iter_no_change : int or None, default=None
        Stop after this many epochs without a lower RMSE on the pairs set aside.
    on_epoch_begin : callable () -> None, default=None
        Called before each epoch.
    on_epoch_end : callable () -> bool, default=None
        Called after each epoch, when `history` and `kept_state` know of it; True ends
        the training.
    verbose : int, default=0
        How much to tell, as `TrainingReport` has it.
    history : list of dict, default=()
        Of the epochs of earlier runs, which this one continues.
    checkpoint : Checkpoint, default=None
        Where to keep the state of the training, entered by the caller.
    hear_interruption : bool, default=True
        Whether Ctrl-C ends the training after a step; False leaves it to raise at once.

    Attributes
    ----------
    history : list of dict
        One for each epoch, earlier runs included.
    failure : str or None
        Why the training ended before its time, if it diverged time and again.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        max_epochs: int,
        decay: bool,
        validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
        n_iter_no_change: int | None = None,
        on_epoch_begin: Callable[[], None] | None = None,
        on_epoch_end: Callable[[], bool] | None = None,
        verbose: int = 0,
        history: list[dict[str, Any]] | tuple[()] = (),
        checkpoint: Checkpoint | None = None,
        hear_interruption: bool = True,
    ) -> None:
        self._trainer = trainer
        self._max_epochs = max_epochs
        self._decay = decay
        self._validate = validate
        self._patience = n_iter_no_change
        self._on_epoch_begin = on_epoch_begin
        self._on_epoch_end = on_epoch_end
        self._verbose = verbose
        self._best: dict[str, Any] | None = None
        self._best_error = math.inf
        self._best_epoch = 0
        self._last_finite: dict[str, Any] = {}
        self._learning_rate = trainer.learning_rate
        self._n_rollbacks = 0
        self.failure: str | None = None
        self._in_epoch = self._has_made_steps = False
        self._epochs_since_best = 0
        self._n_earlier = len(history)
        self.history = [dict(epoch) for epoch in history]
        self._checkpoint = checkpoint
        self._signals = Signals(
            heed_interruption=hear_interruption,
            heed_termination=checkpoint is not None,
        )
        self._n_done = 0  # epochs of this run
        self._is_resumed = self._is_finished = False
        self._seconds = 0.0  # that the present epoch took before it was resumed

    def resume(self, state: dict[str, Any], batches: PairBatches) -> None:
        """Let `train` go on from the state that an earlier run left in a checkpoint.

        Parameters
        ----------
        state : dict
            As from `Checkpoint.read`, with tensors.
        batches : PairBatches
            Those that `train` will get.

        Raises
        ------
        ValueError, FloatingPointError, and others
            If no run leaves such a state.
        """
        check_state(state)
        for name in KEPT_OF_RUN:
            setattr(self, name, state[name])
        self._load(state["trainer"])
        batches.load_state_dict(state["batches"], is_over=state["epoch"] is None)
        if state["epoch"] is not None:
            self._trainer.resume_epoch(state["epoch"])
        self._is_resumed = True

    def train(self, batches: PairBatches) -> nn.Module:
        """Train, and return a generator to predict with.

        Ctrl-C ends the training after the present step with a warning, as in
        scikit-learn's MLPClassifier, in the first epoch too; it is passed on where no
        step was made yet, and there is nothing to keep. A second one raises
        KeyboardInterrupt. An epoch that it cuts short has no entry in `history`, but
        its steps are kept, unless an epoch that was validated is.

        With a checkpoint, the state is kept there every so often, at Ctrl-C, at SIGTERM
        (which then does what it would have done without, after the last step too), and
        at the end.

        A step whose loss or gradient is not finite is left out, with a
        ConvergenceWarning at the epoch's end. Where that does not help, the trainer
        goes back to the last finite epoch, of an earlier run if need be, and on with a
        tenth of the learning rate; where that does not help three times, it stays at
        that epoch, and `failure` says so.

        Returns
        -------
        nn.Module
            In evaluation mode, without gradients: of the epoch with the lowest error
            where `validate` is given, else of the last. The trainer is left in the
            state of the same epoch, so that training goes on from there.

        Raises
        ------
        FloatingPointError
            If it fails before this run has done an epoch, so that there is nothing to
            keep.
        OSError
            If a checkpoint cannot be written; the one before it stays.
        """
        self._report = TrainingReport(
            self._verbose,
            self._max_epochs,
            len(batches),
            n_earlier=self._n_earlier,
            n_steps_done=self._n_done * len(batches) + self._trainer.n_steps,
        )
        with self._signals, self._report:
            if not self._is_resumed:
                self._begin(batches)
            if not self._is_finished:
                self._train_to_the_end(batches)
        return self._trainer.networks(self._trainer.state_dict())[0]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do: not if it was interrupted, or stopped."""
        return self._is_finished

    @property
    def has_learnt(self) -> bool:
        """Whether there are epochs, earlier ones too, or steps of a cut first one."""
        return bool(self.history) or self._has_made_steps

    def kept_state(self) -> dict[str, Any]:
        """What the trainer's state would be if the training ended now."""
        return self._trainer.state_dict() if self._best is None else self._best

    def _begin(self, batches: PairBatches) -> None:
        self._last_finite = copy.deepcopy(self._trainer.state_dict())
        if self._n_earlier and self._validate is not None:
            # What earlier runs reached is not given up.
            self._measure(self._last_finite, self._n_earlier)
        if self._max_epochs > 1:
            self._report.say(f"{self._max_epochs} epochs of {len(batches)} steps")

    def _train_to_the_end(self, batches: PairBatches) -> None:
        try:
            self._is_finished = self._train_epochs(batches)
            if self._signals.interrupted:  # after the last step
                self._stop_early()
        except DivergenceError as error:
            self._fail(error)
        except KeyboardInterrupt:
            if self._signals.interrupted_twice or not self._can_stop_early():
                raise
            self._stop_early()
        if self._in_epoch:  # what was begun is ended, though it was cut short
            try:
                self._end_epoch()
            except KeyboardInterrupt:
                self._stop_early()
        if self._best is not None:
            best = f"kept epoch {self._best_epoch}, the best on validation pairs"
            self._report.say(best)
            self._trainer.load_state_dict(self._best)
        if self._is_finished:
            self._best, self._last_finite = None, {}
            self._write_checkpoint(batches)

    def _train_epochs(self, batches: PairBatches) -> bool:
        """Train until nothing is left to do: True; or until a callback says so."""
        while self._n_done < self._max_epochs:
            if self._patience and self._epochs_since_best >= self._patience:
                self._report.say(
                    f"no better validation RMSE for {self._patience} epochs"
                )
                break
            self._in_epoch = True
            if self._on_epoch_begin is not None:
                self._on_epoch_begin()
            self._train_epoch_or_go_back(batches)
            self._report.epoch(self.history[-1], self._n_done)
            if self._end_epoch():
                self._report.say("stopped by a callback")
                if self._signals.terminated:  # after the last step
                    self._write_checkpoint(batches)
                return False
        return True

    def _end_epoch(self) -> bool:
        self._in_epoch = False
        return self._on_epoch_end is not None and self._on_epoch_end()

    def _train_epoch_or_go_back(self, batches: PairBatches) -> None:
        """Train one epoch, however many attempts it takes."""
        while True:
            try:
                return self._train_epoch(batches)
            except DivergenceError as error:
                if self._n_rollbacks == MOST_ROLLBACKS:
                    raise
                self._n_rollbacks += 1
                self._load(self._last_finite)
                n_done = len(self.history)
                begin = f"the end of epoch {n_done}" if n_done else "the beginning"
                warn_user(
                    f"{self._where(error)}: back to {begin}, and on with the learning "
                    f"rate {self._trainer.learning_rate:g}.",
                    ConvergenceWarning,
                )

    def _load(self, state: dict[str, Any]) -> None:
        """Go to a state, with the learning rate that is left."""
        rate = self._learning_rate * ROLLBACK_RATE**self._n_rollbacks
        self._trainer.learning_rate = rate
        self._trainer.load_state_dict(state)

    def _train_epoch(self, batches: PairBatches) -> None:
        start = time.perf_counter() - self._seconds
        self._seconds = 0.0

        def on_step() -> None:
            self._after_step(batches, time.perf_counter() - start)

        share = (self._n_done / self._max_epochs, (self._n_done + 1) / self._max_epochs)
        found = self._trainer.train_epoch(
            batches, share if self._decay else None, on_step
        )
        epoch: dict[str, Any] = {"epoch": len(self.history) + 1, **found}
        if found["skipped_steps"]:
            warn_user(
                f"{found['skipped_steps']} of {len(batches)} steps of epoch "
                f"{epoch['epoch']} were left out, since a loss or a gradient was not "
                "finite.",
                ConvergenceWarning,
            )
        is_last = self._n_done + 1 == self._max_epochs
        if self._validate is not None or not is_last:
            state = copy.deepcopy(self._trainer.state_dict())
            if self._validate is not None:
                epoch |= self._measure(state, epoch["epoch"])
            self._last_finite = state
        self.history.append({**epoch, "seconds": time.perf_counter() - start})
        self._n_done += 1

    def _after_step(self, batches: PairBatches, seconds: float) -> None:
        """Between two steps: heed signals, and keep the state where it is time."""
        self._report.step()
        signals = self._signals
        if self._checkpoint is not None and (
            signals.interrupted or signals.terminated or self._checkpoint.is_due
        ):
            self._seconds = seconds
            self._write_checkpoint(batches, self._trainer.epoch_state())
            self._seconds = 0.0
        if signals.terminated:
            signals.pass_termination_on()
        if signals.interrupted:
            self._has_made_steps = self._trainer.n_steps > self._trainer.n_skipped
            raise KeyboardInterrupt

    def _write_checkpoint(
        self, batches: PairBatches, epoch: dict[str, Any] | None = None
    ) -> None:
        """Keep the state: within an epoch with that of `epoch`, or at the end."""
        if self._checkpoint is None:
            return
        state = {
            "trainer": self._trainer.state_dict(),
            "batches": batches.state_dict(),
            "epoch": epoch,
            **{name: getattr(self, name) for name in KEPT_OF_RUN},
        }
        self._checkpoint.write(to_numpy_state(state))

    def _measure(self, state: dict[str, Any], epoch: int) -> dict[str, float]:
        """Measure the generator, and keep the trainer's `state` if it leads.

        `epoch` is the number of the one that the state is of.
        """
        assert self._validate is not None
        generator = self._trainer.trained_generator
        training = generator.training
        found = self._validate(generator.eval())
        generator.train(training)
        if found["rmse"] < self._best_error:
            self._best_error = found["rmse"]
            self._best = state
            self._best_epoch = epoch
            self._epochs_since_best = 0
        else:
            self._epochs_since_best += 1
        return {f"validation_{name}": value for name, value in found.items()}

    def _can_stop_early(self) -> bool:
        """Whether this run has learnt anything: an epoch, or sound steps of one."""
        if len(self.history) > self._n_earlier:
            return True
        try:
            self._trainer.check_finite()
        except DivergenceError:
            return False
        return self._has_made_steps

    def _stop_early(self) -> None:
        """Keep what was learnt until Ctrl-C, in the midst of an epoch maybe."""
        n_done = len(self.history) - self._n_earlier
        warn_user(
            f"Training interrupted by user after {n_done} of {self._max_epochs} "
            "epochs; what was learnt is kept.",
            TrainingInterrupted,
        )
        try:
            self._trainer.check_finite()
        except DivergenceError as error:
            n_finite = len(self.history)
            warn_user(
                f"{self._where(error)}: back to the end of epoch {n_finite}.",
                ConvergenceWarning,
            )
            self._load(self._last_finite)

    def _fail(self, error: DivergenceError) -> None:
        """End with what the last finite epoch had learnt; without one, give up."""
        n_done = len(self.history)
        message = f"{self._where(error)}: training has diverged"
        advice = advice_for(error.quantity, self._learning_rate)
        if n_done == self._n_earlier:
            message = f"{message}, and nothing was learnt. {advice}"
            raise FloatingPointError(message) from error
        self.failure = (
            f"{message}; what was learnt until epoch {n_done} is kept. {advice}"
        )
        self._load(self._last_finite)

    def _where(self, error: DivergenceError) -> str:
        """What happened, in which epoch and step."""
        step = "" if error.step is None else f", step {error.step}"
        return f"{error} in epoch {len(self.history) + 1}{step}"

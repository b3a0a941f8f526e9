"""The epochs of a GANBinarizer's fit as tasks for scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from sklearn.base import BaseEstimator

from skdeblurbin._base import COLUMNS, DURING_FIT
from skdeblurbin._tensors import Interruptible


class FitTasks:
    """Tells callbacks of a fit and of each of its epochs.

    Callbacks run outside of the fit's context managers: they find the process's
    threads, gradient mode and locks as the caller of `fit` left them, and may predict
    with and fit other estimators, in other threads too.

    Parameters
    ----------
    estimator : estimator
        The one that is being fitted.
    X, y : array-like or list
        The training data as `fit` got them, for the callbacks.
    max_epochs : int
    """

    def __init__(
        self, estimator: BaseEstimator, X: Any, y: Any, max_epochs: int
    ) -> None:
        self._about = {"estimator": estimator, "X": X, "y": y}
        self._has_callbacks = bool(getattr(estimator, "_skl_callbacks", ()))
        self._context = estimator._init_callback_context(max_subtasks=max_epochs)
        self._context.call_on_fit_task_begin(**self._about)

    def connect(
        self, session: Interruptible, learnt: Callable[[], dict[str, Any] | None]
    ) -> None:
        """Name what to leave for callbacks, and what gives fitted attributes.

        `learnt` is called only if a callback asks for a fitted estimator. It gives
        attributes of their own, or None before anything is learnt.
        """
        self._session, self._learnt = session, learnt

    def begin_epoch(self) -> None:
        """Call `on_fit_task_begin` of a new epoch."""
        self._epoch = self._context.subcontext(task_name="epoch")
        with self._outside():
            self._epoch.call_on_fit_task_begin(
                **self._about, reconstruction_attributes=self._attributes
            )

    def end_epoch(self) -> bool:
        """Call `on_fit_task_end` of the epoch; True if a callback wants to stop."""
        with self._outside():
            stop: bool = self._epoch.call_on_fit_task_end(
                **self._about, reconstruction_attributes=self._attributes
            )
        return stop

    def end(self) -> None:
        """Call `on_fit_task_end` of the whole fit, after the session."""
        self._context.call_on_fit_task_end(
            **self._about, reconstruction_attributes=self._attributes
        )

    def _outside(self) -> Any:
        # Without callbacks, fits in threads follow one another as a whole.
        return self._session.left() if self._has_callbacks else nullcontext()

    def _attributes(self) -> dict[str, Any] | None:
        with torch.inference_mode(False):  # the networks get ordinary tensors
            learnt = self._learnt()
        if learnt is None:
            return None
        estimator = self._about["estimator"]
        gone = (*COLUMNS, *DURING_FIT)
        state = {n: v for n, v in vars(estimator).items() if n not in gone}
        # scikit-learn sets these on a copy of the estimator. What an earlier fit left
        # there, such as the names of columns, must go: so all of it is replaced.
        return {"__dict__": {**state, **learnt}}

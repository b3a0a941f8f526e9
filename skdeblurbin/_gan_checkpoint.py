"""Which training a checkpoint belongs to, and whether a fit goes on from it."""

from __future__ import annotations

import hashlib
import os
from numbers import Real
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator

from skdeblurbin._files import OF_BAD_CONTENT, ModelFileError
from skdeblurbin._tensors import from_numpy_state, to_numpy_state
from skdeblurbin.training import Checkpoint, PairBatches, Pairs, TrainingRun

# Parameters that say where and how a training runs, not what comes out of it.
_WITHOUT_EFFECT = (
    "checkpoint_dir",
    "checkpoint_every",
    "device",
    "max_image_pixels",
    "n_threads",
    "output_scale",
    "verbose",
    "warm_start",
    "working_memory",
)
# How many checkpoints of other trainings an error tells of.
_N_TOLD = 3


def make_checkpoint(
    estimator: BaseEstimator,
    pairs: Pairs,
    validation: Pairs | None,
    about_data: Any,
    earlier: Any,
) -> Checkpoint | None:
    """The checkpoint of an estimator's training, if it has a directory for that.

    Parameters
    ----------
    estimator : estimator
        With `checkpoint_dir` and `checkpoint_every`. To be called before its random
        state is drawn from.
    pairs : Pairs
        That it trains on, or sets aside.
    validation : Pairs or None
        That it validates on, besides.
    about_data : object
        What else it knows of its data.
    earlier : object
        The state that it goes on from, or None.

    Raises
    ------
    TypeError
        If a parameter cannot be told apart from others, since it cannot be pickled.
    """
    parameters = estimator.get_params(deep=False)
    if parameters["checkpoint_dir"] is None:
        return None
    fingerprint = {
        name: _identity(value, name)
        for name, value in parameters.items()
        if name not in _WITHOUT_EFFECT
    }
    fingerprint["training data"] = f"{_hash_of_pairs(pairs)} {joblib.hash(about_data)}"
    if validation is not None:
        fingerprint["validation data"] = _hash_of_pairs(validation)
    fingerprint["earlier training"] = joblib.hash(earlier)
    directory = Path(parameters["checkpoint_dir"])
    return Checkpoint(directory, fingerprint, every=parameters["checkpoint_every"])


def read_checkpoint(
    checkpoint: Checkpoint | None, resume: bool | None
) -> dict[str, Any] | None:
    """The state to go on from; None to begin with.

    `resume` says whether there must be one; None takes what is there.

    Raises
    ------
    ValueError
        If there must be one, and is none; a ModelFileError if it is damaged.
    """
    if checkpoint is None:
        if resume:
            raise ValueError("resume=True needs a checkpoint_dir.")
        return None
    if resume is False:
        return None
    state = checkpoint.read()
    if state is None and resume:
        raise ValueError(_nothing_to_resume(checkpoint))
    return state


def resume_from(
    checkpoint: Checkpoint,
    state: dict[str, Any],
    run: TrainingRun,
    batches: PairBatches,
) -> None:
    """Let a run go on from what `read_checkpoint` found.

    Raises
    ------
    ModelFileError
        If no such run leaves such a state, though the checksum is right.
    """
    try:
        run.resume(from_numpy_state(state), batches)
    except (RuntimeError, *OF_BAD_CONTENT) as error:  # torch's, of other networks
        reason = f"it holds no state of this training ({error!r})"
        raise ModelFileError(checkpoint.path, reason) from error


def _nothing_to_resume(checkpoint: Checkpoint) -> str:
    """Say that there is no checkpoint, and in what those that are there differ."""
    message = (
        f"resume=True, but {checkpoint.path.parent} holds no checkpoint of a training "
        "with these parameters and data"
    )
    others = sorted(checkpoint.others().items(), key=lambda item: len(item[1]))
    told = [f"{name} differs in {', '.join(what)}" for name, what in others[:_N_TOLD]]
    if len(others) > _N_TOLD:
        told.append(f"{len(others) - _N_TOLD} more differ in more")
    return f"{message}{': ' if told else ''}{'; '.join(told)}."


def _identity(value: Any, name: str) -> str:
    """A text that is equal for equal values of a parameter only."""
    if isinstance(value, Real | np.bool_):  # bool too: 1 and True are the same
        return repr(float(value))
    if isinstance(value, np.random.RandomState):
        return str(joblib.hash(value.get_state()))
    if isinstance(value, torch.nn.Module):
        weights = to_numpy_state(dict(value.state_dict()))
        return f"{type(value).__qualname__} {joblib.hash(weights)}"
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    try:
        return str(joblib.hash(value))
    except Exception as error:  # pickle raises a dozen kinds
        raise TypeError(
            f"With checkpoint_dir, {name} must be a value that can be pickled, so that "
            f"a checkpoint can tell one training from another; got {value!r}."
        ) from error


def _hash_of_pairs(pairs: Pairs) -> str:
    """SHA-256 over all images, one after the other, so that nothing is copied whole."""
    found = hashlib.sha256()
    for grey, limits, paper in zip(pairs.grey, pairs.ranges, pairs.paper, strict=True):
        for array in (grey, np.packbits(paper)):
            found.update(f"{array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        found.update(repr(tuple(map(float, limits))).encode())
    if pairs.weights is not None:
        found.update(pairs.weights.tobytes())
    return found.hexdigest()

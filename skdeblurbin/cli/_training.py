"""Trains as ``skdeblurbin train`` was asked to."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from skdeblurbin._gan import GANBinarizer
from skdeblurbin._gan_parameters import check_gan_parameters
from skdeblurbin._tensors import resolve_device
from skdeblurbin._warnings import TrainingInterrupted
from skdeblurbin.cli._arguments import CommandError, ExitCode
from skdeblurbin.cli._images import common_scale
from skdeblurbin.cli._models import load_model
from skdeblurbin.cli._output import as_json, tell
from skdeblurbin.datasets import load_image_pairs


def train(
    arguments: argparse.Namespace,
    output: Path,
    checkpoints: Path,
    *,
    must_resume: bool,
) -> ExitCode:
    """Train a model and write it.

    With `must_resume`, `output` is there, and only the training that it came from may
    replace it.
    """
    model = _make_model(arguments)
    X, Y = load_image_pairs(
        arguments.blurred, arguments.binary, threshold=arguments.threshold
    )
    X = common_scale(X)
    output.parent.mkdir(parents=True, exist_ok=True)
    model.set_params(checkpoint_dir=checkpoints, verbose=1)
    _tell_cost(model, X, Y)
    is_interrupted = _fit(model, X, Y, output, must_resume=must_resume)
    _save(model, output)
    if is_interrupted:
        tell(
            f"skdeblurbin: {output} holds what was learnt until Ctrl-C; the same "
            "command goes on."
        )
    elif arguments.checkpoint_dir is None:
        _delete_checkpoint(model)
    if arguments.json:
        about = {"model": str(output), "pairs": len(X), "epochs": model.n_epochs_}
        last_epoch = model.history_[-1] if model.history_ else None
        last = {"interrupted": is_interrupted, "last_epoch": last_epoch}
        print(as_json(about | last))
    return ExitCode.INTERRUPTED if is_interrupted else ExitCode.DONE


def _fit(
    model: GANBinarizer, X: Any, Y: Any, output: Path, *, must_resume: bool
) -> bool:
    """Train, and show how far it is; True if Ctrl-C ended it early."""
    n_epochs_before = getattr(model, "n_epochs_", 0)
    with _interruption_noted() as noted:
        try:
            model.fit(X, Y, resume=True if must_resume else "auto")
        except ValueError as error:
            if must_resume:
                raise CommandError(
                    f"the output {str(output)!r} is there already, and is replaced by "
                    f"the training that it is of alone: {error} Give --overwrite, or "
                    "another output."
                ) from error
            raise
        except FloatingPointError:
            if getattr(model, "n_epochs_", 0) > n_epochs_before:
                _save(model, output)
            raise
        except KeyboardInterrupt:
            tell("skdeblurbin: no model was written; the same command goes on.")
            raise
    return bool(noted)


def _save(model: GANBinarizer, output: Path) -> None:
    """Write the model, without what concerns its training here."""
    model.set_params(checkpoint_dir=None, verbose=0, warm_start=False)
    model.save(output)


def _make_model(arguments: argparse.Namespace) -> GANBinarizer:
    """The estimator that the options describe; fitted, if it is trained on."""
    given = {
        "max_epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "working_shape": arguments.working_shape,
        "validation_fraction": arguments.validation_fraction,
    }
    if arguments.origin is None:
        given["random_state"] = arguments.seed or 0
        model = GANBinarizer(device=arguments.device)
    else:
        given["max_epochs"] = arguments.epochs or GANBinarizer().max_epochs
        model = load_model(arguments.origin, arguments.device)
        model.set_params(warm_start=True)
    parameters = {name: value for name, value in given.items() if value is not None}
    parameters |= dict(arguments.settings)
    unknown = sorted(parameters.keys() - model.get_params(deep=False).keys())
    if unknown:
        names = ", ".join(sorted(model.get_params(deep=False)))
        raise CommandError(
            f"--set: there is no parameter {unknown[0]!r}; there are {names}."
        )
    model.set_params(**parameters)
    try:
        resolve_device(arguments.device)
        check_gan_parameters(model.get_params(deep=False))
    except (ValueError, TypeError) as error:
        raise CommandError(str(error)) from error
    return model


def _tell_cost(model: GANBinarizer, X: Any, Y: Any) -> None:
    """Time a step on some of the pairs, and say what the training will take."""
    n_steps = -(-len(X) // model.batch_size)
    about = f"{len(X)} pairs, {model.max_epochs} epochs of {n_steps} steps"
    some = np.unique(np.linspace(0, len(X) - 1, model.batch_size).astype(int))
    trial = clone(model).set_params(
        max_epochs=2,  # the first is slower than all others
        checkpoint_dir=None,
        validation_fraction=None,
        n_iter_no_change=None,
        warm_start=False,
        verbose=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two steps nothing is to be told
        warnings.simplefilter("error", TrainingInterrupted)
        try:
            trial.fit([X[i] for i in some], [Y[i] for i in some])
        except TrainingInterrupted:
            raise KeyboardInterrupt from None
        except (ValueError, ArithmeticError):
            # A few pairs may hold one class alone or diverge where all do not: what
            # is wrong with all of them, the training itself tells.
            tell(f"skdeblurbin: {about}")
            return
    seconds = trial.history_[-1]["seconds"] * n_steps
    total = seconds * model.max_epochs
    tell(
        f"skdeblurbin: {about}: about {_time(seconds)} an epoch, {_time(total)} in all"
    )


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


@contextmanager
def _interruption_noted() -> Iterator[list[Warning]]:
    """Gives a list that is empty unless the block's training was interrupted."""
    noted: list[Warning] = []
    show_others = warnings.showwarning

    def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, TrainingInterrupted):
            noted.append(message)
        show_others(message, category, *rest, **more)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield noted


def _delete_checkpoint(model: GANBinarizer) -> None:
    """Delete what this training kept, and the folder if nothing else is in it.

    What other trainings keep there stays: they may be going on, or be gone on with.
    """
    path = model._checkpoint_path
    assert path is not None  # it was trained with a folder for it
    for file in (path, path.with_suffix(".lock")):
        file.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()

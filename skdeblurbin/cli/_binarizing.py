"""Binarizes files, a few at a time, in this process or in several."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray

from skdeblurbin._gan import GANBinarizer
from skdeblurbin.cli._images import binarize, deblur, read_photo, write_image
from skdeblurbin.cli._inputs import Task
from skdeblurbin.cli._models import load_model

# Files that a process takes at a time, and pixels that it predicts at once: what is in
# memory does not depend on the number of files.
_FILES_A_PART, _MOST_PIXELS = 16, 2**22

Photo = tuple[Task, NDArray[np.float32]]


class Setting(NamedTuple):
    """How files are binarized."""

    model: str
    device: str
    grey: bool
    output_scale: str
    skip_existing: bool
    overwrite: bool


class Outcome(NamedTuple):
    """What became of a file: its status is done, skipped or failed."""

    input: str
    output: str
    status: str
    error: str | None = None


def load_for(setting: Setting) -> GANBinarizer:
    """The model of a setting.

    Raises
    ------
    CommandError, ModelFileError
        If there is none, or it does not go with the setting.
    """
    return load_model(setting.model, setting.device, setting.output_scale)


def binarize_all(
    tasks: Sequence[Task],
    setting: Setting,
    model: GANBinarizer,
    jobs: int,
    is_stopped: Callable[[], bool],
) -> Iterator[Outcome]:
    """Binarize files, and tell of each, in their order, as they are done.

    What is begun when `is_stopped` becomes true is done; no more is begun.
    """

    def parts() -> Iterator[Sequence[Task]]:
        for start in range(0, len(tasks), _FILES_A_PART):
            if is_stopped():
                return
            yield tasks[start : start + _FILES_A_PART]

    if jobs == 1:
        for part in parts():
            yield from binarize_part(part, setting, model)
        return
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    work = joblib.delayed(_binarize_in_worker)
    with _ctrl_c_is_ours():
        results = parallel(work(part, setting) for part in parts())
    for result in results:
        yield from result


def binarize_part(
    part: Sequence[Task], setting: Setting, model: GANBinarizer
) -> list[Outcome]:
    """Binarize a few files; those that cannot be are told of, and the rest done."""
    found = {outcome.output: outcome for outcome in _outcomes(part, setting, model)}
    return [found[task.target] for task in part]


def _outcomes(
    part: Sequence[Task], setting: Setting, model: GANBinarizer
) -> Iterator[Outcome]:
    """Of each file, as soon as it is known."""
    photos: list[Photo] = []
    for task in part:
        if setting.skip_existing and os.path.lexists(task.target):
            yield Outcome(*task, "skipped")
            continue
        try:
            photo = read_photo(task.source, model.max_image_pixels)
        except Exception as error:  # Pillow's decoders raise whatever they like
            yield _failure(task, error)
            continue
        if photos and photo.size + sum(p.size for _, p in photos) > _MOST_PIXELS:
            yield from _predict(photos, setting, model)
            photos = []
        photos.append((task, photo))
    yield from _predict(photos, setting, model)


@functools.cache
def _model_of_worker(setting: Setting) -> GANBinarizer:
    return load_for(setting)


def _binarize_in_worker(part: Sequence[Task], setting: Setting) -> list[Outcome]:
    return binarize_part(part, setting, _model_of_worker(setting))


@contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """Start workers that do not hear Ctrl-C, which a terminal sends to all of them.

    They inherit that it is ignored here, and end their files. To block it would not do:
    loky unblocks it when it starts its own helpers. Outside the main thread, signals
    cannot be set, and Ctrl-C is not this program's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _predict(
    photos: Sequence[Photo], setting: Setting, model: GANBinarizer
) -> Iterator[Outcome]:
    """Predict and write, all at once; one by one if one of them cannot be."""
    if not photos:
        return
    apply: Callable[..., list[Any]] = deblur if setting.grey else binarize
    try:
        images = apply(model, [photo for _, photo in photos])
    except (ValueError, RuntimeError, MemoryError) as error:
        if len(photos) == 1:
            yield _failure(photos[0][0], error)
            return
        for photo in photos:
            yield from _predict([photo], setting, model)
        return
    for (task, _), image in zip(photos, images, strict=True):
        if not setting.overwrite and os.path.lexists(task.target):
            late = FileExistsError("the output has appeared since the run began")
            yield _failure(task, late)
            continue
        try:
            write_image(Path(task.target), image)
        except OSError as error:
            yield _failure(task, error)
        else:
            yield Outcome(*task, "done")


def _failure(task: Task, error: Exception) -> Outcome:
    return Outcome(*task, "failed", str(error) or type(error).__name__)

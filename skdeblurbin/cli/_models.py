"""Models by the names that a command line gives."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from skdeblurbin.cli._arguments import CommandError
from skdeblurbin.persistence import pretrained_file, pretrained_names

if TYPE_CHECKING:
    from skdeblurbin._gan import GANBinarizer


def find_model(name: str) -> AbstractContextManager[Path]:
    """The file of a model in the package, or of the user's own; for a ``with``.

    Raises
    ------
    CommandError
        If there is neither.
    """
    if name in pretrained_names():
        return pretrained_file(name)
    if not Path(name).is_file():
        names = ", ".join(map(repr, pretrained_names()))
        raise CommandError(
            f"there is no model {name!r}: it is no file, and the models in the package "
            f"are {names}."
        )
    return nullcontext(Path(name))


def load_model(name: str, device: str, output_scale: str | None = None) -> GANBinarizer:
    """A fitted model; answers in a size of its own, unless `output_scale` is given.

    Raises
    ------
    CommandError
        If there is no such model or device, or the model has no such scale.
    ModelFileError
        If the file is no sound model's.
    """
    from skdeblurbin._gan import GANBinarizer
    from skdeblurbin._gan_parameters import check_output_scale
    from skdeblurbin._tensors import resolve_device

    try:
        resolve_device(device)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with find_model(name) as path:
        model = GANBinarizer.load(path, device=device)
    if output_scale is not None:
        try:
            check_output_scale(output_scale, model.working_shape)
        except ValueError as error:
            raise CommandError(f"--output-scale: {error}") from error
        model.set_params(output_scale=output_scale)
    return model

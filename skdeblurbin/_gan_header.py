"""What the header of a model's file may say, and what it says of a model."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

from skdeblurbin._files import Arrays
from skdeblurbin._gan_engine import GANEngine
from skdeblurbin._gan_fitted import check_fitted
from skdeblurbin._gan_parameters import check_gan_parameters, check_image_sizes
from skdeblurbin._gan_training_file import expected_arrays, weights_of
from skdeblurbin.networks import DenseGenerator, PatchDiscriminator
from skdeblurbin.persistence import Expected, Layout

CLASS = "GANBinarizer"
# Parameters that say what a machine has and may; files neither tell nor set them.
_OF_MACHINE = (
    "device",
    "checkpoint_dir",
    "perceptual_weights",
    "max_image_pixels",
    "working_memory",
)
# Of a network that is built to see its shapes, in less than half a second.
_MOST_BLOCKS, _MOST_CHANNELS = 250, 100_000


def as_plain(value: Any, name: str) -> Any:
    """A parameter as JSON knows it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, torch.device):
        value = str(value)
    if isinstance(value, tuple | list):
        return [as_plain(item, name) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{name}={value!r} cannot be saved: only plain values can. Set it to another "
        "before saving, or pickle the model."
    )


def parameters_of_file(kind: type[GANEngine], about: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments in a header, checked, without the device."""
    parameters = dict(about["parameters"])
    unknown = sorted(parameters.keys() - set(kind._get_param_names()))
    if unknown:
        raise ValueError(f"it has parameters that do not exist: {', '.join(unknown)}")
    for name in ("image_shape", "working_shape"):
        if isinstance(parameters.get(name), list):
            parameters[name] = tuple(parameters[name])
    for name in _OF_MACHINE:
        parameters.pop(name, None)
    seed, perceptual = parameters.get("random_state"), parameters.get("perceptual")
    if not (seed is None or (type(seed) is int and 0 <= seed < 2**32)):
        raise ValueError(f"its random_state is {seed!r}")
    if not isinstance(perceptual, str | None):
        raise ValueError(f"its perceptual is {perceptual!r}")
    given = kind(**parameters).get_params(deep=False)
    check_gan_parameters(given)
    check_image_sizes((), given["working_shape"], given["max_image_pixels"])
    return parameters


def defaults_of_machine(kind: type[GANEngine]) -> dict[str, Any]:
    """What is saved of parameters that are nobody else's business."""
    defaults = kind().get_params(deep=False)
    return {name: defaults[name] for name in _OF_MACHINE}


def check_same_network(
    kind: type[GANEngine], about: dict[str, Any], weights: Arrays
) -> None:
    """Refuse to write a file that could not be read.

    Raises
    ------
    ValueError
        If the parameters describe other arrays than there are.
    """
    message = (
        "The parameters describe another network than the fitted one: set them back "
        "to what they were in fit, or fit again."
    )
    try:
        expected = expected_of_model(kind, about, len(weights))
    except (ValueError, IndexError) as error:
        raise ValueError(f"{message} ({error})") from error
    found = {n: Expected(v.shape, v.dtype.kind == "i") for n, v in weights.items()}
    if expected != found:
        raise ValueError(message)


def expected_of_model(
    kind: type[GANEngine], about: dict[str, Any], n_arrays: int
) -> Layout:
    """The arrays of the generator that a header describes; it lists `n_arrays`."""
    if about["class"] != CLASS:
        raise ValueError(f"it is a {about['class']!r}, not a {CLASS}")
    check_fitted(about["fitted"])
    model = kind(**parameters_of_file(kind, about))
    options = model._generator_options()
    widths = [*options.values(), model.discriminator_channels]
    if options["n_blocks"] > _MOST_BLOCKS or max(widths) > _MOST_CHANNELS:
        raise ValueError(f"its network is too large: {options}")
    discriminator_options: dict[str, Any] = model._discriminator_options()
    with torch.device("meta"):
        _check_number(n_arrays, options)
        generator = DenseGenerator(**options)
        layout = weights_of(generator)
        if "training" not in about:
            return layout
        networks = {
            "generator": generator,
            "discriminator": PatchDiscriminator(**discriminator_options),
        }
    return layout | expected_arrays(about["training"], networks, model.optimizer)


def _check_number(n_arrays: int, options: dict[str, int]) -> None:
    """Refuse a network with many more arrays, before it is built with all its blocks.

    Where a few are missing, they will be named.
    """
    one, two = (
        len(DenseGenerator(**options | {"n_blocks": n}).state_dict()) for n in (1, 2)
    )
    needed = one + (options["n_blocks"] - 1) * (two - one)
    if n_arrays < needed / 2:
        raise ValueError(f"it has {n_arrays} arrays, and its network {needed} at least")

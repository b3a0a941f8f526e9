"""What the parameters of GANBinarizer may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config

from skdeblurbin._parameters import check_image_shape, check_number, check_verbose
from skdeblurbin.networks.perceptual import check_perceptual_name
from skdeblurbin.training import CONTENT_LOSSES, OPTIMIZERS

_DOWNSAMPLINGS = (1, 2, 4)
_CHOICES: dict[str, tuple[str | None, ...]] = {
    "content_loss": tuple(CONTENT_LOSSES),
    "optimizer": tuple(OPTIMIZERS),
    "learning_rate_decay": ("cosine", None),
    "output_scale": ("input", "model"),
}
_FLAGS = ("conditional", "augment", "freeze_batch_norm", "warm_start")

_NUMBERS: dict[str, dict[str, Any]] = {
    "K1": {"low": 0},
    "K2": {"low": 0},
    "adversarial_weight": {"low": 0},
    "n_blocks": {"low": 1, "integer": True},
    "growth_rate": {"low": 1, "integer": True},
    "base_channels": {"low": 1, "integer": True},
    "n_levels": {"low": 0, "high": 6, "integer": True},
    "n_discriminator_layers": {"low": 1, "high": 10, "integer": True},
    "discriminator_channels": {"low": 1, "integer": True},
    "max_epochs": {"low": 1, "integer": True},
    "batch_size": {"low": 1, "integer": True},
    # More than single precision holds is an error deep in torch.
    "learning_rate": {"low": 0, "include_low": False, "high": 1e30},
    "average_decay": {"low": 0, "high": 1, "include_high": False, "optional": True},
    "validation_fraction": {
        "low": 0,
        "high": 1,
        "include_low": False,
        "include_high": False,
        "optional": True,
    },
    "checkpoint_every": {"low": 0},
    "max_image_pixels": {"low": 1, "integer": True, "optional": True},
    "working_memory": {"low": 0, "include_low": False, "high": 1e12, "optional": True},
    "n_iter_no_change": {"low": 1, "integer": True, "optional": True},
    # torch takes any number, and the process dies of thousands.
    "n_threads": {"low": 1, "high": 1024, "integer": True, "optional": True},
}


def check_gan_parameters(parameters: Mapping[str, Any]) -> None:
    """Check the parameters that stand alone, and those that need each other.

    `device`, `random_state` and what `perceptual` is, if no string, are checked where
    they are resolved.

    Raises
    ------
    TypeError
        If a parameter is of another type than allowed.
    ValueError
        If a parameter is out of its range, or does not go with another.
    """
    for name, rule in _NUMBERS.items():
        check_number(parameters[name], name, **rule)
    check_verbose(parameters["verbose"])
    for name in _FLAGS:
        if not isinstance(parameters[name], (bool, np.bool_)):
            raise TypeError(f"{name} must be True or False, got {parameters[name]!r}.")
    side = parameters["downsampling"]
    is_integer = isinstance(side, int | np.integer) and not isinstance(side, bool)
    if not is_integer or side not in _DOWNSAMPLINGS:
        raise ValueError(f"downsampling must be 1, 2 or 4, got {side!r}.")
    for name in _CHOICES:
        _check_choice(parameters[name], name)
    check_image_shape(parameters["image_shape"])
    check_image_shape(parameters["working_shape"], "working_shape")
    check_output_scale(parameters["output_scale"], parameters["working_shape"])
    directory = parameters["checkpoint_dir"]
    if directory is not None and not isinstance(directory, str | PathLike):
        raise TypeError(f"checkpoint_dir must be a path or None, got {directory!r}.")
    check_perceptual_name(parameters["perceptual"])
    no_perceptual = not parameters["K1"] or parameters["perceptual"] is None
    if no_perceptual and not parameters["K2"] and not parameters["adversarial_weight"]:
        raise ValueError(
            "K1 (with a feature network in perceptual), K2 and adversarial_weight are "
            "all zero: no loss is left to train with."
        )


def check_patience(parameters: Mapping[str, Any], *, validates: bool) -> None:
    """Check that there are pairs to stop by, if `fit` is to stop early.

    `validates` says whether its caller has named some.

    Raises
    ------
    ValueError
        If there are none.
    """
    validates = validates or parameters["validation_fraction"] is not None
    if parameters["n_iter_no_change"] is not None and not validates:
        raise ValueError(
            f"n_iter_no_change={parameters['n_iter_no_change']} needs pairs to measure "
            "on: set validation_fraction, for example to 0.1, or give X_val and y_val."
        )


def _check_choice(value: Any, name: str) -> None:
    allowed = _CHOICES[name]
    if not isinstance(value, str | None) or value not in allowed:
        raise ValueError(
            f"{name} must be {' or '.join(map(repr, allowed))}, got {value!r}."
        )


def check_output_scale(output_scale: Any, working_shape: object) -> None:
    """Check what size `predict` is to give.

    Raises
    ------
    ValueError
        If `output_scale` is no allowed word, or there is no shape that "model" means.
    """
    _check_choice(output_scale, "output_scale")
    if output_scale == "model" and working_shape is None:
        raise ValueError(
            "output_scale='model' needs a working_shape, which is the size of what "
            "comes back."
        )


def check_image_sizes(
    shapes: Iterable[tuple[int, int]],
    working_shape: tuple[int, int] | None,
    max_image_pixels: int | None,
    name: str = "X",
) -> None:
    """Refuse images, and a shape to resize them to, of more pixels than allowed.

    `name` is what the error calls the images.

    Raises
    ------
    ValueError
        If one has more pixels than that.
    """
    check_number(max_image_pixels, "max_image_pixels", **_NUMBERS["max_image_pixels"])
    if max_image_pixels is None:
        return
    if working_shape is not None and math.prod(working_shape) > max_image_pixels:
        raise ValueError(
            f"working_shape={working_shape} has more pixels than "
            f"max_image_pixels={max_image_pixels}."
        )
    for number, (height, width) in enumerate(shapes):
        if height * width > max_image_pixels:
            raise ValueError(
                f"{name}[{number}] has {height}x{width} = {height * width} pixels, "
                f"more than max_image_pixels={max_image_pixels}: cut the plates out of "
                "it, or set max_image_pixels to what is to be allowed, or to None."
            )


def bytes_to_work_in(working_memory: float | None) -> float:
    """What the parameter `working_memory`, in MiB, comes to."""
    check_number(working_memory, "working_memory", **_NUMBERS["working_memory"])
    if working_memory is None:
        working_memory = get_config()["working_memory"]
    return float(working_memory) * 2**20


def check_same_classes(classes: Any, known: NDArray[Any]) -> None:
    """Check the classes that a later call of `partial_fit` names.

    Raises
    ------
    ValueError
        If they are not those of the first call.
    """
    try:
        same = classes is None or sorted(classes) == known.tolist()
    except TypeError:  # no collection, or one of things without order
        same = False
    if not same:
        raise ValueError(
            f"classes must be those of the first call, {known.tolist()}, got "
            f"{classes!r}."
        )


def check_unchanged(network: Any, fitted: Any) -> None:
    """A network that goes on training must have the shape that it began with.

    Raises
    ------
    ValueError
        If the two, of which either may be None, differ in their options.
    """
    if network is None or fitted is None or network.options == fitted.options:
        return
    raise ValueError(
        "warm_start and partial_fit go on with the fitted "
        f"{type(network).__name__}, which has {fitted.options}; the parameters now say "
        f"{network.options}."
    )


def check_resume(resume: Any) -> bool | None:
    """Check the argument of `fit` that is no parameter of the constructor.

    Returns
    -------
    bool or None
        None for "auto".

    Raises
    ------
    ValueError
        If it is not "auto", True or False.
    """
    if isinstance(resume, str) and resume == "auto":
        return None
    if not isinstance(resume, (bool, np.bool_)):
        raise ValueError(f"resume must be 'auto', True or False, got {resume!r}.")
    return bool(resume)

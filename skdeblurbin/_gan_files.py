"""A fitted GANBinarizer as a file, and back; the models in the package."""

from __future__ import annotations

import importlib.metadata
import math
import os
import re
from functools import partial
from importlib import resources
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skdeblurbin._files import Arrays, ModelFileError
from skdeblurbin._gan_engine import GANEngine
from skdeblurbin._gan_parameters import check_gan_parameters
from skdeblurbin._gan_training_file import (
    assemble,
    dismantle,
    expected_arrays,
    without_training,
)
from skdeblurbin._tensors import (
    build_network,
    from_numpy_state,
    resolve_device,
    to_numpy_state,
)
from skdeblurbin.networks import DenseGenerator, PatchDiscriminator
from skdeblurbin.persistence import Shapes, read_model, write_model

Network = TypeVar("Network", DenseGenerator, PatchDiscriminator)

_CLASS = "GANBinarizer"
_PACKAGES = ("skdeblurbin", "torch", "numpy", "scikit-learn")
# Fitted attributes that are there for some inputs only.
_OPTIONAL = ("image_shape_", "n_features_in_")
_MOST_BLOCKS, _MOST_CHANNELS = 1000, 100_000


class GANFiles(GANEngine):
    """Saves and loads what `GANEngine` has fitted."""

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        half_precision: bool = False,
        training_state: bool = False,
    ) -> None:
        """Write the fitted model to a file, 2 MB for the default network.

        What `predict` needs is in it: the generator and the parameters, in the
        safetensors format with a JSON header. Discriminator, optimizers and history are
        not, unless asked for.

        Parameters
        ----------
        path : path
            Mostly with the suffix ``.safetensors``. A file that is there is replaced.
        half_precision : bool, default=False
            Whether to round the weights to float16, in half of the space. What float16
            cannot hold (more than 65504) stays float32.
        training_state : bool, default=False
            Whether to write discriminator, optimizers, history and random state too,
            in about five times the space, so that the loaded model goes on training
            exactly as this one would.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        TypeError
            If a parameter is no plain value, as a module in `perceptual` or a
            RandomState is: set it to another before, or pickle the model.
        ValueError
            If both options are asked for: rounded weights are no exact state. If the
            model is larger than what `load` takes (256 MiB).
        OSError
            If the file cannot be written; one that was there stays as it is.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from skdeblurbin import GANBinarizer
        >>> from skdeblurbin.datasets import make_blurred_plates
        >>> X, Y = make_blurred_plates(4, (32, 48), layout="plate", random_state=0)
        >>> model = GANBinarizer(n_blocks=1, max_epochs=1, random_state=0).fit(X, Y)
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "plates.safetensors"
        ...     model.save(path)
        ...     loaded = GANBinarizer.load(path)
        >>> bool((loaded.predict(X) == model.predict(X)).all())
        True
        """
        check_is_fitted(self)
        weights = to_numpy_state(dict(self.generator_.state_dict()))
        if half_precision and training_state:
            raise ValueError(
                "half_precision=True rounds the weights, and training_state=True is to "
                "keep them exactly: choose one."
            )
        if half_precision:
            weights = {name: _rounded(value) for name, value in weights.items()}
        # Where this machine keeps checkpoints is nobody else's business.
        parameters = self.get_params(deep=False) | {"checkpoint_dir": None}
        about = {
            "class": _CLASS,
            "parameters": {n: _plain(v, n) for n, v in parameters.items()},
            "fitted": self._saved_attributes(),
            "versions": {p: importlib.metadata.version(p) for p in _PACKAGES},
        }
        if training_state:
            about["training"], arrays = dismantle(
                self._training_state, self._rng, self._split_seed, self.history_
            )
            weights |= arrays
        write_model(path, about, weights)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, device: str | torch.device = "auto"
    ) -> Self:
        """Read a model that `save` wrote.

        Nothing in the file is executed, and everything is checked before it is used:
        files from others are safe to load, which pickles are not. The model predicts
        as the saved one did; `partial_fit`, and `fit` with `warm_start`, train it on,
        with a new discriminator and new optimizers if the file has no training state.

        Parameters
        ----------
        path : path
        device : {"auto", "cpu", "cuda", "cuda:N", "mps"} or torch.device, \
                default="auto"
            Becomes the parameter of this name.

        Returns
        -------
        GANBinarizer
            Fitted. Without training state in the file, `history_` is empty and
            `discriminator_` None.

        Raises
        ------
        ModelFileError
            If there is no such file, or it is damaged, of another kind or of a later
            version.
        """
        about, arrays = read_model(path, partial(_expected, cls))
        model = cls(**_parameters(cls, about), device=device)
        training = None
        if "training" in about:
            try:
                training = assemble(about["training"], arrays)
            except ValueError as error:
                raise ModelFileError(path, str(error)) from error
        model._take_over(about["fitted"], without_training(arrays), training)
        return model

    @classmethod
    def from_pretrained(
        cls, name: str = "plate", *, device: str | torch.device = "auto"
    ) -> Self:
        """Give a trained model that is in the package.

        Parameters
        ----------
        name : {"plate"}, default="plate"
            "plate" takes photos of whole plates of any size. Its card in the
            documentation says what it was trained on, how well it does, and where it
            fails.
        device : {"auto", "cpu", "cuda", "cuda:N", "mps"} or torch.device, \
                default="auto"
            Becomes the parameter of this name.

        Returns
        -------
        GANBinarizer
            Fitted, as from :meth:`load`.

        Raises
        ------
        ValueError
            If there is no model of this name.

        Examples
        --------
        >>> from skdeblurbin import GANBinarizer
        >>> from skdeblurbin.datasets import make_blurred_plates
        >>> X, Y = make_blurred_plates(2, layout="plate", random_state=0)
        >>> GANBinarizer.from_pretrained("plate").predict(X).shape
        (2, 128, 192)
        """
        folder = resources.files("skdeblurbin").joinpath("pretrained", "models")
        names = sorted(
            file.name.removesuffix(".safetensors")
            for file in folder.iterdir()
            if file.name.endswith(".safetensors")
        )
        if name not in names:
            raise ValueError(
                f"name must be one of {', '.join(map(repr, names))}, got {name!r}."
            )
        with resources.as_file(folder.joinpath(f"{name}.safetensors")) as path:
            return cls.load(path, device=device)

    def _saved_attributes(self) -> dict[str, Any]:
        fitted = {
            "classes_": self.classes_.tolist(),
            "classes_dtype": self.classes_.dtype.str,
            "input_range_": [float(limit) for limit in self.input_range_],
            "_fitted_on_integers": bool(self._fitted_on_integers),
            "n_epochs_": int(self.n_epochs_),
        }
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            fitted["feature_names_in_"] = list(names)
        for name in _OPTIONAL:
            if hasattr(self, name):
                fitted[name] = getattr(self, name)
        return fitted

    def _take_over(
        self, fitted: dict[str, Any], weights: Arrays, training: dict[str, Any] | None
    ) -> None:
        """Become fitted with what a file holds."""
        device = resolve_device(self.device)
        generator = _network(DenseGenerator, self._generator_options(), weights)
        generator.requires_grad_(False).to(device)
        rng = self._make_rng(continuing=False)
        state: dict[str, Any] = {
            "generator_": generator,
            "discriminator_": None,
            "classes_": np.array(fitted["classes_"], fitted["classes_dtype"]),
            "input_range_": tuple(fitted["input_range_"]),
            "_fitted_on_integers": fitted["_fitted_on_integers"],
            "n_epochs_": fitted["n_epochs_"],
            "history_": [],
            "device_": device,
            "_rng": rng,
            "_split_seed": int(rng.integers(2**62)),
            "_training_state": {
                "generator": to_numpy_state(dict(generator.state_dict()))
            },
        }
        if training is not None:
            state |= training
            trained = training["_training_state"].get("discriminator")
            if trained is not None:
                options = self._discriminator_options()
                discriminator = _network(PatchDiscriminator, options, trained)
                state["discriminator_"] = discriminator.to(device)
        shape = fitted.get("image_shape_")
        state["image_shape_"] = None if shape is None else tuple(shape)
        if "n_features_in_" in fitted:
            state["n_features_in_"] = fitted["n_features_in_"]
        if "feature_names_in_" in fitted:
            state["feature_names_in_"] = np.array(fitted["feature_names_in_"], object)
        self._replace_state(state)


def _network(kind: type[Network], options: dict[str, int], weights: Arrays) -> Network:
    """A network with given weights, in float32 whatever they are in."""
    network: Network = build_network(kind, options, torch.Generator())
    network.load_state_dict(from_numpy_state(weights))
    network.eval()
    return network


def _rounded(weights: NDArray[Any]) -> NDArray[Any]:
    """Weights as float16, unless they are no floats, or too large for that."""
    if weights.dtype != np.float32 or np.abs(weights).max() > np.finfo(np.float16).max:
        return weights
    return weights.astype(np.float16)


def _plain(value: Any, name: str) -> Any:
    """A parameter as JSON knows it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, torch.device):
        value = str(value)
    if isinstance(value, tuple | list):
        return [_plain(item, name) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{name}={value!r} cannot be saved: only plain values can. Set it to another "
        "before saving, or pickle the model."
    )


def _parameters(kind: type[GANFiles], about: dict[str, Any]) -> dict[str, Any]:
    """The constructor's arguments in a header, checked, without the device."""
    parameters = dict(about["parameters"])
    unknown = sorted(parameters.keys() - set(kind._get_param_names()))
    if unknown:
        raise ValueError(f"it has parameters that do not exist: {', '.join(unknown)}")
    for name in ("image_shape", "working_shape"):
        if isinstance(parameters.get(name), list):
            parameters[name] = tuple(parameters[name])
    parameters.pop("device", None)
    check_gan_parameters(kind(**parameters).get_params(deep=False))
    return parameters


def _expected(kind: type[GANFiles], about: dict[str, Any]) -> Shapes:
    """The arrays of the generator that a header describes."""
    if about["class"] != _CLASS:
        raise ValueError(f"it is a {about['class']!r}, not a {_CLASS}")
    _check_fitted(about["fitted"])
    model = kind(**_parameters(kind, about))
    options = model._generator_options()
    widths = [*options.values(), model.discriminator_channels]
    # What no header of allowed size could list, or no memory hold.
    if options["n_blocks"] > _MOST_BLOCKS or max(widths) > _MOST_CHANNELS:
        raise ValueError(f"its network is too large: {options}")
    discriminator_options: dict[str, Any] = model._discriminator_options()
    with torch.device("meta"):
        generator = DenseGenerator(**options)
        shapes = {name: tuple(v.shape) for name, v in generator.state_dict().items()}
        if "training" not in about:
            return shapes
        networks = {
            "generator": generator,
            "discriminator": PatchDiscriminator(**discriminator_options),
        }
    return shapes | expected_arrays(about["training"], networks, model.optimizer)


def _check_fitted(fitted: dict[str, Any]) -> None:
    """Check what a header says of the fitted attributes."""
    # numpy would take far more than names of types, and read Python's literals in it.
    if not re.fullmatch("[<>|=][biuf][1248]", fitted["classes_dtype"]):
        raise ValueError(f"it has classes of type {fitted['classes_dtype']!r}")
    dtype = np.dtype(fitted["classes_dtype"])
    classes = np.array(fitted["classes_"], dtype)
    low, high = fitted["input_range_"]
    sizes = [fitted["n_epochs_"], *(fitted.get("image_shape_") or ())]
    sound = (
        classes.shape == (2,)
        and bool(classes[0] < classes[1])
        and math.isfinite(low)
        and math.isfinite(high)
        and low < high
        and isinstance(fitted["_fitted_on_integers"], bool)
        and all(isinstance(size, int) and size >= 0 for size in sizes)
        and len(sizes) in (1, 3)
    )
    if not sound:
        raise ValueError("what it says of the training data cannot be")

"""A fitted GANBinarizer as a file, and back; the models in the package."""

from __future__ import annotations

import importlib.metadata
import os
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skdeblurbin._files import OF_BAD_CONTENT, Arrays, ModelFileError
from skdeblurbin._gan_engine import GANEngine
from skdeblurbin._gan_fitted import restored_attributes
from skdeblurbin._gan_header import (
    CLASS,
    as_plain,
    check_same_network,
    defaults_of_machine,
    expected_of_model,
    parameters_of_file,
)
from skdeblurbin._gan_training_file import assemble, dismantle, without_training
from skdeblurbin._tensors import (
    build_network,
    from_numpy_state,
    resolve_device,
    to_numpy_state,
)
from skdeblurbin.networks import DenseGenerator, PatchDiscriminator
from skdeblurbin.persistence import (
    pretrained_file,
    pretrained_names,
    read_model,
    write_model,
)

Network = TypeVar("Network", DenseGenerator, PatchDiscriminator)

_PACKAGES = ("skdeblurbin", "torch", "numpy", "scikit-learn")
# Fitted attributes that are there for some inputs only.
_OPTIONAL = ("image_shape_", "n_features_in_")


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
            in about three times the space, so that the loaded model goes on training
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
            parameters were changed since `fit` and describe another network. If the
            model is larger than what `load` takes (128 MiB).
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
        parameters = self.get_params(deep=False) | defaults_of_machine(type(self))
        about = {
            "class": CLASS,
            "parameters": {n: as_plain(v, n) for n, v in parameters.items()},
            "fitted": self._saved_attributes(),
            "versions": {p: importlib.metadata.version(p) for p in _PACKAGES},
        }
        if training_state:
            history = [{n: as_plain(v, n) for n, v in e.items()} for e in self.history_]
            about["training"], arrays = dismantle(
                self._training_state, self._rng, self._split_seed, history
            )
            weights |= arrays
        check_same_network(type(self), about, weights)
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
        Parameters of the machine (`device`, `checkpoint_dir`, `perceptual_weights`,
        `max_image_pixels`, `working_memory`) are in no file.

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
        resolve_device(device)  # which is no matter of the file
        about, arrays = read_model(path, partial(expected_of_model, cls))
        try:
            model = cls(**parameters_of_file(cls, about), device=device)
            training = None
            if "training" in about:
                training = assemble(about["training"], arrays)
            model._take_over(about["fitted"], without_training(arrays), training)
        except OF_BAD_CONTENT as error:
            raise ModelFileError(path, str(error) or type(error).__name__) from error
        return model

    @classmethod
    def from_pretrained(
        cls, name: str = "plate", *, device: str | torch.device = "auto"
    ) -> Self:
        """Give a trained model that is in the package.

        Parameters
        ----------
        name : {"plate", "characters"}, default="plate"
            "plate" takes photos of whole plates, border included, "characters" crops
            of the characters alone; both of any size. Their cards in the documentation
            say what they were trained on, how well they do, and where they fail.
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
        names = pretrained_names()
        if name not in names:
            raise ValueError(
                f"name must be one of {', '.join(map(repr, names))}, got {name!r}."
            )
        with pretrained_file(name) as path:
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
                fitted[name] = as_plain(getattr(self, name), name)
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
            **restored_attributes(fitted),
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
        self._replace_state(state)


def _network(kind: type[Network], options: dict[str, int], weights: Arrays) -> Network:
    """A network with given weights, in float32 whatever they are in."""
    for name, value in weights.items():
        if name.endswith("running_var") and (value < 0).any():
            raise ValueError(f"{name} is a negative variance")
    network: Network = build_network(kind, options, torch.Generator())
    network.load_state_dict(from_numpy_state(weights))
    network.eval()
    return network


def _rounded(weights: NDArray[Any]) -> NDArray[Any]:
    """Weights as float16, unless they are no floats, or too large for that."""
    if weights.dtype != np.float32 or np.abs(weights).max() > np.finfo(np.float16).max:
        return weights
    return weights.astype(np.float16)

"""The state of a training as what a model's file can hold, and what it has to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from skdeblurbin._files import Arrays
from skdeblurbin._gan_fitted import is_count
from skdeblurbin.persistence import Expected, Layout
from skdeblurbin.training import state_shapes

_PREFIX = "training/"
_NETWORKS = ("generator", "discriminator")


def dismantle(
    state: Mapping[str, Any],
    rng: np.random.Generator,
    split_seed: int,
    history: list[dict[str, Any]],
) -> tuple[dict[str, Any], Arrays]:
    """Take a training's state apart.

    Parameters
    ----------
    state : dict
        Of a `Trainer`, with numpy arrays.
    rng : numpy.random.Generator
        That orders and augments the pairs to come.
    split_seed : int
        By which pairs are set aside.
    history : list of dict
        Of the epochs so far.

    Returns
    -------
    about : dict
        What JSON can hold.
    arrays : dict of str to ndarray
        With names that no weight of a network has. The weights that predict are not
        among them: they are in the file anyhow.
    """
    average, known = state.get("average"), state.get("optimizers", {})
    moments = {network: each for network, each in known.items() if network in state}
    about: dict[str, Any] = {
        "networks": [name for name in _NETWORKS if name in state],
        "average": None if average is None else int(average["n_updates"]),
        # Of each optimizer, the parameters that it has moments of.
        "moments": {
            network: [list(optimizer["state"]) for optimizer in optimizers]
            for network, optimizers in moments.items()
        },
        "random": rng.bit_generator.state,
        "split_seed": int(split_seed),
        "history": history,
    }
    weights = {network: state[network] for network in about["networks"]}
    if average is not None:  # which predicts
        weights["generator"] = state["generator"]
    else:
        del weights["generator"]
    arrays = {
        f"{_PREFIX}{network}/{name}": value
        for network, values in weights.items()
        for name, value in values.items()
    }
    for network, optimizers in moments.items():
        for number, optimizer in enumerate(optimizers):
            for index, of_parameter in optimizer["state"].items():
                for name, value in of_parameter.items():
                    key = _moment(network, number, index, name)
                    arrays[key] = np.asarray(value)
    return about, arrays


def expected_arrays(
    about: dict[str, Any], networks: Mapping[str, nn.Module], optimizer: str
) -> Layout:
    """The arrays that a training has, by what a header says of it.

    Parameters
    ----------
    about : dict
        From a file: it may say anything.
    networks : dict
        "generator" and "discriminator" as the header's parameters describe them.
    optimizer : str
        The generator's.

    Raises
    ------
    ValueError, TypeError, KeyError
        If there can be no such training.
    """
    _check(about)
    layout: Layout = {}
    for network in about["networks"]:
        if network == "generator" and about["average"] is None:
            continue  # its weights are those that predict
        for weight, expected in weights_of(networks[network]).items():
            layout[f"{_PREFIX}{network}/{weight}"] = expected
    for network, optimizers in about["moments"].items():
        kind = optimizer if network == "generator" else "adam"
        known = state_shapes(kind, networks[network])
        if len(optimizers) != len(known) or any(
            index >= len(each)
            for indices, each in zip(optimizers, known, strict=True)
            for index in indices
        ):
            raise ValueError("its optimizers are not those of its network")
        for number, (indices, each) in enumerate(zip(optimizers, known, strict=True)):
            for index in indices:
                for name, shape in each[index].items():
                    layout[_moment(network, number, index, name)] = Expected(shape)
    return layout


def weights_of(network: nn.Module) -> Layout:
    """What a file holds of a network; its counts of batches are integers."""
    return {
        name: Expected(tuple(value.shape), not value.is_floating_point())
        for name, value in network.state_dict().items()
    }


def assemble(about: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Invert `dismantle`: the fitted attributes of a training that can go on.

    Raises
    ------
    ValueError
        If an optimizer's moments are such as no training has.
    """
    state: dict[str, Any] = {network: {} for network in about["networks"]}
    predicting = without_training(arrays)
    if about["average"] is None:
        state["generator"] = predicting
    else:
        state["average"] = {"module": predicting, "n_updates": about["average"]}
    state["optimizers"] = {
        network: [{"state": {}} for _ in optimizers]
        for network, optimizers in about["moments"].items()
    }
    for key, stored in arrays.items():
        if not key.startswith(_PREFIX):
            continue
        kind, *path = key.removeprefix(_PREFIX).split("/")
        value = stored.astype(np.float32) if stored.dtype == np.float16 else stored
        if kind == "optimizers":
            network, number, index, name = path
            if name != "mean" and name != "exp_avg" and (value < 0).any():
                raise ValueError(f"{key} is negative")
            optimizer = state["optimizers"][network][int(number)]
            optimizer["state"].setdefault(int(index), {})[name] = value
        else:
            state[kind][path[0]] = value
    rng = np.random.Generator(np.random.PCG64())
    rng.bit_generator.state = about["random"]
    return {
        "_training_state": state,
        "_rng": rng,
        "_split_seed": about["split_seed"],
        "history_": about["history"],
    }


def without_training(arrays: Arrays) -> Arrays:
    """The weights of the network that predicts."""
    return {n: value for n, value in arrays.items() if not n.startswith(_PREFIX)}


def _moment(network: str, number: int, index: int, name: str) -> str:
    return f"{_PREFIX}optimizers/{network}/{number}/{index}/{name}"


def _check(about: dict[str, Any]) -> None:
    """Check the kinds of what a header says of a training."""
    networks, average, moments = about["networks"], about["average"], about["moments"]
    sound = (
        _is_random_state(about["random"])
        and networks in (["generator"], list(_NETWORKS))
        and (average is None or is_count(average))
        and set(moments) <= set(networks)
        and all(
            all(map(is_count, indices)) and len(set(indices)) == len(indices)
            for optimizers in moments.values()
            for indices in optimizers
        )
        and is_count(about["split_seed"])
        and isinstance(about["history"], list)
        and all(map(_is_epoch, about["history"]))
    )
    if not sound:
        raise ValueError("what it says of its training cannot be")


def _is_random_state(state: dict[str, Any]) -> bool:
    """Whether this is a state of PCG64 that its generator can come to.

    With an even increment it may give one number for ever, on which numpy's methods
    that reject numbers never return.
    """
    numbers = state["state"]
    return (
        state["bit_generator"] == "PCG64"
        and is_count(numbers["state"], 2**128)
        and is_count(numbers["inc"], 2**128)
        and numbers["inc"] % 2 == 1
        and is_count(state["has_uint32"], 2)
        and is_count(state["uinteger"], 2**32)
    )


def _is_epoch(epoch: Any) -> bool:
    """Whether this is an entry of a history."""
    return (
        isinstance(epoch, dict)
        and {"rmse", "generator_loss", "seconds"} <= epoch.keys()
        and all(type(v) in (int, float) and math.isfinite(v) for v in epoch.values())
    )

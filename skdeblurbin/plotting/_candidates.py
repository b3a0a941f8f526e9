"""The candidates of a search: their parameters' levels, scores and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_NOT_SET = "not set"
_LETTERS = 24


@dataclass(frozen=True)
class Level:
    """A value of a parameter: equal where `key` is, shown as `text`."""

    value: Any
    key: str
    text: str

    @property
    def is_number(self) -> bool:
        """Whether it has a place on an axis."""
        return isinstance(self.value, Real) and not isinstance(self.value, bool)


def level_of(parameters: Mapping[str, Any], name: str) -> Level:
    """The level that a candidate has of a parameter, which it may not set."""
    if name not in parameters:
        return Level(None, "", _NOT_SET)
    value = parameters[name]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        text = f"{value:g}"
    elif isinstance(value, str):
        text = value
    else:
        text = repr(value)
    text = " ".join(text.split())
    shown = text if len(text) <= _LETTERS else text[: _LETTERS - 3] + "..."
    level = Level(value, repr(value), shown)
    # 1 and 1.0 are one level.
    return replace(level, key=repr(float(value))) if level.is_number else level


class Panel(NamedTuple):
    """The numbers of candidates that are shown together, under a title."""

    title: str
    numbers: list[int]


@dataclass(frozen=True)
class Candidates:
    """What a search found, candidate by candidate.

    Attributes
    ----------
    parameters : list of dict
    means, spreads : ndarray of shape (n_candidates,)
        Of the score over the folds: mean and standard deviation.
    seconds, seconds_spreads : ndarray of shape (n_candidates,)
        Of scoring a fold: mean and standard deviation.
    """

    parameters: list[dict[str, Any]]
    means: NDArray[np.float64]
    spreads: NDArray[np.float64]
    seconds: NDArray[np.float64]
    seconds_spreads: NDArray[np.float64]

    def levels(self, name: str) -> list[Level]:
        """The levels of a parameter: numbers by size, others as they come."""
        found = {
            level.key: level
            for level in (level_of(chosen, name) for chosen in self.parameters)
        }
        levels = list(found.values())
        if all(level.is_number for level in levels):
            levels.sort(key=lambda level: level.value)
        return levels

    def names(self) -> list[str]:
        """All parameters of the search."""
        return list(dict.fromkeys(n for chosen in self.parameters for n in chosen))

    def varying(self) -> list[str]:
        """The parameters of which there are several levels."""
        return [name for name in self.names() if len(self.levels(name)) > 1]

    def describe(self, number: int, names: Sequence[str]) -> str:
        """Some parameters of a candidate, as text."""
        chosen = self.parameters[number]
        return ", ".join(f"{name}={level_of(chosen, name).text}" for name in names)

    def key(self, number: int, names: Sequence[str]) -> tuple[str, ...]:
        """The keys of a candidate's levels: texts may hide what differs."""
        chosen = self.parameters[number]
        return tuple(level_of(chosen, name).key for name in names)

    def panels(self, names: Sequence[str]) -> list[Panel]:
        """The candidates by their levels of some parameters, in order of these."""
        ranks = [
            {level.key: rank for rank, level in enumerate(self.levels(name))}
            for name in names
        ]
        grouped: dict[tuple[int, ...], list[int]] = {}
        for number in range(len(self.parameters)):
            keys = self.key(number, names)
            place = tuple(of[key] for of, key in zip(ranks, keys, strict=True))
            grouped.setdefault(place, []).append(number)
        return [
            Panel(self.describe(numbers[0], names), numbers)
            for _, numbers in sorted(grouped.items())
        ]


def read_candidates(cv_results: Mapping[str, Any], metric: str) -> Candidates:
    """Read `cv_results_` of a search.

    Raises
    ------
    TypeError, ValueError
        If it is something else, has no such metric, or nothing was searched over.
    """
    if not isinstance(cv_results, Mapping) or "params" not in cv_results:
        raise TypeError(
            "cv_results must be the cv_results_ of a search, a dict with the key "
            f"'params', got {type(cv_results).__name__}."
        )
    start = "mean_test_"
    metrics = [key.removeprefix(start) for key in cv_results if key.startswith(start)]
    if metric not in metrics:
        raise ValueError(
            f"metric must be one that the search has scores of, {metrics}, got "
            f"{metric!r}."
        )
    parameters = [dict(chosen) for chosen in cv_results["params"]]
    if "n_resources" in cv_results:
        _add_resources(parameters, list(cv_results["n_resources"]))
    if not any(parameters):
        raise ValueError("The search has no parameters: there is nothing to compare.")
    numbers = [
        np.asarray(cv_results[key], np.float64)
        for key in (
            f"mean_test_{metric}",
            f"std_test_{metric}",
            "mean_score_time",
            "std_score_time",
        )
    ]
    return Candidates(parameters, *numbers)


def _add_resources(parameters: list[dict[str, Any]], resources: list[Any]) -> None:
    """Tell a candidate that halving tries with more and more resources from itself.

    Where they are a parameter of the estimator, they are among those already.
    """
    for name in parameters[0]:
        if [chosen.get(name) for chosen in parameters] == resources:
            return
    for chosen, n in zip(parameters, resources, strict=True):
        chosen["n_resources"] = n


def pareto_front(milliseconds: NDArray[Any], scores: NDArray[Any]) -> list[int]:
    """The candidates of which none other is as good and as fast, the fastest first.

    Parameters
    ----------
    milliseconds, scores : ndarray of shape (n_candidates,)
        Less is better, and more is better. Candidates with NaN are never on the front.
        Of candidates with equal scores and times, the first is.

    Returns
    -------
    list of int
    """
    front: list[int] = []
    best = -np.inf
    # By time, then by falling score: who does not exceed all before is dominated.
    for number in np.lexsort((-scores, milliseconds)):
        if np.isfinite(milliseconds[number]) and scores[number] > best:
            front.append(int(number))
            best = scores[number]
    return front

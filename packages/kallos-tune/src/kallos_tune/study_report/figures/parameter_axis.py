"""Where values of a hyperparameter lie on an axis from 0 to 1, and what its ticks say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial

from ...verdict.evidence import Floats


@dataclass(frozen=True, slots=True)
class ParameterAxis:
    """An axis.

    Attributes
    ----------
    name : str
    places : numpy.ndarray, float64, [N]
        Of the trials' values, from 0 to 1.
    ticks : tuple of list
        Places and labels.
    """

    name: str
    places: Floats
    ticks: tuple[list[float], list[str]]


def parameter_axis(name: str, trials: Sequence[FrozenTrial]) -> ParameterAxis:
    """Return the axis of a parameter that all of these trials have, one at least."""
    distribution = trials[-1].distributions[name]
    values: list[Any] = [trial.params[name] for trial in trials]
    if isinstance(distribution, CategoricalDistribution) or not all(isinstance(each, int | float) for each in values):
        return _of_choices(name, values)
    return _of_numbers(name, np.array(values, dtype=np.float64), log=bool(getattr(distribution, "log", False)))


def score_axis(name: str, trials: Sequence[FrozenTrial]) -> ParameterAxis:
    """Return the axis of the scores of complete trials."""
    return _of_numbers(name, np.array([trial.value for trial in trials], dtype=np.float64), log=False)


def _of_choices(name: str, values: Sequence[Any]) -> ParameterAxis:
    known = sorted(set(values), key=_rank)
    at = dict(zip(known, _spread(len(known)), strict=True))
    return ParameterAxis(
        name, np.array([at[value] for value in values]), (list(at.values()), [str(each) for each in at])
    )


def _of_numbers(name: str, values: Floats, *, log: bool) -> ParameterAxis:
    scaled = np.log(values) if log else values
    low, high = float(scaled.min()), float(scaled.max())
    if low == high:
        return ParameterAxis(name, np.full(len(values), 0.5), ([0.5], [_short(float(values[0]))]))
    ends = [float(values.min()), float(values.max())]
    middle = math.exp((low + high) / 2) if log else (low + high) / 2
    if all(float(each).is_integer() for each in values):
        middle = float(round(middle))
    marks = [ends[0], *([middle] if ends[0] < middle < ends[1] else []), ends[1]]
    places = [((math.log(mark) if log else mark) - low) / (high - low) for mark in marks]
    return ParameterAxis(name, (scaled - low) / (high - low), (places, [_short(mark) for mark in marks]))


def _spread(number: int) -> list[float]:
    return [0.5] if number == 1 else [place / (number - 1) for place in range(number)]


def _rank(value: object) -> tuple[bool, float, str]:
    """Return what choices are sorted by: numbers first, by size, then the others by their names."""
    is_number = isinstance(value, int | float)
    return not is_number, float(value) if is_number else 0.0, str(value)


def _short(value: float) -> str:
    return f"{value:.3g}"

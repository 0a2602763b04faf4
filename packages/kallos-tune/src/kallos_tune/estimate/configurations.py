"""Configurations of a search space by what they cost: the smallest, a middle one, the largest, and whatever is drawn.

Of a configuration c, the cost of an epoch is taken to be proportional to

    hidden_dim^1.2 · n_rnn_layers^1 · input_chunk_length^0.9 · batch_size^-0.4

between the configurations that were timed. The exponents lie between those of small networks, whose time goes into
calls, and those of large ones, whose time goes into products of matrices; timing corrects their sum.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ..search_space import Space, defaults_in

Params = Mapping[str, int | float]

SMALLEST: Final = "smallest"
MIDDLE: Final = "middle"
LARGEST: Final = "largest"

_EXPONENTS: Final = {"hidden_dim": 1.2, "n_rnn_layers": 1.0, "input_chunk_length": 0.9, "batch_size": -0.4}
# They cost nothing, and a training with the largest of them may come to no end.
_WITHOUT_COST: Final = {"dropout", "learning_rate"}


def corners(space: Space, model_name: str) -> dict[str, Params]:
    """Return the smallest, a middle and the largest configuration of a space, by those names.

    The middle one has the middle of every range, on the scale that it is drawn on. Of a parameter that costs less the
    larger it is, the smallest configuration has the largest value. What has no order is the default in all three, the
    first choice where that is not among the choices.
    """
    return {name: _corner(space, model_name, place) for name, place in ((SMALLEST, 0.0), (MIDDLE, 0.5), (LARGEST, 1.0))}


def cost_index(params: Params) -> float:
    """Return the logarithm of what an epoch of a configuration costs, up to a constant."""
    return sum(power * math.log(max(1.0, params[name])) for name, power in _EXPONENTS.items() if name in params)


def drawn(space: Space, n: int, rng: np.random.Generator) -> list[Params]:
    """Return so many configurations drawn from a space, each parameter evenly on its scale."""
    return [{name: at(each, rng.random()) for name, each in space.items()} for _ in range(n)]


def at(distribution: BaseDistribution, place: float) -> int | float:
    """Return the value at a place of a range, from 0 for its lowest to 1 for its highest, on the scale it is drawn on.

    Choices are taken in their order.
    """
    match distribution:
        case IntDistribution(low=low, high=high, step=step, log=log):
            value = _between(low, high, place, log=log)
            return min(high, low + step * round((value - low) / step))
        case FloatDistribution(low=low, high=high, log=log):
            return _between(low, high, place, log=log)
        case CategoricalDistribution(choices=choices):
            return choices[min(len(choices) - 1, int(place * len(choices)))]  # pyright: ignore[reportReturnType]
        case _:
            raise TypeError(f"{distribution} is no range and no choice")


def _corner(space: Space, model_name: str, place: float) -> Params:
    defaults = defaults_in(space, model_name)
    return {name: _in_corner(name, each, place, defaults.get(name)) for name, each in space.items()}


def _in_corner(name: str, distribution: BaseDistribution, place: float, default: float | None) -> int | float:
    if name in _WITHOUT_COST:
        place = 0.5
    elif _EXPONENTS.get(name, 1.0) < 0:
        place = 1.0 - place
    if not isinstance(distribution, CategoricalDistribution):
        return at(distribution, place)
    if name in _EXPONENTS and all(isinstance(choice, int | float) for choice in distribution.choices):
        return at(CategoricalDistribution(sorted(distribution.choices, key=_number)), place)
    return at(distribution, 0.0) if default is None else default


def _number(choice: object) -> float:
    assert isinstance(choice, int | float), "only numbers are sorted"
    return choice


def _between(low: float, high: float, place: float, *, log: bool) -> float:
    if not log:
        return low + place * (high - low)
    return math.exp(math.log(low) + place * (math.log(high) - math.log(low)))

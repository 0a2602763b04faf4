"""The search space, as data.

================== =============================
name               values
================== =============================
hidden_dim         int 32 to 256, log scale
n_rnn_layers       int 1 to 4
dropout            float 0.0 to 0.7
batch_size         32, 64 or 128
input_chunk_length int 30 to 70, in steps
learning_rate      float 1e-5 to 1e-2, log scale
================== =============================
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import BaseTrial

from kallos_models import available_models, hyperparameters_of
from kallos_models import without_effect as idle_hyperparameters

from .errors import ConfigError

Space = Mapping[str, BaseDistribution]

SEARCH_SPACE: Space = {
    "hidden_dim": IntDistribution(32, 256, log=True),
    "n_rnn_layers": IntDistribution(1, 4),
    "dropout": FloatDistribution(0.0, 0.7),
    "batch_size": CategoricalDistribution([32, 64, 128]),
    "input_chunk_length": IntDistribution(30, 70),
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
}


def suggest(trial: BaseTrial, space: Space) -> dict[str, int | float]:
    """Ask a trial for a value of every parameter of the space, in its order.

    Raises
    ------
    ConfigError
        Where a distribution is of a kind that trials do not suggest.
    """
    return {name: _suggest(trial, name, distribution) for name, distribution in space.items()}


def defaults_in(space: Space, model_name: str) -> dict[str, int | float]:
    """Return the defaults of an architecture's hyperparameters that a space contains."""
    defaults = {facts.name: facts.default for facts in hyperparameters_of(model_name)}
    return {name: defaults[name] for name, values in space.items() if name in defaults and _has(values, defaults[name])}


def without_effect(model_name: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a trial that do nothing beside the others, and that they do not, in words.

    See :func:`kallos_models.without_effect`. Of an architecture that is not there, nothing is known.
    """
    return idle_hyperparameters(model_name, params) if model_name in available_models() else {}


def longest_look_back(space: Space) -> int:
    """Return the largest ``input_chunk_length`` that the space can give.

    Raises
    ------
    ConfigError
        Where the space has no such integer parameter.
    """
    match space.get("input_chunk_length"):
        case IntDistribution(high=high):
            return high
        case CategoricalDistribution(choices=choices):
            return max(int(choice) for choice in choices if choice is not None)
        case _:
            raise ConfigError("the search space needs an integer parameter 'input_chunk_length'")


def fingerprint(space: Space) -> str:
    """Return a short hash that two spaces share only if they are the same, in whatever order."""
    described = {name: json.loads(distribution_to_json(each)) for name, each in space.items()}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


def _has(distribution: BaseDistribution, value: float | None) -> bool:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return value in choices
        case _ if value is None:
            return False
        case IntDistribution(low=low, high=high, step=step):
            return low <= value <= high and (value - low) % step == 0
        case FloatDistribution(low=low, high=high, step=None):
            return low <= value <= high
        case _:
            return False


def _suggest(trial: BaseTrial, name: str, distribution: BaseDistribution) -> int | float:
    match distribution:
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(name, low, high, step=step, log=log)
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)  # pyright: ignore[reportReturnType]
        case _:
            raise ConfigError(f"parameter {name!r} has a distribution that cannot be suggested: {distribution}")

"""One set of hyperparameters for every architecture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Self

from .errors import ConfigError

_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What defines a model, in the same words for every architecture.

    Parameters
    ----------
    hidden_dim : int, default 64
        Width of the hidden layers.
    n_rnn_layers : int, default 1
        Depth: recurrent layers, encoder and decoder layers, or residual blocks.
    dropout : float, default 0.1
        Share of activations dropped in training, in [0, 1).
    batch_size : int, default 64
        Samples in a training step.
    input_chunk_length : int, default 50
        Look-back, in steps.
    learning_rate : float, default 1e-3
        Step size of Adam.
    output_chunk_length : int, default 1
        Steps forecast at once.
    output_chunk_shift : int, default 0
        Steps skipped between the look-back and the first step forecast.
    n_epochs : int, default 100
        Epochs of a model that is trained by its own ``fit``; :func:`kallos_models.fit_forecaster` takes them from its
        settings instead.
    random_state : int or None, default None
        Seed of weights, dropout and batch order.

    Raises
    ------
    ConfigError
        Where a value has the wrong type or lies outside its range.
    """

    hidden_dim: int = 64
    n_rnn_layers: int = 1
    dropout: float = 0.1
    batch_size: int = 64
    input_chunk_length: int = 50
    learning_rate: float = 1e-3
    output_chunk_length: int = 1
    output_chunk_shift: int = 0
    n_epochs: int = 100
    random_state: int | None = None

    def __post_init__(self) -> None:
        for name in (
            "hidden_dim",
            "n_rnn_layers",
            "batch_size",
            "input_chunk_length",
            "output_chunk_length",
            "n_epochs",
        ):
            _set(self, name, whole(name, getattr(self, name), least=1))
        _set(self, "output_chunk_shift", whole("output_chunk_shift", self.output_chunk_shift, least=0))
        _set(self, "dropout", real("dropout", self.dropout))
        _set(self, "learning_rate", real("learning_rate", self.learning_rate))
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must lie in [0, 1), not {self.dropout!r}")
        if self.learning_rate <= 0:
            raise ConfigError(f"learning_rate must be above 0, not {self.learning_rate!r}")
        if self.random_state is not None:
            _set(self, "random_state", seed("random_state", self.random_state))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Read hyperparameters by name, for instance from JSON or a trial.

        Parameters
        ----------
        values : Mapping[str, Any]
            Names and values; a name left out keeps its default.

        Raises
        ------
        ConfigError
            For a name that is no hyperparameter, or a value out of its range.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            names = ", ".join(repr(name) for name in unknown)
            raise ConfigError(f"unknown hyperparameter {names}: known are {', '.join(known)}")
        return cls(**values)


def whole(name: str, value: object, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``, or raise a ConfigError that names it."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def real(name: str, value: object) -> float:
    """Return ``value`` as a finite float, or raise a ConfigError that names it."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ConfigError(f"{name} must be a finite number, not {value!r}")
    return float(value)


def seed(name: str, value: object) -> int:
    """Return ``value`` as a seed that NumPy and torch both take, or raise a ConfigError that names it."""
    number = whole(name, value, least=0)
    if number > _LARGEST_SEED:
        raise ConfigError(f"{name} must be at most {_LARGEST_SEED}, not {value!r}")
    return number


def _set(instance: Hyperparameters, name: str, value: float) -> None:
    object.__setattr__(instance, name, value)

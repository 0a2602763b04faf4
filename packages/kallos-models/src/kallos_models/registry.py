"""Architectures by name, and their hyperparameters: each file of ``kallos_models.architectures`` is one."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args

from . import architectures
from .declared_settings import SettingFacts, settings_of
from .errors import ConfigError, UnknownModelError
from .hyperparameters import Hyperparameters, WithoutEffect
from .settings import Likelihood

if TYPE_CHECKING:
    from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel

logger = logging.getLogger(__name__)


def available_models() -> tuple[str, ...]:
    """Return the names of the architectures, sorted; neither torch nor Darts is imported."""
    names = (module.name for module in iter_modules(architectures.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def hyperparameters_of(model_name: str) -> tuple[SettingFacts, ...]:
    """Return what an architecture declares of its hyperparameters; neither torch nor Darts is imported.

    Parameters
    ----------
    model_name : str
        One of :func:`available_models`.

    Returns
    -------
    tuple of SettingFacts
        Name, default, bounds and meaning of each: those that every architecture has, then its own.

    Raises
    ------
    UnknownModelError
        Where no architecture has that name.
    """
    idle = {each.name: each for each in _declared_without_effect(model_name)}
    return tuple(
        replace(facts, meaning=f"{facts.meaning.rstrip('.')}; without effect where {where.beside} is {where.value}.")
        if (where := idle.get(facts.name))
        else facts
        for facts in settings_of(hyperparameters_class(model_name))
    )


def without_effect(model_name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the hyperparameters that do nothing beside the values of others, and that they do not, in words.

    Parameters
    ----------
    model_name : str
        One of :func:`available_models`.
    values : Mapping[str, Any]
        Names and values; a name left out has its default.

    Returns
    -------
    dict[str, str]
        By name: "without effect with n_rnn_layers = 1". One that is 0 is not among them.

    Raises
    ------
    UnknownModelError
        Where no architecture has that name.

    Examples
    --------
    >>> without_effect("gru", {"dropout": 0.3, "n_rnn_layers": 1})
    {'dropout': 'without effect with n_rnn_layers = 1'}
    """
    known = {facts.name: facts.default for facts in hyperparameters_of(model_name)} | dict(values)
    return {
        each.name: f"without effect with {each.beside} = {each.value}"
        for each in _declared_without_effect(model_name)
        if each.holds(known)
    }


def read_hyperparameters(model_name: str, values: Hyperparameters | Mapping[str, Any]) -> Hyperparameters:
    """Read the hyperparameters of an architecture by name, for instance from JSON or a trial.

    Parameters
    ----------
    model_name : str
        One of :func:`available_models`.
    values : Hyperparameters or Mapping[str, Any]
        Names and values; a name left out keeps its default.

    Returns
    -------
    Hyperparameters
        Of the architecture's own subclass, where it has hyperparameters of its own.

    Raises
    ------
    UnknownModelError
        Where no architecture has that name.
    ConfigError
        For a name that is none of its hyperparameters, or a value that is out of bounds.
    """
    cls = hyperparameters_class(model_name)
    if isinstance(values, cls) and type(values) is cls:
        return values
    named = asdict(values) if isinstance(values, Hyperparameters) else values
    _refuse_those_of_others(model_name, cls, named)
    return cls.from_mapping(named)


def hyperparameters_class(model_name: str) -> type[Hyperparameters]:
    """Return the class that holds the hyperparameters of an architecture.

    Raises
    ------
    UnknownModelError
        Where no architecture has that name.
    """
    return getattr(_module(model_name), "HYPERPARAMETERS", Hyperparameters)


def create_model(
    model_name: str,
    hparams: Hyperparameters | Mapping[str, Any],
    pl_trainer_kwargs: Mapping[str, Any] | None = None,
    *,
    likelihood: Likelihood = "none",
) -> "TorchForecastingModel":
    """Build an unfitted Darts model.

    The hyperparameters are translated into the architecture's own names. One that has no effect on it, or is changed to
    fit it, is named in a log line, once per process. The loss is the mean squared error, or
    the mean pinball loss of the quantiles; the optimiser is Adam.

    Parameters
    ----------
    model_name : str
        One of :func:`available_models`.
    hparams : Hyperparameters or Mapping[str, Any]
        As :func:`read_hyperparameters` reads them.
    pl_trainer_kwargs : Mapping[str, Any], optional
        Keyword arguments of the Lightning trainer that the model makes for its own ``fit`` and ``predict``, such as
        :func:`kallos_models.trainer_kwargs` returns. Darts copies them deeply when it saves or clones a model, so
        nothing that must stay one object belongs in them.
    likelihood : {"none", "quantile"}, default "none"
        Whether the model forecasts a value, or :data:`kallos_models.QUANTILES`; those of a fitted model are what
        :func:`kallos_models.forecast_quantiles` returns. Darts' own ``predict`` draws values between them.

    Returns
    -------
    TorchForecastingModel
        Takes past covariates; trains in the precision of its series.

    Raises
    ------
    UnknownModelError
        Where no architecture has that name.
    ConfigError
        Where a hyperparameter is unknown, out of range or impossible for the architecture, or there is no such
        likelihood.
    """
    return build_model(
        model_name, hparams, pl_trainer_kwargs, likelihood=likelihood, note=lambda words: _say(model_name, words)
    )


def build_model(
    model_name: str,
    hparams: Hyperparameters | Mapping[str, Any],
    pl_trainer_kwargs: Mapping[str, Any] | None,
    *,
    likelihood: Likelihood,
    note: Callable[[str], None],
) -> "TorchForecastingModel":
    """Do what :func:`create_model` does, and tell what cannot apply to ``note`` alone."""
    hparams = read_hyperparameters(model_name, hparams)
    for each in _declared_without_effect(model_name):
        if each.holds(asdict(hparams)):
            note(f"{each.name} {each.why}, so with {each.beside}={each.value} it is not used")
    if likelihood not in get_args(Likelihood):
        raise ConfigError(f"must be one of {', '.join(get_args(Likelihood))}, not {likelihood!r}", "likelihood")
    from .darts_arguments import shared_arguments  # noqa: PLC0415 - imports torch

    build: Callable[..., TorchForecastingModel] = _module(model_name).build
    return build(hparams, shared_arguments(hparams, pl_trainer_kwargs, likelihood), note)


def _declared_without_effect(model_name: str) -> tuple[WithoutEffect, ...]:
    return getattr(_module(model_name), "WITHOUT_EFFECT", ())


def _module(model_name: str) -> ModuleType:
    known = available_models()
    if model_name not in known:
        raise UnknownModelError(model_name, known)
    return import_module(f"{architectures.__name__}.{model_name}")


def _refuse_those_of_others(model_name: str, cls: type[Hyperparameters], values: Mapping[str, Any]) -> None:
    """Say whose a hyperparameter is that this architecture does not have; what nobody has, its class refuses."""
    known = {each.name for each in fields(cls)}
    for name in (each for each in values if each not in known):
        if owners := [other for other in available_models() if name in _names_of(other)]:
            own = sorted(known - {each.name for each in fields(Hyperparameters)})
            instead = f"its own are {', '.join(own)}" if own else "it has none of its own"
            whose = f"{' and '.join(owners)} has it, {instead}"
            raise ConfigError(f"unknown hyperparameter {name!r} of {model_name}: {whose}")


def _names_of(model_name: str) -> list[str]:
    return [each.name for each in fields(hyperparameters_class(model_name))]


@cache
def _say(model_name: str, words: str) -> None:
    logger.info("%s: %s", model_name, words)

"""Architectures by name: each file of ``kallos_models.architectures`` is one."""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, get_args

from . import architectures
from .errors import ConfigError, UnknownModelError
from .hyperparameters import Hyperparameters
from .settings import Likelihood

if TYPE_CHECKING:
    from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel

logger = logging.getLogger(__name__)


def available_models() -> tuple[str, ...]:
    """Return the names of the architectures, sorted; neither torch nor Darts is imported."""
    names = (module.name for module in iter_modules(architectures.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


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
        A mapping is read by :meth:`Hyperparameters.from_mapping`.
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
    known = available_models()
    if model_name not in known:
        raise UnknownModelError(model_name, known)
    if not isinstance(hparams, Hyperparameters):
        hparams = Hyperparameters.from_mapping(hparams)
    if likelihood not in get_args(Likelihood):
        raise ConfigError(f"must be one of {', '.join(get_args(Likelihood))}, not {likelihood!r}", "likelihood")
    from .darts_arguments import shared_arguments  # noqa: PLC0415 - imports torch

    build = _builder(model_name)
    return build(
        hparams, shared_arguments(hparams, pl_trainer_kwargs, likelihood), lambda words: _say(model_name, words)
    )


def _builder(model_name: str) -> Callable[..., "TorchForecastingModel"]:
    return import_module(f"{architectures.__name__}.{model_name}").build


@cache
def _say(model_name: str, words: str) -> None:
    logger.info("%s: %s", model_name, words)

"""A few training steps of a configuration, timed: what a worker does for an estimate.

Every worker times the same configurations in the same order at the same time, so that each has the share of the
machine that it will have in the study.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from kallos_data import FoldSeries
from kallos_models import (
    Fit,
    KallosError,
    fit_forecaster,
    forecast_quantiles,
    forecast_recursive,
    forecast_rolling,
)

from ..evaluation.threads import torch_threads
from ..settings import TuningSettings
from ..study_data import StudyData
from .configurations import Params

_BATCHES: Final = 4
_VAL_STEPS: Final = 256
_RECURSIVE_STEPS: Final = 16
# How long the steps of a small configuration are repeated.
_SECONDS: Final = 1.0
_MOST_EPOCHS: Final = 12


@dataclass(frozen=True, slots=True)
class Timing:
    """What a configuration costs in one worker, in seconds.

    Attributes
    ----------
    name : str
        Of the configuration.
    step : float
        One training step, of one batch.
    validation : float
        Validating one step of the validation window.
    forecast : float
        Forecasting one step of it.
    overhead : float
        What every fold costs beside, whatever its length.
    memory : int
        Most bytes that the process has held so far.
    share : float
        The share of a core that it got while it was timed, up to 1.
    """

    name: str
    step: float
    validation: float
    forecast: float
    overhead: float
    memory: int
    share: float


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has loaded all it needs."""


@dataclass(frozen=True, slots=True)
class Untimed:
    """A configuration that cannot be trained, and why."""

    name: str
    reason: str


def time_configurations(
    data: StudyData, model_name: str, configurations: Mapping[str, Params], listener: Callable[[object], None]
) -> None:
    """Time configurations on the last fold, one after the other.

    Tells :class:`Ready`, and of each configuration a :class:`Timing`, or why there is none.

    Parameters
    ----------
    data : StudyData
    model_name : str
    configurations : mapping of str to mapping
        Hyperparameters by the name of the configuration.
    listener : callable
        Is told.
    """
    fold = data.folds[-1]
    with torch_threads(data.settings.run.threads):
        # What is loaded and set up once in a process is in no configuration's time.
        smallest = next(iter(configurations.values()))
        with suppress(KallosError):
            _fit(fold, model_name, smallest, data.settings, epochs=1)
        listener(Ready())
        for name, params in configurations.items():
            try:
                listener(time_configuration(name, fold, model_name, params, data.settings))
            except KallosError as error:
                listener(Untimed(name, str(error)))


def time_configuration(
    name: str, fold: FoldSeries, model_name: str, params: Params, settings: TuningSettings
) -> Timing:
    """Time a few training batches, a validation pass and a forecast of one configuration on a fold."""
    began, worked = time.perf_counter(), time.process_time()
    fit, epoch, overhead = _fit(fold, model_name, params, settings, epochs=2)
    if epoch < _SECONDS:
        epochs = 2 + min(_MOST_EPOCHS, int(_SECONDS / max(epoch, 1e-6)))
        fit, epoch, overhead = _fit(fold, model_name, params, settings, epochs=epochs)
    n_val = min(fold.n_val, _VAL_STEPS)
    passed = min(_validation_pass(fit, fold, params, settings, n_val) for _ in range(2))
    validation = passed / n_val
    forecast = validation
    if settings.folds.forecast == "recursive":
        forecast = _recursive_step(fit, fold, params)
    step = max(epoch - passed, 0.05 * epoch) / _n_batches(fold, params, settings)
    share = min(1.0, (time.process_time() - worked) / (time.perf_counter() - began))
    return Timing(name, step, validation, forecast, overhead, peak_memory(), share)


def _n_batches(fold: FoldSeries, params: Params, settings: TuningSettings) -> int:
    """Return how many batches are timed: a few, fewer where the window has no more."""
    samples = fold.n_train - int(params["input_chunk_length"]) - settings.folds.purge
    return max(1, min(_BATCHES, samples // _batch_size(params)))


def _batch_size(params: Params) -> int:
    return int(params.get("batch_size", 64))


def _fit(
    fold: FoldSeries, model_name: str, params: Params, settings: TuningSettings, *, epochs: int
) -> tuple[Fit, float, float]:
    """Train on a part of the fold; return the fit, the seconds of an epoch and those of all around the epochs."""
    purge = settings.folds.purge
    look_back = int(params["input_chunk_length"]) + purge
    target, covariates = fold.train_series()
    n_samples = min(len(target) - look_back, _n_batches(fold, params, settings) * _batch_size(params))
    n_steps = look_back + n_samples
    val_target, val_covariates = fold.val_series(look_back)
    n_val = look_back + min(fold.n_val, _VAL_STEPS)
    moments: list[float] = []
    began = time.perf_counter()
    fit = fit_forecaster(
        model_name,
        {**params, "output_chunk_shift": purge},
        target[-n_steps:],
        None if covariates is None else covariates[-n_steps:],
        val_target=val_target[:n_val],
        val_past_covariates=None if val_covariates is None else val_covariates[:n_val],
        settings=replace(settings.training, max_epochs=epochs, patience=epochs),
        on_epoch=lambda *_: moments.append(time.perf_counter()),
    )
    whole = time.perf_counter() - began
    # The first epoch holds what is set up once for every model.
    between = [after - before for before, after in pairwise(moments)]
    epoch = statistics.median(between) if between else moments[0] - began
    return fit, epoch, max(0.0, whole - len(moments) * epoch)


def _validation_pass(fit: Fit, fold: FoldSeries, params: Params, settings: TuningSettings, n_val: int) -> float:
    look_back = int(params["input_chunk_length"]) + settings.folds.purge
    target, covariates = fold.val_series(look_back)
    forecast = forecast_quantiles if settings.training.likelihood == "quantile" else forecast_rolling
    began = time.perf_counter()
    forecast(fit.model, target[: look_back + n_val], None if covariates is None else covariates[: look_back + n_val])
    return time.perf_counter() - began


def _recursive_step(fit: Fit, fold: FoldSeries, params: Params) -> float:
    n = min(fold.n_val, _RECURSIVE_STEPS)
    start = fold.val_start - int(params["input_chunk_length"])
    covariates = None if fold.covariates is None else fold.covariates[start:]
    forecast_recursive(fit.model, 1, fold.target[start : fold.val_start], covariates)
    began = time.perf_counter()
    forecast_recursive(fit.model, n, fold.target[start : fold.val_start], covariates)
    return (time.perf_counter() - began) / n


def peak_memory() -> int:
    """Return the most bytes that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most

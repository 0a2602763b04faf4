"""Errors of forecasts, and of the naive forecasts to compare them with.

The naive score beside every score is that of the better of two forecasts that need no model: the last value known, and
the mean of the training window.
"""

from typing import TYPE_CHECKING

import numpy as np

from kallos_data.folds.scaling import Floats

from ..settings import Metric, TuningSettings

if TYPE_CHECKING:
    from kallos_data import FoldSeries


def naive_score(fold: "FoldSeries", settings: TuningSettings) -> float:
    """Return the error of the better naive forecast: the last value known, or the mean of the training window.

    What is known at a step follows the forecast mode: the value one step (and the purge) before when rolling, the last
    of the training window when recursive.
    """
    history = np.concatenate([fold.train_actual, np.repeat(fold.train_actual[-1:], fold.purge), fold.actual])
    lag = 1 + fold.purge
    if settings.forecast == "rolling":
        last_known = history[fold.val_start - lag : len(history) - lag]
    else:
        last_known = np.full(fold.n_val, fold.train_actual[-1])
    mean = np.full(fold.n_val, fold.train_actual.mean())
    return min(error(settings.metric, fold.actual, naive) for naive in (last_known, mean))


def error(metric: Metric, actual: Floats, forecast: Floats) -> float:
    """Return root mean squared or mean absolute error of a forecast ``[N]``, in the target's unit."""
    difference = forecast - actual
    return float(np.sqrt(np.mean(difference**2)) if metric == "rmse" else np.mean(np.abs(difference)))

"""Errors of forecasts, and of the naive forecasts to compare them with.

The naive score beside every score is that of the better of two forecasts that need no model: the last value known, and
the mean of the training window.
"""

import numpy as np
from numpy.typing import NDArray

from ..settings import FoldSettings, Metric

Floats = NDArray[np.float64]


def naive_score(train: Floats, actual: Floats, settings: FoldSettings) -> float:
    """Return the error of the better naive forecast: the last value known, or the mean of the training window.

    What is known at a step follows the forecast mode: the value one step (and the purge) before when rolling, the last
    of the training window when recursive.

    Parameters
    ----------
    train : numpy.ndarray, float64, [T_train]
        The target in the training window, purged steps left out.
    actual : numpy.ndarray, float64, [T_val]
        The target in the validation window.
    settings : FoldSettings
        Purge, forecast mode and metric.
    """
    if settings.forecast == "rolling":
        history = np.concatenate([train, np.repeat(train[-1:], settings.purge), actual])
        last_known = history[len(train) - 1 : len(train) - 1 + len(actual)]
    else:
        last_known = np.full(len(actual), train[-1])
    mean = np.full(len(actual), train.mean())
    return min(error(settings.metric, actual, naive) for naive in (last_known, mean))


def error(metric: Metric, actual: Floats, forecast: Floats) -> float:
    """Return root mean squared or mean absolute error of a forecast ``[N]``, in the target's unit."""
    difference = forecast - actual
    return float(np.sqrt(np.mean(difference**2)) if metric == "rmse" else np.mean(np.abs(difference)))

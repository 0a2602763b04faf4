"""Errors of forecasts, and of the naive forecasts to compare them with.

The naive score beside every score is that of the better of two forecasts that need no model: the last value known, and
the mean of the training window.
"""

import numpy as np
from numpy.typing import NDArray

from ..settings import FoldSettings, Metric

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def naive_score(
    train: Floats,
    actual: Floats,
    settings: FoldSettings,
    *,
    train_observed: Mask | None = None,
    observed: Mask | None = None,
) -> float:
    """Return the error of the better naive forecast: the last value known, or the mean of the training window.

    What is known at a step follows the forecast mode: the value one step (and the purge) before when rolling, the last
    of the training window when recursive. Filled values are neither known, nor scored, nor part of the mean.

    Parameters
    ----------
    train : numpy.ndarray, float64, [T_train]
        The target in the training window, purged steps left out.
    actual : numpy.ndarray, float64, [T_val]
        The target in the validation window.
    settings : FoldSettings
        Purge, forecast mode and metric.
    train_observed, observed : numpy.ndarray, bool, [T_train] and [T_val], optional
        Which of these steps have values of their own; all where left out.
    """
    if train_observed is not None and not train_observed.all():
        train = _last_observed(train, train_observed)
    mean_of_train = train.mean() if train_observed is None else train[train_observed].mean()
    if settings.forecast == "rolling":
        known = actual if observed is None else _last_observed(actual, observed, before=train[-1])
        history = np.concatenate([train, np.repeat(train[-1:], settings.purge), known])
        last_known = history[len(train) - 1 : len(train) - 1 + len(actual)]
    else:
        last_known = np.full(len(actual), train[-1])
    mean = np.full(len(actual), mean_of_train)
    return min(error(settings.metric, actual, naive, observed) for naive in (last_known, mean))


def error(metric: Metric, actual: Floats, forecast: Floats, observed: Mask | None = None) -> float:
    """Return root mean squared or mean absolute error of a forecast ``[N]``, in the target's unit.

    Steps that ``observed``, a mask ``[N]``, leaves out are not scored.
    """
    difference = forecast - actual
    if observed is not None:
        difference = difference[observed]
    return float(np.sqrt(np.mean(difference**2)) if metric == "rmse" else np.mean(np.abs(difference)))


def _last_observed(values: Floats, observed: Mask, before: float = np.nan) -> Floats:
    """Return for each step the value of the last observed one up to it; ``before`` where there is none."""
    places = np.maximum.accumulate(np.where(observed, np.arange(len(values)), -1))
    return np.where(places >= 0, values[places], before)

"""Errors of forecasts, and of the naive forecasts to compare them with.

The naive forecast of a target whose changes are learnt is the last value known: the forecast of no change. Where its
values are learnt, the naive score beside every score is that of the better of two forecasts that need no model: the
last value known, and the mean of the training window.
"""

import numpy as np
from numpy.typing import NDArray

from kallos_data import FoldTarget

from ..settings import FoldSettings, Metric

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def naive_score(target: FoldTarget, settings: FoldSettings) -> float:
    """Return the error of the better naive forecast.

    What is known at a step follows the forecast mode: the value one step (and the purge) before when rolling, the last
    of the training window when recursive. Filled values are neither known, nor scored, nor part of the mean.

    Parameters
    ----------
    target : FoldTarget
        The target in its own unit.
    settings : FoldSettings
        Forecast mode and metric.
    """
    validation = slice(target.val_start, None)
    actual, scored = target.values[validation], target.learnable[validation]
    if settings.forecast == "rolling":
        naive = [target.known[validation]]
    else:
        naive = [np.full(target.n_val, target.known_at_start)]
    if target.transform == "none":
        training = slice(target.n_train)
        naive.append(np.full(target.n_val, target.values[training][target.observed[training]].mean()))
    return min(error(settings.metric, actual, each, scored) for each in naive)


def error(metric: Metric, actual: Floats, forecast: Floats, observed: Mask | None = None) -> float:
    """Return root mean squared or mean absolute error of a forecast ``[N]``, in the target's unit.

    Steps that ``observed``, a mask ``[N]``, leaves out are not scored.
    """
    difference = forecast - actual
    if observed is not None:
        difference = difference[observed]
    return float(np.sqrt(np.mean(difference**2)) if metric == "rmse" else np.mean(np.abs(difference)))

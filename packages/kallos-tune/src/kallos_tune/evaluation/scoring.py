"""Errors of forecasts, and of the naive forecasts to compare them with.

The naive forecast of a target whose changes are learnt is the last value known: the forecast of no change. Where its
values are learnt, the naive score beside every score is that of the better of two forecasts that need no model: the
last value known, and the mean of the training window.
"""

import numpy as np
from numpy.typing import NDArray

from kallos_data import FoldTarget

from ..settings import FoldSettings, Metric
from ..verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def naive_forecasts(target: FoldTarget, settings: FoldSettings, *, around_zero: bool = False) -> dict[str, Floats]:
    """Return the forecasts of a validation window that need no model, by name, each ``[T_val]``.

    What is known at a step follows the forecast mode: the value one step (and the purge) before when rolling, the last
    of the training window when recursive. Filled values are neither known nor part of the mean.

    Parameters
    ----------
    target : FoldTarget
        The target in its own unit.
    settings : FoldSettings
        Forecast mode.
    around_zero : bool, default False
        Whether the target swings around 0, so that 0 is a forecast, too.
    """
    if settings.forecast == "rolling":
        last_value = target.known[target.val_start :]
    else:
        last_value = np.full(target.n_val, target.known_at_start)
    if target.transform != "none":
        return {LAST_VALUE: last_value}
    of_training = target.values[: target.n_train][target.observed[: target.n_train]]
    forecasts = {LAST_VALUE: last_value, TRAINING_MEAN: np.full(target.n_val, of_training.mean())}
    return forecasts | ({ZERO: np.zeros(target.n_val)} if around_zero else {})


def naive_score(target: FoldTarget, settings: FoldSettings) -> float:
    """Return the error of the better naive forecast, of those that take part in a score.

    Parameters
    ----------
    target : FoldTarget
        The target in its own unit.
    settings : FoldSettings
        Forecast mode and metric.
    """
    actual, scored = target.values[target.val_start :], target.learnable[target.val_start :]
    return min(
        error(settings.metric, actual, forecast, scored) for forecast in naive_forecasts(target, settings).values()
    )


def error(metric: Metric, actual: Floats, forecast: Floats, observed: Mask | None = None) -> float:
    """Return root mean squared or mean absolute error of a forecast ``[N]``, in the target's unit.

    Steps that ``observed``, a mask ``[N]``, leaves out are not scored.
    """
    difference = forecast - actual
    if observed is not None:
        difference = difference[observed]
    return float(np.sqrt(np.mean(difference**2)) if metric == "rmse" else np.mean(np.abs(difference)))

"""Errors of forecasts, and the naive forecasts to compare them with.

A naive forecast needs no model: the last value known; the mean of the training window; zero. Of a target whose changes
are learnt it is the last value known, which is the forecast of no change; the mean is no rival of a random walk. Where
it was the better of the two in the training window all the same, the target is none, and the mean takes part.
"""

import numpy as np
from numpy.typing import NDArray

from kallos_data import FoldTarget

from ..score_names import Metric
from ..settings import FoldSettings
from ..verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def naive_forecasts(
    target: FoldTarget, settings: FoldSettings, *, with_mean: bool | None = None, around_zero: bool = False
) -> dict[str, Floats]:
    """Return the forecasts of a validation window that need no model, by name, each ``[T_val]``.

    What is known at a step follows the forecast mode: the value one step (and the purge) before when rolling, the last
    of the training window when recursive. Filled values are neither known nor part of the mean.

    Parameters
    ----------
    target : FoldTarget
        The target in its own unit.
    settings : FoldSettings
        Forecast mode.
    with_mean : bool, optional
        Whether the mean of the training window takes part; :func:`mean_is_a_rival` decides where left out.
    around_zero : bool, default False
        Whether the target swings around 0, so that 0 is a forecast, too.
    """
    if settings.forecast == "rolling":
        last_value = target.known[target.val_start :]
    else:
        last_value = np.full(target.n_val, target.known_at_start)
    forecasts = {LAST_VALUE: last_value}
    if with_mean if with_mean is not None else mean_is_a_rival(target):
        forecasts[TRAINING_MEAN] = np.full(target.n_val, _training_mean(target))
    return forecasts | ({ZERO: np.zeros(target.n_val)} if around_zero else {})


def naive_of_training(target: FoldTarget, metric: Metric, *, around_zero: bool = False) -> str:
    """Return the name of the naive forecast with the lowest error over a training window.

    Each step of it is forecast from what was known before; the mean is that of the whole window. Of equals, the first
    of last value, training mean and zero.

    Parameters
    ----------
    target : FoldTarget
        The target in its own unit.
    metric : {"rmse", "mae"}
    around_zero : bool, default False
        As of :func:`naive_forecasts`.
    """
    values = target.values[: target.n_train]
    forecasts, scored = forecasts_of_training(target, with_mean=mean_is_a_rival(target), around_zero=around_zero)
    return min(forecasts, key=lambda name: error(metric, values, forecasts[name], scored))


def forecasts_of_training(target: FoldTarget, *, with_mean: bool, around_zero: bool) -> tuple[dict[str, Floats], Mask]:
    """Return the naive forecasts of a training window by name, each ``[T_train]``, and at which steps they count.

    Each step is forecast from what was known before; the mean is that of the whole window.
    """
    values, known = target.values[: target.n_train], target.known[: target.n_train]
    forecasts = {LAST_VALUE: known}
    if with_mean:
        forecasts[TRAINING_MEAN] = np.full_like(values, _training_mean(target))
    if around_zero:
        forecasts[ZERO] = np.zeros_like(values)
    return forecasts, target.learnable[: target.n_train] & np.isfinite(known)


def mean_is_a_rival(target: FoldTarget) -> bool:
    """Return whether the mean of the training window takes part as naive forecast.

    It does where values are learnt; where changes are, if over the training window it was nearer to the target than the
    last value known.
    """
    if target.transform == "none":
        return True
    learnt = target.learnable[: target.n_train]
    values, known = target.values[: target.n_train][learnt], target.known[: target.n_train][learnt]
    return bool(np.mean((values - _training_mean(target)) ** 2) < np.mean((values - known) ** 2))


def error(metric: Metric, actual: Floats, forecast: Floats, observed: Mask | None = None) -> float:
    """Return root mean squared or mean absolute error of a forecast ``[N]``, in the target's unit.

    Steps that ``observed``, a mask ``[N]``, leaves out are not scored.
    """
    difference = forecast - actual
    if observed is not None:
        difference = difference[observed]
    return float(np.sqrt(np.mean(difference**2)) if metric == "rmse" else np.mean(np.abs(difference)))


def _training_mean(target: FoldTarget) -> float:
    return float(target.values[: target.n_train][target.observed[: target.n_train]].mean())

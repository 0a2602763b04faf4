"""How good a forecast is beside another: losses, skill, and the out-of-sample R²."""

import math

import numpy as np

from ..score_names import Metric
from .evidence import Floats


def losses_of(metric: Metric, actual: Floats, forecast: Floats) -> Floats:
    """Return the loss of each step ``[T]``: the squared error where RMSE is the metric, the absolute one for MAE."""
    difference = forecast - actual
    return difference**2 if metric == "rmse" else np.abs(difference)


def error_of(metric: Metric, losses: Floats) -> float:
    """Return the error, in the target's unit, that losses of one step or more come to."""
    mean = float(np.mean(losses))
    return math.sqrt(mean) if metric == "rmse" else mean


def skill_of(metric: Metric, losses: Floats, naive_losses: Floats) -> float | None:
    """Return ``1 - error / naive error`` over all steps: 0.01 is an error one per cent smaller than the naive one.

    Returns
    -------
    float or None
        0 where neither forecast makes an error, None where the naive one alone makes none.
    """
    return skill_of_errors(error_of(metric, losses), error_of(metric, naive_losses))


def skill_of_errors(error: float, naive_error: float) -> float | None:
    """Return ``1 - error / naive error``, as in :func:`skill_of`."""
    if naive_error > 0:
        return 1 - error / naive_error
    return 0.0 if error == 0 else None


def r2_out_of_sample(actual: Floats, forecast: Floats, training_mean: Floats) -> float | None:
    """Return the share of squared error that a forecast takes away from that of the training mean.

    ``1 - Σ(y - f)² / Σ(y - m)²``, with the mean m of what was known before each step. Campbell, Thompson (2008),
    "Predicting Excess Stock Returns Out of Sample", Review of Financial Studies 21(4).

    Parameters
    ----------
    actual, forecast, training_mean : numpy.ndarray, float64, [T]

    Returns
    -------
    float or None
        As in :func:`skill_of` where the training mean makes no error.
    """
    return skill_of_errors(float(np.sum((actual - forecast) ** 2)), float(np.sum((actual - training_mean) ** 2)))

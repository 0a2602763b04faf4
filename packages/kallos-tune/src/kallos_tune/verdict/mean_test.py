"""Student's test of whether a mean is above zero, for steps whose forecasts overlap, and the variance it needs."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from .evidence import Floats


@dataclass(frozen=True, slots=True)
class MeanTest:
    """A one-sided test.

    Attributes
    ----------
    statistic : float or None
        None where every step says the same, so that there is nothing to divide by.
    p : float
        The probability of as large a statistic where the forecast is no better than the naive one.
    """

    statistic: float | None
    p: float


def long_run_variance(values: Floats, horizon: int = 1) -> float:
    """Return the variance of ``√N · mean`` of values of which neighbours up to ``horizon - 1`` steps apart overlap.

    With autocovariances c_j (divided by N) and L = horizon - 1, the larger of two:

    - all lags in full, ``c_0 + 2 Σ_{j≤L} c_j`` (Hansen, Hodrick 1980): right for overlapping forecasts, whose errors
      are related up to lag L and no further; but it can be negative;
    - Bartlett weights, ``c_0 + 2 Σ_{j≤L} (1 - j / (L + 1)) c_j`` (Newey, West 1987): never negative, but up
      to a third too small here, which would make nearly twice as many false claims as are allowed.

    With a horizon of 1 both are c_0.

    Parameters
    ----------
    values : numpy.ndarray, float64, [N]
    horizon : int, default 1
        Steps from the last known one to the forecast one. Steps that are missing between two values are passed over.
    """
    centred = values - values.mean()
    n = len(values)
    gamma = [float(centred[lag:] @ centred[: n - lag]) / n for lag in range(min(horizon, n))]
    in_full = gamma[0] + 2 * sum(gamma[1:])
    bartlett = gamma[0] + 2 * sum((1 - lag / horizon) * each for lag, each in enumerate(gamma[1:], start=1))
    return max(in_full, bartlett, 0.0)


def standard_error(values: Floats, horizon: int = 1) -> float:
    """Return the standard error of the mean of values ``[N]``, corrected for small samples.

    ``√(V / (N + 1 - 2h + h(h - 1) / N))`` with the variance V of :func:`long_run_variance` and the horizon h, after
    Harvey, Leybourne, Newbold (1997), "Testing the equality of prediction mean squared errors", International Journal
    of Forecasting 13(2). With h = 1 it is the ordinary one, ``√(V / (N - 1))``. More than 2h steps are needed.
    """
    n = len(values)
    return math.sqrt(long_run_variance(values, horizon) / (n + 1 - 2 * horizon + horizon * (horizon - 1) / n))


def mean_above_zero(values: Floats, horizon: int = 1) -> MeanTest:
    """Test whether the mean of values ``[N]`` is above zero, against Student's distribution with N - 1 degrees.

    Values that are all 0 give a statistic of 0 and p = 1: nothing speaks for a difference.
    """
    size = float(np.max(np.abs(values)))
    if size == 0:
        return MeanTest(0.0, 1.0)
    scaled = values / size
    mean, error = float(scaled.mean()), standard_error(scaled, horizon)
    if error <= 8 * np.finfo(float).eps:  # what rounding leaves of no variance at all
        return MeanTest(None, 0.0 if mean > 0 else 1.0)
    statistic = mean / error
    return MeanTest(statistic, float(stdtr(len(values) - 1, -statistic)))

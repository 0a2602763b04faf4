"""Which skill would have shown: the power of the test, told as a skill."""

import math
from typing import Final

import numpy as np
from scipy.special import ndtri

from .clark_west import clark_west_terms
from .evidence import Floats
from .mean_test import standard_error

LEVEL: Final = 0.025
"""The p-value below which the Clark-West test says yes.

Stricter than the usual 0.05, at which 3 of 60 studies of pure noise were told that they beat (benchmark ``honesty``).
"""
POWER: Final = 0.8


def detectable_skill(actual: Floats, forecast: Floats, naive: Floats, *, horizon: int = 1) -> float | None:
    """Return the skill at which the Clark-West test on as many steps would say yes in 80 of 100 cases.

    The test says yes where the mean of its terms ``2 e₀ d`` (d = model - naive forecast) exceeds z₀.₉₇₅ standard
    errors; it does in 80 % of cases where that mean truly is ``(z₀.₉₇₅ + z₀.₈₀)`` of them, 2.80. With the standard
    error s that was seen this is a correlation ``r = 2.80 s / (2 √(mean e₀² · mean d²))`` of d with e₀, and a forecast
    of that correlation and the right size takes the share r² off the squared error: a skill of ``1 - √(1 - r²)``. The
    size of d drops out. For independent steps, N of them, r = 2.80 / √N.

    Under MAE it is a skill by squared errors all the same, as the test is.

    Parameters
    ----------
    actual, forecast, naive : numpy.ndarray, float64, [N]
    horizon : int, default 1

    Returns
    -------
    float or None
        None where no forecast, however good, would have been found out.
    """
    deviation, naive_error = forecast - naive, actual - naive
    size = float(np.max(np.abs(deviation))) * float(np.max(np.abs(naive_error)))
    if size == 0:
        relative_error = 1 / math.sqrt(len(actual))
    else:
        spread = 2 * math.sqrt(float(np.mean(deviation**2)) * float(np.mean(naive_error**2)))
        relative_error = standard_error(clark_west_terms(actual, forecast, naive), horizon) / spread
    correlation = float(ndtri(1 - LEVEL) + ndtri(POWER)) * relative_error
    return 1 - math.sqrt(1 - correlation**2) if correlation < 1 else None

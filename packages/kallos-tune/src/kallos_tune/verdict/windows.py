"""The interval of a skill where each window is one forecast, as recursive ones are."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ..score_names import Metric
from .evidence import Floats


def window_interval(
    metric: Metric, losses: Floats, naive_losses: Floats, window: NDArray[np.int64]
) -> tuple[float, float] | None:
    """Return the 95 % interval of the skill from what whole windows lost.

    The skill follows from the ratio of two sums over windows, ``R = Σ L / Σ L₀``. Its standard error is that of a mean
    of ``(L - R L₀) / mean L₀`` over windows (Cochran 1977, "Sampling Techniques", chapter 6), with Student's
    distribution for so few of them. Resampling steps in blocks as long as a window would find too narrow an interval.

    Parameters
    ----------
    metric : {"rmse", "mae"}
    losses, naive_losses : numpy.ndarray, float64, [N]
    window : numpy.ndarray, int64, [N]
        The number of each step's window.

    Returns
    -------
    tuple of float or None
        None for a single window, and where the naive forecast makes no error.
    """
    numbers, place = np.unique(window, return_inverse=True)
    n = len(numbers)
    lost, naive_lost = np.bincount(place, losses), np.bincount(place, naive_losses)
    if n < 2 or naive_lost.sum() == 0:
        return None
    ratio = float(lost.sum() / naive_lost.sum())
    terms = (lost - ratio * naive_lost) / naive_lost.mean()
    reach = float(stdtrit(n - 1, 0.975) * np.std(terms, ddof=1)) / math.sqrt(n)
    high, low = max(ratio - reach, 0.0), ratio + reach
    return (1 - math.sqrt(low), 1 - math.sqrt(high)) if metric == "rmse" else (1 - low, 1 - high)

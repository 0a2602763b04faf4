"""Whether intervals hold as often as they promise, and what forecast quantiles lose."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, xlogy

from ..errors import ConfigError
from .evidence import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often a central interval held the truth.

    Attributes
    ----------
    level : float
        The share that it promises: 0.9 between the quantiles 0.05 and 0.95.
    n_steps, n_inside, n_below, n_above : int
        All steps; those whose truth lay in the interval, bounds included; below it; above it.
    share : float
        ``n_inside / n_steps``.
    mean_width : float
        In the target's unit.
    n_crossed : int
        Steps whose lower bound lay above the upper one; the two were exchanged.
    kupiec_statistic, kupiec_p : float
        Of the test that the interval holds as often as it promises, on both sides.
    """

    level: float
    n_steps: int
    n_inside: int
    n_below: int
    n_above: int
    share: float
    mean_width: float
    n_crossed: int
    kupiec_statistic: float
    kupiec_p: float


def coverage_of(actual: Floats, low: Floats, high: Floats, *, level: float) -> Coverage:
    """Return how often an interval held the truth, with Kupiec's test of the proportion of failures.

    With n steps, x of them outside and the share a = 1 - level that is allowed outside, twice the difference between
    two log likelihoods, ``2 (ln((1 - x/n)ⁿ⁻ˣ (x/n)ˣ) - ln((1 - a)ⁿ⁻ˣ aˣ))`` with ``0⁰ = 1``, is chi-squared with one
    degree of freedom. Kupiec (1995), "Techniques for Verifying the Accuracy of Risk Measurement Models", Journal of
    Derivatives 3(2). It takes steps for independent: where they overlap, p is too small.

    Parameters
    ----------
    actual, low, high : numpy.ndarray, float64, [N]
        Truth and bounds. Where the lower bound lies above the upper one the two are exchanged: sorted quantiles are
        never worse (Chernozhukov, Fernández-Val, Galichon 2010).
    level : float
        Above 0 and below 1.

    Raises
    ------
    ConfigError
        Where the level is not between 0 and 1, there is no step, lengths differ, or a value is not finite.
    """
    if not 0 < level < 1:
        raise ConfigError(f"must lie between 0 and 1, not be {level}: 0.9 for the quantiles 0.05 and 0.95", "level")
    _check_row(actual, len(actual), "actual")
    _check_row(low, len(actual), "low")
    _check_row(high, len(actual), "high")
    crossed = low > high
    low, high = np.minimum(low, high), np.maximum(low, high)
    n, below, above = len(actual), int((actual < low).sum()), int((actual > high).sum())
    statistic = kupiec_statistic(n, below + above, 1 - level)
    return Coverage(
        level=level,
        n_steps=n,
        n_inside=n - below - above,
        n_below=below,
        n_above=above,
        share=(n - below - above) / n,
        mean_width=float(np.mean(high - low)),
        n_crossed=int(crossed.sum()),
        kupiec_statistic=statistic,
        kupiec_p=float(chdtrc(1, statistic)),
    )


def kupiec_statistic(n_steps: int, n_outside: int, allowed: float) -> float:
    """Return the likelihood ratio of :func:`coverage_of`, 0 or more."""
    seen = n_outside / n_steps
    at_seen = xlogy(n_outside, seen) + xlogy(n_steps - n_outside, 1 - seen)
    as_promised = xlogy(n_outside, allowed) + xlogy(n_steps - n_outside, 1 - allowed)
    return max(2 * float(at_seen - as_promised), 0.0)


def pinball_loss(actual: Floats, quantile_forecasts: Floats, quantiles: Sequence[float]) -> float:
    """Return the mean pinball loss over steps and quantiles, in the target's unit.

    Of a forecast f of the quantile q it is ``q (y - f)`` where the truth y lies above, ``(1 - q)(f - y)`` elsewhere; no
    forecast is better than the true quantile. Koenker, Bassett (1978), "Regression Quantiles", Econometrica 46(1).

    Parameters
    ----------
    actual : numpy.ndarray, float64, [N]
    quantile_forecasts : numpy.ndarray, float64, [N, Q]
    quantiles : sequence of float, [Q]
        Each above 0 and below 1.

    Raises
    ------
    ConfigError
        Where shapes do not fit, there is no step, a quantile is not between 0 and 1, or a value is not finite.
    """
    wrong = [quantile for quantile in quantiles if not 0 < quantile < 1]
    if wrong or not len(quantiles):
        raise ConfigError(f"must lie between 0 and 1, one at least, not be {list(quantiles)}", "quantiles")
    _check_row(actual, len(actual), "actual")
    if quantile_forecasts.shape != (len(actual), len(quantiles)):
        raise ConfigError(
            f"have the shape {quantile_forecasts.shape}, and {len(actual)} steps of {len(quantiles)} quantiles need "
            f"{(len(actual), len(quantiles))}",
            "quantile_forecasts",
        )
    _check_row(quantile_forecasts, len(actual), "quantile_forecasts")
    above, shares = actual[:, None] - quantile_forecasts, np.asarray(quantiles)
    return float(np.mean(np.maximum(shares * above, (shares - 1) * above)))


def _check_row(values: Floats, n_steps: int, parameter: str) -> None:
    if len(values) != n_steps or not n_steps:
        raise ConfigError(f"must have a value for each of {n_steps} steps, one at least, not {len(values)}", parameter)
    n_wrong = int((~np.isfinite(values)).sum())
    if n_wrong:
        raise ConfigError(f"has {n_wrong} values that are infinite or not a number: leave such steps out", parameter)

"""A seeded market simulator with a signal of known strength, for demonstrations and tests."""

import math
from datetime import timedelta

import numpy as np
import polars as pl

from .errors import ConfigError
from .timestamps import Moment, first_moment

_TYPICAL_VOLUME = 10_000.0
_VOLUME_SPREAD = 0.5
_WICK = 0.5


def simulate_market(
    n_steps: int = 1500,
    *,
    signal: float = 0.5,
    seed: int = 0,
    start: Moment = "2019-01-01",
    frequency: timedelta = timedelta(days=1),
    volatility: float = 0.03,
    start_price: float = 10_000.0,
) -> pl.DataFrame:
    r"""Simulate a market in which today's volume announces a known share of tomorrow's log return.

    With z and e independent standard normal numbers, one of each a step, s the signal and v the volatility::

        volume[t]       = 10 000 · exp(0.5 · z[t])
        log_return[t+1] = v · (sqrt(s) · z[t] + sqrt(1 - s) · e[t+1])

    Log returns are therefore normal with mean 0 and deviation v, uncorrelated with each other, whatever s is. Given
    everything up to today, tomorrow's has mean v·sqrt(s)·z[t] and variance v²·(1 - s): s is exactly the share of the
    variance (R²) that can be foreseen, and it can be foreseen from today's volume alone. The best forecaster's RMSE is
    sqrt(1 - s) times that of the best constant, which is 0: 0.71 times for s = 0.5. log(1 + volume), the transform of
    the group ``volume_features``, is z shifted and stretched but for about 1 in 10 000, so that a linear model of the
    last step suffices. With s = 0 the price is a geometric random walk and nothing beats the constant.

    The close is the start price times the exponential of the summed log returns; each step opens at the close before,
    and its wicks reach beyond open and close by independent factors of about half the volatility. A longer simulation
    begins with the shorter one of the same settings.

    Parameters
    ----------
    n_steps : int, default 1500
        Rows, at least 1.
    signal : float, default 0.5
        Share of the variance of the next log return that today's row explains, in [0, 1).
    seed : int, default 0
        The same seed gives the same market; at least 0.
    start : str, date or datetime, default "2019-01-01"
        Time of the first row; UTC where it names no zone.
    frequency : timedelta, default one day
        Between two rows.
    volatility : float, default 0.03
        Standard deviation of one step's log return.
    start_price : float, default 10 000
        Open of the first row.

    Returns
    -------
    polars.DataFrame, [n_steps, 6]
        ``timestamp`` (UTC), ``open, high, low, close, volume``.

    Raises
    ------
    ConfigError
        Where a setting lies outside its range, or ``start`` cannot be read.
    """
    _require(
        ("n_steps", n_steps >= 1, f"must be 1 or more, not {n_steps}"),
        ("signal", 0 <= signal < 1, f"must be 0 or more and less than 1, not {signal}: at 1 tomorrow would be certain"),
        ("seed", seed >= 0, f"must be 0 or more, not {seed}"),
        ("frequency", frequency > timedelta(0), f"must be more than 0, not {frequency}"),
        ("volatility", 0 < volatility < math.inf, f"must be more than 0, as 0.03 for 3 % a step, not {volatility}"),
        ("start_price", 0 < start_price < math.inf, f"must be more than 0 and finite, not {start_price}"),
    )
    rng = np.random.default_rng(seed)
    z_before = rng.standard_normal()
    # One row a step, so that more steps draw the same numbers first.
    z, e, upper, lower = rng.standard_normal((n_steps, 4)).T
    announced = np.concatenate([[z_before], z[:-1]])
    log_return = volatility * (math.sqrt(signal) * announced + math.sqrt(1 - signal) * e)
    closes = start_price * np.exp(np.cumsum(log_return))
    opens = np.concatenate([[start_price], closes[:-1]])
    first = first_moment(start, name="start")
    return pl.DataFrame(
        {
            "timestamp": pl.Series(
                [first + step * frequency for step in range(n_steps)], dtype=pl.Datetime("us", "UTC")
            ),
            "open": opens,
            "high": np.maximum(opens, closes) * np.exp(_WICK * volatility * np.abs(upper)),
            "low": np.minimum(opens, closes) * np.exp(-_WICK * volatility * np.abs(lower)),
            "close": closes,
            "volume": _TYPICAL_VOLUME * np.exp(_VOLUME_SPREAD * z),
        }
    )


def _require(*conditions: tuple[str, bool, str]) -> None:
    for parameter, holds, problem in conditions:
        if not holds:
            raise ConfigError(problem, parameter)

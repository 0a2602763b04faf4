"""Technical indicators of a price history."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
import talib
from narwhals.typing import IntoDataFrameT
from numpy.typing import NDArray

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from ..frames import as_polars, like
from ..known_columns import PRICES
from ..steps import Step, find_step
from .windows import bands, money_flow_index, slow_stochastic

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

INDICATORS = (
    "rsi",
    "mfi",
    "macd",
    "macd_signal",
    "macd_diff",
    "atr",
    "adx",
    "ema_10",
    "ema_50",
    "bb_middle",
    "bb_width",
    "stoch_k",
    "stoch_d",
    "roc_1",
    "roc_3",
    "roc_7",
    "log_return",
)
"""Names of the columns that :func:`compute_indicators` adds, in order."""

_NEUTRAL: Final = 50.0
_MOMENTUM_STEPS: Final = 14
_ROC_STEPS: Final = (1, 3, 7)
# Releases of TA-Lib before 0.8 take a movement under 1e-14 for none. Times a power of two, no digit is rounded.
_PRICE_UNITS: Final = 2.0**80


def compute_indicators(frame: IntoDataFrameT, *, step: Step | None = None, max_gap: int = 7) -> IntoDataFrameT:
    """Compute technical indicators; row t depends on rows up to t alone.

    ======================================  ==========================================================================
    rsi, mfi, atr, adx                      14 steps; Wilder's, the money flow index by volume
    macd, macd_signal, macd_diff            EMA 12 less EMA 26; its EMA 9; the one less the other
    ema_10, ema_50                          exponential means, the first value a simple mean
    bb_middle, bb_width                     mean of 20 steps; 4 population deviations (2 up, 2 down) as a share of it
    stoch_k, stoch_d                        slow stochastic: place in the range of 14 steps, mean of 3; its mean of 3
    roc_1, roc_3, roc_7                     change over so many steps, per cent
    log_return                              log of the close over the one before
    ======================================  ==========================================================================

    Multiplying all prices by a number multiplies ema, bb_middle, atr and macd by it and leaves the others as they are;
    multiplying volumes changes nothing. Where nothing moves within its window, rsi, mfi and the stochastic are 50.

    After a hole of more than ``max_gap`` steps everything begins anew: the rows after it are those of a frame that
    begins there. Over a shorter hole means go on over the bars there are. log_return is null after any missing step,
    and roc_n wherever the bar n rows before is not the one n steps before. A bar without volume is missing for mfi
    alone.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame, [N, ...]
        ``timestamp`` (in pandas also a ``DatetimeIndex``), sorted, none twice, and ``open, high, low, close`` without
        missing values; ``volume`` may be null. Any N, also 0.
    step : Step, optional
        From one bar to the next; found in the times where left out.
    max_gap : int, default 7
        Longest hole, in steps, that does not begin everything anew.

    Returns
    -------
    frame, [N, 18]
        Of the same kind: times and :data:`INDICATORS` as Float64; null while an indicator warms up.

    Raises
    ------
    ConfigError
        Where ``max_gap`` is negative.
    MissingColumnsError
        Where a column is missing.
    DataQualityError
        Where a price is missing, infinite or not positive, a volume infinite or negative, or times are not in order,
        stand twice or lie between two steps.
    """
    if max_gap < 0:
        raise ConfigError(f"must be 0 or more, not {max_gap}", "max_gap")
    bars = as_polars(frame)
    columns = _checked(bars)
    positions = _positions(bars["timestamp"], step)
    found = {name: np.full(len(bars), np.nan) for name in INDICATORS if name != "mfi"}
    for rows in _unbroken(positions, max_gap):
        for name, values in _of_unbroken({each: columns[each][rows] for each in PRICES}).items():
            found[name][rows] = values
    _clear_longer_spans(found, positions)
    found["mfi"] = _money_flow(columns, positions, max_gap)
    series = [_as_series(name, found.pop(name)) for name in INDICATORS]
    return like(pl.DataFrame([bars["timestamp"], *series]), frame)


def _unbroken(positions: Positions, max_gap: int) -> Iterator[slice]:
    """Yield the rows between holes of more than ``max_gap`` steps."""
    starts = [0, *(np.flatnonzero(np.diff(positions) > max_gap + 1) + 1).tolist(), len(positions)]
    yield from (slice(start, stop) for start, stop in pairwise(starts) if start < stop)


def _of_unbroken(prices: dict[str, Floats]) -> dict[str, Floats]:
    high, low, close = (np.ascontiguousarray(prices[name]) for name in ("high", "low", "close"))
    macd, macd_signal, macd_diff = talib.MACD(close, 12, 26, 9)
    stoch_k, stoch_d = slow_stochastic(high, low, close)
    middle, width = bands(close)
    return {
        "rsi": _relative_strength(close),
        "macd": macd,
        "macd_signal": macd_signal,
        "macd_diff": macd_diff,
        "atr": talib.ATR(high, low, close, _MOMENTUM_STEPS),
        "adx": talib.ADX(high * _PRICE_UNITS, low * _PRICE_UNITS, close * _PRICE_UNITS, _MOMENTUM_STEPS),
        "ema_10": talib.EMA(close, 10),
        "ema_50": talib.EMA(close, 50),
        "bb_middle": middle,
        "bb_width": width,
        "stoch_k": stoch_k,
        "stoch_d": stoch_d,
        **{f"roc_{steps}": talib.ROC(close, steps) for steps in _ROC_STEPS},
        "log_return": np.log(close / np.concatenate([[np.nan], close[:-1]])),
    }


def _relative_strength(close: Floats) -> Floats:
    found = talib.RSI(close * _PRICE_UNITS, _MOMENTUM_STEPS)
    # Wilder's means never forget, and keep the ratio of the last movement however long ago it was.
    moved = np.cumsum(np.diff(close, prepend=close[:1]) != 0)
    found[_MOMENTUM_STEPS:][moved[_MOMENTUM_STEPS:] == moved[:-_MOMENTUM_STEPS]] = _NEUTRAL
    return found


def _money_flow(columns: dict[str, Floats], positions: Positions, max_gap: int) -> Floats:
    """Return the money flow index over the bars that have a volume, as if there were no others."""
    found = np.full(len(positions), np.nan)
    rows = np.flatnonzero(~np.isnan(columns["volume"]))
    for part in _unbroken(positions[rows], max_gap):
        high, low, close, volume = (columns[name][rows[part]] for name in ("high", "low", "close", "volume"))
        found[rows[part]] = money_flow_index((high + low + close) / 3, volume, _MOMENTUM_STEPS)
    return found


def _clear_longer_spans(found: dict[str, Floats], positions: Positions) -> None:
    for name, steps in {"log_return": 1, **{f"roc_{steps}": steps for steps in _ROC_STEPS}}.items():
        found[name][steps:][positions[steps:] - positions[:-steps] != steps] = np.nan


def _as_series(name: str, values: Floats) -> pl.Series:
    values[~np.isfinite(values)] = np.nan
    return pl.Series(name, values, nan_to_null=True)


def _positions(times: pl.Series, step: Step | None) -> Positions:
    """Return how many steps each row lies after the first."""
    if len(times) < 2:
        return np.zeros(len(times), np.int64)
    moments = times.cast(pl.Datetime("us", times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None))
    if moments.null_count() or not (moments.diff().drop_nulls().dt.total_microseconds() > 0).all():
        raise DataQualityError(
            "times must be sorted, none missing and none twice: sort the frame, and keep one of each"
        )
    step = step or find_step(moments)
    positions = step.positions(moments)
    if positions.null_count():
        first = moments.filter(positions.is_null())[0]
        raise DataQualityError(
            f"{positions.null_count()} times lie between the steps of {step}, first {first}: resample the data, "
            "or name the right step"
        )
    return positions.to_numpy()


def _checked(frame: pl.DataFrame) -> dict[str, Floats]:
    needed = (*PRICES, "volume")
    missing = [name for name in ("timestamp", *needed) if name not in frame.columns]
    if missing:
        raise MissingColumnsError(missing, frame.columns)
    numbers = frame.select(pl.col(needed).cast(pl.Float64))
    wrong = {name: ~(pl.col(name).is_finite() & (pl.col(name) > 0)).fill_null(value=False) for name in PRICES}
    volume = pl.col("volume").fill_nan(None)
    wrong["volume"] = (~volume.is_finite() | (volume < 0)).fill_null(value=False)
    for name, bad in (
        numbers.select(**{each: broken.sum() for each, broken in wrong.items()}).row(0, named=True).items()
    ):
        if bad:
            may = "infinite or negative" if name == "volume" else "missing, infinite or not positive"
            raise DataQualityError(
                f"column {name!r} is {may} in {bad} of {len(frame)} rows: correct, fill or drop them first"
            )
    return {name: numbers[name].fill_null(np.nan).to_numpy() for name in needed}

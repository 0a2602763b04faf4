"""Technical indicators of a price history."""

import numpy as np
import polars as pl
import talib
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..errors import DataQualityError, MissingColumnsError
from ..known_columns import PRICES

Floats = NDArray[np.float64]

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

_BOLLINGER_STEPS = 20

# Releases of TA-Lib before 0.8 take a money flow under 1 for none; so small a unit of volume makes that none indeed.
_VOLUME_UNITS = 2.0**80


def compute_indicators(frame: pl.DataFrame) -> pl.DataFrame:
    """Compute technical indicators with TA-Lib; row t depends on rows up to t alone.

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
    multiplying volumes changes nothing.

    Parameters
    ----------
    frame : polars.DataFrame, [N, ...]
        ``timestamp``, sorted, and ``open, high, low, close`` and ``volume`` without missing values. Any N, also 0.

    Returns
    -------
    polars.DataFrame, [N, 18]
        ``timestamp`` and :data:`INDICATORS` as Float64; null while an indicator warms up.

    Raises
    ------
    MissingColumnsError
        Where a column is missing.
    DataQualityError
        Where a price or volume is missing or infinite: it would spoil every later value.
    """
    columns = _checked(frame)
    if frame.is_empty():
        # Releases of TA-Lib before 0.8 refuse it.
        return frame.select("timestamp", *(pl.lit(None, pl.Float64).alias(name) for name in INDICATORS))
    high, low, close = (columns[name] for name in ("high", "low", "close"))
    macd, macd_signal, macd_diff = talib.MACD(close, 12, 26, 9)
    stoch_k, stoch_d = talib.STOCH(high, low, close, 14, 3, talib.MA_Type.SMA, 3, talib.MA_Type.SMA)
    middle = talib.SMA(close, _BOLLINGER_STEPS)
    found: dict[str, Floats] = {
        "rsi": talib.RSI(close, 14),
        "mfi": talib.MFI(high, low, close, columns["volume"] * _VOLUME_UNITS, 14),
        "macd": macd,
        "macd_signal": macd_signal,
        "macd_diff": macd_diff,
        "atr": talib.ATR(high, low, close, 14),
        "adx": talib.ADX(high, low, close, 14),
        "ema_10": talib.EMA(close, 10),
        "ema_50": talib.EMA(close, 50),
        "bb_middle": middle,
        "bb_width": 4 * _deviation(close, _BOLLINGER_STEPS) / middle,
        "stoch_k": stoch_k,
        "stoch_d": stoch_d,
        "roc_1": talib.ROC(close, 1),
        "roc_3": talib.ROC(close, 3),
        "roc_7": talib.ROC(close, 7),
        "log_return": _log_return(close),
    }
    indicators = pl.DataFrame({name: found[name] for name in INDICATORS})
    indicators = indicators.with_columns(pl.when(pl.all().is_finite()).then(pl.all()))
    return frame.select("timestamp").hstack(indicators)


def _checked(frame: pl.DataFrame) -> dict[str, Floats]:
    needed = (*PRICES, "volume")
    missing = [name for name in ("timestamp", *needed) if name not in frame.columns]
    if missing:
        raise MissingColumnsError(missing, frame.columns)
    numbers = frame.select(pl.col(needed).cast(pl.Float64))
    for name in needed:
        bad = int((~numbers[name].is_finite()).fill_null(value=True).sum())
        if bad:
            raise DataQualityError(
                f"column {name!r} is missing or infinite in {bad} of {len(frame)} rows: fill or drop them first"
            )
    return {name: numbers[name].to_numpy(writable=True) for name in needed}


def _deviation(values: Floats, window: int) -> Floats:
    """Return the population standard deviation of each trailing window.

    Releases of TA-Lib before 0.8 take a variance under 1e-14 for none, which many a coin's is.
    """
    deviation = np.full(len(values), np.nan)
    if len(values) >= window:
        deviation[window - 1 :] = sliding_window_view(values, window).std(axis=1)
    return deviation


def _log_return(close: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.diff(np.log(close), prepend=np.nan)

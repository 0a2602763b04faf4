"""Indicators that look at a window of bars and remember nothing from before it."""

from typing import Final

import numpy as np
import talib
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEUTRAL: Final = 50.0
_BAND_STEPS: Final = 20
_STOCHASTIC_STEPS: Final = 14
_SMOOTH_STEPS: Final = 3
# Means of three prices differ by so much, as a share, where the prices' sums are the same.
_ROUNDING: Final = 1e-13
# Rows whose windows are laid side by side at a time, which takes a window's length times the memory.
_ROWS_AT_ONCE: Final = 50_000


def bands(close: Floats) -> tuple[Floats, Floats]:
    """Return the middle Bollinger band of 20 steps, and the distance of the outer two as a share of it.

    Each window is summed up by itself: a running sum would carry the rounding of high prices into low ones.
    """
    middle, width = np.full(len(close), np.nan), np.full(len(close), np.nan)
    last = _BAND_STEPS - 1
    for start in range(0, len(close) - last, _ROWS_AT_ONCE):
        windows = sliding_window_view(close[start : start + _ROWS_AT_ONCE + last], _BAND_STEPS)
        rows = slice(start + last, start + last + len(windows))
        middle[rows] = windows.mean(axis=1)
        # Deviations are taken from a price of the window, so that there are none where there is no movement.
        width[rows] = 4 * (windows - windows[:, :1]).std(axis=1) / middle[rows]
    return middle, width


def slow_stochastic(high: Floats, low: Floats, close: Floats) -> tuple[Floats, Floats]:
    """Return the slow stochastic's K and D in per cent; the place in a range of no width is the middle.

    Both begin with the first D, as TA-Lib has it.
    """
    # Of a frame shorter than the window, releases of TA-Lib return what they like.
    if len(close) < _STOCHASTIC_STEPS:
        return np.full(len(close), np.nan), np.full(len(close), np.nan)
    highest, lowest = talib.MAX(high, _STOCHASTIC_STEPS), talib.MIN(low, _STOCHASTIC_STEPS)
    width = highest - lowest
    with np.errstate(divide="ignore", invalid="ignore"):
        place = 100 * ((close - lowest) / width)
    place[width == 0] = _NEUTRAL
    slow = _mean(place, _SMOOTH_STEPS)
    slower = _mean(slow, _SMOOTH_STEPS)
    slow[np.isnan(slower)] = np.nan
    return slow, slower


def money_flow_index(typical: Floats, volume: Floats, steps: int) -> Floats:
    """Return the share of the money that flowed at rising prices, in per cent; 50 where none flowed.

    Parameters
    ----------
    typical, volume : array, [N]
        Mean of high, low and close; volume.
    steps : int
        Length of the window.
    """
    change = np.diff(typical, prepend=np.nan) / typical
    flow = typical * volume
    rising, falling = (_sum(np.where(way, flow, 0.0), steps) for way in (change > _ROUNDING, change < -_ROUNDING))
    rising[:steps] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 100 * (rising / (rising + falling))
    found[(rising == 0) & (falling == 0)] = _NEUTRAL
    return found


def _mean(values: Floats, steps: int) -> Floats:
    return _sum(values, steps) / steps


def _sum(values: Floats, steps: int) -> Floats:
    """Return the sum of each trailing window, exactly 0 where all are; NaN while it is too short."""
    found = np.full(len(values), np.nan)
    if len(values) >= steps:
        found[steps - 1 :] = sum(values[place : len(values) - steps + 1 + place] for place in range(steps))
    return found

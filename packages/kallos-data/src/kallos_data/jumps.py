"""Prices that jump: what a wrong bar looks like, and a market that was restarted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

_LEAST_LOG_RETURN: Final = 1.0
_LEAST_DEVIATIONS: Final = 20.0
_BARS_TO_RETURN: Final = 3
_MOST_TOLD: Final = 5
# Of a normal distribution, the standard deviation is so many times the median distance from the median.
_NORMAL: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Jump:
    """A close that lies far from the one before.

    Attributes
    ----------
    time : datetime
        Of the bar, UTC.
    before, close : float
        The close of the bar before, and its own.
    returns : bool
        Whether the close is back, nearer to the one before than to the jump's, within three bars and three steps.
    """

    time: datetime
    before: float
    close: float
    returns: bool

    def __str__(self) -> str:
        size = self.close / self.before
        times = f"{size:.3g} times" if size > 1 else f"1/{1 / size:.3g} of"
        wrong = ", and is back within three bars: looks like one wrong bar" if self.returns else ""
        sizes = f"{times} the one before ({self.before:g} to {self.close:g})"
        return f"the close of {self.time:%Y-%m-%d %H:%MZ} is {sizes}{wrong}"


def find_jumps(times: pl.Series, close: pl.Series) -> list[Jump]:
    """Return the bars whose log return is above 1 in size and above 20 robust deviations of all of them.

    The robust deviation is 1.4826 times the median absolute deviation from the median. The return of a wrong bar is not
    told a second time as a jump of its own.

    Parameters
    ----------
    times : polars.Series, [N]
        UTC, sorted.
    close : polars.Series, [N]
        Positive; missing ones are passed over.
    """
    known = close.is_not_null()
    times, prices = times.filter(known), close.filter(known).to_numpy()
    logs = np.log(prices)
    returns = np.diff(logs)
    if not len(returns):
        return []
    deviation = _NORMAL * float(np.median(np.abs(returns - np.median(returns))))
    seconds = times.dt.epoch("s").to_numpy()
    step = np.median(np.diff(seconds))
    far = np.abs(returns) > max(_LEAST_LOG_RETURN, _LEAST_DEVIATIONS * deviation)
    found: list[Jump] = []
    told = 0
    for place in map(int, np.flatnonzero(far) + 1):
        if place < told:
            continue
        later = logs[place + 1 : place + 1 + _BARS_TO_RETURN]
        later = later[seconds[place + 1 : place + 1 + _BARS_TO_RETURN] <= seconds[place] + _BARS_TO_RETURN * step]
        back = np.abs(later - logs[place - 1]) < np.abs(later - logs[place])
        found.append(Jump(times[place], float(prices[place - 1]), float(prices[place]), returns=bool(back.any())))
        told = place + 2 + int(back.argmax()) if back.any() else place
    return found


def jumps_in_words(jumps: Sequence[Jump]) -> list[str]:
    """Return a line for each of the first five jumps, and one for the number of the others."""
    others = len(jumps) - _MOST_TOLD
    return [*map(str, jumps[:_MOST_TOLD]), *([f"and {others} more jumps of the close"] if others > 0 else [])]

"""Forecasts beside what came, and what they saved beside the naive forecast."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...verdict.evidence import Floats, Times
from .style import BLUE, GREY, INK, ORANGE, date_axis, faint_grid, new_figure, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ((0, (1, 1.6)), (0, (5, 2, 1, 2)), (0, (1, 4)))


def forecast_figure(
    times: Times, actual: Floats, forecast: Floats, naive: Mapping[str, Floats], *, to_beat: str
) -> "Figure":
    """Draw the forecast of a fold and the naive ones against the truth.

    Parameters
    ----------
    times : numpy.ndarray, datetime64, [T]
    actual, forecast : numpy.ndarray, float64, [T]
    naive : mapping of str to numpy.ndarray, float64, [T]
        By what the legend calls them.
    to_beat : str
        Which of them is to be beaten.
    """
    figure = new_figure(height=2.9)
    axis = figure.subplots()
    axis.plot(*thinned(times, actual), color=GREY, alpha=0.75, label="truth")
    others = [name for name in naive if name != to_beat]
    for name, dashes in zip(others, _DASHES, strict=False):
        axis.plot(*thinned(times, naive[name]), color=ORANGE, alpha=0.45, linestyle=dashes, linewidth=0.9, label=name)
    axis.plot(*thinned(times, naive[to_beat]), color=ORANGE, linewidth=1.2, label=f"{to_beat} (to beat)")
    axis.plot(*thinned(times, forecast), color=BLUE, linewidth=1.4, label="forecast")
    date_axis(axis)
    faint_grid(axis)
    figure.legend(loc="outside upper left", ncols=5)
    return figure


def gain_figure(times: Times, gains: Floats, starts: Sequence[tuple[np.datetime64, int]]) -> "Figure":
    """Draw the squared error saved beside the naive forecast, summed up from the first judged step on.

    Parameters
    ----------
    times : numpy.ndarray, datetime64, [N]
    gains : numpy.ndarray, float64, [N]
        Of each step.
    starts : sequence of (time, int)
        First step and number of each fold.
    """
    figure = new_figure(height=3.2)
    axis = figure.subplots()
    axis.axhline(0, color=INK, alpha=0.5, linewidth=0.8)
    saved = np.concatenate([[0.0], np.cumsum(gains)])
    # Folds need not follow upon one another: a line over the hole would say that something was forecast there.
    bounds = [int(np.searchsorted(times, start)) for start, _ in starts]
    for first, last in zip(bounds, [*bounds[1:], len(times)], strict=True):
        since = np.insert(times[first:last], 0, times[first])
        axis.plot(*thinned(since, saved[first : last + 1]), color=BLUE, linewidth=1.5)
    for start, number in starts:
        axis.axvline(start, color=INK, alpha=0.2, linewidth=0.8)  # pyright: ignore[reportArgumentType] - a time
        axis.annotate(f" fold {number}", (start, 1.0), xycoords=("data", "axes fraction"), va="top", fontsize="small")  # pyright: ignore[reportArgumentType]
    date_axis(axis)
    faint_grid(axis)
    axis.set_ylabel("squared error saved so far")
    return figure

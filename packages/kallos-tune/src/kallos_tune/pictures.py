"""Forecasts against the truth, as pictures; needs matplotlib (extra ``pictures``)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError, MissingMatplotlibError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kallos_data import FoldSeries

    from .evaluation.fold import FoldResult


def plot_forecasts(folds: "Sequence[FoldSeries]", results: "Sequence[FoldResult]", *, title: str) -> "Figure":
    """Draw every fold's forecast against the truth.

    Parameters
    ----------
    folds : sequence of FoldSeries
    results : sequence of FoldResult
        From :func:`kallos_tune.evaluate_fold` on the same folds.
    title : str
        Heads the figure.

    Returns
    -------
    matplotlib.figure.Figure
        One row a fold; save it with ``figure.savefig``.

    Raises
    ------
    MissingMatplotlibError
        Where matplotlib is not installed; the extra ``kallos-tune[pictures]`` brings it.
    """
    figure = _figure(title, height=1.2 + 2.1 * len(folds))
    axes = figure.subplots(len(folds), 1, squeeze=False)[:, 0]
    for number, (axis, fold, result) in enumerate(zip(axes, folds, results, strict=True), start=1):
        axis.plot(fold.val_times, fold.actual, color="0.65", linewidth=1, label="truth")
        axis.plot(fold.val_times, result.forecast, color="tab:blue", linewidth=1, label="forecast")
        axis.set_title(
            f"fold {number}: error {result.score:.4g}, naive {result.naive_score:.4g}", fontsize="medium", loc="left"
        )
        axis.margins(x=0)
    axes[0].legend(loc="upper right", ncols=2, fontsize="small")
    return figure


def plot_hold_out(
    times: NDArray[np.datetime64],
    actual: NDArray[np.float64],
    forecast: NDArray[np.float64],
    naive: NDArray[np.float64],
    *,
    title: str,
    naive_name: str = "the naive forecast",
    low: NDArray[np.float64] | None = None,
    high: NDArray[np.float64] | None = None,
) -> "dict[str, Figure]":
    """Draw forecasts of a hold-out period: against the truth, beside the naive forecast, and what they left.

    Parameters
    ----------
    times : numpy.ndarray, datetime64, [N]
    actual, forecast, naive : numpy.ndarray, float64, [N]
        In the target's unit; one step at least.
    title : str
        Heads each figure; what better looks like stands below it.
    naive_name : str, default "the naive forecast"
        Which one it is, as it stands in a sentence.
    low, high : numpy.ndarray, float64, [N], optional
        Bounds of an interval, drawn behind the forecast.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        ``"forecast"``: forecast and truth over time. ``"gain"``: the squared errors of the naive forecast less those
        of the forecast, summed up from the first step on; it rises wherever the forecast is the better one, and a
        single jump says that all was won in one step (Goyal, Welch 2008, "A Comprehensive Look at the Empirical
        Performance of Equity Premium Prediction", Review of Financial Studies 21(4)). ``"residuals"``: truth less
        forecast, over time and counted.

    Raises
    ------
    ConfigError
        Where there is no step, lengths differ, or one bound is given without the other.
    MissingMatplotlibError
        Where matplotlib is not installed; the extra ``kallos-tune[pictures]`` brings it.
    """
    rows = {"actual": actual, "forecast": forecast, "naive": naive, "low": low, "high": high}
    for name, row in rows.items():
        if row is not None and (len(row) != len(times) or not len(row)):
            raise ConfigError(f"has {len(row)} values, and there are {len(times)} times: draw one step or more", name)
    if (low is None) != (high is None):
        raise ConfigError("is missing: an interval has two bounds", "low" if low is None else "high")
    band = None if low is None or high is None else (low, high)
    return {
        "forecast": _forecast_figure(times, actual, forecast, band, title),
        "gain": _gain_figure(times, (actual - naive) ** 2 - (actual - forecast) ** 2, title, naive_name),
        "residuals": _residual_figure(times, actual - forecast, title),
    }


def _forecast_figure(
    times: NDArray[np.datetime64],
    actual: NDArray[np.float64],
    forecast: NDArray[np.float64],
    band: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    title: str,
) -> "Figure":
    figure = _figure(title, height=4)
    axis = figure.subplots()
    if band is not None:
        axis.fill_between(times, *band, color="tab:blue", alpha=0.2, linewidth=0, label="interval")
    axis.plot(times, actual, color="0.65", linewidth=1, label="truth")
    axis.plot(times, forecast, color="tab:blue", linewidth=1, label="forecast")
    _finish(axis, "forecast and truth: the nearer the lines, the better")
    axis.legend(loc="upper right", ncols=3, fontsize="small")
    return figure


def _gain_figure(times: NDArray[np.datetime64], gains: NDArray[np.float64], title: str, naive_name: str) -> "Figure":
    figure = _figure(title, height=4)
    axis = figure.subplots()
    axis.plot(times, np.cumsum(gains), color="tab:blue", linewidth=1.5)
    axis.axhline(0, color="0.5", linewidth=0.8)
    _finish(axis, f"up is better: the line rises while the forecast beats {naive_name}, and falls while it loses")
    axis.set_ylabel("squared error saved so far")
    return figure


def _residual_figure(times: NDArray[np.datetime64], residuals: NDArray[np.float64], title: str) -> "Figure":
    figure = _figure(title, height=4)
    over_time, counted = figure.subplots(1, 2, width_ratios=(3, 1), sharey=True)
    over_time.axhline(0, color="0.5", linewidth=0.8)
    over_time.plot(times, residuals, ".", color="tab:blue", markersize=3)
    _finish(over_time, "truth less forecast: the nearer to 0, and the less of a pattern, the better")
    counted.hist(residuals, bins="sqrt", orientation="horizontal", color="tab:blue", alpha=0.6)
    counted.axhline(float(np.mean(residuals)), color="tab:red", linewidth=1)
    counted.set_title("how often (red: the mean)", fontsize="medium", loc="left")
    return figure


def _finish(axis: "Axes", title: str) -> None:
    axis.set_title(title, fontsize="medium", loc="left")
    axis.margins(x=0)


def _figure(title: str, *, height: float) -> "Figure":
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only those who draw wait for it
    except ModuleNotFoundError as error:
        raise MissingMatplotlibError from error
    figure = Figure(figsize=(11, height), layout="constrained")
    figure.suptitle(title)
    return figure

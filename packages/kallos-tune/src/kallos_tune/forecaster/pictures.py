"""A judged period as pictures; needs matplotlib (extra ``pictures``)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingMatplotlibError
from ..verdict.sentences import naive_in_words
from .evaluation import Evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure


def plot_evaluation(evaluation: Evaluation) -> "Mapping[str, Figure]":
    """Draw forecast against truth, the cumulated gain on the naive forecast, and what was missed.

    The second is the cumulated difference of squared errors of the naive forecast and of the forecast (Goyal, Welch
    2008): it rises where the forecast is the better one, and shows whether a skill comes from many steps or from a few.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    mapping of str to matplotlib.figure.Figure
        ``forecasts``, ``cumulated_gain`` and ``residuals``; save each with ``figure.savefig``.

    Raises
    ------
    MissingMatplotlibError
        Where matplotlib is not installed; the extra ``kallos-tune[pictures]`` brings it.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only those who draw wait for it
    except ModuleNotFoundError as error:
        raise MissingMatplotlibError from error

    data, target = evaluation.data, evaluation.of.target_col
    naive = naive_in_words(data.to_beat)
    gain = cumulated_gain(evaluation)

    def figure(title: str) -> "tuple[Figure, Any]":
        made = Figure(figsize=(11, 4), layout="constrained")
        axis = made.subplots()
        axis.set_title(f"{evaluation.of.asset_id}: {title}", loc="left")
        axis.margins(x=0)
        return made, axis

    forecasts, axis = figure(f"{target} and its forecast by {evaluation.of.what}")
    axis.plot(data.times, data.actual, color="0.65", linewidth=1, label="truth")
    axis.plot(data.times, data.forecast, color="tab:blue", linewidth=1, label="forecast")
    if evaluation.quantiles is not None:
        low, high = evaluation.quantiles[:, 0], evaluation.quantiles[:, -1]
        axis.fill_between(data.times, low, high, color="tab:blue", alpha=0.2, linewidth=0, label="5 to 95 %")
    axis.legend(loc="upper right", ncols=3, fontsize="small")
    cumulated, axis = figure(f"squared errors saved against {naive}, cumulated; rising is better")
    axis.axhline(0, color="0.65", linewidth=1)
    axis.plot(data.times, gain, color="tab:blue", linewidth=1)
    residuals, axis = figure(f"{target} less its forecast")
    axis.axhline(0, color="0.65", linewidth=1)
    axis.vlines(data.times, 0, data.actual - data.forecast, color="tab:blue", linewidth=1)
    return {"forecasts": forecasts, "cumulated_gain": cumulated, "residuals": residuals}


def cumulated_gain(evaluation: Evaluation) -> np.ndarray:
    """Return the cumulated squared errors of the naive forecast to beat, less those of the forecast, [N]."""
    data = evaluation.data
    return np.cumsum((data.actual - data.naive[data.to_beat]) ** 2 - (data.actual - data.forecast) ** 2)

"""Forecasts against the truth, as pictures; needs matplotlib (extra ``pictures``)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import MissingMatplotlibError

if TYPE_CHECKING:
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
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only those who draw wait for it
    except ModuleNotFoundError as error:
        raise MissingMatplotlibError from error

    figure = Figure(figsize=(11, 1.2 + 2.1 * len(folds)), layout="constrained")
    figure.suptitle(title)
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

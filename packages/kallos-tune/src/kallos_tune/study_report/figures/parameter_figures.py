"""Scores over hyperparameters: how much each matters, slices, and all of them side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import FrozenTrial

from .parameter_axis import ParameterAxis, parameter_axis, score_axis
from .style import BLUE, INK, faint_grid, good_to_bad, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_VECTORS = 400
"""Above it dots are drawn as an image, which stays small."""


def importance_figure(importances: Mapping[str, float]) -> "Figure":
    """Draw the share of each parameter, the largest on top."""
    figure = new_figure(height=0.9 + 0.3 * len(importances))
    axis = figure.subplots()
    names, shares = list(importances)[::-1], [100 * share for share in importances.values()][::-1]
    bars = axis.barh(names, shares, color=BLUE, height=0.6)
    axis.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=3, fontsize="small")
    axis.set_xlim(0, max([*shares, 1.0]) * 1.1)
    axis.set_xlabel("share of the importance (PED-ANOVA), %")
    faint_grid(axis, "x")
    return figure


def slice_figure(trials: Sequence[FrozenTrial], names: Sequence[str], *, score_name: str) -> "Figure":
    """Draw the scores of complete trials over each parameter; the later the trial, the stronger its dot."""
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure = new_figure(height=0.4 + 2.1 * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel, name in zip(panels, names, strict=False):
        axis = parameter_axis(name, [trial for trial in trials if name in trial.params])
        scores = [trial.value for trial in trials if name in trial.params]
        numbers = np.array([trial.number for trial in trials if name in trial.params])
        panel.scatter(
            *(axis.places, scores),
            c=-numbers,
            cmap=good_to_bad(),
            s=18,
            linewidths=0,
            rasterized=len(scores) > _MOST_VECTORS,
        )
        panel.set_xticks(*axis.ticks)
        panel.set_xlim(-0.06, 1.06)
        panel.set_xlabel(name)
        faint_grid(panel, "both")
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel(score_name)
    return figure


def parallel_figure(trials: Sequence[FrozenTrial], names: Sequence[str], *, score_name: str) -> "Figure":
    """Draw each complete trial as a line through its score and its parameters, the best on top and strongest.

    Parameters
    ----------
    trials : sequence of FrozenTrial
        With all of these parameters.
    names : sequence of str
    score_name : str
    """
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - only those who draw wait for it

    axes = [score_axis(score_name, trials), *(parameter_axis(name, trials) for name in names)]
    places = np.column_stack([axis.places for axis in axes])
    order = np.argsort([-(trial.value or 0.0) for trial in trials], kind="stable")  # the worst first, below the others
    ranks = np.linspace(1, 0, len(order)) if len(order) > 1 else np.zeros(1)
    figure = new_figure(height=3.6)
    panel = figure.subplots()
    lines = LineCollection(
        [np.column_stack([np.arange(len(axes)), places[place]]) for place in order],
        colors=good_to_bad()(ranks),
        linewidths=np.where(ranks < 0.1, 2.0, 1.0),
    )
    panel.add_collection(lines)
    for place, axis in enumerate(axes):
        _upright(panel, place, axis)
    panel.set_xlim(-0.3, len(axes) - 0.4)
    panel.set_ylim(-0.1, 1.1)
    panel.set_xticks(range(len(axes)), [axis.name for axis in axes])
    panel.set_yticks([])
    panel.tick_params(axis="x", length=0)
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)
    return figure


def _upright(panel: "Axes", place: int, axis: ParameterAxis) -> None:
    panel.vlines(place, 0, 1, color=INK, alpha=0.6, linewidth=0.8)
    for at, label in zip(*axis.ticks, strict=True):
        panel.hlines(at, place - 0.03, place, color=INK, alpha=0.6, linewidth=0.8)
        if at in (0, 1):  # beyond the ends no line crosses it
            beyond, side = (0.02, "bottom") if at else (-0.02, "top")
            panel.text(place, at + beyond, label, ha="center", va=side, fontsize="small")
        else:
            panel.text(place + 0.03, at, label, va="center", fontsize="small")

"""Trials one after the other: their scores as the search went on, fold by fold, and how long they took."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from ...trial_states import WITHOUT_RESULT, TrialWord, word_of_trial
from ...trial_times import seconds_of
from ...verdict.evidence import Floats
from ...verdict.figures import short_per_cent
from .style import BLUE, GREEN, GREY, ORANGE, RED, VIOLET, faint_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_COLOURS: Final[Mapping[TrialWord, str]] = {
    "complete": BLUE,
    "pruned": GREY,
    "failed": RED,
    "interrupted": ORANGE,
    "abandoned": VIOLET,
}


def history_figure(trials: Sequence[FrozenTrial], naive_score: float | None, *, score_name: str) -> "Figure":
    """Draw the score of each trial and the best so far; below, on a scale of their own, pruned trials.

    What is far worse than nine in ten stands at the upper edge.

    Parameters
    ----------
    trials : sequence of FrozenTrial
        Those that have ended, by number.
    naive_score : float or None
        Mean over the folds.
    score_name : str
    """
    figure = new_figure(height=4.2)
    scores, rest = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    if naive_score is not None:
        scores.axhline(naive_score, color=ORANGE, linewidth=1.2, label="naive")
    complete = {trial.number: _score(trial) for trial in trials if trial.state == TrialState.COMPLETE}
    values = np.array(list(complete.values()))
    limits = _shown(np.append(values, [] if naive_score is None else [naive_score]))
    scores.plot(list(complete), np.minimum(values, limits[1]), "o", color=BLUE, markersize=5, label="complete")
    if complete:
        best = np.minimum.accumulate(values)
        scores.step(list(complete), best, where="post", color=GREEN, linewidth=1.4, label="best so far")
    scores.set_ylim(*limits)
    scores.set_ylabel(f"{score_name}, lower is better")
    pruned = {
        trial.number: trial.intermediate_values[max(trial.intermediate_values)]
        for trial in trials
        if trial.state == TrialState.PRUNED and trial.intermediate_values
    }
    errors = np.array(list(pruned.values()))
    limits = _shown(errors)
    rest.plot(list(pruned), np.minimum(errors, limits[1]), "x", color=GREY, markersize=5, label="pruned")
    rest.set_ylim(*limits)
    rest.set_ylabel("error so far")
    for word in WITHOUT_RESULT:
        numbers, colour = [trial.number for trial in trials if word_of_trial(trial) == word], _COLOURS[word]
        if numbers:
            edge = rest.get_xaxis_transform()
            rest.plot(numbers, np.zeros(len(numbers)), "|", color=colour, transform=edge, label=word)
    rest.set_xlim(-0.5, max(trial.number for trial in trials) + 0.5)
    _whole_numbers(rest.xaxis)
    rest.set_xlabel("trial")
    for axis in (scores, rest):
        faint_grid(axis)
    figure.legend(loc="outside upper left", ncols=5)
    return figure


def heat_map(skills: Floats, numbers: Sequence[int], *, naive: str = "naive") -> "Figure":
    """Draw how each trial did in each fold beside a naive forecast.

    Parameters
    ----------
    skills : numpy.ndarray, float64, [K, N]
        Of K folds and N trials, NaN where a trial did not get so far.
    numbers : sequence of int, [N]
        Of the trials.
    naive : str, default "naive"
        What that forecast is called.
    """
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - only those who draw wait for it

    n_folds, n_trials = skills.shape
    figure = new_figure(height=1.3 + 0.34 * n_folds)
    axis = figure.subplots()
    finite = np.abs(skills[np.isfinite(skills)])
    reach = max(float(np.quantile(finite, 0.95)) if finite.size else 0.0, 1e-4)
    colours = LinearSegmentedColormap.from_list("worse to better", [RED, "#e9e6e1", BLUE])
    image = axis.imshow(
        100 * skills, cmap=colours, vmin=-100 * reach, vmax=100 * reach, aspect="auto", interpolation="nearest"
    )
    axis.set_yticks(range(n_folds), [f"fold {number}" for number in range(1, n_folds + 1)])
    shown = np.unique(np.linspace(0, n_trials - 1, min(n_trials, 24)).round().astype(int))
    axis.set_xticks(shown, [str(numbers[place]) for place in shown])
    axis.set_xlabel("trial, the best score first")
    if n_trials <= 24:
        for fold, trial in zip(*np.nonzero(np.isfinite(skills)), strict=True):
            text = short_per_cent(float(skills[fold, trial]))
            axis.text(trial, fold, text, ha="center", va="center", fontsize=6.5, color="#26282c")
    bar = figure.colorbar(image, ax=axis, extend="both", pad=0.01)
    bar.set_label(f"% better than {naive}")
    return figure


def time_figure(trials: Sequence[FrozenTrial]) -> "Figure":
    """Draw how long each trial took, by what became of it."""
    figure = new_figure(height=2.6)
    axis = figure.subplots()
    for word, colour in _COLOURS.items():
        of_state = [trial for trial in trials if word_of_trial(trial) == word and trial.duration is not None]
        if of_state:
            minutes = [(seconds_of(trial) or 0.0) / 60 for trial in of_state]
            axis.vlines([trial.number for trial in of_state], 0, minutes, color=colour, linewidth=_width(len(trials)))
            axis.plot([], [], color=colour, linewidth=4, label=word)
    axis.set_ylim(bottom=0)
    _whole_numbers(axis.xaxis)
    axis.set_xlabel("trial")
    axis.set_ylabel("minutes")
    faint_grid(axis)
    figure.legend(loc="outside upper left", ncols=5)
    return figure


def _score(trial: FrozenTrial) -> float:
    assert trial.value is not None, "a complete trial has one"
    return trial.value


def _width(n_trials: int) -> float:
    return min(8.0, max(0.5, 400 / max(n_trials, 1)))


def _shown(values: Floats) -> tuple[float, float]:
    """Return the range in which the scores lie, without those that are far off."""
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low = float(values.min())
    high = min(float(values.max()), low + 3 * (float(np.quantile(values, 0.9)) - low))
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _whole_numbers(axis: "Axis") -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - only those who draw wait for it

    axis.set_major_locator(MaxNLocator(integer=True))

"""The section about the work itself: how long trials took, and which have no result and why."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from optuna.trial import FrozenTrial

from ..durations import duration
from ..trial_states import COUNTED, WITHOUT_RESULT, reason_of, repetitions, word_of_trial
from ..trial_times import seconds_of
from ..verdict.figures import counted, listed
from .contents import Part, Picture, Section, Table, Words
from .figures.trial_figures import time_figure
from .gathered import Gathered

_MOST_NUMBERS: Final = 20


def run_section(gathered: Gathered) -> Section:
    """Return how long the trials took, and those that have no result with their reasons."""
    key, title = "trials", "Time and failures"
    timed = [trial for trial in gathered.trials if trial.duration is not None]
    if not timed:
        return Section(key, title, (Words("No trial has ended yet."),))
    parts: list[Part] = [_time_table(timed), _time_picture(timed)]
    failed = [trial for trial in gathered.trials if word_of_trial(trial) in WITHOUT_RESULT]
    if failed:
        parts.append(_failures(failed, repetitions(gathered.study.get_trials(deepcopy=False))))
    else:
        parts.append(Words("No trial failed, was interrupted or abandoned."))
    return Section(key, title, tuple(parts))


def _seconds(trial: FrozenTrial) -> float:
    return seconds_of(trial) or 0.0


def _time_table(trials: Sequence[FrozenTrial]) -> Table:
    rows: list[tuple[str | int, ...]] = []
    for word in COUNTED:
        seconds = [_seconds(trial) for trial in trials if word_of_trial(trial) == word]
        if seconds:
            each = [duration(value) for value in (sum(seconds), sum(seconds) / len(seconds), max(seconds))]
            rows.append((word, len(seconds), *each))
    header = ("trials", "number", "in all", "in the mean", "longest")
    return Table(header, tuple(rows), "Time of the trials; those of several workers ran side by side")


def _time_picture(trials: Sequence[FrozenTrial]) -> Picture:
    longest = max(trials, key=_seconds)
    total = sum(map(_seconds, trials))
    alt = (
        f"Bars of the time of {counted(len(trials), 'trial')}, {duration(total)} in all; the longest is trial "
        f"{longest.number} with {duration(_seconds(longest))}."
    )
    return Picture("time", "Time of each trial", alt, partial(time_figure, trials))


def _failures(failed: Sequence[FrozenTrial], again: Mapping[int, FrozenTrial]) -> Table:
    """Return the reasons, the most frequent first, each with its trials and those that repeat them."""
    of_reason: dict[tuple[str, str], list[int]] = {}
    for trial in failed:
        reason = (word_of_trial(trial), reason_of(trial))
        of_reason.setdefault(reason, []).append(trial.number)
    rows = tuple(
        (word, reason, len(numbers), _shown(numbers), _shown([again[each].number for each in numbers if each in again]))
        for (word, reason), numbers in sorted(of_reason.items(), key=lambda one: (-len(one[1]), one[1]))
    )
    return Table(("what", "reason", "number", "trials", "repeated by trials"), rows, "Trials without a result")


def _shown(numbers: Sequence[int]) -> str | None:
    if not numbers:
        return None
    if len(numbers) <= _MOST_NUMBERS:
        return listed(numbers)
    return f"{', '.join(map(str, numbers[:_MOST_NUMBERS]))} and {len(numbers) - _MOST_NUMBERS} more"

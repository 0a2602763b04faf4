"""The section about the work itself: how long trials took, and which failed and why."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from optuna.trial import FrozenTrial, TrialState

from ..trial_attributes import FAILURE, RETRY_OF
from ..verdict.figures import counted, listed
from .contents import Part, Picture, Section, Table, Words
from .figures.trial_figures import time_figure
from .gathered import Gathered

_MOST_NUMBERS: Final = 20
_UNKNOWN: Final = "not recorded"


def run_section(gathered: Gathered) -> Section:
    """Return how long the trials took, and those that failed with their reasons."""
    key, title = "trials", "Time and failures"
    timed = [trial for trial in gathered.trials if trial.duration is not None]
    if not timed:
        return Section(key, title, (Words("No trial has ended yet."),))
    parts: list[Part] = [_time_table(timed), _time_picture(timed)]
    failed = [trial for trial in gathered.trials if trial.state == TrialState.FAIL]
    parts.append(_failures(failed, gathered.trials) if failed else Words("No trial failed."))
    return Section(key, title, tuple(parts))


def duration(seconds: float) -> str:
    """Return a length of time: 3.2 s, 4 min 5 s, 2 h 10 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def _seconds(trial: FrozenTrial) -> float:
    return 0.0 if trial.duration is None else trial.duration.total_seconds()


def _time_table(trials: Sequence[FrozenTrial]) -> Table:
    rows: list[tuple[str | int, ...]] = []
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
        seconds = [_seconds(trial) for trial in trials if trial.state == state]
        if seconds:
            name = state.name.lower().replace("fail", "failed")
            each = [duration(value) for value in (sum(seconds), sum(seconds) / len(seconds), max(seconds))]
            rows.append((name, len(seconds), *each))
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


def _failures(failed: Sequence[FrozenTrial], trials: Sequence[FrozenTrial]) -> Table:
    """Return the reasons, the most frequent first, each with its trials."""
    of_reason: dict[str, list[int]] = {}
    for trial in failed:
        of_reason.setdefault(str(trial.user_attrs.get(FAILURE, _UNKNOWN)), []).append(trial.number)
    again = {number for trial in trials for number in trial.user_attrs.get(RETRY_OF, [])}
    rows = tuple(
        (reason, len(numbers), _shown(numbers), sum(number in again for number in numbers))
        for reason, numbers in sorted(of_reason.items(), key=lambda one: (-len(one[1]), one[1]))
    )
    return Table(("reason", "number", "trials", "ran again"), rows, "Failed trials")


def _shown(numbers: Sequence[int]) -> str:
    if len(numbers) <= _MOST_NUMBERS:
        return listed(numbers)
    return f"{', '.join(map(str, numbers[:_MOST_NUMBERS]))} and {len(numbers) - _MOST_NUMBERS} more"

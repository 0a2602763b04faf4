"""What became of a trial, in one word: the words of tables, reports, exports, live view and JSON alike."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeGuard

from optuna.trial import FrozenTrial

from .trial_attributes import FAILURE, INTERRUPTED, RETRY_OF, is_abandoned

TrialWord = Literal["complete", "pruned", "failed", "interrupted", "abandoned", "running", "waiting"]

COUNTED: Final[tuple[TrialWord, ...]] = ("complete", "pruned", "failed", "interrupted", "abandoned", "running")
"""Those that a study has had, in the order in which they are told; what waits has not begun."""
WITHOUT_RESULT: Final[tuple[TrialWord, ...]] = ("failed", "interrupted", "abandoned")
"""Those that Optuna calls FAIL: their code raised, they were stopped on purpose, or their worker was gone."""

_WORDS: Final[dict[str, TrialWord]] = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}


def word_of(state: str, failure: object = None, interrupted: object = None) -> TrialWord:
    """Return the word for a state of Optuna's.

    Parameters
    ----------
    state : str
        Name of the state.
    failure, interrupted : object
        The user attributes of these names.
    """
    if state == "FAIL" and is_abandoned(failure):
        return "abandoned"
    return "interrupted" if state == "FAIL" and interrupted is True else _WORDS[state]


def word_of_trial(trial: FrozenTrial) -> TrialWord:
    """Return what became of a trial."""
    return word_of(trial.state.name, trial.user_attrs.get(FAILURE), trial.user_attrs.get(INTERRUPTED))


def counts_of(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """Return how many trials there are of each word in :data:`COUNTED`."""
    counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
    for trial in trials:
        word = word_of_trial(trial)
        if word in counts:
            counts[word] += 1
    return counts


def counts_in_words(counts: dict[str, int], *, always: Sequence[str] = ("complete", "pruned")) -> str:
    """Return counts as a line tells them, those of nothing left out: 7 complete, 5 pruned, 1 interrupted."""
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number or word in always)


def repeated_trial(trial: FrozenTrial) -> int | None:
    """Return the number of the trial whose parameters this one runs again, the last of several; None of a new one."""
    before = trial.user_attrs.get(RETRY_OF)
    return int(before[-1]) if _are_numbers(before) else None


def repetitions(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trials that repeat others, by the number of the one that each repeats."""
    return {before: trial for trial in trials if (before := repeated_trial(trial)) is not None}


def fate_of(trial: FrozenTrial, repeated_by: FrozenTrial | None) -> str:
    """Return what became of a trial without a result, and of its parameters: interrupted, run again as trial 4.

    Parameters
    ----------
    trial : FrozenTrial
    repeated_by : FrozenTrial or None
        From :func:`repetitions`.
    """
    word = word_of_trial(trial)
    if repeated_by is None:
        return word
    again = "waits to run again" if word_of_trial(repeated_by) == "waiting" else "run again"
    return f"{word}, {again} as trial {repeated_by.number}"


def reason_of(trial: FrozenTrial) -> str:
    """Return why a trial has no result, without the word for it: no heartbeat for 200 s."""
    failure = str(trial.user_attrs.get(FAILURE, "without a reason"))
    word, colon, why = failure.partition(": ")
    return why if colon and is_abandoned(word) else failure


def _are_numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and bool(value)

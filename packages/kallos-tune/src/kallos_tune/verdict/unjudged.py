"""Why a fold, or a whole study, has no verdict, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .choice import Choice
from .evidence import JudgedFold
from .sample import Sample


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Why there is no verdict, and how to come by one."""

    reason: str
    remedy: str


def why_fold_is_skipped(choice: Choice | None) -> str:
    """Return why a fold cannot be judged; None as its choice says that it has no step."""
    if choice is None:
        return "no step was observed"
    if not choice.n_finished:
        return "no trial finished it"
    if choice.not_finite:
        return "every forecast of it is infinite or not a number"
    return "its trials were made before forecasts were kept for a verdict"


def why_nothing_is_judged(
    folds: Sequence[JudgedFold], choices: Sequence[Choice], sample: Sample | None, *, fewest: int
) -> Unjudged | None:
    """Return why a study cannot be judged; None where it can.

    Parameters
    ----------
    folds : sequence of JudgedFold
        All of them.
    choices : sequence of Choice
        Of all folds after the first that have steps.
    sample : Sample or None
        The judged steps; None where there is none.
    fewest : int
        Steps that a verdict needs.
    """
    if sample is None:
        return _without_sample(folds, choices)
    if len(sample) < fewest:
        return Unjudged(
            f"{len(sample)} judged {'step is' if len(sample) == 1 else 'steps are'} too few, {fewest} are needed",
            "take a longer history, or let the validation windows cover a larger share of it",
        )
    if np.array_equal(sample.to_beat, sample.actual):
        return Unjudged(
            "the naive forecast makes no error at all, so nothing can beat it",
            "see whether this target is what you mean to forecast: it does not move",
        )
    return None


def _without_sample(folds: Sequence[JudgedFold], choices: Sequence[Choice]) -> Unjudged:
    if len(folds) < 2:
        return Unjudged("a verdict needs a fold after the first", "take two folds or more")
    if not choices:
        return Unjudged(
            "no step was observed in the folds after the first",
            "look at the data: these windows hold nothing but filled values",
        )
    if not any(choice.n_finished for choice in choices):
        return Unjudged(
            f"no trial has finished fold {choices[0].fold}",
            "run more trials, or turn off pruning, which stops weak trials early",
        )
    if any(choice.not_finite for choice in choices):
        return Unjudged(
            "every forecast is infinite or not a number", "narrow the search space: lower learning rates, for instance"
        )
    return Unjudged(
        "its trials were made before forecasts were kept for a verdict", "run more trials: those from now on count"
    )

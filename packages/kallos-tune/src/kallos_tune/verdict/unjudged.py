"""Why a fold, a whole study or a hold-out period has no verdict, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .choice import Choice
from .evidence import Floats, JudgedFold
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
        remedy = "take a longer history, or let the validation windows cover a larger share of it"
        return too_few_steps(len(sample), fewest, remedy)
    return naive_without_error(sample.actual, sample.to_beat)


def too_few_steps(n_steps: int, fewest: int, remedy: str) -> Unjudged:
    """Return that there are fewer steps than a verdict needs."""
    return Unjudged(
        f"{n_steps} judged {'step is' if n_steps == 1 else 'steps are'} too few, {fewest} are needed", remedy
    )


def naive_without_error(actual: Floats, to_beat: Floats) -> Unjudged | None:
    """Return that nothing can beat the naive forecast, where it makes no error."""
    if not np.array_equal(to_beat, actual):
        return None
    return Unjudged(
        "the naive forecast makes no error at all, so nothing can beat it",
        "see whether this target is what you mean to forecast: it does not move",
    )


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

"""The walk-forward choice of every fold, and the row of steps that it forecasts."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..score_names import Metric
from .choice import Choice, choice_for
from .evidence import JudgedFold, TrialEvidence
from .sample import Sample, sample_of


@dataclass(frozen=True, slots=True)
class WalkForward:
    """What would have been used fold by fold.

    Attributes
    ----------
    choices : tuple of Choice
        Of all folds after the first that have steps, oldest first.
    usable : tuple of Choice
        Those with a trial.
    sample : Sample or None
        Truth and forecasts at the steps of these; None where there is none.
    """

    choices: tuple[Choice, ...]
    usable: tuple[Choice, ...]
    sample: Sample | None


def walk_forward(
    folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence], *, metric: Metric, n_average: int
) -> WalkForward:
    """Return the walk-forward choice; parameters as of :func:`kallos_tune.verdict.judge.judge`."""
    choices = tuple(
        choice_for(fold.number, folds, trials, metric=metric, n_average=n_average)
        for fold in folds[1:]
        if len(fold.actual)
    )
    usable = tuple(choice for choice in choices if choice.trials)
    return WalkForward(choices, usable, sample_of(folds, trials, usable) if usable else None)

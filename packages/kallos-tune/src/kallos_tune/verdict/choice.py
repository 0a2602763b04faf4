"""The walk-forward choice: what someone at the beginning of a fold would have used, knowing earlier folds alone.

For fold k from the second on: of the trials that finished it, those with the lowest mean score over folds 1 … k-1, and
the naive forecast with the lowest mean error over the same folds. Nothing that happened in fold k or later decides.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..score_names import Metric
from .accuracy import error_of, losses_of
from .evidence import JudgedFold, TrialEvidence


@dataclass(frozen=True, slots=True)
class Choice:
    """What is used in one fold.

    Attributes
    ----------
    fold : int
    trials : tuple of int
        Numbers of the trials whose forecasts are averaged, the best first: that one is the single choice. Empty where
        no trial can be chosen.
    naive : str
        Name of the naive forecast to beat.
    not_finite : tuple of int
        Trials left out because a value of their forecast, or a score on earlier folds, is infinite or not a number.
    n_finished : int
        Trials that have a score of the fold, whether they can be chosen or not.
    """

    fold: int
    trials: tuple[int, ...]
    naive: str
    not_finite: tuple[int, ...]
    n_finished: int


def choice_for(
    number: int, folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence], *, metric: Metric, n_average: int
) -> Choice:
    """Return what would have been used in a fold.

    Whether a trial finished the fold was decided before it began: trials are pruned on earlier folds.

    Parameters
    ----------
    number : int
        The fold's, 2 or more.
    folds : sequence of JudgedFold
        From the first on. Those without a step count for nothing.
    trials : sequence of TrialEvidence
        In any order; of equals, the one with the lower number comes first.
    metric : {"rmse", "mae"}
        By which the naive forecasts are ranked, as the trials are by their scores.
    n_average : int
        How many trials are averaged; fewer where there are fewer.
    """
    earlier = [fold for fold in folds if fold.number < number and len(fold.actual)]
    places = [fold.number - 1 for fold in earlier]
    finished = sorted((trial for trial in trials if len(trial.scores) >= number), key=lambda trial: trial.number)
    recorded = [trial for trial in finished if number in trial.forecasts]
    finite = [trial for trial in recorded if np.isfinite(trial.forecasts[number]).all()]
    ranks = {trial.number: _mean([trial.scores[place] for place in places]) for trial in finite}
    candidates = sorted((one for one in ranks if math.isfinite(ranks[one])), key=lambda one: (ranks[one], one))
    return Choice(
        fold=number,
        trials=tuple(candidates[:n_average]),
        naive=best_naive(earlier, metric, names=list(folds[0].naive)),
        not_finite=tuple(trial.number for trial in recorded if trial.number not in candidates),
        n_finished=len(finished),
    )


def best_naive(folds: Sequence[JudgedFold], metric: Metric, *, names: Sequence[str]) -> str:
    """Return the name of the naive forecast with the lowest mean error over folds; of equals, the first name."""
    return min(names, key=lambda name: _mean_naive_error(folds, metric, name))


def _mean_naive_error(folds: Sequence[JudgedFold], metric: Metric, name: str) -> float:
    """Return the mean over folds of a naive forecast's error, in the target's unit; 0 without a fold."""
    return _mean([error_of(metric, losses_of(metric, fold.actual, fold.naive[name])) for fold in folds])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0

"""The naive forecast that every score of a study is compared with: one and the same in all folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class NaiveScores:
    """The hardest naive forecast of a study, by what it scores in the folds of which a trial's score is the mean.

    It is known after the fact, as the best trial is: one forecast for all folds beside one trial for all folds. What is
    printed beside a score is this, and the skill of a score is measured against it.

    Attributes
    ----------
    name : str
        Of the naive forecast with the lowest mean; of equals the first.
    fold_scores : tuple of float
        Its error in each fold, or the pinball loss of its quantiles, in the target's unit.
    """

    name: str
    fold_scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """The mean over the folds."""
        return float(np.mean(self.fold_scores))


def hardest_naive(fold_scores: Mapping[str, Sequence[float]]) -> NaiveScores:
    """Return the naive forecast that is the hardest to beat over all folds.

    Parameters
    ----------
    fold_scores : mapping of str to sequence of float
        What each naive forecast scores in each fold, one at least.
    """
    found = [NaiveScores(name, tuple(scores)) for name, scores in fold_scores.items()]
    return min(found, key=lambda naive: naive.score)

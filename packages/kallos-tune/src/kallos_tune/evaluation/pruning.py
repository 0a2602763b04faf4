"""Which trials are not worth the rest of their training: asynchronous successive halving.

A trial climbs rungs, and at each its error is compared with those of all trials that got there:

    rung 1, 2      epochs 2 and 4 of the first fold: the best validation error so far (of rolling forecasts alone)
    rung 2 + k     fold k: the mean score of the folds so far

The first rungs are where most trials end, and cost next to nothing.
"""

import math
from typing import Final

import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.trial import FrozenTrial, TrialState

from ..settings import SearchSettings

_RUNG_EPOCHS: Final = (2, 4)


class SuccessiveHalving(BasePruner):
    """Prunes whatever is not among the better half at its rung (Li et al. 2020, "ASHA").

    The half is that of all trials that got to the rung, this one and running ones included, rounded up. Failed trials
    do not count, so that a study that was interrupted prunes the same trials as one that was not.

    Parameters
    ----------
    reduction_factor : int, default 2
        One trial in so many continues.
    """

    def __init__(self, reduction_factor: int = 2) -> None:
        self._reduction_factor = reduction_factor

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether a running trial is not worth its next rung."""
        rung = trial.last_step
        if rung is None:
            return False
        others = [
            other.intermediate_values[rung]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and other.state != TrialState.FAIL and rung in other.intermediate_values
        ]
        n_going_on = math.ceil((len(others) + 1) / self._reduction_factor)
        return sum(other < trial.intermediate_values[rung] for other in others) >= n_going_on


def pruner_of(settings: SearchSettings) -> BasePruner:
    """Return the pruner that the settings name."""
    return SuccessiveHalving() if settings.pruner == "halving" else NopPruner()


def rung_of_epoch(fold: int, epoch: int) -> int | None:
    """Return the rung that lies after an epoch (counted from 1) of a fold (counted from 1), if one does."""
    return _RUNG_EPOCHS.index(epoch) + 1 if fold == 1 and epoch in _RUNG_EPOCHS else None


def rung_of_fold(fold: int) -> int:
    """Return the rung that lies after a fold, counted from 1."""
    return len(_RUNG_EPOCHS) + fold


def rung_name(rung: int) -> str:
    """Return where a rung lies, in words."""
    if rung <= len(_RUNG_EPOCHS):
        return f"epoch {_RUNG_EPOCHS[rung - 1]} of fold 1"
    return f"fold {rung - len(_RUNG_EPOCHS)}"

"""Which trials are not worth their remaining folds."""

from typing import Final

import numpy as np
import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner, WilcoxonPruner
from optuna.trial import FrozenTrial

from .ledger import FINISHED
from .settings import TuningSettings

_BEST_SHARE: Final = 1 / 3
_STARTUP_TRIALS: Final = 5


class BestSharePruner(BasePruner):
    """Lets a trial go on while its mean over the folds so far is among the best share of those over the same folds.

    It is asynchronous successive halving (Li et al. 2020) with a rung at every fold. Optuna's own pruners compare other
    things: by percentile the best mean so far, over whichever folds, with those of complete trials alone; by halving
    also with failed trials, so that a study that was interrupted would go on otherwise than one that was not.

    Parameters
    ----------
    share : float
        Between 0 and 1.
    n_startup_trials : int
        Finished trials over the same folds below which nothing is pruned.
    """

    def __init__(self, share: float = _BEST_SHARE, n_startup_trials: int = _STARTUP_TRIALS) -> None:
        self._share = share
        self._n_startup_trials = n_startup_trials

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether to give up a trial that has just reported its mean over its folds so far."""
        n_folds = trial.last_step
        if n_folds is None:
            return False
        finished = study.get_trials(deepcopy=False, states=FINISHED)
        rivals = [each.intermediate_values[n_folds] for each in finished if n_folds in each.intermediate_values]
        if len(rivals) < self._n_startup_trials:
            return False
        return trial.intermediate_values[n_folds] > float(np.quantile(rivals, self._share))


def pruner_of(settings: TuningSettings) -> BasePruner:
    """Return the pruner that the settings name."""
    match settings.pruner:
        case "best-share":
            return BestSharePruner()
        case "median":
            return MedianPruner(n_startup_trials=_STARTUP_TRIALS)
        case "wilcoxon":
            return WilcoxonPruner()
        case "none":
            return NopPruner()

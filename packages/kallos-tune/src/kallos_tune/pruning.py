"""Which trials are not worth their remaining folds."""

from typing import Final

from optuna.pruners import BasePruner, MedianPruner, NopPruner, WilcoxonPruner

from .settings import TuningSettings

_STARTUP_TRIALS: Final = 5


def pruner_of(settings: TuningSettings) -> BasePruner:
    """Return the pruner that the settings name.

    All compare with complete trials alone: a study that was interrupted prunes the same trials as one that was not.
    """
    match settings.pruner:
        case "median":
            return MedianPruner(n_startup_trials=_STARTUP_TRIALS)
        case "wilcoxon":
            return WilcoxonPruner()
        case "none":
            return NopPruner()

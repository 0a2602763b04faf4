"""What the trials of a study say of themselves: which count, which failed and why, which is best."""

from typing import Final

import optuna
from optuna.trial import FrozenTrial, TrialState

FINISHED: Final = (TrialState.COMPLETE, TrialState.PRUNED)
# User attributes of a trial that failed: why, and whether it was stopped from outside and its parameters queued again.
FAILURE: Final = "failure"
INTERRUPTED: Final = "interrupted"
# How the reason of a trial begins whose worker was gone, and what trials have that repeat such parameters.
ABANDONED: Final = "abandoned"
RETRIES: Final = "retries"
RETRY_OF: Final = "retry_of"
# Host and process that run or ran a trial, the mark of the claim, and the number that its parameters were drawn with.
WORKER: Final = "worker"
CLAIM: Final = "claim"
DRAW: Final = "draw"
# When it began and ended, in UTC: what Optuna keeps of that is local time of some machine, without a zone.
STARTED: Final = "started"
ENDED: Final = "ended"
# Its error in each fold that it got through, in the target's unit.
FOLD_SCORES: Final = "fold_scores"
# All that a trial was trained with beside its parameters; a study resumed by force has several.
MADE_WITH: Final = "made_with"
# Per fold: its forecast with the weights of its best epoch; from the second on, the epoch that earlier folds choose and
# the forecast with the weights of that epoch. How they are written: kallos_tune.evaluation.forecast_record.
FORECASTS: Final = "fold_forecasts"
CHOSEN_EPOCHS: Final = "fold_chosen_epochs"
OUT_OF_SAMPLE: Final = "fold_out_of_sample"

# Studies made before the word was settled have trials that were "given up".
_ABANDONED_WORDS: Final = (ABANDONED, "given up")


def is_abandoned(failure: object) -> bool:
    """Return whether this value of :data:`FAILURE` says that the trial's worker was gone."""
    return isinstance(failure, str) and failure.partition(":")[0] in _ABANDONED_WORDS


def n_finished(study: optuna.Study) -> int:
    """Return how many trials count towards the budget."""
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """Return the complete trial with the best score, the first of several; None where there is none."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return min((trial for trial in complete if trial.value is not None), key=_score, default=None)


def best_score(study: optuna.Study) -> float | None:
    """Return the best score of a complete trial, or None where there is none."""
    best = best_trial(study)
    return None if best is None else best.value


def _score(trial: FrozenTrial) -> float:
    assert trial.value is not None, "only scored trials are compared"
    return trial.value

"""How a trial that was stopped from outside ends: it fails, and its parameters wait to run again.

Several things are written that belong together: these functions are called inside one transaction.
"""

from collections.abc import Collection, Mapping
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from ..trial_attributes import DRAW, ENDED, FAILURE, INTERRUPTED, RETRIES, RETRY_OF
from ..trial_times import now


def fail(storage: BaseStorage, trial_id: int, failure: str) -> None:
    """Record that a trial failed and why; its parameters are not tried again."""
    _fail(storage, trial_id, {FAILURE: failure})


def fail_and_requeue(
    storage: BaseStorage,
    study_name: str,
    trial_id: int,
    failure: str,
    *,
    retries: int,
    param_names: Collection[str],
) -> None:
    """Record that a trial failed and why, and queue its parameters to run again.

    Parameters
    ----------
    storage : optuna storage
    study_name : str
    trial_id : int
    failure : str
    retries : int
        How often its parameters took their worker down, this time included.
    param_names : collection of str
        Where the trial does not have all of these yet, those that it has are drawn anew, with the seed they had.
    """
    trial = storage.get_trial(trial_id)
    _fail(storage, trial_id, {FAILURE: failure, INTERRUPTED: True})
    queued: Mapping[str, Any] = trial.system_attrs.get("fixed_params", {})
    params = {**queued, **trial.params}
    if not params.keys() >= set(param_names):
        params = dict(queued)
    attributes = {RETRIES: retries, RETRY_OF: [*history(trial), trial.number]}
    if DRAW in trial.user_attrs:
        attributes[DRAW] = trial.user_attrs[DRAW]
    optuna.load_study(study_name=study_name, storage=storage).enqueue_trial(params, user_attrs=attributes)


def history(trial: FrozenTrial) -> list[int]:
    """Return the numbers of the trials that had the same parameters before."""
    return trial.user_attrs.get(RETRY_OF, [])


def _fail(storage: BaseStorage, trial_id: int, attributes: Mapping[str, object]) -> None:
    for key, value in {**attributes, ENDED: now()}.items():
        storage.set_trial_user_attr(trial_id, key, value)
    storage.set_trial_state_values(trial_id, state=TrialState.FAIL)

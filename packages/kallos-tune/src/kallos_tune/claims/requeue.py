"""What becomes of a trial that was stopped from outside: it fails, and its parameters are queued again.

The functions here write several things that belong together: they are called inside one transaction.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from ..trial_attributes import DRAW, FAILURE, GIVEN_UP, INTERRUPTED, RETRIES, RETRY_OF
from .trial_sql import RunningTrial

_MOST_RETRIES: Final = 2


def give_up(
    storage: BaseStorage, study_name: str, running: RunningTrial, why: str, param_names: Collection[str]
) -> str:
    """Fail a trial whose worker is gone and return why, with its history.

    Its parameters are queued again, twice at most: what took its worker down every time is a failure of its own.
    """
    trial = storage.get_trial(running.trial_id)
    retries = int(trial.user_attrs.get(RETRIES, 0)) + (running.silence is not None)
    worn_out = retries > _MOST_RETRIES
    reason = f"{GIVEN_UP}: {why}" + (f", as in trials {_history(trial)}" if worn_out else "")
    if worn_out:
        _fail(storage, running.trial_id, {FAILURE: reason})
    else:
        _fail(storage, running.trial_id, {FAILURE: reason, INTERRUPTED: True})
        _requeue(storage, study_name, trial, retries, param_names)
    return reason.removeprefix(f"{GIVEN_UP}: ")


def interrupt(storage: BaseStorage, study_name: str, trial_id: int, reason: str, param_names: Collection[str]) -> bool:
    """Fail a trial that is stopped on purpose; False where it had ended before.

    Its parameters are queued again, however often: they are not to blame.
    """
    trial = storage.get_trial(trial_id)
    if trial.state.is_finished():
        return False
    _fail(storage, trial_id, {FAILURE: reason, INTERRUPTED: True})
    _requeue(storage, study_name, trial, int(trial.user_attrs.get(RETRIES, 0)), param_names)
    return True


def _fail(storage: BaseStorage, trial_id: int, attributes: Mapping[str, object]) -> None:
    for key, value in attributes.items():
        storage.set_trial_user_attr(trial_id, key, value)
    storage.set_trial_state_values(trial_id, state=TrialState.FAIL)


def _requeue(
    storage: BaseStorage, study_name: str, trial: FrozenTrial, retries: int, param_names: Collection[str]
) -> None:
    queued: Mapping[str, Any] = trial.system_attrs.get("fixed_params", {})
    params = {**queued, **trial.params}
    if not params.keys() >= set(param_names):
        params = dict(queued)
    attributes = {RETRIES: retries, RETRY_OF: [*_history(trial), trial.number]}
    if DRAW in trial.user_attrs:
        attributes[DRAW] = trial.user_attrs[DRAW]
    optuna.load_study(study_name=study_name, storage=storage).enqueue_trial(params, user_attrs=attributes)


def _history(trial: FrozenTrial) -> list[int]:
    return trial.user_attrs.get(RETRY_OF, [])

"""Who runs which trial: claims under a lock, so that all workers together finish exactly the budget.

A claim is one step under the study's lock::

    lock ─ give up stale trials ─ requeue their parameters ─ count ─ ask ─ first beat ─ check the lock ─ unlock

A result is told under the same lock, and dropped where the trial was given up meanwhile. Both are repeated as a whole
when the database goes away in the middle: a trial that was asked for and never got a beat is an orphan, which the next
claim gives up.
"""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from kallos_data import DatabaseConfig

from .heartbeats import RunningTrial, beat_statement, count_by_state, running_trials
from .ledger import FAILURE, GIVEN_UP, INTERRUPTED, RETRIES, RETRY_OF, WORKER
from .locks import Held, study_lock
from .retry import patiently

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MOST_RETRIES: Final = 2


class NoClaim(Enum):
    """Why there is no trial to run."""

    FULL = auto()  # the budget is finished
    BUSY = auto()  # what is left of it is running elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSettings:
    """Times of claims, in seconds.

    Attributes
    ----------
    heartbeat_seconds : float
        Between two beats of a running trial.
    grace_seconds : float
        Without a beat for longer, a trial is given up.
    database_wait_seconds : float
        How long an absent database is waited for.
    """

    heartbeat_seconds: float
    grace_seconds: float
    database_wait_seconds: float


class Claims:
    """The trials of one study, handed out one at a time to any number of processes.

    Parameters
    ----------
    study : optuna.Study
    storage : optuna storage
        The very object that ``study`` was loaded with.
    config : DatabaseConfig
        The database of that storage, schema included.
    n_trials : int
        Finished trials that the study shall have.
    settings : ClaimSettings
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BaseStorage,
        config: DatabaseConfig,
        n_trials: int,
        settings: ClaimSettings,
    ) -> None:
        self.study = study
        self.storage = storage
        self.n_trials = n_trials
        self.settings = settings
        self.config = config
        self._study_id = storage.get_study_id_from_name(study.study_name)
        self._lock = study_lock(config, f"study {study.study_name}")

    def claim(self, sampler: Callable[[], optuna.samplers.BaseSampler]) -> optuna.Trial | NoClaim:
        """Return a trial to run, already beating, or why there is none.

        Parameters
        ----------
        sampler : callable
            Gives the sampler of the new trial; called under the lock.

        Raises
        ------
        DatabaseUnavailableError
            Where the database stays away too long.
        """
        return self._patiently(lambda: self._claim(sampler))

    def tell(self, trial: optuna.Trial, score: float | None, state: TrialState) -> FrozenTrial | None:
        """Record how a trial ended; None where it was given up meanwhile, and its result is dropped.

        Raises
        ------
        DatabaseUnavailableError
            Where the database stays away too long.
        """
        return self._patiently(lambda: self._tell(trial, score, state))

    def reap(self) -> list[int]:
        """Give up stale trials now and return their numbers; their parameters go back into the queue."""
        return self._patiently(self._reap_now)

    def trial_id(self, trial: optuna.Trial) -> int:
        """Return what the storage knows a trial by."""
        return self.storage.get_trial_id_from_study_id_trial_number(self._study_id, trial.number)

    def _claim(self, sampler: Callable[[], optuna.samplers.BaseSampler]) -> optuna.Trial | NoClaim:
        with self._lock.hold() as held:
            self._reap(held)
            counts = count_by_state(held, self._study_id)
            finished = counts.get("COMPLETE", 0) + counts.get("PRUNED", 0)
            if finished >= self.n_trials:
                return NoClaim.FULL
            if finished + counts.get("RUNNING", 0) >= self.n_trials:
                return NoClaim.BUSY
            self.study.sampler = sampler()
            trial = self.study.ask()
            trial.set_user_attr(WORKER, f"{socket.gethostname()}:{os.getpid()}")
            held.run(beat_statement(self.config.backend), {"trial_id": self.trial_id(trial)})
            held.check()
            return trial

    def _tell(self, trial: optuna.Trial, score: float | None, state: TrialState) -> FrozenTrial | None:
        with self._lock.hold():
            stored = self.storage.get_trial(self.trial_id(trial))
            if stored.state.is_finished():
                return self._already_told(stored, score, state)
            return self.study.tell(trial, score, state=state)

    def _already_told(self, stored: FrozenTrial, score: float | None, state: TrialState) -> FrozenTrial | None:
        """Return a trial whose end was recorded by an earlier attempt whose answer was lost."""
        if stored.state == state and stored.value == score and GIVEN_UP not in stored.user_attrs.get(FAILURE, ""):
            return stored
        logger.warning("trial %d was given up meanwhile: its result is dropped", stored.number)
        return None

    def _reap_now(self) -> list[int]:
        with self._lock.hold() as held:
            return self._reap(held)

    def _reap(self, held: Held) -> list[int]:
        stale = [
            each
            for each in running_trials(held, self.config.backend, self._study_id)
            if each.age is None or each.age > self.settings.grace_seconds
        ]
        for each in stale:
            self._give_up(each)
        return [each.number for each in stale]

    def _give_up(self, running: RunningTrial) -> None:
        """Fail a trial; before that, put its parameters back into the queue, so often and no more."""
        trial = self.storage.get_trial(running.trial_id)
        why = "its worker never began" if running.age is None else f"no heartbeat for {running.age:.0f} s"
        retries = int(trial.user_attrs.get(RETRIES, 0)) + (running.age is not None)
        worn_out = retries > _MOST_RETRIES
        try:
            self.storage.set_trial_user_attr(running.trial_id, FAILURE, f"{GIVEN_UP}: {why}")
            # Parameters that took their worker down every time are a failure of their own.
            self.storage.set_trial_user_attr(running.trial_id, INTERRUPTED, not worn_out)
            if not worn_out:
                self._requeue(trial, retries)
            self.storage.set_trial_state_values(running.trial_id, state=TrialState.FAIL)
        except UpdateFinishedTrialError:
            # Its worker came back and told its end in the moment in which this process had lost the lock.
            self._unqueue(trial)
            return
        logger.warning("trial %d is given up: %s", running.number, why)

    def _requeue(self, trial: FrozenTrial, retries: int) -> None:
        params = trial.params or trial.system_attrs.get("fixed_params", {})
        # An earlier attempt, cut off by the database, may have got as far as this.
        if params and not self._queued_again(trial):
            history = [*trial.user_attrs.get(RETRY_OF, []), trial.number]
            self.study.enqueue_trial(params, user_attrs={RETRIES: retries, RETRY_OF: history})

    def _unqueue(self, trial: FrozenTrial) -> None:
        for each in self._queued_again(trial):
            self.study.tell(each.number, state=TrialState.FAIL)

    def _queued_again(self, trial: FrozenTrial) -> list[FrozenTrial]:
        waiting: list[FrozenTrial] = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return [each for each in waiting if trial.number in each.user_attrs.get(RETRY_OF, [])]

    def _patiently(self, step: Callable[[], T]) -> T:
        return patiently(step, limit_seconds=self.settings.database_wait_seconds)

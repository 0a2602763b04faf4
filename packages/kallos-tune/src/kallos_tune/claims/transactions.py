"""The steps by which workers share a study, each one transaction under the study's lock.

::

    claim: lock ─ abandon stale trials, requeue their parameters ─ count ─ next trial ─ first beat ─ commit
    tell:  lock ─ drop the result where the trial was abandoned ─ record it ─ commit

A transaction that is cut off has done nothing and may be repeated. One whose commit was not answered may have been
done: a claim is then recognised by its mark, a result by its being there, an abandoned trial by its running no more.
"""

import json
import os
import socket
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Final

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from ..errors import StudyNotFoundError
from ..storage.locked_storage import LockedStorage
from ..storage.locks import StudyLock
from ..storage.optuna_tables.heartbeats import beat
from ..storage.optuna_tables.studies import read_names
from ..storage.optuna_tables.trials import (
    Census,
    RunningTrial,
    find_trial,
    read_trial,
    running_trials,
    start_trial,
    survey,
    take_census,
    write_attributes,
)
from ..trial_attributes import (
    ABANDONED,
    CLAIM,
    DRAW,
    ENDED,
    FAILURE,
    RETRIES,
    STARTED,
    WORKER,
    is_abandoned,
)
from ..trial_times import now
from .claim import Claim, NoClaim
from .requeue import fail, fail_and_requeue, history

_MOST_RETRIES: Final = 2


class StudyTransactions:
    """What claims do to a study; every method raises the errors of the database as they are.

    Parameters
    ----------
    lock : StudyLock
        Of the study.
    study_name : str
    study_id : int
    grace_seconds : float
        Without a beat for longer, a trial is abandoned.
    param_names : collection of str
        A trial that was stopped before it had all of these is drawn anew, with the seed it had.
    """

    def __init__(
        self, lock: StudyLock, study_name: str, study_id: int, *, grace_seconds: float, param_names: Collection[str]
    ) -> None:
        self.lock = lock
        self.study_name = study_name
        self.study_id = study_id
        self.grace_seconds = grace_seconds
        self.param_names = param_names

    def claim(self, n_trials: int, mark: str) -> tuple[Claim | NoClaim, dict[int, str]]:
        """Claim a trial, unless so many are finished or running; return also why others were abandoned, by number.

        Asked for the same mark again, it returns the same claim.

        Raises
        ------
        StudyNotFoundError
            Where the study was deleted or has another name by now: those who come to it by that hold another lock.
        """
        with self._begin() as connection:
            running, census = survey(connection, self.study_id)
            if census.study_name != self.study_name:
                raise StudyNotFoundError(self.study_name, read_names(connection))
            for each in running:
                if each.claim == json.dumps(mark):
                    beat(connection, each.trial_id)
                    draw = read_trial(connection, each.trial_id, DRAW).attribute
                    return Claim(each.trial_id, each.number, draw), {}
            abandoned = self._abandon_stale(running)
            if abandoned:
                census = take_census(connection, self.study_id)
            if census.n_finished >= n_trials:
                return NoClaim.FULL, abandoned
            if census.n_finished + census.n_running >= n_trials:
                return NoClaim.BUSY, abandoned
            trial_id, number, draw = self._start(connection, census)
            if draw is None:
                # Repeated parameters were drawn by another trial: they do not count again.
                draw = number - census.n_interrupted
            worker = f"{socket.gethostname()}:{os.getpid()}"
            write_attributes(connection, trial_id, {CLAIM: mark, WORKER: worker, DRAW: draw, STARTED: now()})
            beat(connection, trial_id)
            return Claim(trial_id, number, draw), abandoned

    def tell(self, claim: Claim, score: float | None, state: TrialState, attributes: Mapping[str, object]) -> bool:
        """Record how a trial ended; False where somebody else had ended it before."""
        with self._begin() as connection:
            record = find_trial(connection, claim.trial_id, FAILURE)
            if record is None:
                return False
            if record.state != TrialState.RUNNING.name:
                return record.state == state.name and not is_abandoned(record.attribute)
            write_attributes(connection, claim.trial_id, {**attributes, ENDED: now()})
            values = None if score is None else [score]
            if state == TrialState.PRUNED:
                values = _last_report(self._storage.get_trial(claim.trial_id))
            return self._storage.set_trial_state_values(claim.trial_id, state, values)

    def interrupt(self, claim: Claim, failure: str) -> bool:
        """Fail a trial that is stopped on purpose and requeue its parameters; False where it had ended before.

        They are requeued however often it happens: they are not to blame.
        """
        with self._begin() as connection:
            if find_trial(connection, claim.trial_id, FAILURE) is None:
                return False
            trial = self._storage.get_trial(claim.trial_id)
            if trial.state.is_finished():
                return False
            self._fail_and_requeue(claim.trial_id, failure, retries=trial.user_attrs.get(RETRIES, 0))
            return True

    def abandon_stale(self, abandoned: dict[int, str]) -> None:
        """Abandon trials that gave no sign of life for too long, and note why, by number.

        Parameters
        ----------
        abandoned : dict of int to str
            Empty at first. Given again with what it holds after a commit that was not answered, it ends with what is
            abandoned by then.
        """
        with self._begin() as connection:
            running = _still_running(running_trials(connection, self.study_id), abandoned)
            abandoned |= self._abandon_stale(running)

    def abandon_claims(self, mark_prefix: str, why: str, abandoned: dict[int, str]) -> None:
        """Abandon the running trials whose claims' marks begin so, and note why, as :meth:`abandon_stale`."""
        with self._begin() as connection:
            running = _still_running(running_trials(connection, self.study_id), abandoned)
            marked = [each for each in running if str(json.loads(each.claim or "null")).startswith(mark_prefix)]
            abandoned |= {each.number: self._abandon(each, why) for each in marked}

    def _start(self, connection: Connection, census: Census) -> tuple[int, int, int | None]:
        """Start the trial that waits longest, else a new one; return its id, its number and what it was drawn with."""
        if census.waiting is None:
            return start_trial(connection, self.study_id, census.n_trials), census.n_trials, None
        self._storage.set_trial_state_values(census.waiting, TrialState.RUNNING)
        record = read_trial(connection, census.waiting, DRAW)
        return census.waiting, record.number, record.attribute

    def _abandon_stale(self, running: list[RunningTrial]) -> dict[int, str]:
        stale = [each for each in running if each.silence is None or each.silence > self.grace_seconds]
        return {each.number: self._abandon(each, _silence(each)) for each in stale}

    def _abandon(self, running: RunningTrial, why: str) -> str:
        """Fail a trial whose worker is gone, requeue its parameters, and return why, with its history.

        They are requeued twice at most: what took its worker down every time is a failure of its own.
        """
        trial = self._storage.get_trial(running.trial_id)
        retries = int(trial.user_attrs.get(RETRIES, 0)) + (running.silence is not None)
        if retries > _MOST_RETRIES:
            why = f"{why}, as in trials {history(trial)}"
            fail(self._storage, running.trial_id, f"{ABANDONED}: {why}")
        else:
            self._fail_and_requeue(running.trial_id, f"{ABANDONED}: {why}", retries=retries)
        return why

    def _fail_and_requeue(self, trial_id: int, failure: str, *, retries: int) -> None:
        names = self.param_names
        fail_and_requeue(self._storage, self.study_name, trial_id, failure, retries=retries, param_names=names)

    @contextmanager
    def _begin(self) -> Generator[Connection]:
        # Opened before the lock is taken: for a worker's first transaction that takes a while.
        storage = self._storage
        with self.lock.hold() as connection, storage.inside(connection):
            yield connection

    @cached_property
    def _storage(self) -> LockedStorage:
        return LockedStorage(self.lock.database)


def _still_running(running: list[RunningTrial], abandoned: dict[int, str]) -> list[RunningTrial]:
    """Return the running trials; one that should have been abandoned before was not."""
    for each in running:
        abandoned.pop(each.number, None)
    return running


def _silence(running: RunningTrial) -> str:
    return "its worker never began" if running.silence is None else f"no heartbeat for {running.silence:.0f} s"


def _last_report(trial: FrozenTrial) -> list[float] | None:
    return None if trial.last_step is None else [trial.intermediate_values[trial.last_step]]

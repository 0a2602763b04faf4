"""The steps by which workers share a study, each one transaction under the study's lock.

::

    claim: lock ─ give up stale trials, requeue their parameters ─ count ─ next trial ─ first beat ─ commit
    tell:  lock ─ drop it where the trial was given up ─ record the result ─ commit

A transaction that is cut off has done nothing and may be repeated. One whose commit was not answered may have been
done: a claim is then recognised by its mark, a result by its being there.
"""

import json
import os
import socket
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from ..storage.locked_storage import LockedStorage
from ..storage.locks import StudyLock
from ..trial_attributes import CLAIM, DRAW, FAILURE, GIVEN_UP, WORKER
from .heartbeats import beat
from .requeue import give_up, interrupt
from .trial_sql import (
    Census,
    RunningTrial,
    read_trial,
    running_trials,
    start_trial,
    survey,
    take_census,
    write_attributes,
)


class NoClaim(Enum):
    """Why there is no trial to run."""

    FULL = auto()  # the budget is finished
    BUSY = auto()  # what is left of it is running elsewhere


@dataclass(frozen=True, slots=True)
class Claim:
    """A trial that this worker is to run.

    Attributes
    ----------
    trial_id, number : int
        What the storage and the study know it by.
    draw : int
        How many parameters were drawn before: the seed of these.
    """

    trial_id: int
    number: int
    draw: int


class StudyTransactions:
    """What claims do to a study; every method raises the errors of the database as they are.

    Parameters
    ----------
    lock : StudyLock
        Of the study.
    study_name : str
    study_id : int
    grace_seconds : float
        Without a beat for longer, a trial is given up.
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
        """Claim a trial, unless so many are finished or running; return also why others were given up, by number.

        Asked for the same mark again, it returns the same claim.
        """
        with self._begin() as connection:
            running, census = survey(connection, self.study_id)
            for each in running:
                if each.claim == json.dumps(mark):
                    beat(connection, each.trial_id)
                    draw = read_trial(connection, each.trial_id, DRAW).attribute
                    return Claim(each.trial_id, each.number, draw), {}
            given_up = self._give_up_stale(running)
            if given_up:
                census = take_census(connection, self.study_id)
            if census.n_finished >= n_trials:
                return NoClaim.FULL, given_up
            if census.n_finished + census.n_running >= n_trials:
                return NoClaim.BUSY, given_up
            trial_id, number, draw = self._start(connection, census)
            if draw is None:
                # Repeated parameters were drawn by another trial: they do not count again.
                draw = number - census.n_interrupted
            worker = f"{socket.gethostname()}:{os.getpid()}"
            write_attributes(connection, trial_id, {CLAIM: mark, WORKER: worker, DRAW: draw})
            beat(connection, trial_id)
            return Claim(trial_id, number, draw), given_up

    def tell(self, claim: Claim, score: float | None, state: TrialState, attributes: Mapping[str, object]) -> bool:
        """Record how a trial ended; False where somebody else had ended it before."""
        with self._begin() as connection:
            record = read_trial(connection, claim.trial_id, FAILURE)
            if record.state != TrialState.RUNNING.name:
                return record.state == state.name and not str(record.attribute).startswith(GIVEN_UP)
            if attributes:
                write_attributes(connection, claim.trial_id, attributes)
            values = None if score is None else [score]
            if state == TrialState.PRUNED:
                values = _last_report(self._storage.get_trial(claim.trial_id))
            return self._storage.set_trial_state_values(claim.trial_id, state, values)

    def interrupt(self, claim: Claim, reason: str) -> bool:
        """Fail a trial that is stopped on purpose and requeue its parameters; False where it had ended before."""
        with self._begin():
            return interrupt(self._storage, self.study_name, claim.trial_id, reason, self.param_names)

    def reap(self) -> dict[int, str]:
        """Give up stale trials; return why, by number."""
        with self._begin() as connection:
            return self._give_up_stale(running_trials(connection, self.study_id))

    def give_up_claims(self, mark_prefix: str, why: str) -> dict[int, str]:
        """Give up the running trials whose claims' marks begin so; return why, by number."""
        with self._begin() as connection:
            running = running_trials(connection, self.study_id)
            marked = [each for each in running if str(json.loads(each.claim or "null")).startswith(mark_prefix)]
            return {each.number: self._give_up(each, why) for each in marked}

    def _start(self, connection: Connection, census: Census) -> tuple[int, int, int | None]:
        """Start the trial that waits longest, else a new one; return its id, its number and what it was drawn with."""
        if census.waiting is None:
            return start_trial(connection, self.study_id, census.n_trials), census.n_trials, None
        self._storage.set_trial_state_values(census.waiting, TrialState.RUNNING)
        record = read_trial(connection, census.waiting, DRAW)
        return census.waiting, record.number, record.attribute

    def _give_up_stale(self, running: list[RunningTrial]) -> dict[int, str]:
        stale = [each for each in running if each.silence is None or each.silence > self.grace_seconds]
        return {each.number: self._give_up(each, _silence(each)) for each in stale}

    def _give_up(self, running: RunningTrial, why: str) -> str:
        return give_up(self._storage, self.study_name, running, why, self.param_names)

    @contextmanager
    def _begin(self) -> Generator[Connection]:
        # Opened before the lock is taken: for a worker's first transaction that takes a while.
        storage = self._storage
        with self.lock.hold() as connection, storage.inside(connection):
            yield connection

    @cached_property
    def _storage(self) -> LockedStorage:
        return LockedStorage(self.lock.config)


def _silence(running: RunningTrial) -> str:
    return "its worker never began" if running.silence is None else f"no heartbeat for {running.silence:.0f} s"


def _last_report(trial: FrozenTrial) -> list[float] | None:
    return None if trial.last_step is None else [trial.intermediate_values[trial.last_step]]

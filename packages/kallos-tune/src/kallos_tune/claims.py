"""Who runs which trial: claims under a lock, so that all workers together finish exactly the budget.

A claim is one transaction under the study's lock::

    lock ─ give up stale trials, requeue their parameters ─ count ─ next trial ─ first beat ─ commit

A result is told in such a transaction too, and dropped where the trial was given up meanwhile. A transaction that is
cut off has done nothing and is repeated. One whose commit was not answered may have been done: a claim is recognised
by its mark, a result by its being there.
"""

import json
import logging
import os
import secrets
import socket
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from kallos_data import DatabaseConfig

from .connections import limit_standstill
from .heartbeats import Heartbeat, beat
from .interruptions import give_up, interrupt
from .ledger import CLAIM, DRAW, FAILURE, GIVEN_UP, WORKER
from .locked_storage import LockedStorage
from .locks import StudyLock
from .records import RunningTrial, count_interrupted, read_trial, running_trials, take_census, write_attributes
from .retry import patiently
from .storage import open_storage

logger = logging.getLogger(__name__)

T = TypeVar("T")


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
    standstill_seconds : float, default 10
        A worker that stands still for longer in the middle of a claim loses it (on PostgreSQL).
    """

    heartbeat_seconds: float
    grace_seconds: float
    database_wait_seconds: float
    standstill_seconds: float = 10.0


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
    param_names : collection of str, optional
        A trial that was stopped before it had all of these is drawn anew, with the seed it had.
    """

    def __init__(  # noqa: PLR0917 - two objects that belong together, and what they are about
        self,
        study: optuna.Study,
        storage: BaseStorage,
        config: DatabaseConfig,
        n_trials: int,
        settings: ClaimSettings,
        param_names: Collection[str] = (),
    ) -> None:
        self.study = study
        self.storage = storage
        self.config = config
        self.n_trials = n_trials
        self.settings = settings
        self.param_names = param_names
        self._study_id = storage.get_study_id_from_name(study.study_name)
        self._lock = StudyLock(config, study.study_name, standstill_seconds=settings.standstill_seconds)
        self._beats = config.engine()
        limit_standstill(self._beats, settings.standstill_seconds)

    def claim(self) -> Claim | NoClaim:
        """Return a trial to run, its first beat recorded, or why there is none.

        Raises
        ------
        DatabaseUnavailableError
            Where the database stays away too long.
        """
        mark = secrets.token_hex(8)
        claim, given_up = self._patiently(lambda: self._claim(mark))
        _log(given_up)
        return claim

    def tell(
        self,
        claim: Claim,
        score: float | None,
        state: TrialState,
        attributes: Mapping[str, object] | None = None,
    ) -> FrozenTrial | None:
        """Record how a trial ended; None where it was given up meanwhile, and its result is dropped.

        Parameters
        ----------
        claim : Claim
        score : float or None
            None unless complete; a pruned trial gets the last score that it reported.
        state : TrialState
            COMPLETE, PRUNED or FAIL.
        attributes : mapping, optional
            User attributes that are recorded with it.

        Raises
        ------
        DatabaseUnavailableError
            Where the database stays away too long.
        """
        if self._patiently(lambda: self._tell(claim, score, state, attributes or {})):
            return self.storage.get_trial(claim.trial_id)
        logger.warning("trial %d was given up meanwhile: its result is dropped", claim.number)
        return None

    def interrupt(self, claim: Claim, reason: str, *, limit_seconds: float) -> bool:
        """Record that a trial was stopped from outside and requeue its parameters; False where it had ended before.

        Raises
        ------
        DatabaseUnavailableError
            Where the database is away for longer than ``limit_seconds``; the trial is given up later.
        """
        return patiently(lambda: self._interrupt(claim, reason), limit_seconds=limit_seconds)

    def reap(self) -> list[int]:
        """Give up stale trials now and return their numbers; their parameters go back into the queue."""
        given_up = self._patiently(self._reap_now)
        _log(given_up)
        return list(given_up)

    def trial(self, claim: Claim, sampler: optuna.samplers.BaseSampler) -> optuna.Trial:
        """Return a claimed trial, to be asked for parameters that the sampler draws."""
        # A study of its own, since a study remembers what its storage held when the last trial was asked for.
        study = optuna.load_study(
            study_name=self.study.study_name,
            storage=self.storage,
            sampler=sampler,
            # Optuna's own default prunes by the median of a fold's scores, on as little as one fold.
            pruner=optuna.pruners.NopPruner(),
        )
        # Optuna can write to those trials only that it has read.
        study.get_trials(deepcopy=False)
        return optuna.Trial(study, claim.trial_id)

    def beating(self, claim: Claim) -> Heartbeat:
        """Return a context manager that beats for a trial."""
        return Heartbeat(self._beats, claim.trial_id, self.settings.heartbeat_seconds)

    def _claim(self, mark: str) -> tuple[Claim | NoClaim, dict[int, str]]:
        with self._transaction() as connection:
            running = running_trials(connection, self._study_id)
            for each in running:
                if each.claim == json.dumps(mark):
                    # An earlier attempt, whose commit was not answered.
                    return self._claimed(connection, each.trial_id), {}
            given_up = self._give_up_stale(running)
            census = take_census(connection, self._study_id)
            if census.n_finished >= self.n_trials:
                return NoClaim.FULL, given_up
            if census.n_finished + census.n_running >= self.n_trials:
                return NoClaim.BUSY, given_up
            trial_id = census.waiting
            if trial_id is None:
                trial_id = self._locked.create_new_trial(self._study_id)
            else:
                self._locked.set_trial_state_values(trial_id, TrialState.RUNNING)
            worker = f"{socket.gethostname()}:{os.getpid()}"
            write_attributes(connection, trial_id, {CLAIM: mark, WORKER: worker})
            return self._claimed(connection, trial_id), given_up

    def _claimed(self, connection: Connection, trial_id: int) -> Claim:
        beat(connection, trial_id)
        record = read_trial(connection, trial_id, DRAW)
        draw = record.attribute
        if draw is None:
            draw = record.number - count_interrupted(connection, self._study_id)
            write_attributes(connection, trial_id, {DRAW: draw})
        return Claim(trial_id, record.number, draw)

    def _tell(self, claim: Claim, score: float | None, state: TrialState, attributes: Mapping[str, object]) -> bool:
        with self._transaction() as connection:
            record = read_trial(connection, claim.trial_id, FAILURE)
            if record.state != TrialState.RUNNING.name:
                # Either somebody else ended it, or this worker did and was not answered.
                return record.state == state.name and not str(record.attribute).startswith(GIVEN_UP)
            if attributes:
                write_attributes(connection, claim.trial_id, attributes)
            values = None if score is None else [score]
            if state == TrialState.PRUNED:
                values = _last_report(self._locked.get_trial(claim.trial_id))
            return self._locked.set_trial_state_values(claim.trial_id, state, values)

    def _interrupt(self, claim: Claim, reason: str) -> bool:
        with self._transaction():
            return interrupt(self._locked, self.study.study_name, claim.trial_id, reason, self.param_names)

    def _reap_now(self) -> dict[int, str]:
        with self._transaction() as connection:
            return self._give_up_stale(running_trials(connection, self._study_id))

    def _give_up_stale(self, running: list[RunningTrial]) -> dict[int, str]:
        """Give up the stale ones among running trials; return why, by number."""
        stale = [each for each in running if each.silence is None or each.silence > self.settings.grace_seconds]
        return {each.number: give_up(self._locked, self.study.study_name, each, self.param_names) for each in stale}

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        # Opened before the lock is taken: for a worker's first transaction that takes a while.
        locked = self._locked
        with self._lock.hold() as connection, locked.inside(connection):
            yield connection

    @cached_property
    def _locked(self) -> LockedStorage:
        return LockedStorage(self.config)

    def _patiently(self, step: Callable[[], T]) -> T:
        return patiently(step, limit_seconds=self.settings.database_wait_seconds)


def join_study(
    config: DatabaseConfig, study_name: str, n_trials: int, settings: ClaimSettings, param_names: Collection[str] = ()
) -> Claims:
    """Open an existing study and return its claims; a worker may be begun in the minute in which the database is away.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    study_name : str
    n_trials, settings, param_names
        See :class:`Claims`.

    Raises
    ------
    DatabaseUnavailableError
        Where the database stays away too long.
    StorageError, kallos_data.DatabaseError
        As in :func:`kallos_tune.open_storage`.
    """

    def join() -> Claims:
        storage = open_storage(config, wait_seconds=settings.database_wait_seconds)
        study = optuna.load_study(study_name=study_name, storage=storage)
        return Claims(study, storage, config, n_trials, settings, param_names)

    return patiently(join, limit_seconds=settings.database_wait_seconds)


def _last_report(trial: FrozenTrial) -> list[float] | None:
    return None if trial.last_step is None else [trial.intermediate_values[trial.last_step]]


def _log(given_up: Mapping[int, str]) -> None:
    for number, why in given_up.items():
        logger.warning("trial %d is given up: %s", number, why)

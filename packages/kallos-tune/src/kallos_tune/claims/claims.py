"""Who runs which trial: all workers together finish exactly the budget, whoever is killed and whenever."""

import logging
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from kallos_data import DatabaseConfig

from ..settings import TuningSettings
from ..storage.engines import worker_engine
from ..storage.locks import StudyLock
from ..storage.open import open_storage
from ..storage.retry import patiently
from .heartbeats import Heartbeat
from .transactions import Claim, NoClaim, StudyTransactions

logger = logging.getLogger(__name__)

T = TypeVar("T")


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

    @classmethod
    def of(cls, settings: TuningSettings) -> Self:
        """Return the times that a study's settings name."""
        return cls(
            heartbeat_seconds=settings.heartbeat_seconds,
            grace_seconds=settings.grace_seconds,
            database_wait_seconds=settings.database_wait_seconds,
        )


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
    crew : str, optional
        Name of the processes that one process watches over, that no others have: host names and process ids are the
        same in many a container.
    """

    def __init__(  # noqa: PLR0917 - two objects that belong together, and what they are about
        self,
        study: optuna.Study,
        storage: BaseStorage,
        config: DatabaseConfig,
        n_trials: int,
        settings: ClaimSettings,
        param_names: Collection[str] = (),
        crew: str = "",
    ) -> None:
        self.study = study
        self.storage = storage
        self.config = config
        self.n_trials = n_trials
        self.settings = settings
        self.crew = crew
        self.transactions = StudyTransactions(
            StudyLock(config, study.study_name, standstill_seconds=settings.standstill_seconds),
            study.study_name,
            storage.get_study_id_from_name(study.study_name),
            grace_seconds=settings.grace_seconds,
            param_names=param_names,
        )
        self._beats = worker_engine(config, settings.standstill_seconds)

    def claim(self) -> Claim | NoClaim:
        """Return a trial to run, its first beat recorded, or why there is none.

        Raises
        ------
        DatabaseUnavailableError
            Where the database stays away too long.
        """
        mark = f"{_marks_of(self.crew, os.getpid())}{secrets.token_hex(8)}"
        claim, given_up = self._patiently(lambda: self.transactions.claim(self.n_trials, mark))
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
        if self._patiently(lambda: self.transactions.tell(claim, score, state, attributes or {})):
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
        return patiently(lambda: self.transactions.interrupt(claim, reason), limit_seconds=limit_seconds)

    def reap(self) -> list[int]:
        """Give up stale trials now and return their numbers; their parameters go back into the queue."""
        given_up = self._patiently(self.transactions.reap)
        _log(given_up)
        return list(given_up)

    def bury(self, pid: int, *, limit_seconds: float) -> list[int]:
        """Give up what a process of this crew was running, now that it is known to be dead; return the numbers.

        Parameters
        ----------
        pid : int
            Of a process that the caller, its parent, has seen end.
        limit_seconds : float
            Longest wait for an absent database.

        Raises
        ------
        DatabaseUnavailableError
            Where the database is away for longer; the trial is given up once it has been silent for long enough.
        """
        marks = _marks_of(self.crew, pid)
        given_up = patiently(
            lambda: self.transactions.give_up_claims(marks, "its worker is dead"), limit_seconds=limit_seconds
        )
        _log(given_up)
        return list(given_up)

    def trial(
        self,
        claim: Claim,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner | None = None,
    ) -> optuna.Trial:
        """Return a claimed trial, to be asked for parameters, which the sampler draws, and whether to go on."""
        # A study of its own, since a study remembers what its storage held when the last trial was asked for.
        study = optuna.load_study(
            study_name=self.study.study_name,
            storage=self.storage,
            sampler=sampler,
            # Optuna's own default prunes by the median of a fold's scores, on as little as one fold.
            pruner=pruner or optuna.pruners.NopPruner(),
        )
        # Optuna can write to those trials only that it has read.
        study.get_trials(deepcopy=False)
        return optuna.Trial(study, claim.trial_id)

    def beating(self, claim: Claim) -> Heartbeat:
        """Return a context manager that beats for a trial."""
        return Heartbeat(self._beats, claim.trial_id, self.settings.heartbeat_seconds)

    def _patiently(self, step: Callable[[], T]) -> T:
        return patiently(step, limit_seconds=self.settings.database_wait_seconds)


def join_study(  # noqa: PLR0917 - as of claims
    config: DatabaseConfig,
    study_name: str,
    n_trials: int,
    settings: ClaimSettings,
    param_names: Collection[str] = (),
    crew: str = "",
) -> Claims:
    """Open an existing study and return its claims; a worker may be begun in the minute in which the database is away.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    study_name : str
    n_trials, settings, param_names, crew
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
        return Claims(study, storage, config, n_trials, settings, param_names, crew)

    return patiently(join, limit_seconds=settings.database_wait_seconds)


def _marks_of(crew: str, pid: int) -> str:
    """Return how the marks of a process begin."""
    return f"{crew}:{pid}:"


def _log(given_up: Mapping[int, str]) -> None:
    for number, why in given_up.items():
        logger.warning("trial %d is given up: %s", number, why)

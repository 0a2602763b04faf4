"""Who runs which trial: all workers together finish exactly the budget, whoever is killed and whenever.

What a verb does to the study is one transaction of :mod:`kallos_tune.claims.transactions`; here it is retried while the
database cannot be reached, and said.
"""

import logging
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from ..storage.database import Database
from ..storage.engines import worker_engine
from ..storage.locks import StudyLock
from ..storage.retry import patiently
from .claim import Claim, NoClaim
from .heartbeats import Heartbeat
from .times import ClaimSettings
from .transactions import StudyTransactions

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Claims:
    """The trials of one study, handed out one at a time to any number of processes.

    Parameters
    ----------
    study : optuna.Study
    storage : optuna storage
        The very object that ``study`` was loaded with.
    database : Database
        Of that storage.
    n_trials : int
        Number of finished trials to reach.
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
        database: Database,
        n_trials: int,
        settings: ClaimSettings,
        param_names: Collection[str] = (),
        crew: str = "",
    ) -> None:
        self.study = study
        self.storage = storage
        self.n_trials = n_trials
        self.settings = settings
        self.crew = crew
        self.transactions = StudyTransactions(
            StudyLock(database, study.study_name, standstill_seconds=settings.standstill_seconds),
            study.study_name,
            storage.get_study_id_from_name(study.study_name),
            grace_seconds=settings.grace_seconds,
            param_names=param_names,
        )
        self._beats = worker_engine(database, settings.standstill_seconds)

    def claim(self) -> Claim | NoClaim:
        """Return a trial to run, its first beat recorded, or why there is none.

        Raises
        ------
        DatabaseUnavailableError, LockTimeoutError
            Where the database, or other workers that hold its lock, must be waited for too long.
        """
        mark = f"{_marks_of(self.crew, os.getpid())}{secrets.token_hex(8)}"
        claim, abandoned = self._patiently(lambda: self.transactions.claim(self.n_trials, mark))
        _log(abandoned)
        return claim

    def tell(
        self,
        claim: Claim,
        score: float | None,
        state: TrialState,
        attributes: Mapping[str, object] | None = None,
    ) -> FrozenTrial | None:
        """Record how a trial ended; None where it was abandoned meanwhile, and its result is dropped.

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
        DatabaseUnavailableError, LockTimeoutError
            As of :meth:`claim`.
        """
        if self._patiently(lambda: self.transactions.tell(claim, score, state, attributes or {})):
            return self.storage.get_trial(claim.trial_id)
        logger.warning("trial %d was abandoned meanwhile: its result is dropped", claim.number)
        return None

    def interrupt(self, claim: Claim, failure: str, *, limit_seconds: float) -> bool:
        """Record that a trial was stopped from outside and requeue its parameters; False where it had ended before.

        Raises
        ------
        DatabaseUnavailableError, LockTimeoutError
            Where that takes longer than ``limit_seconds``; the trial is abandoned later.
        """
        return patiently(lambda: self.transactions.interrupt(claim, failure), limit_seconds=limit_seconds)

    def abandon_stale(self) -> list[int]:
        """Abandon stale trials now, requeue their parameters, and return their numbers.

        Raises
        ------
        DatabaseUnavailableError, LockTimeoutError
            As of :meth:`claim`.
        """
        abandoned: dict[int, str] = {}
        self._patiently(lambda: self.transactions.abandon_stale(abandoned))
        _log(abandoned)
        return list(abandoned)

    def abandon_worker(self, pid: int, *, limit_seconds: float) -> list[int]:
        """Abandon what a process of this crew was running, now that it is known to be dead; return the numbers.

        Parameters
        ----------
        pid : int
            Of a process that the caller, its parent, has seen end.
        limit_seconds : float
            Longest wait.

        Raises
        ------
        DatabaseUnavailableError, LockTimeoutError
            Where that takes longer; the trial is abandoned once it has been silent for long enough.
        """
        marks = _marks_of(self.crew, pid)
        abandoned: dict[int, str] = {}
        patiently(
            lambda: self.transactions.abandon_claims(marks, "its worker is dead", abandoned),
            limit_seconds=limit_seconds,
        )
        _log(abandoned)
        return list(abandoned)

    def trial(
        self,
        claim: Claim,
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner | None = None,
    ) -> optuna.Trial:
        """Return a claimed trial, to be asked for parameters, which the sampler draws, and whether to prune it."""
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


def _marks_of(crew: str, pid: int) -> str:
    """Return how the marks of a process begin."""
    return f"{crew}:{pid}:"


def _log(abandoned: Mapping[int, str]) -> None:
    for number, why in abandoned.items():
        logger.warning("trial %d is abandoned: %s", number, why)

"""What happens to a study as a whole, each in one transaction under its lock: renamed, deleted, copied.

Nobody can claim or record a trial of it meanwhile, and what is refused or fails has done nothing. What was done, but
whose commit was not answered, is recognised when it is tried again: by the id that the study keeps, or has no more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from ..errors import StudyExistsError, StudyInUseError, StudyNotFoundError
from ..storage.creation import CREATION, create_filled
from ..storage.database import Database
from ..storage.engines import WAIT_SECONDS, worker_engine
from ..storage.locked_storage import LockedStorage
from ..storage.optuna_tables.studies import has_study, read_name, read_names, write_name
from ..storage.optuna_tables.trials import RunningTrial, running_trials
from ..trial_attributes import ABANDONED, RETRIES
from .requeue import fail, fail_and_requeue
from .transactions import StudyTransactions

_OUTLIVED = f"{ABANDONED}: it was running when the study was copied"


class WholeStudy(StudyTransactions):
    """A study that is about to be renamed or deleted; see :class:`StudyTransactions` for its parameters.

    Every method raises :class:`StudyInUseError` where trials gave a sign of life within ``grace_seconds``,
    :class:`StudyNotFoundError` where somebody else was first, and the errors of the database as they are. The same call
    may be repeated after such an error, on the same object.
    """

    _sent = False
    """Whether all was written and only the commit was left."""

    def rename(self, study_name: str, attributes: Mapping[str, object], *, abandon: bool) -> None:
        """Give the study another name and set user attributes of it.

        Parameters
        ----------
        study_name : str
        attributes : mapping of str to object
        abandon : bool
            Whether trials without a sign of life are abandoned first. Their workers come back, if they do, to the lock
            of the old name, and must find them ended.

        Raises
        ------
        StudyExistsError
            Where another study has that name.
        """
        with self._begin() as connection:
            if self._sent and read_name(connection, self.study_id) == study_name:
                return
            running = self._unused(connection)
            self.lock.take_also(connection, CREATION)
            if has_study(connection, study_name):
                raise StudyExistsError(study_name)
            if abandon:
                self._abandon_stale(running)
            for key, value in attributes.items():
                self._storage.set_study_user_attr(self.study_id, key, value)
            write_name(connection, self.study_id, study_name)
            self._sent = True

    def delete(self) -> None:
        """Delete the study with all of its trials."""
        with self._begin() as connection:
            if self._sent and read_name(connection, self.study_id) is None:
                return
            self._unused(connection)
            self._storage.delete_study(self.study_id)
            self._sent = True

    def _unused(self, connection: Connection) -> list[RunningTrial]:
        """Return the trials that are recorded as running although nobody seems to run them."""
        if read_name(connection, self.study_id) != self.study_name:
            raise StudyNotFoundError(self.study_name, read_names(connection))
        running = running_trials(connection, self.study_id)
        alive = [each.number for each in running if each.silence is not None and each.silence <= self.grace_seconds]
        if alive:
            raise StudyInUseError(self.study_name, alive)
        return running


@dataclass(frozen=True, slots=True)
class StudyContents:
    """All that a study consists of, beats and claims aside.

    Attributes
    ----------
    directions : sequence of StudyDirection
    user_attributes, system_attributes : mapping of str to object
    trials : sequence of FrozenTrial
        In the order of their numbers.
    """

    directions: Sequence[StudyDirection]
    user_attributes: Mapping[str, Any]
    system_attributes: Mapping[str, Any]
    trials: Sequence[FrozenTrial]


def read_contents(database: Database, study_name: str) -> StudyContents:
    """Return what a study consists of at one moment.

    Raises
    ------
    KeyError
        Where there is no such study.
    """
    storage = LockedStorage(database)
    storage.remove_session()
    storage.engine.dispose()
    engine = worker_engine(database)
    if database.backend == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection, storage.inside(connection):
        if database.backend == "sqlite":
            connection.exec_driver_sql("BEGIN")
        study_id = storage.get_study_id_from_name(study_name)
        return StudyContents(
            storage.get_study_directions(study_id),
            storage.get_study_user_attrs(study_id),
            storage.get_study_system_attrs(study_id),
            storage.get_all_trials(study_id, deepcopy=False),
        )


def write_copy(
    database: Database,
    study_name: str,
    contents: StudyContents,
    *,
    param_names: Collection[str] | None,
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Create a study of these contents, all of it or nothing.

    Trials keep their numbers. Those that were running are nobody's in the copy: they are recorded as abandoned.

    Parameters
    ----------
    database : Database
        With the tables of studies.
    study_name : str
    contents : StudyContents
    param_names : collection of str or None
        Parameters that a trial has at least; those of failed ones are put back into the queue. None queues nothing.
    wait_seconds : float, default 600
        Longest wait for the database, or for another process that is creating a study.

    Raises
    ------
    StudyExistsError
        Where there is a study of that name.
    DatabaseUnavailableError, LockTimeoutError
        Where one of them takes too long.
    """

    def fill(storage: LockedStorage, study_id: int) -> None:
        for key, value in contents.user_attributes.items():
            storage.set_study_user_attr(study_id, key, value)
        for key, value in contents.system_attributes.items():
            storage.set_study_system_attr(study_id, key, value)
        copies = [(storage.create_new_trial(study_id, template_trial=trial), trial) for trial in contents.trials]
        for trial_id, trial in copies:
            if trial.state == TrialState.RUNNING:
                _end(storage, study_name, trial_id, trial, param_names)

    if not create_filled(database, study_name, contents.directions, fill, wait_seconds=wait_seconds):
        raise StudyExistsError(study_name)


def _end(
    storage: BaseStorage, study_name: str, trial_id: int, trial: FrozenTrial, param_names: Collection[str] | None
) -> None:
    if param_names is None:
        fail(storage, trial_id, _OUTLIVED)
        return
    retries = int(trial.user_attrs.get(RETRIES, 0))
    fail_and_requeue(storage, study_name, trial_id, _OUTLIVED, retries=retries, param_names=param_names)

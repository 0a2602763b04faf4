"""A study is created with all that belongs to it, or not at all."""

from collections.abc import Mapping, Sequence

import optuna
from optuna.study import StudyDirection

from .database import Database
from .engines import STANDSTILL_SECONDS, WAIT_SECONDS
from .locked_storage import LockedStorage
from .locks import WriteLock
from .optuna_tables.studies import has_study
from .retry import patiently


def create_study(
    database: Database,
    study_name: str,
    *,
    user_attributes: Mapping[str, object] | None = None,
    queued: Sequence[Mapping[str, object]] = (),
    wait_seconds: float = WAIT_SECONDS,
    standstill_seconds: float = STANDSTILL_SECONDS,
) -> bool:
    """Create a study that minimises, with its attributes and its first trials, in one transaction.

    Parameters
    ----------
    database : Database
        With the tables of studies.
    study_name : str
    user_attributes : mapping of str to object, optional
        What the study says of itself, in JSON's own types.
    queued : sequence of mapping of str to object, optional
        Parameters of the trials that run first.
    wait_seconds : float, default 600
        Longest wait for a database that cannot be reached, or for another process that is creating a study.
    standstill_seconds : float, default 10
        See :class:`kallos_tune.storage.locks.WriteLock`.

    Returns
    -------
    bool
        False where there is a study of that name: whatever it is, it is left as it is.

    Raises
    ------
    DatabaseUnavailableError, LockTimeoutError
        Where one of them takes too long.
    """
    doing = f"creating a study in {database}"
    lock = WriteLock(database, "create study", "", doing=doing, standstill_seconds=standstill_seconds)

    def create() -> bool:
        # Opened before the lock is taken: that takes a while.
        storage = LockedStorage(database)
        storage.remove_session()
        storage.engine.dispose()
        with lock.hold() as connection, storage.inside(connection):
            if has_study(connection, study_name):
                return False
            study_id = storage.create_new_study([StudyDirection.MINIMIZE], study_name)
            for key, value in (user_attributes or {}).items():
                storage.set_study_user_attr(study_id, key, value)
            study = optuna.load_study(study_name=study_name, storage=storage)
            for params in queued:
                study.enqueue_trial(dict(params))
            return True

    return patiently(create, limit_seconds=wait_seconds)

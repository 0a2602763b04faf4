"""A study is created with all that belongs to it, or not at all."""

from collections.abc import Callable, Mapping, Sequence

import optuna
from optuna.study import StudyDirection

from .database import Database
from .engines import STANDSTILL_SECONDS, WAIT_SECONDS
from .locked_storage import LockedStorage
from .locks import WriteLock
from .optuna_tables.studies import has_study, read_name
from .retry import patiently

CREATION = "create study"
"""Purpose of the lock of whoever gives a study its name."""


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

    def fill(storage: LockedStorage, study_id: int) -> None:
        for key, value in (user_attributes or {}).items():
            storage.set_study_user_attr(study_id, key, value)
        study = optuna.load_study(study_name=study_name, storage=storage)
        for params in queued:
            study.enqueue_trial(dict(params))

    return create_filled(
        database,
        study_name,
        [StudyDirection.MINIMIZE],
        fill,
        wait_seconds=wait_seconds,
        standstill_seconds=standstill_seconds,
    )


def create_filled(
    database: Database,
    study_name: str,
    directions: Sequence[StudyDirection],
    fill: Callable[[LockedStorage, int], None],
    *,
    wait_seconds: float = WAIT_SECONDS,
    standstill_seconds: float = STANDSTILL_SECONDS,
) -> bool:
    """Create a study and all that is written into it, in one transaction.

    Parameters
    ----------
    database, study_name, wait_seconds, standstill_seconds
        As of :func:`create_study`.
    directions : sequence of StudyDirection
    fill : callable
        Is given the storage, inside the transaction, and the id of the new study. It is called once more where the
        transaction is tried again.

    Returns
    -------
    bool
        False where somebody else's study has that name; what was created and not answered is recognised by its id.

    Raises
    ------
    DatabaseUnavailableError, LockTimeoutError
        As of :func:`create_study`.
    """
    doing = f"creating a study in {database}"
    lock = WriteLock(database, CREATION, "", doing=doing, standstill_seconds=standstill_seconds)
    sent: int | None = None

    def create() -> bool:
        nonlocal sent
        # Opened before the lock is taken: that takes a while.
        storage = LockedStorage(database)
        storage.remove_session()
        storage.engine.dispose()
        with lock.hold() as connection, storage.inside(connection):
            if has_study(connection, study_name):
                return sent is not None and read_name(connection, sent) == study_name
            study_id = storage.create_new_study(list(directions), study_name)
            fill(storage, study_id)
            # SQLite answers every commit, and gives the id of what was rolled back to the next study.
            sent = study_id if database.backend == "postgresql" else None
            return True

    return patiently(create, limit_seconds=wait_seconds)

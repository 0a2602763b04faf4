"""Optuna's storage in a database: tables made where they are missing, by one process at a time."""

from functools import partial

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError

from ..errors import ForeignTablesError, StorageError
from .database import Database
from .engines import STANDSTILL_SECONDS, WAIT_SECONDS, storage_engine_settings, storage_url, worker_engine
from .locks import creation_lock
from .optuna_tables.studies import other_owner, tables_are_complete
from .patient_storage import PatientStorage
from .retry import reason


def create_storage(database: Database, *, wait_seconds: float = WAIT_SECONDS) -> BaseStorage:
    """Open a study storage to run trials in, creating the SQLite file and the tables where they are missing.

    Parameters
    ----------
    database : Database
        Its schema, if it names one, exists.
    wait_seconds : float, default 600
        How long each later call waits for a database that cannot be reached, and this one for another process that is
        creating the tables.

    Raises
    ------
    StorageError
        Where the database cannot be reached, or Optuna cannot use the tables it finds, for instance those of another
        release.
    ForeignTablesError
        Where another application has tables there that Optuna would take for its own; nothing is created then.
    LockTimeoutError
        Where another process is creating the tables for longer.
    """
    try:
        exist = _tables_exist(database, create=True)
        if database.backend == "sqlite":
            with database.engine(create=True).connect() as connection:
                # Readers and one writer at a time do not block one another; the mode stays with the file.
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        if not exist:
            with creation_lock(database, wait_seconds=wait_seconds):
                # Reading its migrations in the middle of a transaction takes Optuna long on a busy machine; it holds up
                # only those who wait for the tables.
                open_with = _opener(database, wait_seconds, standstill_seconds=max(wait_seconds, STANDSTILL_SECONDS))
                creator = open_with(skip_compatibility_check=True)
                creator.remove_session()
                creator.engine.dispose()
    except (RuntimeError, SQLAlchemyError, StorageInternalError) as error:
        raise _unusable(database, error) from error
    return open_storage(database, wait_seconds=wait_seconds)


def open_storage(database: Database, *, wait_seconds: float = WAIT_SECONDS) -> BaseStorage:
    """Open an existing study storage; nothing is created or written.

    Behind a pooler it takes one connection at a time: workers who wait for a second one while they keep the first
    would wait for one another.

    Parameters
    ----------
    database : Database
    wait_seconds : float, default 600
        How long each later call waits for a database that cannot be reached.

    Raises
    ------
    StorageError
        Where the database cannot be reached, holds no studies, or Optuna cannot use the tables it finds.
    """
    try:
        if not _tables_exist(database):
            raise StorageError(f"there are no studies in {database}: create one first")
        open_with = _opener(database, wait_seconds)
        storage = open_with(skip_compatibility_check=True, skip_table_creation=True)
        if storage.get_current_version() != storage.get_head_version():
            # Raises with Optuna's advice.
            open_with(skip_table_creation=True)
    except (RuntimeError, SQLAlchemyError, StorageInternalError) as error:
        raise _unusable(database, error) from error
    # Optuna reads finished trials once only through this wrapper.
    return optuna.storages.get_storage(storage)


def _opener(
    database: Database, wait_seconds: float, *, standstill_seconds: float = STANDSTILL_SECONDS
) -> "partial[PatientStorage]":
    return partial(
        PatientStorage,
        storage_url(database),
        wait_seconds=wait_seconds,
        engine_kwargs=storage_engine_settings(database, standstill_seconds),
    )


def _tables_exist(database: Database, *, create: bool = False) -> bool:
    """Return whether Optuna's tables are there; refuse to create them where another application's would be in the way.

    With ``create``, a SQLite file is created where it is missing.
    """
    with worker_engine(database, create=create).connect() as connection:
        if tables_are_complete(connection):
            return True
        found = other_owner(connection) if create else None
    if found is not None:
        raise ForeignTablesError(str(database), found, has_schemas=database.backend == "postgresql")
    return False


def _unusable(database: Database, error: Exception) -> StorageError:
    return StorageError(f"Optuna cannot use its tables in {database}: {reason(error)}")

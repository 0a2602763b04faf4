"""Where studies live: Optuna's tables in the same database as the history, in a schema of their own on PostgreSQL."""

from collections.abc import Mapping
from functools import partial

import optuna
import sqlalchemy
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError

from kallos_data import DatabaseConfig

from ..errors import ConfigError, StorageError, StudyNotFoundError
from .engines import storage_engine_settings
from .locks import creation_lock
from .patient_storage import PatientStorage


def open_storage(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None = None,
    *,
    wait_seconds: float = 600.0,
) -> BaseStorage:
    """Open a study storage, creating its schema and tables where they are missing.

    A SQLite file serves the workers of one machine. Its locks do not hold on network file systems: for several machines
    use PostgreSQL.

    Parameters
    ----------
    db_kwargs : mapping, str or DatabaseConfig
        The database; see :class:`kallos_data.DatabaseConfig`.
    optuna_schema : str, optional
        PostgreSQL schema of Optuna's tables. Studies in other schemas are not seen. Without it the database's default
        search path applies.
    wait_seconds : float, default 600
        How long each later call waits for a database that is away. Opening does not wait.

    Raises
    ------
    ConfigError
        Where a schema is given for SQLite, which has none.
    kallos_data.ConfigError
        Where the schema's name is not a legal one.
    kallos_data.DatabaseError
        Where the database cannot be reached.
    StorageError
        Where Optuna cannot use the tables it finds, for instance those of another release.
    """
    config = storage_config(db_kwargs, optuna_schema)
    if optuna_schema is not None:
        config.create_schema(optuna_schema)
    # Connecting first names what is wrong with the database itself, before Optuna does in its own words.
    with config.connect(create=True) as connection:
        if config.backend == "sqlite":
            # Readers and one writer at a time do not block one another; the mode stays with the file.
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    try:
        storage = _open_tables(config, wait_seconds)
    except (RuntimeError, SQLAlchemyError) as error:
        raise StorageError(f"Optuna cannot use its tables in {config}: {_first_line(error)}") from error
    # Optuna reads finished trials once only through this wrapper.
    return optuna.storages.get_storage(storage)


def load_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, study_name: str, *, optuna_schema: str | None = None
) -> optuna.Study:
    """Return an existing study; nothing is created.

    Raises
    ------
    StudyNotFoundError
        Where there is none of that name.
    ConfigError, kallos_data.DatabaseError, StorageError
        As in :func:`open_storage`.
    """
    names = study_names(db_kwargs, optuna_schema=optuna_schema)
    if study_name not in names:
        raise StudyNotFoundError(study_name, names)
    return optuna.load_study(study_name=study_name, storage=open_storage(db_kwargs, optuna_schema))


def study_names(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, *, optuna_schema: str | None = None
) -> list[str]:
    """Return the names of the studies, sorted; nothing is created.

    Raises
    ------
    ConfigError, kallos_data.DatabaseError, StorageError
        As in :func:`open_storage`.
    """
    config = storage_config(db_kwargs, optuna_schema)
    with config.connect() as connection:
        if not sqlalchemy.inspect(connection).has_table("studies"):
            return []
    return sorted(optuna.get_all_study_names(open_storage(db_kwargs, optuna_schema)))


def storage_config(db_kwargs: Mapping[str, object] | str | DatabaseConfig, optuna_schema: str | None) -> DatabaseConfig:
    """Return the database as studies see it, with the schema in its URL.

    Raises
    ------
    ConfigError, kallos_data.ConfigError
        As in :func:`open_storage`.
    """
    config = DatabaseConfig.of(db_kwargs)
    if optuna_schema is None:
        return config
    if config.backend == "sqlite":
        raise ConfigError(
            f"optuna_schema={optuna_schema!r} needs PostgreSQL: SQLite has no schemas, leave it out or use another file"
        )
    return config.with_schema(optuna_schema)


def _open_tables(config: DatabaseConfig, wait_seconds: float) -> PatientStorage:
    """Open Optuna's storage over one connection at a time; making its tables takes three, in one process at a time.

    Behind a pooler, workers who wait for a second connection while they keep the first would wait for one another.
    """
    open_with = partial(
        PatientStorage,
        config.url.render_as_string(hide_password=False),
        wait_seconds=wait_seconds,
        engine_kwargs=storage_engine_settings(config),
    )
    if not _tables_are_complete(config):
        with creation_lock(config):
            open_with(skip_compatibility_check=True)
    storage = open_with(skip_compatibility_check=True, skip_table_creation=True)
    if storage.get_current_version() != storage.get_head_version():
        # Raises with Optuna's advice.
        open_with(skip_table_creation=True)
    return storage


def _tables_are_complete(config: DatabaseConfig) -> bool:
    """Return whether Optuna has made its tables and, which it does last, noted their version."""
    with config.connect() as connection:
        tables = sqlalchemy.inspect(connection)
        if not (tables.has_table("version_info") and tables.has_table("alembic_version")):
            return False
        return bool(connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

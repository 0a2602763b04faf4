"""The studies of a database, described as users describe it: opened, listed, summed up, and freed of what is stale."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import optuna
from optuna.storages import BaseStorage

from kallos_data import DatabaseConfig

from .claims.claims import Claims
from .claims.times import ClaimSettings
from .errors import ConfigError, StudyNotFoundError
from .settings import RunSettings
from .storage.open import create_storage
from .storage.open import open_storage as open_existing
from .storage.optuna_tables.rights import StudyRights, read_rights
from .storage.optuna_tables.studies import StudySummary, read_names, read_summaries
from .workers.ray_cluster import n_nodes

_WAIT_SECONDS: Final = 600.0


def open_storage(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None = None,
    *,
    wait_seconds: float = _WAIT_SECONDS,
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
        How long each later call waits for a database that cannot be reached. Opening waits for other processes that
        create the tables, and for nothing else.

    Raises
    ------
    ConfigError
        Where a schema is given for SQLite, which has none.
    kallos_data.ConfigError
        Where the schema's name is not a legal one.
    kallos_data.DatabaseError
        Where the database cannot be reached.
    ForeignTablesError
        Where another application has tables there that Optuna would take for its own; nothing is created then.
    StorageError
        Where Optuna cannot use the tables it finds, for instance those of another release.
    """
    config = storage_config(db_kwargs, optuna_schema)
    if optuna_schema is not None:
        config.create_schema(optuna_schema)
    # Connecting first names what is wrong with the database itself, before Optuna does in its own words.
    with config.connect(create=True):
        pass
    return create_storage(config, wait_seconds=wait_seconds)


def load_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, study_name: str, *, optuna_schema: str | None = None
) -> optuna.Study:
    """Return an existing study; nothing is created or written.

    Raises
    ------
    StudyNotFoundError
        Where there is none of that name.
    ConfigError, kallos_data.DatabaseError, StorageError
        As in :func:`open_storage`.
    """
    storage = storage_with(study_name, db_kwargs, optuna_schema)
    return optuna.load_study(study_name=study_name, storage=storage)


def study_names(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, *, optuna_schema: str | None = None
) -> list[str]:
    """Return the names of the studies, sorted; nothing is created or written.

    Raises
    ------
    ConfigError, kallos_data.DatabaseError
        As in :func:`open_storage`.
    """
    with storage_config(db_kwargs, optuna_schema).connect() as connection:
        return read_names(connection)


def study_summaries(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, *, optuna_schema: str | None = None
) -> list[StudySummary]:
    """Return how every study of a database stands, sorted by name.

    One connection reads all of them at one moment, in as many statements for a thousand as for one. Nothing is created
    or written: those who may only read can list studies.

    Raises
    ------
    ConfigError, kallos_data.DatabaseError
        As in :func:`open_storage`.
    """
    with storage_config(db_kwargs, optuna_schema).connect(one_state=True) as connection:
        return read_summaries(connection)


def study_rights(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, *, optuna_schema: str | None = None
) -> StudyRights:
    """Return whether studies are in a database, and whether this user may create and write them; nothing is tried.

    Raises
    ------
    ConfigError, kallos_data.DatabaseError
        As in :func:`open_storage`.
    """
    with storage_config(db_kwargs, optuna_schema).connect() as connection:
        return read_rights(connection)


def reap_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    study_name: str,
    *,
    optuna_schema: str | None = None,
    grace_seconds: float = 120.0,
) -> list[int]:
    """Abandon the stale trials of a study and put their parameters back into its queue.

    Every claim does the same first, so a study with workers needs no call of this.

    Parameters
    ----------
    db_kwargs : mapping, str or DatabaseConfig
        The database; see :class:`kallos_data.DatabaseConfig`.
    study_name : str
        A study made by Kallos.
    optuna_schema : str, optional
        PostgreSQL schema of the study.
    grace_seconds : float, default 120
        Trials without a sign of life for longer, by the database's clock, are stale. Below a few heartbeats (15 s each
        by default) trials that are well may be abandoned: their results are then dropped and their parameters run
        again.

    Returns
    -------
    list of int
        Numbers of the trials that were abandoned, ascending. Why, each says in its user attribute ``failure``.

    Raises
    ------
    ConfigError
        Where ``grace_seconds`` is negative, or the study was not made by Kallos: its trials give no signs of life.
    StudyNotFoundError
        Where there is none of that name.
    LockTimeoutError
        Where workers of the study hold its lock for too long.
    kallos_data.DatabaseError, StorageError
        As in :func:`open_storage`.
    """
    from .study_definition import DEFINITION  # noqa: PLC0415 - with it comes scikit-learn, which takes a second

    if not grace_seconds >= 0:
        raise ConfigError(f"must be 0 or more, not {grace_seconds}", "grace_seconds")
    storage = storage_with(study_name, db_kwargs, optuna_schema)
    study = optuna.load_study(study_name=study_name, storage=storage)
    if DEFINITION not in study.user_attrs:
        raise ConfigError(
            f"study {study_name!r} was not made by Kallos: its trials give no signs of life, none can be called stale"
        )
    times = replace(claim_times(RunSettings()), grace_seconds=grace_seconds)
    return Claims(study, storage, storage_config(db_kwargs, optuna_schema), 0, times).abandon_stale()


def claim_times(run: RunSettings) -> ClaimSettings:
    """Return how long things may take while trials are claimed, by the settings of a run."""
    return ClaimSettings(
        heartbeat_seconds=run.heartbeat_seconds,
        grace_seconds=run.grace_seconds,
        database_wait_seconds=run.database_wait_seconds,
    )


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
            f"{optuna_schema!r} needs PostgreSQL: SQLite has no schemas, leave it out or use another file",
            "optuna_schema",
        )
    return config.with_schema(optuna_schema)


def seen_by_workers(config: DatabaseConfig) -> DatabaseConfig:
    """Return a database as workers on the connected Ray cluster reach it: a SQLite file by its full path.

    Raises
    ------
    ConfigError
        Where a SQLite file would have to serve several nodes.
    """
    if config.backend != "sqlite":
        return config
    nodes = n_nodes()
    if nodes > 1:
        raise ConfigError(
            f"{str(config)!r} serves one machine and the Ray cluster has {nodes} nodes: use PostgreSQL", "db_kwargs"
        )
    file = config.url.database or ""
    # What begins like a URI is no path, and SQLAlchemy hands it on as it is.
    return config if file.startswith("file:") else DatabaseConfig(config.url.set(database=str(Path(file).absolute())))


def storage_with(
    study_name: str, db_kwargs: Mapping[str, object] | str | DatabaseConfig, optuna_schema: str | None
) -> BaseStorage:
    """Open the storage that holds a study, or say which studies there are."""
    names = study_names(db_kwargs, optuna_schema=optuna_schema)
    if study_name not in names:
        raise StudyNotFoundError(study_name, names)
    return open_existing(storage_config(db_kwargs, optuna_schema))

"""Give up trials whose workers are gone, without waiting for the next claim."""

from collections.abc import Mapping

import optuna

from kallos_data import DatabaseConfig

from ..errors import ConfigError, StudyNotFoundError
from ..settings import TuningSettings
from ..storage.open import open_storage, storage_config, study_names
from ..study_definition import DEFINITION
from .claims import Claims, ClaimSettings


def reap_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    study_name: str,
    *,
    optuna_schema: str | None = None,
    grace_seconds: float = 120.0,
) -> list[int]:
    """Fail the stale trials of a study and put their parameters back into its queue.

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
        by default) trials that are well may be given up: their results are then dropped and their parameters run again.

    Returns
    -------
    list of int
        Numbers of the trials that were given up, ascending. Why, each says in its user attribute ``failure``.

    Raises
    ------
    ConfigError
        Where ``grace_seconds`` is negative, or the study was not made by Kallos: its trials give no signs of life.
    StudyNotFoundError
        Where there is none of that name.
    kallos_data.DatabaseError, StorageError
        As in :func:`open_storage`.
    """
    if grace_seconds < 0:
        raise ConfigError(f"grace_seconds must be 0 or more, not {grace_seconds}")
    names = study_names(db_kwargs, optuna_schema=optuna_schema)
    if study_name not in names:
        raise StudyNotFoundError(study_name, names)
    storage = open_storage(db_kwargs, optuna_schema)
    study = optuna.load_study(study_name=study_name, storage=storage)
    if DEFINITION not in study.user_attrs:
        raise ConfigError(
            f"study {study_name!r} was not made by Kallos: its trials give no signs of life, none can be called stale"
        )
    defaults = TuningSettings()
    times = ClaimSettings(
        heartbeat_seconds=defaults.heartbeat_seconds,
        grace_seconds=grace_seconds,
        database_wait_seconds=defaults.database_wait_seconds,
    )
    return Claims(study, storage, storage_config(db_kwargs, optuna_schema), 0, times).reap()

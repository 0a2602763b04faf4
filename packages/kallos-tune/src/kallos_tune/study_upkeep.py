"""Studies renamed, copied and deleted as a whole."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import optuna
from optuna.storages import BaseStorage

from kallos_data import DatabaseConfig

from .claims.whole_study import WholeStudy, read_contents, write_copy
from .cost import StudyCost, definition_key, is_ours, study_cost
from .errors import ConfigError, StudyNotFoundError
from .settings import RunSettings
from .storage.engines import WAIT_SECONDS
from .storage.locks import StudyLock
from .storage.optuna_tables.studies import StudySummary
from .storage.retry import patiently
from .studies import load_study, open_storage, storage_config, storage_with, study_names, study_summaries

FORMER_NAMES: Final = "kallos_former_names"
# As long as Optuna's column.
_LONGEST_NAME: Final = 512


def rename_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    study_name: str,
    new_name: str,
    *,
    optuna_schema: str | None = None,
    foreign: bool = False,
    grace_seconds: float | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Give a study another name, in one transaction under its lock.

    Files of best parameters and saved models keep the old one; :func:`study_once_called` leads from there to the study.

    Parameters
    ----------
    db_kwargs : mapping, str or DatabaseConfig
        The database; see :class:`kallos_data.DatabaseConfig`.
    study_name, new_name : str
    optuna_schema : str, optional
        PostgreSQL schema of the study.
    foreign : bool, default False
        Whether a study may be meant that Kallos did not make.
    grace_seconds : float, optional
        Running trials without a sign of life for longer are abandoned, as of :func:`kallos_tune.reap_study`; that of
        :class:`RunSettings` where left out.
    wait_seconds : float, default 600
        Longest wait for the database or the study's lock.

    Raises
    ------
    StudyNotFoundError
        Where there is no study ``study_name``.
    StudyExistsError
        Where there is a study ``new_name``.
    StudyInUseError
        Where a trial gave a sign of life within ``grace_seconds``.
    ConfigError
        Where ``new_name`` is no name, or Kallos did not make the study and ``foreign`` does not say so.
    LockTimeoutError, DatabaseUnavailableError
        Where one of them takes too long.
    kallos_data.DatabaseError, StorageError
        As in :func:`kallos_tune.open_storage`.
    """
    _check_name(new_name)
    storage = storage_with(study_name, db_kwargs, optuna_schema)
    study = optuna.load_study(study_name=study_name, storage=storage)
    ours = _require_ours(study, foreign=foreign)
    former = [*study.user_attrs.get(FORMER_NAMES, []), study_name] if ours else []
    # Under a name that it had before it is the same study again.
    attributes = {FORMER_NAMES: [name for name in former if name != new_name]} if ours else {}
    whole = _whole(study, storage, storage_config(db_kwargs, optuna_schema), grace_seconds)
    patiently(lambda: whole.rename(new_name, attributes, abandon=ours), limit_seconds=wait_seconds)


def copy_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    study_name: str,
    new_name: str,
    *,
    optuna_schema: str | None = None,
    to_db: Mapping[str, object] | str | DatabaseConfig | None = None,
    to_schema: str | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> optuna.Study:
    """Copy a study, into another database if so asked, and return the copy.

    The copy has every trial under the number it had, with all that it keeps: parameters, scores, forecasts, queue and
    verdict. It is resumed as the study would be. Trials that run meanwhile go on in the study alone; in the copy they
    are recorded as abandoned, and their parameters wait to run again.

    Parameters
    ----------
    db_kwargs, study_name, optuna_schema, wait_seconds
        As of :func:`rename_study`.
    new_name : str
        Of the copy.
    to_db : mapping, str or DatabaseConfig, optional
        Database of the copy, where the tables are created if missing; that of the study where left out.
    to_schema : str, optional
        PostgreSQL schema of the copy; in the database of the study that of the study where left out.

    Raises
    ------
    StudyNotFoundError
        Where there is no study ``study_name``.
    StudyExistsError
        Where there is a study ``new_name`` in the place of the copy.
    ConfigError
        Where ``new_name`` is no name.
    LockTimeoutError, DatabaseUnavailableError
        Where one of them takes too long.
    kallos_data.DatabaseError, StorageError, ForeignTablesError
        As in :func:`kallos_tune.open_storage`.
    """
    _check_name(new_name)
    load_study(db_kwargs, study_name, optuna_schema=optuna_schema)
    contents = read_contents(storage_config(db_kwargs, optuna_schema), study_name)
    attributes = {key: value for key, value in contents.user_attributes.items() if key != FORMER_NAMES}
    place = db_kwargs if to_db is None else to_db
    schema = to_schema or (optuna_schema if to_db is None else None)
    open_storage(place, schema, wait_seconds=wait_seconds)
    names = _param_names(attributes) if is_ours(attributes) else None
    write_copy(
        storage_config(place, schema),
        new_name,
        replace(contents, user_attributes=attributes),
        param_names=names,
        wait_seconds=wait_seconds,
    )
    return patiently(lambda: load_study(place, new_name, optuna_schema=schema), limit_seconds=wait_seconds)


def delete_study(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    study_name: str,
    *,
    optuna_schema: str | None = None,
    foreign: bool = False,
    grace_seconds: float | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> StudyCost:
    """Delete a study with all of its trials, in one transaction under its lock, and return what it was.

    Parameters
    ----------
    db_kwargs, study_name, optuna_schema, foreign, grace_seconds, wait_seconds
        As of :func:`rename_study`.

    Raises
    ------
    StudyNotFoundError, StudyInUseError, ConfigError, LockTimeoutError, DatabaseUnavailableError
        As of :func:`rename_study`.
    kallos_data.DatabaseError, StorageError
        As in :func:`kallos_tune.open_storage`.
    """
    storage = storage_with(study_name, db_kwargs, optuna_schema)
    study = optuna.load_study(study_name=study_name, storage=storage)
    _require_ours(study, foreign=foreign)
    cost = study_cost(study)
    whole = _whole(study, storage, storage_config(db_kwargs, optuna_schema), grace_seconds)
    patiently(whole.delete, limit_seconds=wait_seconds)
    return cost


def study_once_called(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, study_name: str, *, optuna_schema: str | None = None
) -> optuna.Study:
    """Return the study of a name, or else the one that had it before it was renamed; nothing is written.

    Raises
    ------
    StudyNotFoundError
        Where there is none, or several had that name in turn.
    ConfigError, kallos_data.DatabaseError, StorageError
        As in :func:`kallos_tune.open_storage`.
    """
    if study_name not in study_names(db_kwargs, optuna_schema=optuna_schema):
        renamed = [each for each in study_summaries(db_kwargs, optuna_schema=optuna_schema) if _was(each, study_name)]
        if len(renamed) == 1:
            study_name = renamed[0].name
        elif renamed:
            raise StudyNotFoundError(study_name, [each.name for each in renamed])
    return load_study(db_kwargs, study_name, optuna_schema=optuna_schema)


def _was(summary: StudySummary, name: str) -> bool:
    return name in summary.user_attributes.get(FORMER_NAMES, [])


def _whole(
    study: optuna.Study, storage: BaseStorage, config: DatabaseConfig, grace_seconds: float | None
) -> WholeStudy:
    return WholeStudy(
        StudyLock(config, study.study_name),
        study.study_name,
        storage.get_study_id_from_name(study.study_name),
        grace_seconds=RunSettings().grace_seconds if grace_seconds is None else grace_seconds,
        param_names=_param_names(study.user_attrs),
    )


def _param_names(user_attributes: Mapping[str, Any]) -> list[str]:
    return [*user_attributes.get(definition_key(), {}).get("search_space", ())]


def _require_ours(study: optuna.Study, *, foreign: bool) -> bool:
    ours = is_ours(study.user_attrs)
    if not ours and not foreign:
        raise ConfigError(
            f"study {study.study_name!r} was not made by Kallos, which cannot tell whether somebody works on it: say "
            "so (foreign) where it is meant all the same"
        )
    return ours


def _check_name(name: str) -> None:
    if not name.strip() or "\0" in name or len(name) > _LONGEST_NAME:
        raise ConfigError(f"must have 1 to {_LONGEST_NAME} characters, one of them visible and none NUL", "new_name")

"""How a study stands that is about to be run: looked at, and left as it is."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import optuna

from kallos_data import DatabaseConfig, TargetTransform

from .errors import ForeignTablesError, KallosError, StudyExistsError, StudyMismatchError
from .learnt import LEARNT
from .storage.optuna_tables.studies import other_owner, read_names, tables_are_complete
from .studies import load_study, storage_config
from .study_data import StudyData
from .study_definition import current_definition, require_same
from .trial_attributes import n_finished

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStanding:
    """Where a study is, what it has, and whether it may go on.

    Attributes
    ----------
    study_name : str
    database : str
        Without a password.
    optuna_schema : str or None
    exists : bool
    n_finished : int
        Its finished trials, complete or pruned.
    n_to_run : int
        Those that are missing; 0 where it would be refused.
    refusal : KallosError or None
        Why it would not be run.
    data : StudyData
        What it is run on: an existing study goes on to learn of its target what it learns.
    """

    study_name: str
    database: str
    optuna_schema: str | None
    exists: bool
    n_finished: int
    n_to_run: int
    refusal: KallosError | None
    data: StudyData


def study_standing(  # noqa: PLR0917 - in the order of tune_on
    data: StudyData,
    model_name: str,
    study_name: str,
    n_trials: int,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None = None,
) -> StudyStanding:
    """Return what :func:`kallos_tune.tune_on` would find of a study and do with it; nothing is created or written.

    Parameters
    ----------
    data, model_name, study_name, n_trials, db_kwargs, optuna_schema
        As of :func:`kallos_tune.tune_on`.

    Raises
    ------
    ConfigError, kallos_data.DatabaseError, StorageError
        As in :func:`kallos_tune.load_study`, where the database cannot be read.
    """
    config = storage_config(db_kwargs, optuna_schema)
    database = str(DatabaseConfig.of(db_kwargs))

    def standing(study: optuna.Study | None, refusal: KallosError | None = None) -> StudyStanding:
        finished = 0 if study is None else n_finished(study)
        return StudyStanding(
            study_name=study_name,
            database=database,
            optuna_schema=optuna_schema,
            exists=study is not None,
            n_finished=finished,
            n_to_run=0 if refusal else max(0, n_trials - finished),
            refusal=refusal,
            data=data,
        )

    if _is_new_file(config):
        return standing(None)
    with config.connect() as connection:
        complete = tables_are_complete(connection)
        owner = None if complete else other_owner(connection)
        names = read_names(connection) if complete else []
    if owner is not None:
        return standing(None, ForeignTablesError(database, owner, has_schemas=config.backend == "postgresql"))
    if study_name not in names:
        return standing(None)
    study = load_study(db_kwargs, study_name, optuna_schema=optuna_schema)
    data = learning_as_before(data, study)
    try:
        require_same(study, data.definition(model_name), data.settings.run.resume, data.used)
    except (StudyExistsError, StudyMismatchError) as error:
        return standing(study, error)
    return standing(study)


def learning_as_before(data: StudyData, study: optuna.Study) -> StudyData:
    """Return the data with what an existing study learns of its target, where that was to be found out."""
    if data.settings.folds.target_transform != "auto":
        return data
    stored = current_definition(study.user_attrs)
    if stored is None or stored["target_transform"] == data.target_transform:
        return data
    logger.warning(
        "study %s learns the %s of %s, as it was begun; a new study would learn the %s",
        study.study_name,
        LEARNT[stored["target_transform"]],
        data.target_col,
        LEARNT[data.target_transform],
    )
    transform: TargetTransform = stored["target_transform"]
    return replace(data, settings=data.settings.changed(target_transform=transform), target_transform=transform)


def _is_new_file(config: DatabaseConfig) -> bool:
    """Return whether the database is a file that is still to be made, in a folder that is there."""
    if config.backend != "sqlite":
        return False
    file = Path(config.url.database or "")
    return file.parent.is_dir() and not file.exists()

"""The main job: a study from the database to its best parameters, resumed wherever it stopped."""

import logging
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from secrets import token_hex
from typing import Final

import optuna
from optuna.storages import BaseStorage

from kallos_data import DatabaseConfig, FeatureGroups, TargetTransformChoice, in_utc
from kallos_models import UnknownModelError, available_models, require_device

from .claims.claims import Claims
from .errors import ConfigError
from .events import Listener, StudyOpened, ignore
from .learnt import learnt_in_words
from .search_space import defaults_in
from .settings import TuningSettings
from .space_description import check_space
from .standing import learning_as_before
from .storage.creation import create_study
from .studies import claim_times, open_storage, seen_by_workers, storage_config
from .study_data import StudyData, load_study_data
from .study_definition import NAIVE, READING, attributes_of_new_study, naive_attribute, resume_study, stored_naive
from .study_source import reading_of
from .study_verdict import keep_verdict, stored_verdict
from .trial_attributes import best_score, best_trial, n_finished
from .trial_states import counts_of
from .verdict.sentences import naive_in_words
from .verdict.wording import verdict_lines
from .workers.dead_workers import abandon_trial_of
from .workers.job import Assignment
from .workers.processes import run_assignment
from .workers.ray_cluster import Needs, connected

logger = logging.getLogger(__name__)

_WORK: Final = "kallos_tune.study_worker:run_claims"
_LOGGERS: Final = ("kallos_data", "kallos_models", "kallos_tune")


def run_tuning(  # noqa: PLR0917 - the order is a promise to callers
    asset_id: str,
    end_date: str | date | datetime,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None,
    model_name: str,
    study_name: str,
    target_col: str,
    feature_groups: FeatureGroups,
    n_trials: int,
    *,
    settings: TuningSettings | None = None,
    target_transform: TargetTransformChoice | None = None,
    studies_db: Mapping[str, object] | str | DatabaseConfig | None = None,
    on_event: Listener = ignore,
) -> optuna.Study:
    """Create or resume a study and run the trials that are missing.

    Finished trials (complete or pruned) count, all others do not: a study that was interrupted is resumed
    where it stopped, and one that has ``n_trials`` finished trials is returned at once. With one worker, the same seed
    gives the same study, in one go or in several.

    Parameters
    ----------
    asset_id : str
        Asset to forecast.
    end_date : str, date or datetime
        Last step of the history, inclusive.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history, which is only read where the study has another one; see
        :class:`kallos_data.DatabaseConfig`.
    optuna_schema : str or None
        PostgreSQL schema of the study, created where missing; None for the default one and on SQLite.
    model_name : str
        One of :func:`kallos_models.available_models`.
    study_name : str
        Name of the study in its storage.
    target_col : str
        Column to forecast.
    feature_groups : mapping of str to sequence of str
        Past covariates by group; see :class:`kallos_data.FeatureScaler`.
    n_trials : int
        Number of finished trials to reach.
    settings : TuningSettings, optional
        Its defaults where left out.
    target_transform : {"auto", "none", "difference", "log_difference"}, optional
        In place of that of the settings; see :class:`FoldSettings`. With ``"auto"``, an existing study goes on to learn
        what it learns.
    studies_db : mapping, str or DatabaseConfig, optional
        Database of the study; that of the history where left out.
    on_event : callable, optional
        Is told what happens: a :class:`kallos_tune.Event` at a time.

    Returns
    -------
    optuna.Study
        Direction minimise. What defines it is stored as its user attribute ``kallos_definition``, what its models are
        worth out of sample as ``kallos_verdict``; see :func:`kallos_tune.stored_verdict`.

    Raises
    ------
    kallos_models.UnknownModelError
        Where no architecture has that name.
    kallos_models.ConfigError
        Where the settings ask for a device that this machine does not have.
    ConfigError
        Where ``n_trials`` is below 1, ``study_name`` is empty or a setting is impossible.
    StudyMismatchError, StudyExistsError
        Where the study is about something else, or exists and must not; see :class:`TuningSettings`.
    TooManyFailuresError
        Where five trials fail in a row, or the first three of this run.
    WorkerError
        Where a worker ends with an error, or is killed too often.
    MissingRayError, ClusterError
        Where Ray is asked for and not installed, or there is no cluster that can hold a worker.
    kallos_data.KallosError
        As in :func:`load_study_data` and :func:`open_storage`.
    KeyboardInterrupt
        On Ctrl-C, after the running trial was recorded as interrupted.
    """
    if target_transform is not None:
        settings = (settings or TuningSettings()).changed(target_transform=target_transform)
    studies = db_kwargs if studies_db is None else studies_db
    check_request(model_name, study_name, n_trials, studies, optuna_schema, settings=settings)
    data = load_study_data(asset_id, end_date, db_kwargs, target_col, feature_groups, settings=settings)
    if data.empty_columns:
        logger.info("columns without any value are left out: %s", ", ".join(data.empty_columns))
    study = tune_on(data, model_name, study_name, n_trials, studies, optuna_schema, on_event=on_event)
    _log_best(study, data.settings)
    return study


def tune_on(  # noqa: PLR0917 - in the order of run_tuning
    data: StudyData,
    model_name: str,
    study_name: str,
    n_trials: int,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None = None,
    *,
    on_event: Listener = ignore,
) -> optuna.Study:
    """Do what :func:`run_tuning` does on a history that is loaded already, and log no result.

    Parameters
    ----------
    data : StudyData
        From :func:`load_study_data`, settings included.
    model_name, study_name, n_trials, optuna_schema, on_event
        As of :func:`run_tuning`.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the study, wherever the history came from.

    Returns
    -------
    optuna.Study

    Raises
    ------
    KallosError, KeyboardInterrupt
        As in :func:`run_tuning`.
    """
    settings = data.settings
    check_request(model_name, study_name, n_trials, db_kwargs, optuna_schema, settings=settings)
    config = storage_config(db_kwargs, optuna_schema)
    storage = open_storage(db_kwargs, optuna_schema, wait_seconds=settings.run.database_wait_seconds)
    if study_name in optuna.get_all_study_names(storage):
        data = learning_as_before(data, optuna.load_study(study_name=study_name, storage=storage))
    study = _open_study(storage, config, study_name, data, model_name)
    on_event(_opened(study, data, n_trials))
    missing = n_trials - n_finished(study)
    if missing > 0:
        _run_trials(study, storage, config, data, model_name, n_trials, min(settings.run.workers, missing), on_event)
    keep_verdict(study, data)
    return study


def check_request(
    model_name: str,
    study_name: str,
    n_trials: int,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None = None,
    *,
    settings: TuningSettings | None = None,
) -> None:
    """Refuse what can be refused before anything is read, as :func:`run_tuning` does first.

    Parameters
    ----------
    model_name, study_name, n_trials, db_kwargs, optuna_schema, settings
        As of :func:`run_tuning`.

    Raises
    ------
    kallos_models.UnknownModelError, kallos_models.ConfigError, ConfigError, kallos_data.ConfigError
        As in :func:`run_tuning`.
    """
    if model_name not in available_models():
        raise UnknownModelError(model_name, available_models())
    if isinstance(n_trials, bool) or not isinstance(n_trials, int) or n_trials < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"must be a whole number of 1 or more, not {n_trials!r}", "n_trials")
    if not study_name.strip():
        raise ConfigError("must not be empty", "study_name")
    storage_config(db_kwargs, optuna_schema)
    settings = settings or TuningSettings()
    check_space(settings.search.space, model_name)
    if settings.run.engine == "processes":
        require_device(settings.training.device)


def _open_study(
    storage: BaseStorage, config: DatabaseConfig, name: str, data: StudyData, model_name: str
) -> optuna.Study:
    """Create the study, or resume the one of that name; what takes long is done before others are kept waiting."""
    definition = data.definition(model_name)
    search = data.settings.search
    if name not in optuna.get_all_study_names(storage):
        created = create_study(
            config,
            name,
            user_attributes=attributes_of_new_study(
                definition, data.naive, data.used, reading_of(data.settings.history)
            ),
            # A guided search begins with something sensible to learn from, and to compare the next trials with.
            queued=[defaults_in(search.space, model_name)] if search.sampler == "tpe" else [],
            wait_seconds=data.settings.run.database_wait_seconds,
        )
        if created:
            return optuna.load_study(study_name=name, storage=storage)
    study = optuna.load_study(study_name=name, storage=storage)
    resume_study(study, definition, data.settings.run.resume, data.used)
    if READING not in study.user_attrs:
        study.set_user_attr(READING, reading_of(data.settings.history))
    if stored_naive(study.user_attrs) is None:
        study.set_user_attr(NAIVE, naive_attribute(data.naive))
    return study


def _run_trials(  # noqa: PLR0917 - what workers are given, and who listens
    study: optuna.Study,
    storage: BaseStorage,
    config: DatabaseConfig,
    data: StudyData,
    model_name: str,
    n_trials: int,
    n_workers: int,
    on_event: Listener,
) -> None:
    run, crew = data.settings.run, token_hex(8)
    times = claim_times(run)
    arguments = (study.study_name, data, model_name, n_trials, times, crew)
    if run.engine == "ray":
        with connected(run.ray_address):
            from .workers.ray_workers import run_on_ray  # noqa: PLC0415 - imports Ray, an extra

            assignment = Assignment(_WORK, (seen_by_workers(config), *arguments), _LOGGERS)
            run_on_ray(assignment, n_workers, Needs(run.cpus_per_worker, run.gpus_per_worker), on_event)
        return
    claims = Claims(study, storage, config, n_trials, times, data.settings.search.space, crew)
    assignment = Assignment(_WORK, (config, *arguments), _LOGGERS)
    run_assignment(assignment, n_workers, on_event, partial(abandon_trial_of, claims))


def _log_best(study: optuna.Study, settings: TuningSettings) -> None:
    if best_score(study) is None:
        logger.warning("study %s: no trial is complete, all were pruned", study.study_name)
        return
    best = study.best_trial
    logger.info("study %s: best %s %.6g with %s", study.study_name, settings.score_name, best.value, best.params)
    verdict = stored_verdict(study.user_attrs)
    for line in verdict_lines(verdict) if verdict else ():
        logger.info("study %s: %s", study.study_name, line)


def _opened(study: optuna.Study, data: StudyData, n_trials: int) -> StudyOpened:
    best, counts = best_trial(study), counts_of(study.get_trials(deepcopy=False))
    return StudyOpened(
        study_name=study.study_name,
        metric=data.settings.score_name,
        n_trials=n_trials,
        n_finished=n_finished(study),
        n_rows=len(data.frame),
        n_features=len(data.features),
        n_folds=len(data.splits),
        first=in_utc(data.frame["timestamp"][0]),
        last=in_utc(data.frame["timestamp"][-1]),
        best_score=None if best is None else best.value,
        naive_score=data.naive.score,
        naive=naive_in_words(data.naive.name),
        n_filled=tuple(data.n_filled),
        learnt=learnt_in_words(data.target_col, data.target_transform, data.settings.folds.target_transform),
        n_pruned=counts["pruned"],
        n_failed=counts["failed"],
        n_interrupted=counts["interrupted"],
        n_abandoned=counts["abandoned"],
        best_trial=None if best is None else best.number,
        best_params={} if best is None else best.params,
        n_columns=data.frame.width - 1,
    )

"""The main job: a study from the database to its best parameters, resumed wherever it stopped."""

import logging
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from secrets import token_hex
from typing import Any, Final

import optuna

from kallos_data import DatabaseConfig
from kallos_data.folds.scaling import FeatureGroups
from kallos_models import UnknownModelError, available_models
from kallos_models.settings import accelerator

from .claims.claims import Claims
from .claims.times import ClaimSettings
from .errors import ConfigError, DatabaseUnavailableError, LockTimeoutError
from .evaluation.scoring import naive_score
from .events import Listener, StudyOpened, ignore
from .search_space import defaults_in
from .settings import TuningSettings
from .storage.creation import create_study
from .studies import open_storage, seen_by_workers, storage_config
from .study_data import StudyData, load_study_data
from .study_definition import NAIVE_SCORES, open_study
from .trial_attributes import best_score, n_finished
from .workers.job import Assignment
from .workers.processes import run_assignment
from .workers.ray_cluster import Needs, connected

logger = logging.getLogger(__name__)

_WORK: Final = "kallos_tune.study_worker:run_claims"
_LOGGERS: Final = ("kallos_data", "kallos_models", "kallos_tune")
# Meanwhile nobody listens to the other workers.
_ABANDONING_SECONDS: Final = 3.0


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
    on_event: Listener = ignore,
) -> optuna.Study:
    """Create or resume a study and run the trials that are missing.

    Finished trials (complete or pruned) count, failed and running ones do not: a study that was interrupted goes on
    where it stopped, and one that has ``n_trials`` finished trials is returned at once. The same seed gives the same
    study, in one go or in several.

    Parameters
    ----------
    asset_id : str
        Asset to forecast.
    end_date : str, date or datetime
        Last step of the history, inclusive.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history and of the study; see :class:`kallos_data.DatabaseConfig`.
    optuna_schema : str or None
        PostgreSQL schema of the study, created where missing; None for the default one and on SQLite.
    model_name : str
        One of :func:`kallos_models.available_models`.
    study_name : str
        Name of the study in its storage.
    target_col : str
        Column to forecast.
    feature_groups : mapping of str to sequence of str
        Past covariates by group; see :mod:`kallos_data.folds.scaling`.
    n_trials : int
        Finished trials that the study shall have.
    settings : TuningSettings, optional
        Its defaults where left out.
    on_event : callable, optional
        Is told what happens; see :mod:`kallos_tune.events`.

    Returns
    -------
    optuna.Study
        Direction minimise. What defines it is stored as its user attribute ``kallos_definition``.

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
        On Ctrl-C, after the running trial was recorded as failed.
    """
    settings = settings or TuningSettings()
    if model_name not in available_models():
        raise UnknownModelError(model_name, available_models())
    if n_trials < 1:
        raise ConfigError(f"n_trials must be 1 or more, not {n_trials}")
    if not study_name.strip():
        raise ConfigError("study_name must not be empty")
    if settings.engine == "processes":
        accelerator(settings.device)
    config = storage_config(db_kwargs, optuna_schema)
    data = load_study_data(asset_id, end_date, db_kwargs, target_col, feature_groups, settings=settings)
    storage = open_storage(db_kwargs, optuna_schema, wait_seconds=settings.database_wait_seconds)

    def create(attributes: Mapping[str, object]) -> bool:
        return create_study(
            config,
            study_name,
            user_attributes={**attributes, NAIVE_SCORES: _naive_scores(data)},
            queued=_first_parameters(settings),
            wait_seconds=settings.database_wait_seconds,
        )

    study = open_study(storage, study_name, data.definition(model_name, str(end_date)), settings.resume, create)
    naive = _naive_score(study, data)
    on_event(_opened(study, data, n_trials, naive))
    missing = n_trials - n_finished(study)
    if missing > 0:
        n_workers, crew = min(settings.workers, missing), token_hex(8)
        times = ClaimSettings(
            heartbeat_seconds=settings.heartbeat_seconds,
            grace_seconds=settings.grace_seconds,
            database_wait_seconds=settings.database_wait_seconds,
        )
        arguments = (study_name, data, model_name, n_trials, times, crew)
        if settings.engine == "ray":
            _run_on_ray(config, arguments, n_workers, settings, on_event)
        else:
            claims = Claims(study, storage, config, n_trials, times, settings.space, crew)
            assignment = Assignment(_WORK, (config, *arguments), _LOGGERS)
            run_assignment(assignment, n_workers, on_event, partial(_abandon, claims))
    _log_best(study, settings)
    return study


def _first_parameters(settings: TuningSettings) -> list[dict[str, int | float]]:
    """Return what a guided search begins with: something sensible, to learn from and to compare the next with."""
    return [defaults_in(settings.space)] if settings.sampler == "tpe" else []


def _run_on_ray(
    config: DatabaseConfig, arguments: tuple[Any, ...], n_workers: int, settings: TuningSettings, on_event: Listener
) -> None:
    with connected(settings.ray_address):
        from .workers.ray_workers import run_on_ray  # noqa: PLC0415 - imports Ray, an extra

        assignment = Assignment(_WORK, (seen_by_workers(config), *arguments), _LOGGERS)
        needs = Needs(settings.cpus_per_worker, settings.gpus_per_worker)
        run_on_ray(assignment, n_workers, needs, on_event)


def _abandon(claims: Claims, pid: int) -> None:
    """Abandon what a dead worker was running, so that nobody waits for it to have been silent for long."""
    try:
        claims.abandon_worker(pid, limit_seconds=_ABANDONING_SECONDS)
    except (DatabaseUnavailableError, LockTimeoutError) as error:
        logger.warning("the trial of a dead worker will be abandoned later: %s", error)


def _log_best(study: optuna.Study, settings: TuningSettings) -> None:
    if best_score(study) is None:
        logger.warning("study %s: no trial is complete, all were pruned", study.study_name)
        return
    best = study.best_trial
    logger.info("study %s: best %s %.6g with %s", study.study_name, settings.metric, best.value, best.params)


def _naive_score(study: optuna.Study, data: StudyData) -> float:
    """Return the mean naive score over the folds, as the study has it; some were once created without."""
    if NAIVE_SCORES not in study.user_attrs:
        study.set_user_attr(NAIVE_SCORES, _naive_scores(data))
    naive_scores: list[float] = study.user_attrs[NAIVE_SCORES]
    return sum(naive_scores) / len(naive_scores)


def _naive_scores(data: StudyData) -> list[float]:
    return [naive_score(fold, data.settings) for fold in data.folds]


def _opened(study: optuna.Study, data: StudyData, n_trials: int, naive: float) -> StudyOpened:
    return StudyOpened(
        study_name=study.study_name,
        metric=data.settings.metric,
        n_trials=n_trials,
        n_finished=n_finished(study),
        n_rows=len(data.frame),
        n_features=len(data.features),
        n_folds=len(data.splits),
        first=data.frame["timestamp"][0].isoformat(),
        last=data.frame["timestamp"][-1].isoformat(),
        best_score=best_score(study),
        naive_score=naive,
    )

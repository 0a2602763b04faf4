"""Any Optuna objective on the core of Kallos: an exact budget over several processes, through kills and restarts."""

from collections.abc import Mapping
from functools import partial
from pkgutil import resolve_name
from secrets import token_hex
from typing import Any, Final

import optuna

from kallos_data import DatabaseConfig

from .claims.claims import Claims
from .errors import ConfigError
from .events import Listener, ignore
from .settings import RunSettings
from .storage.creation import create_study
from .studies import claim_times, open_storage, storage_config
from .trial_attributes import n_finished
from .workers.dead_workers import abandon_trial_of
from .workers.job import Assignment
from .workers.processes import run_assignment

_WORK: Final = "kallos_tune.own_objective_worker:run_claims_of"


def run_objective(
    objective: str,
    study_name: str,
    n_trials: int,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    optuna_schema: str | None = None,
    *,
    arguments: tuple[Any, ...] = (),
    seed: int = 0,
    run: RunSettings | None = None,
    on_event: Listener = ignore,
) -> optuna.Study:
    """Create or resume a study of any objective that is to be minimised, and run the trials that are missing.

    What :func:`kallos_tune.run_tuning` promises of its studies holds: all processes and machines together finish
    exactly ``n_trials``; a worker that is killed is replaced, and its parameters run again; Ctrl-C keeps what is
    finished. What the objective is about is the caller's to know: nothing keeps another objective out of the study.

    Parameters
    ----------
    objective : str
        A function that can be imported, as ``"module:name"``: workers import it by that name. It is called with the
        trial and ``arguments`` and returns the score; ``optuna.TrialPruned`` prunes.
    study_name : str
    n_trials : int
        Number of finished (complete or pruned) trials to reach.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the study; see :class:`kallos_data.DatabaseConfig`.
    optuna_schema : str, optional
        PostgreSQL schema of Optuna's tables, created where it is missing.
    arguments : tuple, default ()
        More arguments of the objective; anything that can be pickled.
    seed : int, default 0
        Of the sampler (TPE). With one worker, the same seed gives the same study.
    run : RunSettings, optional
        Workers and times; the engine is always processes.
    on_event : callable, optional
        Is told how each trial ended.

    Returns
    -------
    optuna.Study

    Raises
    ------
    ConfigError
        Where a worker could not import the objective, or ``n_trials`` is below 1.
    TooManyFailuresError, WorkerError, DatabaseUnavailableError, LockTimeoutError, kallos_data.DatabaseError
        As in :func:`kallos_tune.run_tuning`.
    """
    if n_trials < 1:
        raise ConfigError(f"must be 1 or more, not {n_trials}", "n_trials")
    run = run or RunSettings()
    if run.engine != "processes":
        raise ConfigError(f"must be 'processes' for an objective of your own, not {run.engine!r}", "engine")
    _require_function(objective)
    config = storage_config(db_kwargs, optuna_schema)
    storage = open_storage(db_kwargs, optuna_schema, wait_seconds=run.database_wait_seconds)
    create_study(config, study_name, wait_seconds=run.database_wait_seconds)
    study = optuna.load_study(study_name=study_name, storage=storage)
    missing = n_trials - n_finished(study)
    if missing > 0:
        times = claim_times(run)
        crew = token_hex(8)
        claims = Claims(study, storage, config, n_trials, times, crew=crew)
        assignment = Assignment(_WORK, (config, study_name, n_trials, times, crew, objective, arguments, seed))
        run_assignment(assignment, min(run.workers, missing), on_event, partial(abandon_trial_of, claims))
    return study


def _require_function(objective: str) -> None:
    try:
        found = resolve_name(objective)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"must name a function that can be imported, as 'module:name', not {objective!r} ({error})", "objective"
        ) from error
    if not callable(found):
        raise ConfigError(f"must name a function, and {objective!r} is a {type(found).__name__}", "objective")
    if objective.partition(":")[0] == "__main__":
        raise ConfigError("must lie in a module of its own: workers do not run the script that called", "objective")

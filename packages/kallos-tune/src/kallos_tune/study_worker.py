"""What one worker does for a study of forecasting models."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

import optuna
import torch

from kallos_data import DatabaseConfig

from .claims.join import join_study
from .claims.times import ClaimSettings
from .evaluation.objective import objective
from .evaluation.pruning import pruner_of, rung_name
from .evaluation.sampling import sampler_of_draw
from .evaluation.threads import torch_threads
from .events import Listener
from .study_data import StudyData
from .workers.worker_loop import run_trials


def run_claims(  # noqa: PLR0917 - called with the arguments of an assignment
    config: DatabaseConfig,
    study_name: str,
    data: StudyData,
    model_name: str,
    n_trials: int,
    times: ClaimSettings,
    crew: str,
    on_event: Listener,
) -> None:
    """Open a study and run its trials; what every worker does, whichever process it is.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    study_name, model_name : str
    data : StudyData
    n_trials : int
        Number of finished trials to reach.
    times : ClaimSettings
        Heartbeat, grace and the wait for the database.
    crew : str
        See :class:`kallos_tune.claims.claims.Claims`.
    on_event : callable
        Is told of trials, folds and epochs.

    Raises
    ------
    DatabaseUnavailableError, LockTimeoutError, KeyboardInterrupt, SystemExit
        As in :func:`kallos_tune.workers.worker_loop.run_trials`.
    """
    settings = data.settings

    def run(trial: optuna.Trial) -> float:
        _release_memory()
        return objective(trial, data.folds, model_name, settings=settings, on_event=on_event)

    claims = join_study(config, study_name, n_trials, times, settings.search.space, crew)
    with torch_threads(settings.run.threads), _only_new_objects_collected():
        run_trials(
            claims,
            run,
            lambda draw: sampler_of_draw(draw, settings.training.seed, settings.search.sampler),
            on_event,
            pruner=pruner_of(settings.search),
            name_of_step=rung_name,
        )


@contextmanager
def _only_new_objects_collected() -> Generator[None]:
    """Spare the garbage collector what stays anyway: half a million objects of the libraries, a quarter of a second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _release_memory() -> None:
    """Give back what the trial before held, above all where it ran out of memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

"""What one worker does: claim a trial, run it, tell how it ended, until the budget is finished."""

import gc
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from kallos_data import DatabaseConfig

from .claims import Claims, ClaimSettings, NoClaim
from .data import StudyData
from .heartbeats import Heartbeat
from .ledger import FAILURE, INTERRUPTED, best_score, n_finished
from .objective import objective
from .progress import Listener, TrialFinished
from .retry import is_transient
from .sampling import sampler_of_next_trial
from .storage import open_storage

logger = logging.getLogger(__name__)

_BUSY_POLL_SECONDS: Final = 1.0
_OUT_OF_MEMORY: Final = ("out of memory", "can't allocate memory")


def run_claims(  # noqa: PLR0917 - called with the arguments of an assignment
    config: DatabaseConfig, study_name: str, data: StudyData, model_name: str, n_trials: int, on_event: Listener
) -> None:
    """Open a study and run its trials; what every worker does, whichever process it is.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    study_name, model_name : str
    data : StudyData
    n_trials : int
        Finished trials that the study shall have.
    on_event : callable
        Is told of trials, folds and epochs.

    Raises
    ------
    DatabaseUnavailableError, KeyboardInterrupt, SystemExit
        As in :func:`run_trials`.
    """
    settings = data.settings
    storage = open_storage(config, wait_seconds=settings.database_wait_seconds)
    study = optuna.load_study(study_name=study_name, storage=storage)
    times = ClaimSettings(
        heartbeat_seconds=settings.heartbeat_seconds,
        grace_seconds=settings.grace_seconds,
        database_wait_seconds=settings.database_wait_seconds,
    )
    run_trials(Claims(study, storage, config, n_trials, times), data, model_name, on_event)


def run_trials(claims: Claims, data: StudyData, model_name: str, on_event: Listener) -> None:
    """Run trials until the budget is finished, by this worker or by others.

    A trial that fails is recorded with its reason and the work goes on.

    Raises
    ------
    DatabaseUnavailableError
        Where the database stays away too long.
    KeyboardInterrupt, SystemExit
        Where the user stops the process, after the running trial was recorded as failed.
    """
    told_to_wait = False
    with _torch_threads(data.settings.threads):
        while True:
            claim = claims.claim(lambda: sampler_of_next_trial(claims.study, data.settings))
            if claim is NoClaim.FULL:
                return
            if isinstance(claim, NoClaim):
                if not told_to_wait:
                    logger.info("the last trials of the budget are running elsewhere: waiting for their end")
                told_to_wait = True
                time.sleep(_BUSY_POLL_SECONDS)
                continue
            outcome = _run_trial(claim, claims, data, model_name, on_event)
            if outcome is not None:
                on_event(outcome)


def _run_trial(
    trial: optuna.Trial, claims: Claims, data: StudyData, model_name: str, on_event: Listener
) -> TrialFinished | None:
    """Run a claimed trial; None where it was given up meanwhile."""
    started = time.perf_counter()
    score, reason, state = None, None, TrialState.COMPLETE
    try:
        with Heartbeat(claims.config, claims.trial_id(trial), claims.settings.heartbeat_seconds):
            score = objective(trial, data.folds, model_name, settings=data.settings, on_event=on_event)
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except UpdateFinishedTrialError:
        logger.warning("trial %d was given up meanwhile: its result is dropped", trial.number)
        return None
    except Exception as error:
        if is_transient(error):
            raise
        state, reason = TrialState.FAIL, _reason(error)
        logger.warning("trial %d failed: %s", trial.number, reason)
        logger.debug("trial %d failed", trial.number, exc_info=True)
        del error
        _release_memory()
    except BaseException as stop:
        _record_interruption(claims, trial, stop)
        raise
    if reason is not None:
        trial.set_user_attr(FAILURE, reason)
    told = claims.tell(trial, score, state)
    if told is None:
        return None
    return TrialFinished(
        trial=trial.number,
        state=told.state.name,
        score=told.value,
        reason=reason,
        seconds=time.perf_counter() - started,
        best_score=best_score(claims.study),
        n_finished=n_finished(claims.study),
        n_trials=claims.n_trials,
    )


def _record_interruption(claims: Claims, trial: optuna.Trial, stop: BaseException) -> None:
    reason = "interrupted (Ctrl-C)" if isinstance(stop, KeyboardInterrupt) else "terminated"
    trial.set_user_attr(INTERRUPTED, True)
    trial.set_user_attr(FAILURE, reason)
    claims.tell(trial, None, TrialState.FAIL)
    logger.info("trial %d recorded as failed: %s", trial.number, reason)


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY):
        return f"out of memory ({text})"
    return text


def _release_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def _torch_threads(threads: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)

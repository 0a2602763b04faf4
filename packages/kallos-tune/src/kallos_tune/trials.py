"""Run the trials that a study still needs, one after another, and record how each ended."""

import gc
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager

import optuna
import torch
from optuna.trial import TrialState

from .data import StudyData
from .errors import TooManyFailuresError
from .ledger import FAILURE, INTERRUPTED, best_score, n_finished
from .objective import objective
from .progress import Listener, TrialFinished
from .sampling import sampler_of_next_trial

logger = logging.getLogger(__name__)

_FAILURES_IN_A_ROW = 5
_FAILURES_AT_FIRST = 3
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


def run_trials(study: optuna.Study, data: StudyData, model_name: str, n_trials: int, on_event: Listener) -> None:
    """Run trials until ``n_trials`` are finished.

    A trial that fails is recorded with its reason and the study goes on.

    Raises
    ------
    TooManyFailuresError
        Where five trials fail in a row, or the first three of this call.
    KeyboardInterrupt, SystemExit
        Where the user stops the process, after the running trial was recorded as failed.
    """
    reasons: list[str] = []
    any_finished = False
    with _torch_threads(data.settings.threads):
        while n_finished(study) < n_trials:
            study.sampler = sampler_of_next_trial(study, data.settings)
            outcome = _run_trial(study, data, model_name, n_trials, on_event)
            on_event(outcome)
            if outcome.reason is None:
                any_finished = True
                reasons.clear()
                continue
            reasons.append(outcome.reason)
            allowed = _FAILURES_IN_A_ROW if any_finished else _FAILURES_AT_FIRST
            if len(reasons) >= allowed:
                raise TooManyFailuresError(reasons)


def _run_trial(
    study: optuna.Study, data: StudyData, model_name: str, n_trials: int, on_event: Listener
) -> TrialFinished:
    trial = study.ask()
    started = time.perf_counter()
    score, reason, state = None, None, TrialState.COMPLETE
    try:
        score = objective(trial, data.folds, model_name, settings=data.settings, on_event=on_event)
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except Exception as error:
        state, score, reason = TrialState.FAIL, None, _reason(error)
        logger.warning("trial %d failed: %s", trial.number, reason)
        logger.debug("trial %d failed", trial.number, exc_info=True)
        del error
        _release_memory()
    except BaseException as stop:
        _record_interruption(study, trial, stop)
        raise
    if reason is not None:
        trial.set_user_attr(FAILURE, reason)
    frozen = study.tell(trial, score, state=state)
    return TrialFinished(
        trial=trial.number,
        state=frozen.state.name,
        score=frozen.value,
        reason=reason,
        seconds=time.perf_counter() - started,
        best_score=best_score(study),
        n_finished=n_finished(study),
        n_trials=n_trials,
    )


def _record_interruption(study: optuna.Study, trial: optuna.Trial, stop: BaseException) -> None:
    reason = "interrupted (Ctrl-C)" if isinstance(stop, KeyboardInterrupt) else f"stopped ({type(stop).__name__})"
    trial.set_user_attr(INTERRUPTED, True)
    trial.set_user_attr(FAILURE, reason)
    study.tell(trial, state=TrialState.FAIL)
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

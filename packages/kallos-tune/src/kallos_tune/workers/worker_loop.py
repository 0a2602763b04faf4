"""The loop of a worker, whatever its trials do: claim one, run it, tell how it ended, until the budget is finished."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from ..claims.claim import Claim, NoClaim
from ..claims.claims import Claims
from ..errors import DatabaseUnavailableError, LockTimeoutError
from ..events import Listener, TrialFinished
from ..trial_attributes import FAILURE, best_trial, n_finished
from ..trial_states import counts_of
from ..trial_times import seconds_of
from .signals import EXIT_OF_CTRL_C, EXIT_OF_SIGINT, EXIT_OF_SIGTERM

logger = logging.getLogger(__name__)

Run = Callable[[optuna.Trial], float]
SamplerOfDraw = Callable[[int], optuna.samplers.BaseSampler]
NameOfStep = Callable[[int], str]

_BUSY_POLL_SECONDS: Final = 1.0
# Whoever stops a worker does not wait longer; a trial that could not be recorded in that time is abandoned later.
_INTERRUPTION_SECONDS: Final = 3.0
_SIGNALS: Final[dict[object, str]] = {
    EXIT_OF_CTRL_C: "Ctrl-C",
    EXIT_OF_SIGTERM: "SIGTERM",
    # A worker of Ray is cancelled, and not told which of the two it was.
    EXIT_OF_SIGINT: "Ctrl-C or SIGTERM",
}
_OUT_OF_MEMORY: Final = ("out of memory", "can't allocate memory")


def step_name(step: int) -> str:
    """Return what a step at which a trial reported is called where nobody has a better name."""
    return f"step {step}"


def run_trials(
    claims: Claims,
    run: Run,
    sampler_of_draw: SamplerOfDraw,
    on_event: Listener,
    *,
    pruner: BasePruner | None = None,
    name_of_step: NameOfStep = step_name,
) -> None:
    """Run trials until the budget is finished, by this worker or by others.

    A trial that fails is recorded with its reason, and the next one is claimed.

    Parameters
    ----------
    claims : Claims
    run : callable
        Returns the score of a trial.
    sampler_of_draw : callable
        Returns the sampler of a trial, given the number of parameters that were drawn before.
    on_event : callable
        Is told how each trial of this worker ended.
    pruner : optuna pruner, optional
        None prunes nothing.
    name_of_step : callable, optional
        Returns in words after which step a trial was pruned.

    Raises
    ------
    DatabaseUnavailableError, LockTimeoutError
        Where the database, or others that hold a lock, must be waited for too long.
    KeyboardInterrupt, SystemExit
        Where the user stops the process, after the running trial was recorded as interrupted.
    """
    told_to_wait = False
    while True:
        claim = claims.claim()
        if claim is NoClaim.FULL:
            return
        if isinstance(claim, NoClaim):
            if not told_to_wait:
                logger.info("the last trials of the budget are running in other workers: waiting for them")
            told_to_wait = True
            time.sleep(_BUSY_POLL_SECONDS)
            continue
        begin = partial(claims.trial, claim, sampler_of_draw(claim.draw), pruner)
        outcome = _run_trial(claim, claims, begin, run, name_of_step)
        if outcome is not None:
            on_event(outcome)


def _run_trial(
    claim: Claim, claims: Claims, begin: Callable[[], optuna.Trial], run: Run, name_of_step: NameOfStep
) -> TrialFinished | None:
    """Run a claimed trial; None where it was abandoned meanwhile."""
    score, reason, state = None, None, TrialState.COMPLETE
    try:
        with claims.beating(claim):
            score = run(begin())
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except (DatabaseUnavailableError, LockTimeoutError):
        raise
    except UpdateFinishedTrialError:
        logger.warning("trial %d was abandoned meanwhile: its result is dropped", claim.number)
        return None
    except Exception as error:
        state, reason = TrialState.FAIL, _reason(error)
        logger.warning("trial %d failed: %s", claim.number, reason)
        logger.debug("trial %d failed", claim.number, exc_info=True)
    except BaseException as stop:
        _record_interruption(claims, claim, stop)
        raise
    told = claims.tell(claim, score, state, None if reason is None else {FAILURE: reason})
    if told is None:
        return None
    best, counts = best_trial(claims.study), counts_of(claims.study.get_trials(deepcopy=False))
    return TrialFinished(
        trial=claim.number,
        state=told.state.name,
        score=told.value,
        pruned_after=_pruned_after(told, name_of_step),
        reason=reason,
        seconds=seconds_of(told) or 0.0,
        best_score=None if best is None else best.value,
        n_finished=n_finished(claims.study),
        n_trials=claims.n_trials,
        n_pruned=counts["pruned"],
        n_failed=counts["failed"],
        n_interrupted=counts["interrupted"],
        n_abandoned=counts["abandoned"],
        best_trial=None if best is None else best.number,
        best_params={} if best is None else best.params,
    )


def _pruned_after(trial: FrozenTrial, name_of_step: NameOfStep) -> str | None:
    return name_of_step(trial.last_step) if trial.state == TrialState.PRUNED and trial.last_step is not None else None


def _record_interruption(claims: Claims, claim: Claim, stop: BaseException) -> None:
    reason = _why_stopped(stop)
    try:
        recorded = claims.interrupt(claim, reason, limit_seconds=_INTERRUPTION_SECONDS)
    except (DatabaseUnavailableError, LockTimeoutError) as error:
        logger.warning("trial %d could not be recorded as interrupted and will be abandoned: %s", claim.number, error)
        return
    if recorded:
        logger.info("trial %d recorded as interrupted: %s", claim.number, reason)


def _why_stopped(stop: BaseException) -> str:
    if isinstance(stop, KeyboardInterrupt):
        return "Ctrl-C"
    return _SIGNALS.get(stop.code, "stopped") if isinstance(stop, SystemExit) else "stopped"


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY):
        return f"out of memory ({text})"
    return text

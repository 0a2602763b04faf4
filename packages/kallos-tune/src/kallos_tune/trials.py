"""The trials of a study as tables and facts: how they ended, who runs what, what became of the abandoned."""

from collections.abc import Sequence
from typing import Any

import optuna
import polars as pl
from optuna.trial import FrozenTrial, TrialState

from .trial_attributes import FAILURE, WORKER
from .trial_states import counts_of, fate_of, reason_of, repeated_trial, repetitions, word_of_trial
from .trial_times import seconds_of, started, written


def trial_counts(study: optuna.Study) -> dict[str, int]:
    """Return how many trials are complete, pruned, failed, interrupted, abandoned and running, by these words."""
    return counts_of(study.get_trials(deepcopy=False))


def trials_table(study: optuna.Study) -> pl.DataFrame:
    """Return one row a trial, best first, then the pruned ones that got farthest, failed ones last.

    Returns
    -------
    polars.DataFrame, [n_trials, ...]
        ``trial, state`` ("complete", "pruned", "failed", "interrupted", "abandoned", "running" or "waiting"), ``score,
        seconds``, the parameters, ``folds`` (scored), ``epochs`` (over those; None without), ``repeats`` (the trial
        whose parameters it runs again, since that was interrupted or abandoned) and ``failure`` (the reason). Only
        complete trials have a score: that of fewer folds is another thing.
    """
    trials = sorted(study.get_trials(deepcopy=False), key=_rank)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    schema = {"trial": pl.Int64, "state": pl.String, "score": pl.Float64, "seconds": pl.Float64}
    rows = [_row(trial, names) for trial in trials]
    schema |= {"folds": pl.Int64, "epochs": pl.Int64, "repeats": pl.Int64, "failure": pl.String}
    return pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None, orient="row")


def trials_without_result(study: optuna.Study) -> list[str]:
    """Return a line for each trial that failed, was interrupted or abandoned: why, and which runs its parameters again.

    Returns
    -------
    list of str
        "trial 3 interrupted, run again as trial 5: SIGTERM", in the order of :func:`trials_table`.
    """
    trials = sorted(study.get_trials(deepcopy=False, states=(TrialState.FAIL,)), key=_rank)
    again = repetitions(study.get_trials(deepcopy=False))
    return [f"trial {trial.number} {fate_of(trial, again.get(trial.number))}: {reason_of(trial)}" for trial in trials]


def running_trials(study: optuna.Study) -> list[dict[str, Any]]:
    """Return the trials under way, in JSON's own types.

    Returns
    -------
    list of dict
        ``trial`` (its number), ``host`` and ``process`` of its worker, and ``since`` when it runs, in UTC by that
        host's clock; what is not known is None.
    """
    found: list[dict[str, Any]] = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        host, _, process = str(trial.user_attrs.get(WORKER, "")).rpartition(":")
        process_id = int(process) if process.isdecimal() else None
        found.append(
            {"trial": trial.number, "host": host or None, "process": process_id, "since": written(started(trial))}
        )
    return found


def abandoned_trial(study: optuna.Study, number: int) -> dict[str, Any]:
    """Return what became of a trial that was abandoned, in JSON's own types.

    Returns
    -------
    dict
        ``trial`` (its number), ``worker`` (host and process), ``reason``, and ``runs_again``: whether its parameters
        do.
    """
    trials = study.get_trials(deepcopy=False)
    attributes = trials[number].user_attrs
    runs_again = number in repetitions(trials)
    return {
        "trial": number,
        "worker": attributes.get(WORKER),
        "reason": attributes.get(FAILURE),
        "runs_again": runs_again,
    }


def _rank(trial: FrozenTrial) -> tuple[int, int, float, int]:
    """Return what trials are sorted by: complete ones by score, pruned ones by how far they got, then the others."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING, TrialState.FAIL)
    value = 0.0 if trial.value is None else trial.value
    rung = (trial.last_step or 0) if trial.state == TrialState.PRUNED else 0
    return states.index(trial.state), -rung, value, trial.number


def _row(trial: FrozenTrial, names: Sequence[str]) -> dict[str, Any]:
    score = trial.value if trial.state == TrialState.COMPLETE else None
    row: dict[str, Any] = {
        "trial": trial.number,
        "state": word_of_trial(trial),
        "score": score,
        "seconds": seconds_of(trial),
    }
    row |= {name: trial.params.get(name) for name in names}
    epochs = trial.user_attrs.get("fold_epochs", [])
    row |= {"folds": len(epochs), "epochs": sum(epochs) if epochs else None}
    return row | {"repeats": repeated_trial(trial), "failure": trial.user_attrs.get(FAILURE)}

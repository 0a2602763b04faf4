"""A trial run again from what its study keeps: the same scores to the last digit, or what differs."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from kallos_data import DatabaseConfig, FoldSeries
from kallos_models import ConfigError as ModelConfigError
from kallos_models import require_device

from ..data_fingerprint import change_of
from ..errors import ConfigError
from ..evaluation.fold import FoldResult, evaluate_fold
from ..evaluation.threads import torch_threads
from ..events import EpochFinished, FoldFinished, Listener, TrialStarted, ignore
from ..settings import TuningSettings
from ..study_data import StudyData
from ..study_definition import FINGERPRINT, READING, VERSIONS, current_definition, definition_differences
from ..study_source import data_of_study
from ..trial_attributes import FAILURE, FINISHED, FOLD_SCORES, MADE_WITH, best_score
from ..trial_states import word_of_trial
from ..versions import versions
from .rerun_result import Rerun, RerunFold


def rerun_trial(
    study: optuna.Study,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    trial: int | None = None,
    on_event: Listener = ignore,
) -> Rerun:
    """Train and score a trial again from what its study keeps, and compare every fold's score with the one kept.

    The scores are equal to the last digit on the same versions, data and kind of machine. Rows that came after the
    study's last step are not read. Nothing is written.

    Parameters
    ----------
    study : optuna.Study
        From :func:`kallos_tune.load_study`.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history; see :class:`kallos_data.DatabaseConfig`.
    trial : int, optional
        Number of a complete or pruned trial; the best one where left out.
    on_event : callable, optional
        Is told of the trial's start, its epochs and its folds.

    Raises
    ------
    ConfigError
        Where Kallos did not make the study, it has no complete trial or none of that number, or the trial failed, is
        not finished, or was pruned before the first fold was scored; or where it was trained on a GPU and this machine
        has none.
    kallos_data.InsufficientDataError
        Where rows of a fold were removed since.
    kallos_data.KallosError
        As in :func:`kallos_tune.load_study_data`.
    kallos_models.KallosError
        Where the model cannot be built, or its training diverges.
    """
    definition = current_definition(study.user_attrs)
    if definition is None:
        raise ConfigError(f"study {study.study_name!r} was not made by Kallos: its trials cannot be run again")
    found = _trial_of(study, trial)
    kept: list[float] = found.user_attrs[FOLD_SCORES]
    # With the last step as end, rows that were added after it are no change.
    data = data_of_study(
        {**definition, "end_date": definition["last"]}, db_kwargs, reading=study.user_attrs.get(READING)
    )
    differing = definition_differences(study, data.definition(definition["model_name"]) | _not_compared(definition))
    settings = data.settings.changed(**found.user_attrs.get(MADE_WITH, {}))
    _require_device_of(found, settings)
    on_event(TrialStarted(found.number, found.params))
    with torch_threads(settings.run.threads):
        scores = [
            _score(fold, number, found, definition["model_name"], settings, data.naive.fold_scores, on_event)
            for number, fold in enumerate(data.folds[: len(kept)], start=1)
        ]
    return Rerun(
        study_name=study.study_name,
        trial=found.number,
        state=word_of_trial(found),
        model_name=definition["model_name"],
        metric=settings.score_name,
        params=found.params,
        made_with=found.user_attrs.get(MADE_WITH, {}),
        n_folds=len(data.folds),
        folds=tuple(
            RerunFold(number, bounds["val_first"], bounds["val_last"], old, new, old == new)
            for number, (bounds, old, new) in enumerate(zip(definition["folds"], kept, scores, strict=False), start=1)
        ),
        versions=_differing_versions(study.user_attrs.get(VERSIONS, {})),
        data=_change_of_data(study, definition, data) if "data_hash" in differing else None,
        settings={key: values for key, values in differing.items() if key not in ("data_hash", "first", "last")},
    )


def _not_compared(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {"end_date": definition["end_date"]}


def _trial_of(study: optuna.Study, number: int | None) -> FrozenTrial:
    name, trials = study.study_name, study.get_trials(deepcopy=False)
    if number is None:
        if best_score(study) is None:
            raise ConfigError(f"study {name!r} has no complete trial yet: run more trials first, or name a pruned one")
        return study.best_trial
    if not 0 <= number < len(trials):
        most = len(trials) - 1
        there = "which has none" if most < 0 else "which has trial 0 alone" if most == 0 else f"there are 0 to {most}"
        raise ConfigError(f"{number} is not a trial of study {name!r}, {there}", "trial")
    found = trials[number]
    another = "name another, or none for the best"
    if found.state == TrialState.FAIL:
        reason = found.user_attrs.get(FAILURE, "without a reason")
        word = word_of_trial(found)
        became = word if word == "failed" else f"was {word}"
        raise ConfigError(f"{number} of study {name!r} {became} ({reason}), it has no score: {another}", "trial")
    if found.state not in FINISHED:
        raise ConfigError(f"{number} of study {name!r} is not finished yet: wait for its end, or {another}", "trial")
    if not found.user_attrs.get(FOLD_SCORES):
        raise ConfigError(
            f"{number} of study {name!r} was pruned before a fold was scored, there is nothing to compare: {another}",
            "trial",
        )
    return found


def _require_device_of(trial: FrozenTrial, settings: TuningSettings) -> None:
    device = settings.training.device
    try:
        require_device(device)
    except ModelConfigError as error:
        raise ConfigError(
            f"{trial.number} was trained on {device}, and torch sees no such GPU on this machine: run it again on a "
            "machine that has one",
            "trial",
        ) from error


def _score(  # noqa: PLR0917 - what a fold of a trial is made of
    fold: FoldSeries,
    number: int,
    trial: FrozenTrial,
    model_name: str,
    settings: TuningSettings,
    naive_scores: Sequence[float],
    on_event: Listener,
) -> float:
    n_folds, naive = len(naive_scores), naive_scores[number - 1]

    def after(epoch: int, val_loss: float) -> None:
        on_event(EpochFinished(trial.number, number, n_folds, epoch, val_loss))

    result: FoldResult = evaluate_fold(
        fold, model_name, trial.params, settings=settings, naive_score=naive, on_epoch=after
    )
    on_event(
        FoldFinished(trial.number, number, n_folds, result.score, result.naive_score, result.epochs, result.seconds)
    )
    return result.score


def _differing_versions(kept: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    now = versions()
    return {
        name: (kept.get(name), now.get(name))
        for name in sorted({*kept, *now})
        if kept and kept.get(name) != now.get(name)
    }


def _change_of_data(study: optuna.Study, definition: Mapping[str, Any], data: StudyData) -> str:
    change = change_of(study.user_attrs.get(FINGERPRINT, {}), definition["data_hash"], data.used)
    return change or "the data differ; the study keeps nothing that says in which months"

"""The verdict of a study: what its trials forecast of folds they were not chosen on, judged and kept with the study."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from .evaluation.forecast_record import forecast_from_text
from .evaluation.naive_scores import pinball_scores, rivals_of
from .evaluation.scoring import naive_forecasts
from .study_data import StudyData
from .study_definition import stored_naive
from .trial_attributes import FINISHED, FOLD_SCORES, OUT_OF_SAMPLE, n_finished
from .verdict.evidence import Floats, JudgedFold, TrialEvidence
from .verdict.figures import counted
from .verdict.judge import judge
from .verdict.verdict import Verdict
from .verdict.wording import verdict_lines

VERDICT: Final = "kallos_verdict"


def judge_study(study: optuna.Study, data: StudyData) -> Verdict:
    """Return what may be said of a study's models out of sample.

    Parameters
    ----------
    study : optuna.Study
        Its finished trials count, pruned ones as far as they got.
    data : StudyData
        What it is run on.
    """
    folds, trials = evidence_of(study, data)
    return judge(
        folds,
        trials,
        metric=data.settings.judged_metric,
        horizon=1 + data.settings.folds.purge,
        forecast=data.settings.folds.forecast,
        seed=data.settings.training.seed,
    )


def evidence_of(study: optuna.Study, data: StudyData) -> tuple[list[JudgedFold], list[TrialEvidence]]:
    """Return what the verdict of a study is made from: the truth of its folds, its finished trials' forecasts."""
    scored = {number: target.learnable[target.val_start :] for number, target in enumerate(data.targets, start=1)}
    trials = study.get_trials(deepcopy=False, states=FINISHED)
    return judged_folds(data), [_evidence(trial, scored) for trial in trials]


def judged_folds(data: StudyData) -> list[JudgedFold]:
    """Return the truth of each fold and the naive forecasts of it, at the steps that are scored."""
    rivals = rivals_of(data.targets)
    pinball = pinball_scores(data.targets, data.settings)
    folds: list[JudgedFold] = []
    for number, ((_, val), target) in enumerate(zip(data.splits, data.targets, strict=True), start=1):
        scored = target.learnable[target.val_start :]
        naive = naive_forecasts(target, data.settings.folds, **rivals)
        folds.append(
            JudgedFold(
                number=number,
                times=val["timestamp"].dt.replace_time_zone(None).to_numpy()[scored],
                actual=target.values[target.val_start :][scored],
                naive={name: forecast[scored] for name, forecast in naive.items()},
                naive_pinball=None if pinball is None else pinball[number - 1],
            )
        )
    return folds


def keep_verdict(study: optuna.Study, data: StudyData) -> None:
    """Judge a study and keep the verdict with it, unless it keeps one of all its finished trials."""
    kept = stored_verdict(study.user_attrs)
    finished = n_finished(study)
    if finished and (kept is None or kept.n_trials != finished):
        study.set_user_attr(VERDICT, judge_study(study, data).to_dict())


def stored_verdict(user_attributes: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict of a study as :func:`kallos_tune.run_tuning` left it, by its user attributes, or None.

    Since then trials may have been finished: compare :attr:`Verdict.n_trials` with how many there are.
    """
    kept = user_attributes.get(VERDICT)
    return None if kept is None else Verdict.from_dict(kept)


def naive_score_of(user_attributes: Mapping[str, Any]) -> float | None:
    """Return the score of the naive forecast that a study's scores are compared with, by its user attributes.

    It is kept with the study, and with the verdict; None where neither is there.
    """
    naive = stored_naive(user_attributes)
    if naive is not None:
        return naive.score
    verdict = stored_verdict(user_attributes)
    return None if verdict is None else verdict.search_naive_score


def lines_of_study(study: optuna.Study) -> list[str]:
    """Return what a study's models are worth out of sample in words, or that they were not judged yet."""
    verdict, finished = stored_verdict(study.user_attrs), n_finished(study)
    if verdict is None:
        return [
            "verdict: none yet. kallos-run tune makes it at its end: run the command of this study again to get one"
        ]
    lines = verdict_lines(verdict)
    if verdict.n_trials != finished:
        lines.append(
            f"(judged after {counted(verdict.n_trials, 'trial')} of the {finished} that are finished by now: "
            "kallos-run tune judges anew at its end)"
        )
    return lines


def _evidence(trial: FrozenTrial, scored: Mapping[int, np.ndarray]) -> TrialEvidence:
    kept: list[str | None] = trial.user_attrs.get(OUT_OF_SAMPLE, [])
    forecasts: dict[int, Floats] = {
        number: forecast_from_text(text)[scored[number]]
        for number, text in enumerate(kept, start=1)
        if text is not None
    }
    return TrialEvidence(
        number=trial.number,
        complete=trial.state == TrialState.COMPLETE,
        scores=tuple(trial.user_attrs.get(FOLD_SCORES, ())),
        forecasts=forecasts,
    )

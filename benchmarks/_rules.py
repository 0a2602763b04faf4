"""What each rule says of a study: the verdict as it ships, and others from the same stored forecasts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from kallos_tune.verdict.detectable import LEVEL
from kallos_tune.verdict.evidence import JudgedFold, TrialEvidence
from kallos_tune.verdict.judge import N_AVERAGE, judge
from kallos_tune.verdict.verdict import Verdict

N_FIRST: Final = 10
"""Trials that the sampler draws before it looks at any score."""
WEIGHTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
FIRST_WEIGHT: Final = 0.5
"""Where no earlier fold is judged yet."""
Evidence = tuple[list[JudgedFold], list[TrialEvidence]]


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    folds, trials = evidence
    return {
        "folds": [
            {
                "times": np.datetime_as_string(fold.times).tolist(),
                "actual": fold.actual.tolist(),
                "naive": {name: forecast.tolist() for name, forecast in fold.naive.items()},
            }
            for fold in folds
        ],
        "trials": [
            {
                "number": trial.number,
                "complete": trial.complete,
                "scores": trial.scores,
                # They were kept as float32, which nine digits tell exactly.
                "forecasts": {
                    number: [float(f"{value:.9g}") for value in forecast]
                    for number, forecast in trial.forecasts.items()
                },
            }
            for trial in trials
        ],
    }  # fmt: skip


def evidence_from_json(kept: Mapping[str, Any]) -> Evidence:
    folds = [
        JudgedFold(
            number=number,
            times=np.array(fold["times"], dtype="datetime64[us]"),
            actual=np.array(fold["actual"]),
            naive={name: np.array(forecast) for name, forecast in fold["naive"].items()},
        )
        for number, fold in enumerate(kept["folds"], start=1)
    ]
    trials = [
        TrialEvidence(
            number=trial["number"],
            complete=trial["complete"],
            scores=tuple(trial["scores"]),
            forecasts={int(number): np.array(each) for number, each in trial["forecasts"].items()},
        )
        for trial in kept["trials"]
    ]
    return folds, trials


def judge_by_rules(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Return the facts of each rule's verdict, by the rule's name."""
    folds, trials = evidence
    average = _judge(folds, trials)
    verdicts = {
        "average": average,
        "single": _judge(folds, trials, n_average=1),
        "shrunk": _judge(folds, [shrunk(evidence, average)], n_average=1),
        "first ten": _judge(folds, [trial for trial in trials if trial.number < N_FIRST]),
    }
    facts = {name: facts_of(verdict) for name, verdict in verdicts.items()}
    facts["average"]["quoted"] = average.search_skill
    return facts


def _judge(folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence], n_average: int = N_AVERAGE) -> Verdict:
    return judge(folds, trials, metric="rmse", horizon=1, forecast="rolling", n_average=n_average)


def facts_of(verdict: Verdict) -> dict[str, Any]:
    """Return what is compared of a verdict."""
    skills = [verdict.skill, *verdict.skill_against.values()]
    better = verdict.conclusion != "not judged" and all(skill is not None and skill > 0 for skill in skills)
    return {
        "conclusion": verdict.conclusion,
        "beats": verdict.conclusion == "beats",
        "beats by DM": better and _below(verdict.diebold_mariano_p),
        "CW yes": _below(verdict.clark_west_p),
        "DM yes": _below(verdict.diebold_mariano_p),
        "worse": verdict.conclusion == "worse",
        "skill": verdict.skill,
        "skill_against": dict(verdict.skill_against),
        "fold_skills": {fold.number: fold.skill for fold in verdict.folds},
        "n_steps": verdict.n_steps,
        "clark_west_p": verdict.clark_west_p,
        "diebold_mariano_p": verdict.diebold_mariano_p,
        "interval": [verdict.interval_low, verdict.interval_high],
        "detectable_skill": verdict.detectable_skill,
        "spa_p": verdict.spa_p,
        "hinges_turn_sign": verdict.hinges_turn_sign,
    }


def _below(p: float | None) -> bool:
    return p is not None and p < LEVEL


def shrunk(evidence: Evidence, average: Verdict) -> TrialEvidence:
    """Return the average of the best, moved towards the naive forecast as far as was best on earlier judged folds."""
    folds, trials = evidence
    fold_of = {fold.number: fold for fold in folds}
    trial_of = {trial.number: trial for trial in trials}
    # Squared error of each weight over the judged folds so far.
    errors = dict.fromkeys(WEIGHTS, 0.0)
    forecasts: dict[int, np.ndarray] = {}
    for judged in average.folds:
        fold = fold_of[judged.number]
        naive = fold.naive[judged.naive]
        deviation = np.mean([trial_of[number].forecasts[judged.number] for number in judged.trials], axis=0) - naive
        weight = min(errors, key=lambda each: errors[each]) if any(errors.values()) else FIRST_WEIGHT
        forecasts[judged.number] = naive + weight * deviation
        for each in WEIGHTS:
            errors[each] += float(np.sum((naive + each * deviation - fold.actual) ** 2))
    # Its scores choose nothing: it is the only one.
    return TrialEvidence(number=0, complete=True, scores=(0.0,) * len(folds), forecasts=forecasts)

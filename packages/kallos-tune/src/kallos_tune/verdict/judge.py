"""From evidence to verdict: choose on earlier folds, put the steps in one row, test, conclude."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ..errors import ConfigError
from ..settings import Forecast, Metric
from .accuracy import losses_of, r2_out_of_sample, skill_of, skill_of_errors
from .choice import Choice, choice_for, mean_naive_error
from .clark_west import clark_west_test
from .detectable import LEVEL, detectable_skill
from .diebold_mariano import diebold_mariano_test
from .evidence import TRAINING_MEAN, JudgedFold, TrialEvidence, check_evidence
from .hinges import hinges_of
from .resampling import best_of_many, block_length, skill_interval
from .sample import Sample, sample_of
from .unjudged import why_fold_is_skipped, why_nothing_is_judged
from .verdict import Conclusion, FoldVerdict, SkippedFold, Verdict

N_AVERAGE: Final = 5
FEWEST_WINDOWS: Final = 10
"""Judged steps that do not overlap, at least, for a verdict."""


def judge(
    folds: Sequence[JudgedFold],
    trials: Sequence[TrialEvidence],
    *,
    metric: Metric,
    horizon: int,
    forecast: Forecast,
    n_average: int = N_AVERAGE,
    seed: int = 0,
) -> Verdict:
    """Return what may be said of a study's models, from what each trial forecast of folds that it was not chosen on.

    "Beats" needs a one-sided Clark-West p below 0.05 against the naive forecast chosen on earlier folds, and a skill
    above 0 against that and every other naive forecast. "Worse" is where the whole 95 % interval of the skill lies
    below 0. Everything else is "no evidence".

    A recursive forecast of a window is one forecast, whatever the number of its steps: its errors hang together. Such
    a study has as many as judged folds, too few for any test, and so a skill, from two folds on an interval whose
    blocks are as long as a window, and never "beats".

    Parameters
    ----------
    folds : sequence of JudgedFold
        All folds of the study, oldest first.
    trials : sequence of TrialEvidence
        All its trials, in any order, pruned ones too.
    metric : {"rmse", "mae"}
        Of skills, interval, Diebold-Mariano and SPA; Clark-West is about squared errors in any case.
    horizon : int
        Steps from the last known one to the forecast one: 1 + purge.
    forecast : {"rolling", "recursive"}
    n_average : int, default 5
        How many trials are averaged; fewer where there are fewer.
    seed : int, default 0
        Of the resampling.

    Returns
    -------
    Verdict
        "not judged", with reason and remedy, where there is too little to judge.

    Raises
    ------
    ConfigError
        Where folds and trials do not fit together, or a number is below 1.
    """
    for name, number in {"horizon": horizon, "n_average": n_average}.items():
        if number < 1:
            raise ConfigError(f"must be 1 or more, not {number}", name)
    check_evidence(folds, trials)
    choices = [
        choice_for(fold.number, folds, trials, metric=metric, n_average=n_average)
        for fold in folds[1:]
        if len(fold.actual)
    ]
    usable = [choice for choice in choices if choice.trials]
    facts: dict[str, Any] = {
        "metric": metric,
        "forecast": forecast,
        "horizon": horizon,
        "n_average": n_average,
        **_study_facts(folds, trials, metric),
        "skipped": _skipped(folds, choices),
    }
    sample = sample_of(folds, trials, usable) if usable else None
    if sample is not None:
        facts["n_steps"] = len(sample)
    if why := why_nothing_is_judged(folds, choices, sample, fewest=FEWEST_WINDOWS * horizon):
        return Verdict(conclusion="not judged", reason=why.reason, remedy=why.remedy, skill_against={}, **facts)
    assert sample is not None
    facts |= {
        "folds": tuple(_fold_verdict(sample, choice, metric) for choice in usable),
        **_skill_facts(sample, metric, facts["search_skill"]),
        **_interval_facts(sample, metric, horizon, forecast, seed),
    }
    if forecast == "rolling":
        facts |= _test_facts(sample, metric, horizon, seed)
    return Verdict(conclusion=_conclude(facts), **facts)


def _conclude(facts: dict[str, Any]) -> Conclusion:
    skills = [facts["skill"], *facts["skill_against"].values()]
    p, high = facts.get("clark_west_p"), facts["interval_high"]
    if p is not None and p < LEVEL and all(skill is not None and skill > 0 for skill in skills):
        return "beats"
    return "worse" if high is not None and high < 0 else "no evidence"


def _skipped(folds: Sequence[JudgedFold], choices: Sequence[Choice]) -> tuple[SkippedFold, ...]:
    of_fold = {choice.fold: choice for choice in choices}
    return tuple(
        SkippedFold(number=fold.number, reason=why_fold_is_skipped(choice))
        for fold in folds[1:]
        if (choice := of_fold.get(fold.number)) is None or not choice.trials
    )


def _study_facts(folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence], metric: Metric) -> dict[str, Any]:
    """Return how much was searched, and the score found beside the best naive one of the same folds, after the fact."""
    with_steps = [fold for fold in folds if len(fold.actual)]
    complete = [trial for trial in trials if trial.complete and len(trial.scores) == len(folds)]
    facts: dict[str, Any] = {
        "n_folds": len(folds),
        "n_trials": len(trials),
        "n_complete": len(complete),
        "search_skill": None,
    }
    if with_steps:
        naive = min(mean_naive_error(with_steps, metric, name) for name in folds[0].naive)
        facts["search_naive_score"] = naive
        if complete:
            places = [fold.number - 1 for fold in with_steps]
            score = min(float(np.mean([trial.scores[place] for place in places])) for trial in complete)
            facts |= {"search_score": score, "search_skill": skill_of_errors(score, naive)}
    return facts


def _fold_verdict(sample: Sample, choice: Choice, metric: Metric) -> FoldVerdict:
    here = sample.fold == choice.fold
    actual, times = sample.actual[here], sample.times[here]
    return FoldVerdict(
        number=choice.fold,
        n_steps=len(times),
        first=in_iso(times[0]),
        last=in_iso(times[-1]),
        trials=choice.trials,
        naive=choice.naive,
        skill=skill_of(
            metric, losses_of(metric, actual, sample.average[here]), losses_of(metric, actual, sample.to_beat[here])
        ),
        not_finite=choice.not_finite,
    )


def _skill_facts(sample: Sample, metric: Metric, search_skill: float | None) -> dict[str, Any]:
    actual = sample.actual
    losses, to_beat = losses_of(metric, actual, sample.average), losses_of(metric, actual, sample.to_beat)
    skill = skill_of(metric, losses, to_beat)
    hinges = hinges_of(metric, losses, to_beat)
    mean = sample.naive.get(TRAINING_MEAN)
    return {
        "first": in_iso(sample.times[0]),
        "last": in_iso(sample.times[-1]),
        "skill": skill,
        "skill_against": {
            name: skill_of(metric, losses, losses_of(metric, actual, naive)) for name, naive in sample.naive.items()
        },
        "single_skill": skill_of(metric, losses_of(metric, actual, sample.single), to_beat),
        "optimism": None if search_skill is None or skill is None else search_skill - skill,
        "r2_oos": None if mean is None else r2_out_of_sample(actual, sample.average, mean),
        "hinge_times": tuple(in_iso(time) for time in sample.times[hinges.steps]),
        "skill_without_hinges": hinges.skill_without,
        "hinges_turn_sign": hinges.sign_turns,
    }


def _interval_facts(sample: Sample, metric: Metric, horizon: int, forecast: Forecast, seed: int) -> dict[str, Any]:
    losses = losses_of(metric, sample.actual, sample.average)
    to_beat = losses_of(metric, sample.actual, sample.to_beat)
    n_windows = len(np.unique(sample.fold))
    interval = None
    if forecast == "rolling" or n_windows > 1:
        at_least = horizon if forecast == "rolling" else len(sample) / n_windows
        block = block_length(losses, to_beat, at_least=at_least)
        interval = skill_interval(metric, losses, to_beat, block=block, seed=seed)
    low, high = interval or (None, None)
    return {"interval_low": low, "interval_high": high}


def _test_facts(sample: Sample, metric: Metric, horizon: int, seed: int) -> dict[str, Any]:
    actual, average, to_beat = sample.actual, sample.average, sample.to_beat
    clark_west = clark_west_test(actual, average, to_beat, horizon=horizon)
    diebold_mariano = diebold_mariano_test(actual, average, to_beat, metric=metric, horizon=horizon)
    naive_losses = losses_of(metric, actual, to_beat)
    of_trials = [losses_of(metric, actual, each) for each in sample.complete.values()]
    spa_p = None
    if of_trials:
        block = block_length(losses_of(metric, actual, average), naive_losses, at_least=horizon)
        spa_p = best_of_many(of_trials, naive_losses, block=block, horizon=horizon, seed=seed)
    return {
        "clark_west_statistic": clark_west.statistic,
        "clark_west_p": clark_west.p,
        "diebold_mariano_statistic": diebold_mariano.statistic,
        "diebold_mariano_p": diebold_mariano.p,
        "detectable_skill": detectable_skill(actual, average, to_beat, horizon=horizon),
        "spa_p": spa_p,
        "spa_trials": len(of_trials),
    }


def in_iso(time: np.datetime64) -> str:
    """Return a time as ISO 8601 has it, to the second; midnight as its day alone."""
    return str(np.datetime_as_string(time, unit="s")).removesuffix("T00:00:00")

"""The numbers of a verdict, as fields of :class:`Verdict` and :class:`Findings` by name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..score_names import PINBALL, Metric
from .accuracy import error_of, losses_of, r2_out_of_sample, skill_of, skill_of_errors
from .choice import Choice
from .clark_west import clark_west_test
from .compared import Compared
from .detectable import detectable_skill
from .diebold_mariano import diebold_mariano_test
from .evidence import TRAINING_MEAN, JudgedFold, TrialEvidence
from .figures import in_iso
from .hinges import hinges_of
from .naive_scores import NaiveScores, hardest_naive
from .resampling import best_of_many, block_length, skill_interval
from .sample import Sample
from .unjudged import why_fold_is_skipped
from .verdict import FoldVerdict, SkippedFold
from .windows import window_interval


def skipped_folds(folds: Sequence[JudgedFold], choices: Sequence[Choice]) -> tuple[SkippedFold, ...]:
    """Return the folds after the first for which nothing was chosen, and why."""
    of_fold = {choice.fold: choice for choice in choices}
    return tuple(
        SkippedFold(number=fold.number, reason=why_fold_is_skipped(choice))
        for fold in folds[1:]
        if (choice := of_fold.get(fold.number)) is None or not choice.trials
    )


def study_facts(folds: Sequence[JudgedFold], trials: Sequence[TrialEvidence], metric: Metric) -> dict[str, Any]:
    """Return how much was searched, and the score found beside that of the hardest naive forecast of the same folds."""
    with_steps = [fold for fold in folds if len(fold.actual)]
    complete = [trial for trial in trials if trial.complete and len(trial.scores) == len(folds)]
    facts: dict[str, Any] = {
        "n_folds": len(folds),
        "n_trials": len(trials),
        "n_complete": len(complete),
        "search_skill": None,
    }
    if with_steps:
        naive = _search_naive(with_steps, metric)
        facts |= {"search_naive": naive.name, "search_naive_score": naive.score}
        if with_steps[0].naive_pinball is not None:
            facts["score_name"] = PINBALL
        if complete:
            places = [fold.number - 1 for fold in with_steps]
            score = min(float(np.mean([trial.scores[place] for place in places])) for trial in complete)
            facts |= {"search_score": score, "search_skill": skill_of_errors(score, naive.score)}
    return facts


def _search_naive(folds: Sequence[JudgedFold], metric: Metric) -> NaiveScores:
    """Return the naive forecast that is the hardest to beat over folds with steps, by what trials are scored by."""
    of_folds = [
        {name: error_of(metric, losses_of(metric, fold.actual, each)) for name, each in fold.naive.items()}
        if fold.naive_pinball is None
        else fold.naive_pinball
        for fold in folds
    ]
    return hardest_naive({name: [scores[name] for scores in of_folds] for name in of_folds[0]})


def fold_verdict(sample: Sample, choice: Choice, metric: Metric) -> FoldVerdict:
    """Return what was used in a fold, and how it did."""
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


def choice_facts(sample: Sample, metric: Metric, search_skill: float | None) -> dict[str, Any]:
    """Return how good the chosen forecasts are, the best trial alone, and what the search flatters itself with."""
    facts = skill_facts(sample.compared, metric)
    single, to_beat = (losses_of(metric, sample.actual, each) for each in (sample.single, sample.to_beat))
    skill = facts["skill"]
    return facts | {
        "single_skill": skill_of(metric, single, to_beat),
        "optimism": None if search_skill is None or skill is None else search_skill - skill,
    }


def skill_facts(compared: Compared, metric: Metric) -> dict[str, Any]:
    """Return how good a forecast is, and what that hinges on; it needs two steps."""
    actual = compared.actual
    losses, to_beat = losses_of(metric, actual, compared.forecast), losses_of(metric, actual, compared.to_beat)
    hinges = hinges_of(metric, losses, to_beat)
    mean = compared.naive.get(TRAINING_MEAN)
    return {
        "first": in_iso(compared.times[0]),
        "last": in_iso(compared.times[-1]),
        "skill": skill_of(metric, losses, to_beat),
        "skill_against": {
            name: skill_of(metric, losses, losses_of(metric, actual, naive)) for name, naive in compared.naive.items()
        },
        "r2_oos": None if mean is None else r2_out_of_sample(actual, compared.forecast, mean),
        "hinge_times": tuple(in_iso(time) for time in compared.times[hinges.steps]),
        "skill_without_hinges": hinges.skill_without,
        "hinges_turn_sign": hinges.sign_turns,
    }


def interval_facts(compared: Compared, metric: Metric, horizon: int, seed: int) -> dict[str, Any]:
    """Return the interval of the skill of forecasts made step by step."""
    losses, to_beat = (losses_of(metric, compared.actual, each) for each in (compared.forecast, compared.to_beat))
    block = block_length(losses, to_beat, at_least=horizon)
    return _bounds(skill_interval(metric, losses, to_beat, block=block, seed=seed))


def window_interval_facts(sample: Sample, metric: Metric) -> dict[str, Any]:
    """Return the interval of the skill of recursive forecasts; none where there is a single one."""
    losses, to_beat = (losses_of(metric, sample.actual, each) for each in (sample.average, sample.to_beat))
    return _bounds(window_interval(metric, losses, to_beat, sample.fold))


def facts_of_tests(compared: Compared, metric: Metric, horizon: int) -> dict[str, Any]:
    """Return what the tests say, of forecasts made step by step."""
    actual, forecast, to_beat = compared.actual, compared.forecast, compared.to_beat
    clark_west = clark_west_test(actual, forecast, to_beat, horizon=horizon)
    diebold_mariano = diebold_mariano_test(actual, forecast, to_beat, metric=metric, horizon=horizon)
    return {
        "clark_west_statistic": clark_west.statistic,
        "clark_west_p": clark_west.p,
        "clark_west_p_against": {
            name: clark_west_test(actual, forecast, naive, horizon=horizon).p for name, naive in compared.naive.items()
        },
        "diebold_mariano_statistic": diebold_mariano.statistic,
        "diebold_mariano_p": diebold_mariano.p,
        "detectable_skill": detectable_skill(actual, forecast, to_beat, horizon=horizon),
    }


def facts_of_all_trials(sample: Sample, metric: Metric, horizon: int, seed: int) -> dict[str, Any]:
    """Return whether even the best of the complete trials is better than the naive forecast."""
    actual = sample.actual
    naive_losses = losses_of(metric, actual, sample.to_beat)
    of_trials = [losses_of(metric, actual, each) for each in sample.complete.values()]
    spa_p = None
    if of_trials:
        block = block_length(losses_of(metric, actual, sample.average), naive_losses, at_least=horizon)
        spa_p = best_of_many(of_trials, naive_losses, block=block, horizon=horizon, seed=seed)
    return {"spa_p": spa_p, "spa_trials": len(of_trials)}


def _bounds(interval: tuple[float, float] | None) -> dict[str, Any]:
    low, high = interval or (None, None)
    return {"interval_low": low, "interval_high": high}

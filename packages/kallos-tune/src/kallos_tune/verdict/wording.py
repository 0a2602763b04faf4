"""A verdict in words: all that is announced of a study's worth, and the only place that words it.

The lines are read by someone who may put money on them. So the score of the search comes first and is said to be no
promise; every number names what it is compared with; and each verdict ends with what it means for acting on it.
"""

import math

from .detectable import LEVEL
from .evidence import LAST_VALUE, TRAINING_MEAN, ZERO
from .figures import counted, listed, p_value, per_cent, signed_per_cent
from .verdict import Verdict

_NAIVE = {ZERO: "a forecast of zero", TRAINING_MEAN: "the training mean", LAST_VALUE: "the last value"}


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return the lines that tell what a study is worth, without ends of line.

    The search score and its caveat, the out-of-sample result, the verdict, and what the reader must know beside it.
    """
    if verdict.conclusion == "not judged":
        return [
            _search(verdict),
            f"verdict: none yet, because {verdict.reason}: do not trade on it. To get one, {verdict.remedy}",
            *_left_out(verdict),
        ]
    return [_search(verdict), *_out_of_sample(verdict), *_conclusion(verdict), *_hinges(verdict), *_left_out(verdict)]


def _search(verdict: Verdict) -> str:
    if verdict.search_score is None:
        return "search score: none yet, no trial has finished every fold"
    return (
        f"search score (error, lower is better): {verdict.search_score:.4g}, the best mean of "
        f"{counted(verdict.n_folds, 'fold')} among {counted(verdict.n_trials, 'trial')} (naive "
        f"{verdict.search_naive_score:.4g}). It was picked on these same windows, and flatters: use it only to rank "
        "trials"
    )


def _out_of_sample(verdict: Verdict) -> list[str]:
    """Return the result, how it came about, and the skill against each naive forecast."""
    when = f"on {verdict.first}" if verdict.first == verdict.last else f"from {verdict.first} to {verdict.last}"
    line = (
        f"out of sample ({counted(verdict.n_steps, 'step')} {when}, each fold forecast by {_what(verdict)} best on "
        f"earlier folds): {_compared(verdict.skill)} {to_beat(verdict)}"
    )
    if verdict.skill is not None and verdict.interval_low is not None and verdict.interval_high is not None:
        skill, low, high = map(signed_per_cent, (verdict.skill, verdict.interval_low, verdict.interval_high))
        line += f": {skill} %, 95 % interval {low} to {high} %"
    if verdict.single_skill is not None and _averages(verdict):
        line += f"; the best trial of earlier folds alone: {signed_per_cent(verdict.single_skill)} %"
    each = sorted(verdict.skill_against.items(), key=lambda one: -math.inf if one[1] is None else one[1])
    shown = [
        f"{naive_in_words(name)} {'makes no error' if skill is None else signed_per_cent(skill) + ' %'}"
        for name, skill in each
    ]
    return [line, f"against each naive forecast (+ is better, the hardest to beat counts): {', '.join(shown)}"]


def _what(verdict: Verdict) -> str:
    """Return what is judged, as "best on earlier folds" may follow it."""
    sizes = sorted({len(fold.trials) for fold in verdict.folds})
    if sizes == [1]:
        return "the trial that was"
    many = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return f"the average of the {many} trials that were"


def _averages(verdict: Verdict) -> bool:
    return any(len(fold.trials) > 1 for fold in verdict.folds)


def to_beat(verdict: Verdict) -> str:
    """Return the naive forecast that was to be beaten, with its folds where it changes from fold to fold."""
    folds_of: dict[str, list[int]] = {}
    for fold in verdict.folds:
        folds_of.setdefault(fold.naive, []).append(fold.number)
    if len(folds_of) == 1:
        return naive_in_words(verdict.folds[0].naive)
    of_folds = [
        f"{naive_in_words(name)} in {'fold' if len(folds) == 1 else 'folds'} {listed(folds)}"
        for name, folds in folds_of.items()
    ]
    return f"the naive forecast ({', '.join(of_folds)})"


def naive_in_words(name: str) -> str:
    """Return a naive forecast by its name as it stands in a sentence: the training mean."""
    return _NAIVE.get(name, f"the naive forecast {name!r}")


def _compared(skill: float | None) -> str:
    """Return by how much errors are smaller or larger: 0.3 % worse than."""
    if skill is None:
        return "worse than"
    if skill == 0:
        return "exactly as good as"
    return f"{per_cent(skill)} % {'better' if skill > 0 else 'worse'} than"


def _conclusion(verdict: Verdict) -> list[str]:
    if verdict.conclusion == "beats":
        return _beats(verdict)
    if verdict.conclusion == "worse":
        line = (
            "verdict: worse than a naive forecast, the whole interval lies below zero: do not trade on it, nor on its "
            "reverse"
        )
        return [line, *_overstated(verdict)]
    return [_no_evidence(verdict), *_overstated(verdict)]


def _beats(verdict: Verdict) -> list[str]:
    claim = (
        f"verdict: beats every naive forecast on these {counted(verdict.n_steps, 'step')} "
        f"({_test(verdict, decisive_p(verdict))}). By this test, luck alone does this in {_how_rare(verdict)}: "
        "count all you have run"
    )
    caution = (
        "before real money: smaller errors are no profit, costs of trading are not counted; test it first on days that "
        "no study has seen"
    )
    lines = [claim, caution]
    low, high = verdict.interval_low, verdict.interval_high
    if low is not None and high is not None and low <= 0:
        lines.append(f"how much better is open: from {signed_per_cent(low)} % (worse) to {signed_per_cent(high)} %")
    if _averages(verdict):
        lines.append(
            f"all this is about {_what(verdict)} best, not about the best parameters alone: forecast with that average"
        )
    return lines


def _no_evidence(verdict: Verdict) -> str:
    start = "verdict: no evidence that this model beats a naive forecast"
    if verdict.forecast == "recursive":
        n_windows = len(verdict.folds)
        return (
            f"{start}: do not trade on it. The steps of a recursive forecast share their errors, so each window counts "
            f"as one forecast, and {n_windows} {'is' if n_windows == 1 else 'are'} too few for a test; rolling "
            "forecasts can be tested"
        )
    if not _signal(verdict):
        return f"{start} ({_test(verdict)}): do not trade on it. {_power(verdict)}"
    if _loses(verdict):
        return f"{start}, its errors are not smaller: do not trade on it"
    unbeaten = [naive_in_words(name) for name in verdict.skill_against if not _beaten(verdict, name)]
    return (
        f"{start}: it is better than {to_beat(verdict)} ({_test(verdict)}), but nothing says so of {listed(unbeaten)}. "
        "Do not trade on it"
    )


def _overstated(verdict: Verdict) -> list[str]:
    """Return what is to be said where a signal is found and the errors are larger all the same."""
    if not _signal(verdict) or not _loses(verdict):
        return []
    line = (
        f"maybe a signal ({_test(verdict)}; luck does this in {_how_rare(verdict, verdict.clark_west_p)}): it strays "
        "from the naive forecast in the right direction, but too far. As it is, it loses"
    )
    return [line]


def _loses(verdict: Verdict) -> bool:
    return verdict.skill is None or verdict.skill <= 0


def _beaten(verdict: Verdict, name: str) -> bool:
    skill, p = verdict.skill_against[name], verdict.clark_west_p_against.get(name)
    return skill is not None and skill > 0 and p is not None and p < LEVEL


def decisive_p(verdict: Verdict) -> float:
    """Return the largest of the p-values that a claim rests on."""
    assert verdict.clark_west_p is not None
    return max(verdict.clark_west_p, *verdict.clark_west_p_against.values(), 0.0)


def _signal(verdict: Verdict) -> bool:
    return verdict.clark_west_p is not None and verdict.clark_west_p < LEVEL


def _test(verdict: Verdict, p: float | None = None) -> str:
    """Return a p-value, by default that of the naive forecast to beat; under MAE, what its test is about."""
    p = verdict.clark_west_p if p is None else p
    assert p is not None
    return f"Clark-West p {p_value(p)}" + (", on squared errors" if verdict.metric == "mae" else "")


def _how_rare(verdict: Verdict, p: float | None = None) -> str:
    """Return in how many studies of nothing but noise a p-value is as small, by default that of the claim."""
    p = decisive_p(verdict) if p is None else p
    return "fewer than 1 study of 1000" if p < 0.001 else f"1 study of {1 / p:.0f}"


def _power(verdict: Verdict) -> str:
    """Return what would have shown."""
    if verdict.detectable_skill is None:
        return "With so few steps no difference, however large, would have shown: take a longer history"
    by_rmse = " by RMSE" if verdict.metric == "mae" else ""
    return (
        f"Errors {per_cent(verdict.detectable_skill)} % smaller{by_rmse} or more would have shown in 4 of 5 such "
        "studies; smaller differences this test cannot tell"
    )


def _hinges(verdict: Verdict) -> list[str]:
    """Return on which steps a claim hinges, where its sign turns without them."""
    if not verdict.hinges_turn_sign or verdict.conclusion == "no evidence":
        return []
    times = verdict.hinge_times
    shown = listed(times) if len(times) <= 5 else f"{', '.join(times[:5])} and {len(times) - 5} more"
    then = (
        "do not trade on it, such days may not come again" if verdict.conclusion == "beats" else "such days come again"
    )
    line = (
        f"this hinges on {len(times)} of {counted(verdict.n_steps, 'step')} ({shown}): on all others it is "
        f"{_compared(verdict.skill_without_hinges)} naive: {then}"
    )
    return [line]


def _left_out(verdict: Verdict) -> list[str]:
    """Return what was not judged, and why."""
    lines: list[str] = []
    if len(verdict.folds) == 1:
        lines.append(
            f"only fold {verdict.folds[0].number} could be judged, a single stretch of the market: more folds say more"
        )
    lines += [f"fold {fold.number} is not judged: {fold.reason}" for fold in verdict.skipped]
    lines += [
        f"{'trial' if len(fold.not_finite) == 1 else 'trials'} {listed(fold.not_finite)} left out of fold "
        f"{fold.number}: infinite or not a number"
        for fold in verdict.folds
        if fold.not_finite
    ]
    return lines

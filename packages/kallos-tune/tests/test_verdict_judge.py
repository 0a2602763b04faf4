"""From evidence to verdict: what is found, invariances, and the edges."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from kallos_tune import ConfigError
from kallos_tune.verdict import facts
from kallos_tune.verdict.clark_west import clark_west_test
from kallos_tune.verdict.detectable import LEVEL
from kallos_tune.verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO, JudgedFold, TrialEvidence
from kallos_tune.verdict.judge import judge
from kallos_tune.verdict.verdict import Verdict
from kallos_tune.verdict.windows import window_interval


def fold_of(number, actual, *, first=0, mean=0.02):
    naive = {
        ZERO: np.zeros(len(actual)),
        TRAINING_MEAN: np.full(len(actual), mean),
        LAST_VALUE: np.concatenate([[0.0], actual])[: len(actual)],
    }
    times = np.datetime64("2020-01-01") + first + np.arange(len(actual))
    return JudgedFold(number, times, actual, naive)


def study(*, signal=0.1, size=1.0, n_folds=5, n_steps=42, n_trials=6, noise=0.1, unit=1.0, seed=0):
    """Return folds of which a share of the variance can be foreseen, and trials that foresee it, each a little off."""
    rng = np.random.default_rng(seed)
    foreseen = [np.sqrt(signal) * rng.normal(size=n_steps) for _ in range(n_folds)]
    actual = [part + np.sqrt(1 - signal) * rng.normal(size=n_steps) for part in foreseen]
    folds = [
        fold_of(number, unit * each, first=(number - 1) * n_steps, mean=0.02 * unit)
        for number, each in enumerate(actual, start=1)
    ]
    trials = []
    for number in range(n_trials):
        forecasts = [size * part + noise * rng.normal(size=n_steps) for part in foreseen]
        scores = [float(np.sqrt(np.mean((y - f) ** 2))) for y, f in zip(actual, forecasts, strict=True)]
        trials.append(
            TrialEvidence(
                number,
                complete=True,
                scores=tuple(unit * score for score in scores),
                forecasts={fold: unit * each for fold, each in enumerate(forecasts, start=1) if fold > 1},
            )
        )
    return folds, trials


def judged(folds, trials, **changes):
    """Return the verdict; no warning may come of it, and it must survive JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = judge(folds, trials, **({"metric": "rmse", "horizon": 1, "forecast": "rolling"} | changes))
    text = json.dumps(verdict.to_dict(), allow_nan=False)
    assert Verdict.from_dict(json.loads(text)) == verdict
    return verdict


def every_forecast(trials, change):
    return [replace(one, forecasts={k: change(k, each) for k, each in one.forecasts.items()}) for one in trials]


def test_a_strong_signal_is_found():
    folds, trials = study(signal=0.3)
    verdict = judged(folds, trials)
    assert verdict.conclusion == "beats"
    assert verdict.clark_west_p < 0.001
    assert verdict.skill == pytest.approx(1 - np.sqrt(0.7 + 0.01 / 5), abs=0.05)
    assert all(skill > 0 for skill in verdict.skill_against.values())
    assert 0 < verdict.interval_low < verdict.skill < verdict.interval_high
    assert verdict.spa_p < 0.05
    assert (verdict.n_steps, verdict.first, verdict.last) == (168, "2020-02-12", "2020-07-28")
    assert [len(fold.trials) for fold in verdict.folds] == [5, 5, 5, 5]
    assert (verdict.n_folds, verdict.n_trials, verdict.n_complete, verdict.spa_trials) == (5, 6, 6, 6)


def test_the_skill_is_that_of_all_judged_steps_in_one_row():
    folds, trials = study(n_trials=1)
    verdict = judged(folds, trials)
    actual = np.concatenate([fold.actual for fold in folds[1:]])
    forecast = np.concatenate([trials[0].forecasts[fold.number] for fold in folds[1:]])
    for name in (ZERO, TRAINING_MEAN, LAST_VALUE):
        naive = np.concatenate([fold.naive[name] for fold in folds[1:]])
        expected = 1 - np.sqrt(np.sum((actual - forecast) ** 2) / np.sum((actual - naive) ** 2))
        assert verdict.skill_against[name] == pytest.approx(expected)
        expected_p = clark_west_test(actual, forecast, naive).p
        assert verdict.clark_west_p_against[name] == pytest.approx(expected_p)
    assert verdict.skill == verdict.single_skill
    mean_skill = verdict.skill_against[TRAINING_MEAN]
    assert verdict.r2_oos == pytest.approx(1 - (1 - mean_skill) ** 2)


def test_the_optimism_is_what_choosing_and_quoting_on_the_same_windows_adds():
    folds, trials = study()
    verdict = judged(folds, trials)
    naive = min(
        np.mean([np.sqrt(np.mean((fold.actual - fold.naive[name]) ** 2)) for fold in folds]) for name in folds[0].naive
    )
    best = min(np.mean(one.scores) for one in trials)
    assert (verdict.search_score, verdict.search_naive_score) == pytest.approx((best, naive))
    assert verdict.search_skill == pytest.approx(1 - best / naive)
    assert verdict.optimism == pytest.approx(verdict.search_skill - verdict.skill)


def test_the_single_choice_is_the_best_trial_of_earlier_folds():
    folds, trials = study()
    verdict = judged(folds, trials)
    actual = np.concatenate([fold.actual for fold in folds[1:]])
    forecast = np.concatenate([trials[fold.trials[0]].forecasts[fold.number] for fold in verdict.folds])
    naive = np.concatenate([folds[fold.number - 1].naive[fold.naive] for fold in verdict.folds])
    expected = 1 - np.sqrt(np.sum((actual - forecast) ** 2) / np.sum((actual - naive) ** 2))
    assert verdict.single_skill == pytest.approx(expected)
    assert verdict.single_skill == judged(folds, trials, n_average=1).skill


def test_a_forecast_of_noise_is_worse():
    folds, trials = study(signal=0.0, noise=0.8, n_trials=1)
    verdict = judged(folds, trials)
    assert verdict.conclusion == "worse"
    assert verdict.interval_high < 0


def test_a_little_noise_is_no_evidence():
    folds, trials = study(signal=0.0, noise=0.1)
    verdict = judged(folds, trials)
    assert verdict.conclusion == "no evidence"
    assert verdict.interval_low < 0 < verdict.interval_high


@pytest.mark.parametrize(("size", "conclusion"), [(2.3, "no evidence"), (6.0, "worse")])
def test_a_signal_that_is_overstated_never_beats(size, conclusion):
    folds, trials = study(signal=0.1, size=size)
    verdict = judged(folds, trials)
    assert verdict.clark_west_p < LEVEL
    assert verdict.skill < 0
    assert verdict.conclusion == conclusion


def test_what_is_worse_than_some_naive_forecast_never_beats():
    folds, trials = study(signal=0.2, n_folds=2)
    # The first fold speaks against the training mean, which in the second is nearly the truth.
    folds[0] = replace(folds[0], naive={**folds[0].naive, TRAINING_MEAN: folds[0].actual + 9})
    folds[1] = replace(folds[1], naive={**folds[1].naive, TRAINING_MEAN: folds[1].actual * 0.9})
    verdict = judged(folds, trials)
    assert verdict.folds[0].naive == ZERO
    assert verdict.clark_west_p < LEVEL
    assert verdict.skill > 0 > verdict.skill_against[TRAINING_MEAN]
    assert verdict.conclusion == "no evidence"


def cut(trials, n_folds):
    """Return trials of a study of fewer folds."""
    return [
        replace(
            one,
            scores=one.scores[:n_folds],
            forecasts={k: each for k, each in one.forecasts.items() if k <= n_folds},
        )
        for one in trials
    ]


def without_units(verdict):
    """Return a verdict's facts in one row, less the two in the target's unit."""
    facts = replace(verdict, search_score=None, search_naive_score=None, skipped=(), hinge_times=()).to_dict()
    of_folds = {f"skill of fold {fold['number']}": fold["skill"] for fold in facts["folds"]}
    return {name: value for name, value in facts.items() if not isinstance(value, list | dict)} | of_folds


@pytest.mark.parametrize("metric", ["rmse", "mae"])
@pytest.mark.parametrize("unit", [1e-5, 3e4])
def test_the_unit_of_the_target_means_nothing(metric, unit):
    plain, scaled = (judged(*study(unit=each), metric=metric) for each in (1.0, unit))
    assert without_units(scaled) == pytest.approx(without_units(plain))
    assert scaled.skill_against == pytest.approx(plain.skill_against)
    assert [fold.trials for fold in scaled.folds] == [fold.trials for fold in plain.folds]
    assert scaled.hinge_times == plain.hinge_times
    assert scaled.search_score == pytest.approx(unit * plain.search_score)


def test_the_order_of_trials_means_nothing():
    folds, trials = study()
    assert judged(folds, trials[::-1]) == judged(folds, trials)


def test_under_mae_skills_are_of_absolute_errors_and_clark_west_of_squared_ones():
    folds, trials = study(n_trials=1)
    rmse, mae = (judged(folds, trials, metric=metric) for metric in ("rmse", "mae"))
    actual = np.concatenate([fold.actual for fold in folds[1:]])
    forecast = np.concatenate([trials[0].forecasts[fold.number] for fold in folds[1:]])
    expected = 1 - np.abs(actual - forecast).sum() / np.abs(actual).sum()
    assert mae.skill_against[ZERO] == pytest.approx(expected)
    assert {fold.naive for fold in mae.folds} == {fold.naive for fold in rmse.folds} == {ZERO}
    assert mae.clark_west_p == rmse.clark_west_p
    assert mae.diebold_mariano_p != rmse.diebold_mariano_p


def test_recursive_forecasts_have_a_skill_and_an_interval_and_no_test():
    verdict = judged(*study(signal=0.5), forecast="recursive")
    assert verdict.conclusion == "no evidence"
    assert verdict.skill > 0
    assert verdict.interval_low < verdict.skill < verdict.interval_high
    tests = (verdict.clark_west_p, verdict.diebold_mariano_p, verdict.spa_p, verdict.detectable_skill)
    assert tests == (None, None, None, None)


def test_the_interval_of_recursive_forecasts_is_that_of_windows():
    folds, trials = study(n_trials=1)
    verdict = judged(folds, trials, forecast="recursive")
    actual = np.concatenate([fold.actual for fold in folds[1:]])
    forecast = np.concatenate([trials[0].forecasts[fold.number] for fold in folds[1:]])
    naive = np.concatenate([folds[fold.number - 1].naive[fold.naive] for fold in verdict.folds])
    of_windows = window_interval("rmse", (actual - forecast) ** 2, (actual - naive) ** 2, np.repeat([2, 3, 4, 5], 42))
    assert (verdict.interval_low, verdict.interval_high) == pytest.approx(of_windows)


def test_steps_that_overlap_are_drawn_together(monkeypatch):
    asked = []
    monkeypatch.setattr(facts, "block_length", lambda *_, at_least: asked.append(at_least) or 4.0)
    judged(*study(), horizon=4)
    assert asked == [4, 4]  # of the interval, and of the SPA test


def test_one_recursive_forecast_has_no_interval():
    folds, trials = study(n_folds=2)
    verdict = judged(folds, trials, forecast="recursive")
    assert (verdict.interval_low, verdict.interval_high, verdict.conclusion) == (None, None, "no evidence")


def test_of_two_folds_one_is_judged():
    folds, trials = study(signal=0.4, n_folds=2)
    verdict = judged(folds, trials)
    assert [fold.number for fold in verdict.folds] == [2]
    assert verdict.folds[0].skill == verdict.skill
    assert verdict.conclusion == "beats"


def test_a_study_of_one_trial():
    folds, trials = study(signal=0.3, n_trials=1)
    verdict = judged(folds, trials)
    assert (verdict.conclusion, verdict.spa_trials) == ("beats", 1)
    assert {fold.trials for fold in verdict.folds} == {(0,)}


def test_a_trial_pruned_later_is_used_until_then():
    folds, trials = study()
    best = min(trials, key=lambda one: one.scores[0]).number
    trials[best] = replace(cut([trials[best]], 2)[0], complete=False)
    verdict = judged(folds, trials)
    assert verdict.folds[0].trials[0] == best
    assert all(best not in fold.trials for fold in verdict.folds[1:])
    assert (verdict.n_complete, verdict.spa_trials) == (5, 5)


def test_the_naive_forecast_itself_has_no_skill_and_no_signal():
    folds, trials = study()
    choice = {fold.number: fold.naive for fold in judged(folds, trials).folds}
    same = every_forecast(trials, lambda k, _: folds[k - 1].naive[choice[k]].copy())
    verdict = judged(folds, same)
    assert (verdict.skill, verdict.clark_west_statistic, verdict.clark_west_p) == (0, 0, 1)
    assert (verdict.diebold_mariano_statistic, verdict.diebold_mariano_p, verdict.spa_p) == (0, 1, 1)
    assert (verdict.interval_low, verdict.interval_high) == (0, 0)
    assert verdict.detectable_skill == pytest.approx(1 - np.sqrt(1 - 2.8016**2 / 168), rel=1e-4)
    assert verdict.conclusion == "no evidence"
    assert not verdict.hinges_turn_sign


@pytest.mark.parametrize("level", [0.0, 5e4])
def test_a_test_of_rounding_would_mean_nothing(level):
    folds, trials = study(n_trials=5)
    folds = [
        replace(fold, actual=fold.actual + level, naive={name: each + level for name, each in fold.naive.items()})
        for fold in folds
    ]
    choice = {fold.number: fold.naive for fold in judged(folds, trials).folds}
    trials = [
        replace(
            one,
            forecasts={k: folds[k - 1].naive[choice[k]] * (1 + 5e-8 * np.sign(folds[k - 1].actual)) for k in choice},
        )
        for one in trials
    ]
    verdict = judged(folds, trials)
    assert (verdict.skill, verdict.clark_west_p, verdict.spa_p) == (0, 1, 1)


def test_constant_forecasts():
    folds, trials = study(signal=0.0)
    verdict = judged(folds, every_forecast(trials, lambda _, each: np.full(len(each), 0.3)))
    assert verdict.conclusion in ("no evidence", "worse")
    assert verdict.skill < 0


def test_a_forecast_that_is_not_finite_is_left_out_and_named():
    folds, trials = study()
    trials[2].forecasts[3][5] = np.nan
    verdict = judged(folds, trials)
    assert [fold.not_finite for fold in verdict.folds] == [(), (2,), (), ()]
    assert 2 not in verdict.folds[1].trials
    assert verdict.spa_trials == 5


def test_folds_without_steps_are_skipped():
    folds, trials = study()
    folds[2] = fold_of(3, np.zeros(0))
    for one in trials:
        one.forecasts[3] = np.zeros(0)
    verdict = judged(folds, trials)
    assert [fold.number for fold in verdict.folds] == [2, 4, 5]
    assert [(fold.number, fold.reason) for fold in verdict.skipped] == [(3, "no step was observed")]
    assert verdict.n_steps == 126


def test_folds_that_no_trial_finished_are_skipped():
    folds, trials = study()
    trials = [replace(one, complete=False) for one in cut(trials, 3)]
    verdict = judged(folds, trials)
    assert [fold.number for fold in verdict.folds] == [2, 3]
    assert [(fold.number, fold.reason) for fold in verdict.skipped] == [
        (4, "no trial finished it"),
        (5, "no trial finished it"),
    ]
    assert (verdict.search_score, verdict.search_skill, verdict.optimism, verdict.spa_p) == (None, None, None, None)


def test_another_naive_forecast_without_error_is_beaten_by_none():
    folds, trials = study(signal=0.3, n_folds=2)
    folds[0] = replace(folds[0], naive={**folds[0].naive, LAST_VALUE: folds[0].actual + 5})
    folds[1] = replace(folds[1], naive={**folds[1].naive, LAST_VALUE: folds[1].actual.copy()})
    verdict = judged(folds, trials)
    assert verdict.skill_against[LAST_VALUE] is None
    assert verdict.conclusion == "no evidence"


def none_recorded(trials):
    return [replace(one, forecasts={}) for one in trials]


def not_finite(trials):
    return every_forecast(trials, lambda _, each: each * np.inf)


def without_steps(folds):
    return [folds[0], *(fold_of(fold.number, np.zeros(0)) for fold in folds[1:])]


@pytest.mark.parametrize(
    ("change", "reason", "remedy"),
    [
        (lambda f, t: (f[:1], cut(t, 1)), "a verdict needs a fold after the first", "take two folds or more"),
        (
            lambda f, _: (f, []),
            "no trial has finished fold 2",
            "run more trials, or turn off pruning, which stops weak trials early",
        ),
        (
            lambda f, t: (f, [replace(one, complete=False) for one in cut(t, 1)]),
            "no trial has finished fold 2",
            "run more trials, or turn off pruning, which stops weak trials early",
        ),
        (
            lambda f, t: (f, none_recorded(t)),
            "its trials were made before forecasts were kept for a verdict",
            "run more trials: those from now on count",
        ),
        (
            lambda f, t: (f, not_finite(t)),
            "every forecast is infinite or not a number",
            "narrow the search space: lower learning rates, for instance",
        ),
        (
            lambda f, t: (without_steps(f), every_forecast(t, lambda _, each: each[:0])),
            "no step was observed in the folds after the first",
            "look at the data: these windows hold nothing but filled values",
        ),
        (
            lambda f, t: ([fold_of(1, f[0].actual), fold_of(2, f[1].actual[:9])], first_steps(t, 9)),
            "9 judged steps are too few, 10 are needed",
            "take a longer history, or let the validation windows cover a larger share of it",
        ),
        (
            lambda f, t: ([fold_of(fold.number, 0 * fold.actual) for fold in f], t),
            "the naive forecast makes no error at all, so nothing can beat it",
            "see whether this target is what you mean to forecast: it does not move",
        ),
    ],
)
def test_what_cannot_be_judged_says_why_and_what_to_do(change, reason, remedy):
    verdict = judged(*change(*study()))
    assert (verdict.conclusion, verdict.reason, verdict.remedy) == ("not judged", reason, remedy)
    assert (verdict.skill, verdict.clark_west_p, verdict.skill_against) == (None, None, {})


def first_steps(trials, n_steps):
    return every_forecast(cut(trials, 2), lambda _, each: each[:n_steps])


def test_ten_steps_are_enough():
    folds, trials = study(signal=0.5)
    verdict = judged([folds[0], fold_of(2, folds[1].actual[:10])], first_steps(trials, 10))
    assert verdict.n_steps == 10
    assert verdict.conclusion != "not judged"


def test_ten_windows_are_needed_where_steps_overlap():
    folds, trials = study(n_folds=2)
    assert judged(folds, trials, horizon=4).conclusion != "not judged"
    verdict = judged(folds, trials, horizon=5)
    assert verdict.reason == "42 judged steps are too few, 50 are needed"


def test_a_longer_horizon_asks_for_more():
    folds, trials = study(signal=0.05)
    smooth = [
        replace(fold, actual=np.convolve(fold.actual, np.ones(4) / 2, "same"), naive=fold.naive) for fold in folds
    ]
    trials = every_forecast(trials, lambda _, each: np.convolve(each, np.ones(4) / 2, "same"))
    near, far = (judged(smooth, trials, horizon=horizon) for horizon in (1, 4))
    assert near.skill == far.skill
    assert near.clark_west_p < far.clark_west_p
    assert near.detectable_skill < far.detectable_skill


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 0}, "horizon must be 1 or more, not 0"),
        ({"n_average": 0}, "n_average must be 1 or more, not 0"),
    ],
)
def test_impossible_numbers_are_refused(changes, message):
    with pytest.raises(ConfigError) as caught:
        judged(*study(), **changes)
    assert str(caught.value) == message

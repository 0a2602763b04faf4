"""From forecasts of a hold-out period to a verdict: what is found, the rules of a study's end, invariances, edges."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from kallos_tune import ConfigError
from kallos_tune.verdict.clark_west import clark_west_test
from kallos_tune.verdict.detectable import LEVEL, detectable_skill
from kallos_tune.verdict.diebold_mariano import diebold_mariano_test
from kallos_tune.verdict.direction import direction_of, rank_correlation
from kallos_tune.verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO, JudgedFold, TrialEvidence
from kallos_tune.verdict.hold_out import HoldOut, baseline_skills, judge_hold_out
from kallos_tune.verdict.hold_out_verdict import HoldOutVerdict
from kallos_tune.verdict.judge import judge


def hold_out(*, n=200, signal=0.2, size=1.0, noise=0.1, unit=1.0, seed=0):
    """Return a period of returns of which a share of the variance was foreseen."""
    rng = np.random.default_rng(seed)
    foreseen = np.sqrt(signal) * rng.normal(size=n)
    actual = unit * (foreseen + np.sqrt(1 - signal) * rng.normal(size=n))
    known = np.concatenate([[0.0], actual])[:n]
    return HoldOut(
        times=np.datetime64("2022-01-01") + np.arange(n),
        actual=actual,
        forecast=unit * (size * foreseen + noise * rng.normal(size=n)),
        naive={ZERO: np.zeros(n), TRAINING_MEAN: np.full(n, 0.02 * unit), LAST_VALUE: known},
        to_beat=ZERO,
        known=known,
    )


def price(data, level=50.0):
    """Return the period of the price whose changes are given."""
    known = level + np.concatenate([[0.0], np.cumsum(data.actual)])[:-1]
    prices = {"actual": known + data.actual, "forecast": known + data.forecast, "known": known}
    return replace(data, naive={LAST_VALUE: known}, to_beat=LAST_VALUE, **prices)


def judged(data, **changes):
    """Return the verdict; no warning may come of it, and it must survive JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = judge_hold_out(data, **({"metric": "rmse", "horizon": 1} | changes))
    text = json.dumps(verdict.to_dict(), allow_nan=False)
    assert HoldOutVerdict.from_dict(json.loads(text)) == verdict
    return verdict


def test_a_signal_is_found():
    data = hold_out(signal=0.3)
    verdict = judged(data)
    assert verdict.conclusion == "beats"
    assert 0 < verdict.interval_low < verdict.skill < verdict.interval_high
    assert verdict.direction.p < LEVEL
    assert verdict.direction.share_right > 0.6
    assert verdict.rank_correlation > 0.4
    assert (verdict.n_steps, verdict.first, verdict.last) == (200, "2022-01-01", "2022-07-19")


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_every_number_is_that_of_its_formula(metric):
    data = hold_out()
    verdict = judged(data, metric=metric)
    errors = {
        name: (np.sqrt(np.mean((data.actual - each) ** 2)), np.mean(np.abs(data.actual - each)))
        for name, each in {"own": data.forecast, **data.naive}.items()
    }
    assert (verdict.rmse, verdict.mae) == pytest.approx(errors.pop("own"))
    assert verdict.naive_rmse == pytest.approx({name: rmse for name, (rmse, _) in errors.items()})
    assert verdict.naive_mae == pytest.approx({name: mae for name, (_, mae) in errors.items()})
    own, naive = (verdict.rmse, verdict.naive_rmse) if metric == "rmse" else (verdict.mae, verdict.naive_mae)
    assert verdict.skill_against == pytest.approx({name: 1 - own / each for name, each in naive.items()})
    assert verdict.skill == verdict.skill_against[ZERO]
    assert verdict.r2_oos == pytest.approx(1 - (verdict.rmse / verdict.naive_rmse[TRAINING_MEAN]) ** 2)
    rows = (data.actual, data.forecast, data.naive[ZERO])
    assert verdict.clark_west_p == clark_west_test(*rows).p
    assert verdict.diebold_mariano_p == diebold_mariano_test(*rows, metric=metric).p
    assert verdict.detectable_skill == detectable_skill(*rows)
    assert verdict.direction == direction_of(data.actual, data.forecast)
    assert verdict.rank_correlation == rank_correlation(data.actual, data.forecast)


@pytest.mark.parametrize(
    ("signal", "size", "seed"), [(0.3, 1, 0), (0.02, 1, 1), (0.1, 6, 2), (0.0, 1, 3), (0.1, 2.3, 4)]
)
@pytest.mark.parametrize(("metric", "horizon"), [("rmse", 1), ("mae", 3)])
def test_it_is_the_verdict_of_a_study_of_one_trial(signal, size, seed, metric, horizon):
    """The same forecasts as those of the second fold of a study get the same numbers and the same conclusion."""
    data = hold_out(signal=signal, size=size, seed=seed)
    # In the first fold zero is the naive forecast with the lowest error.
    first = JudgedFold(
        1, data.times[:5] - 9, np.zeros(5), {name: np.ones(5) for name in data.naive} | {ZERO: np.zeros(5)}
    )
    second = JudgedFold(2, data.times, data.actual, data.naive)
    trial = TrialEvidence(0, complete=True, scores=(1.0, 1.0), forecasts={2: data.forecast})
    of_study = judge([first, second], [trial], metric=metric, horizon=horizon, forecast="rolling").to_dict()
    verdict = judged(data, metric=metric, horizon=horizon).to_dict()
    common = verdict.keys() & of_study.keys()
    assert len(common) == 22
    assert {name: verdict[name] for name in common} == {name: of_study[name] for name in common}


@pytest.mark.parametrize(
    ("data", "conclusion"),
    [
        (hold_out(signal=0.0, noise=0.1), "no evidence"),
        (hold_out(signal=0.0, noise=0.8), "worse"),
        (hold_out(signal=0.1, size=2.3), "no evidence"),
        (hold_out(signal=0.1, size=6.0), "worse"),
    ],
)
def test_what_is_concluded_elsewhere(data, conclusion):
    assert judged(data).conclusion == conclusion


@pytest.mark.parametrize("unit", [1e-5, 3e4])
def test_the_unit_of_the_target_means_nothing(unit):
    plain, scaled = judged(hold_out()).to_dict(), judged(hold_out(unit=unit)).to_dict()
    for name in ("rmse", "mae"):
        assert scaled.pop(name) == pytest.approx(unit * plain.pop(name))
        assert scaled.pop(f"naive_{name}") == pytest.approx(
            {naive: unit * error for naive, error in plain.pop(f"naive_{name}").items()}
        )
    for name, value in plain.items():
        assert scaled[name] == (pytest.approx(value) if isinstance(value, float | dict) else value), name


def test_of_a_price_directions_count_from_the_last_value():
    returns = hold_out()
    of_returns, of_price = judged(returns), judged(price(returns))
    assert of_price.direction == of_returns.direction
    assert of_price.rank_correlation == pytest.approx(of_returns.rank_correlation)
    assert of_price.clark_west_p == pytest.approx(of_returns.clark_west_p)
    assert of_price.skill == pytest.approx(of_returns.skill)
    assert of_price.r2_oos is None


def test_the_naive_forecast_itself_has_no_skill_no_signal_and_no_direction():
    data = hold_out()
    verdict = judged(replace(data, forecast=data.naive[ZERO].copy()))
    assert (verdict.conclusion, verdict.skill, verdict.clark_west_p, verdict.diebold_mariano_p) == (
        "no evidence",
        0,
        1,
        1,
    )
    assert (verdict.interval_low, verdict.interval_high) == (0, 0)
    assert verdict.detectable_skill == pytest.approx(1 - np.sqrt(1 - 2.8016**2 / 200), rel=1e-4)
    assert (verdict.direction.share_right, verdict.rank_correlation) == (None, None)


def test_a_test_of_rounding_would_mean_nothing():
    data = price(hold_out(), level=5e4)
    rounded = data.known * (1 + 5e-8 * np.sign(data.actual - data.known))
    verdict = judged(replace(data, forecast=rounded))
    assert (verdict.skill, verdict.clark_west_p, verdict.direction.share_right) == (0, 1, None)


def test_a_constant_forecast_says_one_direction():
    data = hold_out(signal=0.0)
    verdict = judged(replace(data, forecast=np.full(200, 0.3)))
    assert verdict.conclusion in ("no evidence", "worse")
    assert verdict.direction.untested == "every forecast is up, and the test needs both"
    assert verdict.rank_correlation is None


def test_what_is_worse_than_another_naive_forecast_never_beats():
    data = hold_out(signal=0.3)
    verdict = judged(replace(data, naive={**data.naive, TRAINING_MEAN: 0.9 * data.actual}))
    assert verdict.skill > 0 > verdict.skill_against[TRAINING_MEAN]
    assert verdict.conclusion == "no evidence"


def test_overlapping_steps_ask_for_more():
    data = hold_out(signal=0.05)
    smooth = replace(
        data, **{name: np.convolve(getattr(data, name), np.ones(4) / 2, "same") for name in ("actual", "forecast")}
    )
    near, far = (judged(smooth, horizon=horizon) for horizon in (1, 4))
    assert near.skill == far.skill
    assert near.clark_west_p < far.clark_west_p
    assert near.detectable_skill < far.detectable_skill
    assert far.direction.p is None


def first_steps(data, n):
    return replace(
        data,
        times=data.times[:n],
        actual=data.actual[:n],
        forecast=data.forecast[:n],
        known=data.known[:n],
        naive={name: each[:n] for name, each in data.naive.items()},
    )


TOO_FEW = "let the period begin earlier, after the training ends, or wait for newer rows"
NOT_FINITE = "give a number for every step; a model that forecasts none has diverged, train it at a lower rate"


def spoilt(n):
    return np.where(np.arange(200) < n, np.array([np.nan, np.inf] * 100), hold_out().forecast)


@pytest.mark.parametrize(
    ("data", "horizon", "reason", "remedy"),
    [
        (first_steps(hold_out(), 0), 1, "0 judged steps are too few, 10 are needed", TOO_FEW),
        (first_steps(hold_out(), 1), 1, "1 judged step is too few, 10 are needed", TOO_FEW),
        (first_steps(hold_out(), 49), 5, "49 judged steps are too few, 50 are needed", TOO_FEW),
        (replace(hold_out(), forecast=spoilt(1)), 1, "1 of 200 forecasts is infinite or not a number", NOT_FINITE),
        (replace(hold_out(), forecast=spoilt(7)), 1, "7 of 200 forecasts are infinite or not a number", NOT_FINITE),
        (
            replace(hold_out(), actual=np.zeros(200)),
            1,
            "the naive forecast makes no error at all, so nothing can beat it",
            "see whether this target is what you mean to forecast: it does not move",
        ),
    ],
)
def test_what_cannot_be_judged_says_why_and_what_to_do(data, horizon, reason, remedy):
    verdict = judged(data, horizon=horizon)
    assert (verdict.conclusion, verdict.reason, verdict.remedy) == ("not judged", reason, remedy)
    assert (verdict.skill, verdict.clark_west_p, verdict.skill_against, verdict.direction) == (None, None, {}, None)
    assert verdict.n_steps == len(data.actual)


def test_errors_are_told_of_few_steps_too():
    data = first_steps(hold_out(), 3)
    verdict = judged(data)
    assert verdict.rmse == pytest.approx(np.sqrt(np.mean((data.actual - data.forecast) ** 2)))
    assert verdict.naive_mae[LAST_VALUE] == pytest.approx(np.mean(np.abs(data.actual - data.known)))
    assert (verdict.first, verdict.last) == ("2022-01-01", "2022-01-03")
    assert judged(replace(hold_out(), forecast=spoilt(1))).rmse is None


def test_ten_steps_are_enough():
    assert judged(first_steps(hold_out(), 10)).conclusion != "not judged"
    assert judged(first_steps(hold_out(), 50), horizon=5).conclusion != "not judged"


def test_baselines_are_measured_with_the_same_measure():
    data = hold_out()
    skills = baseline_skills(data, {"ridge": data.forecast, "naive": data.naive[ZERO]}, metric="mae")
    assert skills == {"ridge": judged(data, metric="mae").skill, "naive": 0}
    assert baseline_skills(first_steps(data, 0), {"ridge": np.zeros(0)}, metric="rmse") == {"ridge": None}


DATA = hold_out(n=20)


@pytest.mark.parametrize(
    ("data", "horizon", "message"),
    [
        (DATA, 0, "horizon must be 1 or more, not 0"),
        (replace(DATA, to_beat="ridge"), 1, "to_beat must be one of zero, training mean, last value, not ridge"),
        (replace(DATA, times=DATA.times[::-1]), 1, "times must be sorted, each once: bring the steps in order"),
        (replace(DATA, known=np.zeros(3)), 1, "data has 3 values of 'known' and 20 times"),
        (replace(DATA, forecast=np.zeros(3)), 1, "data has 3 values of 'forecast' and 20 times"),
        (
            replace(DATA, actual=np.full(20, np.nan)),
            1,
            "data has a value of 'actual' that is not finite: leave such steps out",
        ),
    ],
)
def test_what_does_not_fit_is_refused(data, horizon, message):
    with pytest.raises(ConfigError) as caught:
        judge_hold_out(data, metric="rmse", horizon=horizon)
    assert str(caught.value) == message


def test_a_baseline_of_other_steps_is_refused():
    with pytest.raises(ConfigError) as caught:
        baseline_skills(DATA, {"ridge": np.zeros(3)}, metric="rmse")
    assert str(caught.value) == "baselines has 3 steps of 'ridge' and 20 of the truth"

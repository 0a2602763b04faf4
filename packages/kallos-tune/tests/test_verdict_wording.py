"""What is announced, case by case: every line as it is read."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_tune.verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO
from kallos_tune.verdict.figures import counted, in_iso, listed, p_value, per_cent, short_per_cent, signed_per_cent
from kallos_tune.verdict.verdict import FoldVerdict, SkippedFold, Verdict
from kallos_tune.verdict.wording import verdict_lines

FIVE = (3, 1, 4, 15, 9)


def fold(number, *, trials=FIVE, naive=TRAINING_MEAN, not_finite=()):
    return FoldVerdict(
        number=number,
        n_steps=114,
        first="2021-10-05",
        last="2022-01-26",
        trials=trials,
        naive=naive,
        skill=0.01,
        not_finite=not_finite,
    )


NOTHING = Verdict(
    conclusion="no evidence",
    metric="rmse",
    forecast="rolling",
    horizon=1,
    n_average=5,
    n_folds=5,
    n_trials=100,
    n_complete=20,
    search_score=0.034012,
    search_naive_score=0.034521,
    search_skill=0.0147,
    folds=tuple(fold(number) for number in (2, 3, 4, 5)),
    n_steps=456,
    first="2021-10-05",
    last="2023-01-03",
    skill=-0.003,
    skill_against={ZERO: -0.0012, TRAINING_MEAN: -0.003, LAST_VALUE: 0.31},
    single_skill=-0.011,
    optimism=0.0177,
    r2_oos=-0.006,
    clark_west_statistic=0.23,
    clark_west_p=0.41,
    diebold_mariano_statistic=-0.6,
    diebold_mariano_p=0.73,
    interval_low=-0.012,
    interval_high=0.006,
    detectable_skill=0.0141,
    spa_p=0.3,
    spa_trials=20,
    hinge_times=("2022-05-09", "2022-05-12", "2022-06-13", "2022-11-08", "2022-11-09"),
    skill_without_hinges=0.002,
    hinges_turn_sign=True,
)
BEATS = replace(
    NOTHING,
    conclusion="beats",
    skill=0.027,
    skill_against={ZERO: 0.025, TRAINING_MEAN: 0.027, LAST_VALUE: 0.31},
    single_skill=0.019,
    clark_west_p=0.0101,
    clark_west_p_against={ZERO: 0.0123, TRAINING_MEAN: 0.0101, LAST_VALUE: 1e-9},
    interval_low=0.008,
    interval_high=0.046,
    skill_without_hinges=0.021,
    hinges_turn_sign=False,
)
WORSE = replace(
    NOTHING, conclusion="worse", skill=-0.052, interval_low=-0.081, interval_high=-0.021, hinges_turn_sign=False
)
SEARCH = (
    "search score (error, lower is better): 0.03401, the best mean of 5 folds among 20 complete of 100 trials, 1.5 % "
    "better than naive (0.03452). It was picked on these same windows, which makes it look better than it is: use it "
    "only to rank trials"
)


def paragraphs(text):
    """Return the lines that are written as paragraphs."""
    return [" ".join(each.split()) for each in text.split("\n\n")]


def test_no_evidence():
    assert verdict_lines(NOTHING) == [
        SEARCH,
        *paragraphs("""
        out of sample (456 steps from 2021-10-05 to 2023-01-03, each fold forecast by the average of the 5
        trials that were best on earlier folds): 0.3 % worse than the training mean, 95 % interval
        -1.2 to +0.6 % (+ is better); the best trial of earlier folds alone: -1.1 % against it

        the model against each naive forecast (+ is better; the verdict goes by the one that did best on
        earlier folds): the training mean -0.3 %, a forecast of zero -0.1 %, the last value +31.0 %

        verdict: no evidence that this model beats a naive forecast (Clark-West p = 0.41): do not trade on
        it. Errors 1.4 % smaller than the naive forecast's would have shown in 4 of 5 such studies; smaller
        differences this test cannot tell
        """),
    ]


def test_beats():
    assert verdict_lines(BEATS) == [
        SEARCH,
        *paragraphs("""
        out of sample (456 steps from 2021-10-05 to 2023-01-03, each fold forecast by the average of the 5
        trials that were best on earlier folds): 2.7 % better than the training mean, 95 % interval
        +0.8 to +4.6 % (+ is better); the best trial of earlier folds alone: +1.9 % against it

        the model against each naive forecast (+ is better; the verdict goes by the one that did best on
        earlier folds): a forecast of zero +2.5 %, the
        training mean +2.7 %, the last value +31.0 %

        verdict: beats every naive forecast on these 456 steps (Clark-West p = 0.012). By this test, luck
        alone does this in 1 study of 81: count all you have run

        before real money: smaller errors are no profit, costs of trading are not counted; test it first on
        days that no study has seen

        all this is about the average of the 5 trials that were best, not about the best parameters alone:
        forecast with that average
        """),
    ]


def test_worse():
    assert verdict_lines(WORSE)[-1] == (
        "verdict: worse than a naive forecast, the whole interval lies below zero: do not trade on it, nor on "
        "its reverse"
    )


def the_line(verdict, start):
    (line,) = (line for line in verdict_lines(verdict) if line.startswith(start))
    return line


def no_line(verdict, start):
    return not any(line.startswith(start) for line in verdict_lines(verdict))


def test_beating_with_an_interval_that_reaches_zero_says_so():
    start = "how much better"
    assert no_line(BEATS, start)
    assert the_line(replace(BEATS, interval_low=-0.001), start) == (
        "how much better is open: from -0.1 % (worse) to +4.6 %"
    )


def test_very_strong_evidence():
    assert "luck alone does this in fewer than 1 study of 1000" in the_line(
        replace(BEATS, clark_west_p=1e-5, clark_west_p_against={}), "verdict"
    )


def test_a_claim_that_hinges_on_days():
    verdict = replace(BEATS, hinges_turn_sign=True, skill_without_hinges=-0.004)
    assert the_line(verdict, "this hinges") == (
        "this hinges on 5 of 456 steps (2022-05-09, 2022-05-12, 2022-06-13, 2022-11-08 and 2022-11-09): on all others "
        "it is 0.4 % worse than naive: do not trade on it, such days may not come again"
    )


def test_a_loss_that_hinges_on_a_day():
    verdict = replace(
        WORSE, hinges_turn_sign=True, hinge_times=("2020-03-12",), n_steps=120, skill_without_hinges=0.004
    )
    assert the_line(verdict, "this hinges") == (
        "this hinges on 1 of 120 steps (2020-03-12): on all others it is 0.4 % better than naive: such days come again"
    )


def test_many_hinges_are_not_all_named():
    days = tuple(f"2022-05-{day:02d}" for day in range(1, 9))
    verdict = replace(BEATS, hinges_turn_sign=True, hinge_times=days, skill_without_hinges=0.0)
    assert "2022-05-05 and 3 more): on all others it is exactly as good as naive" in the_line(verdict, "this hinges")


@pytest.mark.parametrize("verdict", [NOTHING, BEATS, WORSE])
def test_what_turns_no_claim_is_not_said(verdict):
    assert no_line(verdict, "this hinges")


def test_an_overstated_signal():
    verdict = replace(NOTHING, clark_west_p=0.02)
    assert verdict_lines(verdict)[-2:] == paragraphs("""
        verdict: no evidence that this model beats a naive forecast, its errors are not smaller: do not
        trade on it

        maybe a signal (Clark-West p = 0.02; luck does this in 1 study of 50): it strays from the naive
        forecast in the right direction, but too far. As it is, it loses
        """)
    assert the_line(replace(WORSE, clark_west_p=0.02), "maybe a signal").endswith("As it is, it loses")


def test_better_than_the_chosen_naive_forecast_and_not_than_another():
    verdict = replace(
        BEATS,
        conclusion="no evidence",
        skill_against={ZERO: -0.001, TRAINING_MEAN: 0.027, LAST_VALUE: None},
    )
    assert verdict_lines(verdict)[-2:] == paragraphs("""
        the model against each naive forecast (+ is better; the verdict goes by the one that did best on
        earlier folds): the last value makes no error, a
        forecast of zero -0.1 %, the training mean +2.7 %

        verdict: no evidence that this model beats a naive forecast: it is better than the training mean
        (Clark-West p = 0.01), but nothing says so of a forecast of zero and the last value. Do not trade on
        it
        """)


def test_better_than_all_but_not_surely_than_each():
    unsure = {ZERO: 0.07, TRAINING_MEAN: 0.01, LAST_VALUE: 1e-9}
    verdict = replace(BEATS, conclusion="no evidence", clark_west_p_against=unsure)
    assert the_line(verdict, "verdict").endswith(
        "it is better than the training mean (Clark-West p = 0.01), but nothing says so of a forecast of zero. Do not "
        "trade on it"
    )


def test_too_few_steps_to_find_anything():
    assert the_line(replace(NOTHING, detectable_skill=None), "verdict").endswith(
        "do not trade on it. With so few steps no difference, however large, would have shown: take a longer history"
    )


def test_under_mae_the_test_is_said_to_be_on_squared_errors():
    for verdict in (NOTHING, BEATS):
        assert ", on squared errors)" in the_line(replace(verdict, metric="mae"), "verdict")
        assert "squared" not in the_line(verdict, "verdict")
    assert "Errors 1.4 % smaller by RMSE than the naive forecast's would have shown" in the_line(
        replace(NOTHING, metric="mae"), "verdict"
    )


RECURSIVE = replace(NOTHING, forecast="recursive", clark_west_p=None, skill=0.02, detectable_skill=None)


@pytest.mark.parametrize(
    ("folds", "few"), [(NOTHING.folds, "and 4 are too few for a test"), ((fold(2),), "and 1 is too few for a test")]
)
def test_recursive_forecasts(folds, few):
    assert the_line(replace(RECURSIVE, folds=folds), "verdict") == (
        "verdict: no evidence that this model beats a naive forecast: do not trade on it. The steps of a recursive "
        f"forecast share their errors, so each window counts as one forecast, {few}; rolling forecasts can be tested"
    )


def test_a_recursive_forecast_that_is_worse():
    assert verdict_lines(replace(WORSE, forecast="recursive", clark_west_p=None))[-1].startswith("verdict: worse than")


def test_naive_forecasts_that_change_from_fold_to_fold():
    folds = (fold(2, naive=ZERO), fold(3, naive=ZERO), fold(4, naive=LAST_VALUE), fold(5, naive="drift"))
    assert (
        "0.3 % worse than the naive forecast (a forecast of zero in folds 2 and 3, the last value in fold 4, the naive "
        "forecast 'drift' in fold 5), 95 %"
    ) in the_line(replace(NOTHING, folds=folds), "out of sample")


def test_one_trial_is_no_average():
    folds = tuple(replace(each, trials=(7,)) for each in BEATS.folds)
    lines = verdict_lines(replace(BEATS, folds=folds))
    assert "each fold forecast by the trial that was best on earlier folds): 2.7 % better" in lines[1]
    assert lines[1].endswith("95 % interval +0.8 to +4.6 % (+ is better)")
    assert lines[-1].startswith("before real money")


def test_averages_of_different_size():
    folds = (fold(2), fold(3, trials=(3, 1)))
    assert "by the average of the 2 to 5 trials that were best" in the_line(
        replace(NOTHING, folds=folds), "out of sample"
    )


def test_one_judged_fold_is_said_to_be_few():
    verdict = replace(BEATS, n_folds=2, folds=BEATS.folds[:1])
    assert verdict_lines(verdict)[-1] == (
        "only fold 2 could be judged, a single stretch of the market: more folds say more"
    )


def test_what_is_left_out_is_named():
    verdict = replace(
        BEATS,
        folds=(fold(2, not_finite=(3,)), fold(3, not_finite=(3, 8))),
        skipped=(SkippedFold(number=4, reason="no step was observed"),),
    )
    assert verdict_lines(verdict)[-3:] == paragraphs("""
        fold 4 is not judged: no step was observed

        trial 3 left out of fold 2: infinite or not a number

        trials 3 and 8 left out of fold 3: infinite or not a number
        """)


def test_no_interval_and_no_naive_error():
    verdict = replace(NOTHING, interval_low=None, interval_high=None, skill=None, single_skill=None, n_steps=1)
    verdict = replace(verdict, last=verdict.first)
    assert verdict_lines(verdict)[1] == (
        "out of sample (1 step on 2021-10-05, each fold forecast by the average of the 5 trials that were best on "
        "earlier folds): worse than the training mean"
    )


def test_not_judged():
    verdict = Verdict(
        conclusion="not judged",
        reason="no trial has finished fold 2",
        remedy="run more trials, or run them without pruning",
        metric="rmse",
        forecast="rolling",
        horizon=1,
        n_average=5,
        n_folds=5,
        n_trials=1,
        n_complete=0,
        skill_against={},
    )
    assert verdict_lines(verdict) == paragraphs("""
        search score: none yet, no trial has finished every fold

        verdict: none yet, because no trial has finished fold 2: do not trade on it. To get one, run more
        trials, or run them without pruning
        """)
    scores = {"search_score": 1234.5678, "search_naive_score": 1300.0, "search_skill": 0.05}
    complete = replace(verdict, **scores, n_complete=1)
    assert verdict_lines(complete)[0].startswith(
        "search score (error, lower is better): 1235, the mean of 5 folds of the only complete trial, 5.0 % "
        "better than naive (1300)."
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0.0"),
        (0.003, "0.3"),
        (-0.1234, "12.3"),
        (0.0004, "0.04"),
        (0.00005, "0.01"),
        (-0.0000499, "less than 0.01"),
        (2e-9, "less than 0.01"),
        (0.000499, "0.05"),
        (12.5, "1250"),
    ],
)
def test_shares_in_per_cent(share, text):
    assert per_cent(share) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0"), (0.003, "+0.3"), (-0.0001, "-0.01"), (4e-7, "just above 0"), (-4e-7, "just below 0")],
)
def test_signed_shares(share, text):
    assert signed_per_cent(share) == text


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_shares_are_written_in_their_order_and_none_as_minus_nothing(one, other):
    assert "-0.0 " not in f"{signed_per_cent(one)} %"
    low, high = (float(per_cent(share).removeprefix("less than ")) for share in sorted((one, other), key=abs))
    assert low <= high
    assert len(per_cent(one).removeprefix("less than ").partition(".")[2]) <= 2


@pytest.mark.parametrize(
    ("share", "text"), [(-1e-9, "0.0"), (0.0004, "0.0"), (-0.0006, "-0.1"), (0.0123, "+1.2"), (0, "0.0")]
)
def test_short_shares_have_no_sign_where_they_have_no_digit(share, text):
    assert short_per_cent(share) == text


def test_an_older_verdict_does_not_say_which_naive_forecast_the_search_stood_beside():
    line = verdict_lines(replace(NOTHING, search_naive=ZERO))[0]
    assert "naive (0.03452: a forecast of zero). It was" in line
    assert "naive (0.03452). It was" in verdict_lines(replace(NOTHING, search_naive=None))[0]


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.4149, "= 0.41"),
        (1.0, "= 1.00"),
        (0.0412, "= 0.041"),
        (0.02, "= 0.02"),
        (0.02496, "= 0.02496"),
        (0.0250001, "= 0.025"),
        (0.025, "= 0.025"),
        (0.0249999999, "= 0.0249999999"),
        (0.001, "= 0.001"),
        (0.0009, "< 0.001"),
        (0.0, "< 0.001"),
    ],
)
def test_p_values_stay_on_their_side_of_the_level(p, text):
    assert p_value(p) == text


def test_rows_and_counts():
    assert [listed(each) for each in ([1], [1, 2], [1, 2, 3])] == ["1", "1 and 2", "1, 2 and 3"]
    assert [counted(number, "step") for number in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


def test_times_are_written_as_short_as_they_can_be():
    assert in_iso(np.datetime64("2020-03-12T00:00:00.000000000")) == "2020-03-12"
    assert in_iso(np.datetime64("2020-03-12T05:30:00.000")) == "2020-03-12T05:30:00Z"

"""What is announced of a hold-out period, case by case: every line as it is read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_tune.verdict.direction import Direction
from kallos_tune.verdict.evidence import LAST_VALUE, TRAINING_MEAN, ZERO
from kallos_tune.verdict.figures import per_cent
from kallos_tune.verdict.hold_out_verdict import HoldOutVerdict
from kallos_tune.verdict.hold_out_wording import hold_out_lines

DIRECTION = Direction(
    n_steps=360,
    n_still=4,
    share_right=0.5278,
    share_up=0.51,
    share_forecast_up=0.6,
    share_by_chance=0.5012,
    statistic=1.02,
    p=0.154,
)
NOTHING = HoldOutVerdict(
    conclusion="no evidence",
    metric="rmse",
    horizon=1,
    to_beat=TRAINING_MEAN,
    n_steps=364,
    first="2022-01-01",
    last="2022-12-30",
    rmse=0.0341,
    mae=0.021,
    naive_rmse={ZERO: 0.034, TRAINING_MEAN: 0.0339, LAST_VALUE: 0.05},
    naive_mae={ZERO: 0.0205, TRAINING_MEAN: 0.0204, LAST_VALUE: 0.03},
    skill=-0.003,
    skill_against={ZERO: -0.0012, TRAINING_MEAN: -0.003, LAST_VALUE: 0.31},
    r2_oos=-0.006,
    clark_west_statistic=0.23,
    clark_west_p=0.41,
    clark_west_p_against={ZERO: 0.3, TRAINING_MEAN: 0.41, LAST_VALUE: 1e-9},
    diebold_mariano_statistic=-0.6,
    diebold_mariano_p=0.73,
    interval_low=-0.012,
    interval_high=0.006,
    detectable_skill=0.0141,
    hinge_times=("2022-05-09", "2022-05-12", "2022-06-13", "2022-11-08"),
    skill_without_hinges=0.002,
    hinges_turn_sign=True,
    direction=DIRECTION,
    rank_correlation=0.04,
)
BEATS = replace(
    NOTHING,
    conclusion="beats",
    skill=0.027,
    skill_against={ZERO: 0.025, TRAINING_MEAN: 0.027, LAST_VALUE: 0.31},
    clark_west_p=0.0101,
    clark_west_p_against={ZERO: 0.0123, TRAINING_MEAN: 0.0101, LAST_VALUE: 1e-9},
    interval_low=0.008,
    interval_high=0.046,
    hinges_turn_sign=False,
    direction=replace(DIRECTION, share_right=0.571, n_still=0, n_steps=364, statistic=2.9, p=0.0021),
)
WORSE = replace(
    NOTHING, conclusion="worse", skill=-0.052, interval_low=-0.081, interval_high=-0.021, hinges_turn_sign=False
)
NOT_JUDGED = HoldOutVerdict(
    conclusion="not judged",
    reason="9 judged steps are too few, 10 are needed",
    remedy="wait for newer rows",
    metric="rmse",
    horizon=1,
    to_beat=ZERO,
    n_steps=9,
    skill_against={},
)
AGAINST = (
    "the model against each naive forecast (+ is better; the verdict goes by the one that did best before these "
    "steps): the training mean -0.3 %, a forecast of zero -0.1 %, the last value +31.0 %"
)
POWER = (
    "Errors 1.4 % smaller than the naive forecast's would have shown in 4 of 5 such hold-outs; smaller differences "
    "this test cannot tell"
)
UP_OR_DOWN = (
    "direction: right in 52.8 % of 360 steps, by chance it would be in 50.1 % (4 steps without a direction left out); "
    "Pesaran-Timmermann p = 0.15: not clearly more than chance"
)


def lines_of(verdict, **changes):
    return hold_out_lines(verdict, **({"what": "the forecaster in models/btc"} | changes))


def paragraphs(text):
    """Return the lines that are written as paragraphs."""
    return [" ".join(each.split()) for each in text.split("\n\n")]


def test_no_evidence():
    assert lines_of(NOTHING) == [
        *paragraphs("""
        hold-out (364 steps from 2022-01-01 to 2022-12-30): the forecaster in models/btc is 0.3 % worse than the
        training mean, 95 % interval -1.2 to +0.6 % (+ is better)
        """),
        AGAINST,
        "verdict: no evidence that this model beats a naive forecast (Clark-West p = 0.41): do not trade on it",
        POWER,
        UP_OR_DOWN,
    ]


def test_beats():
    assert lines_of(BEATS) == paragraphs("""
        hold-out (364 steps from 2022-01-01 to 2022-12-30): the forecaster in models/btc is 2.7 % better than the
        training mean, 95 % interval +0.8 to +4.6 % (+ is better)

        the model against each naive forecast (+ is better; the verdict goes by the one that did best before
        these steps): a forecast of zero +2.5 %, the training
        mean +2.7 %, the last value +31.0 %

        verdict: beats every naive forecast on these 364 steps (Clark-West p = 0.012). By this test, luck alone does
        this in 1 hold-out of 81: count all you have judged

        before real money: smaller errors are no profit, costs of trading are not counted

        Errors 1.4 % smaller than the naive forecast's would have shown in 4 of 5 such hold-outs; smaller differences
        this test cannot tell

        direction: right in 57.1 % of 364 steps, by chance it would be in 50.1 %; Pesaran-Timmermann p = 0.002: more
        than chance
        """)


def test_worse():
    lines = lines_of(WORSE)
    assert lines[0].endswith("is 5.2 % worse than the training mean, 95 % interval -8.1 to -2.1 % (+ is better)")
    assert lines[2].startswith(
        "verdict: worse than a naive forecast, the whole interval lies below zero: do not trade "
    )
    assert lines[3] == POWER


def test_an_overstated_signal():
    lines = lines_of(replace(WORSE, clark_west_p=0.004))
    assert lines[3] == (
        "maybe a signal (Clark-West p = 0.004; luck does this in 1 hold-out of 250): it strays from the naive forecast "
        "in the right direction, but too far. As it is, it loses"
    )
    lines = lines_of(replace(NOTHING, clark_west_p=0.004))
    assert lines[2] == (
        "verdict: no evidence that this model beats a naive forecast, its errors are not smaller: do not trade on it"
    )
    assert lines[3].startswith("maybe a signal (Clark-West p = 0.004;")


def test_better_than_the_one_to_beat_and_not_than_another():
    verdict = replace(
        BEATS, conclusion="no evidence", skill_against={ZERO: -0.001, TRAINING_MEAN: 0.027, LAST_VALUE: 0.31}
    )
    assert lines_of(verdict)[2] == (
        "verdict: no evidence that this model beats a naive forecast: it is better than the training mean (Clark-West "
        "p = 0.01), but nothing says so of a forecast of zero. Do not trade on it"
    )


def test_an_interval_that_reaches_zero_says_so():
    lines = lines_of(replace(BEATS, interval_low=-0.002))
    assert lines[4] == "how much better is open: from -0.2 % (worse) to +4.6 %"


def test_a_claim_that_hinges_on_days():
    lines = lines_of(replace(BEATS, hinges_turn_sign=True, skill_without_hinges=-0.003))
    assert lines[5] == (
        "this hinges on 4 of 364 steps (2022-05-09, 2022-05-12, 2022-06-13 and 2022-11-08): on all others it is 0.3 % "
        "worse than naive: do not trade on it, such days may not come again"
    )


@pytest.mark.parametrize("verdict", [NOTHING, BEATS, WORSE, replace(BEATS, metric="mae")])
def test_what_would_have_shown_is_always_said(verdict):
    shown = [line for line in lines_of(verdict) if "would have shown in 4 of 5 such hold-outs" in line]
    assert shown == [POWER.replace("smaller than", "smaller by RMSE than") if verdict.metric == "mae" else POWER]


def test_too_few_steps_to_find_anything():
    assert lines_of(replace(NOTHING, detectable_skill=None))[3] == (
        "With so few steps no difference, however large, would have shown: judge a longer period"
    )


def test_under_mae_the_test_is_said_to_be_on_squared_errors():
    assert "(Clark-West p = 0.41, on squared errors)" in lines_of(replace(NOTHING, metric="mae"))[2]


SEARCHED = (
    "this period was looked at 4 times: the first look is a test, later ones are part of the search, and the best of "
    "several looks flatters. Trust what steps confirm that nobody has looked at yet"
)


@pytest.mark.parametrize("verdict", [NOTHING, BEATS, WORSE, NOT_JUDGED])
def test_looks_are_counted(verdict):
    assert lines_of(verdict, looks=4) == [*lines_of(verdict), SEARCHED]
    assert lines_of(verdict, looks=1) == lines_of(verdict)


@pytest.mark.parametrize("verdict", [NOTHING, BEATS, WORSE, NOT_JUDGED])
def test_an_overlap_is_said_in_every_line(verdict):
    suffix = " [overlaps the training span: no test, the model has seen these steps]"
    changes = {"looks": 3, "better_baselines": {"ridge": 0.5}}
    assert lines_of(verdict, overlap=True, **changes) == [line + suffix for line in lines_of(verdict, **changes)]


def test_baselines_that_did_better_are_named_the_best_first():
    skills = {"theta": -0.001, "ridge": 0.008, "drift": -0.5, "lightgbm": None}
    assert lines_of(NOTHING, better_baselines=skills)[4:-1] == paragraphs("""
        cheaper models with smaller errors: a ridge regression on the same features (by 1.1 %), the Theta
        method (by 0.2 %). No reason to trade on a baseline either: it was picked after the fact, test it on later steps
    """)


def test_how_much_smaller_the_error_of_a_baseline_is_has_digits_that_mean_something():
    """As somebody saw it: "smaller errors: a ridge regression (-0.00004 %)"."""
    verdict = replace(NOTHING, skill=-0.0000009)
    (line,) = [line for line in lines_of(verdict, better_baselines={"ridge": -0.0000004}) if "ridge" in line]
    assert "a ridge regression on the same features (by less than 0.01 %)" in line


@given(st.floats(-0.9, 0.9), st.floats(1e-6, 0.09))
def test_a_baseline_is_told_by_its_error_beside_the_forecasters(skill, gain):
    (line,) = [
        line
        for line in lines_of(replace(NOTHING, skill=skill), better_baselines={"ridge": skill + gain})
        if "ridge" in line
    ]
    error, of_baseline = 1 - skill, 1 - (skill + gain)
    assert f"(by {per_cent(1 - of_baseline / error)} %)" in line


def test_a_baseline_that_did_better_than_what_beats():
    assert lines_of(BEATS, better_baselines={"ridge": 0.03, "theta": 0.01})[5:-1] == paragraphs("""
        cheaper models with smaller errors: a ridge regression on the same features (by 0.3 %). On these
        steps this model was not worth its training. The baseline was picked after the fact: test it on later steps
        before acting on it
    """)


@pytest.mark.parametrize("skills", [{}, {"ridge": -0.003}, {"ridge": None}, {"ridge": -0.2, "theta": -0.1}])
def test_baselines_that_did_not_are_not(skills):
    assert lines_of(NOTHING, better_baselines=skills) == lines_of(NOTHING)


@pytest.mark.parametrize(
    ("direction", "line"),
    [
        (
            Direction(n_steps=0, n_still=364, untested="no step has a direction that was forecast"),
            "direction: not tested, no step has a direction that was forecast",
        ),
        (
            replace(
                DIRECTION, p=None, statistic=None, n_still=0, untested="every forecast is up, and the test needs both"
            ),
            UP_OR_DOWN.partition(" (")[0] + "; not tested, every forecast is up, and the test needs both",
        ),
    ],
)
def test_a_direction_that_is_not_tested_says_why(direction, line):
    assert lines_of(replace(NOTHING, direction=direction))[-1] == line


def test_not_judged():
    assert lines_of(NOT_JUDGED, better_baselines={"ridge": 0.1}) == paragraphs("""
        verdict: none, because 9 judged steps are too few, 10 are needed: do not trade on it. To get one, wait for newer
        rows
        """)


def test_one_step_without_an_interval_or_a_naive_error():
    verdict = replace(NOTHING, skill=None, skill_against={LAST_VALUE: None}, to_beat=LAST_VALUE, direction=None)
    lines = lines_of(replace(verdict, n_steps=1, last=NOTHING.first))
    assert lines[0] == "hold-out (1 step on 2022-01-01): the forecaster in models/btc is worse than the last value"
    assert lines[1].endswith("did best before these steps): the last value makes no error")


@pytest.mark.parametrize("verdict", [NOTHING, BEATS, WORSE, NOT_JUDGED])
def test_no_error_is_told_relative_to_that_of_the_training_window(verdict):
    assert "MASE" not in "".join(lines_of(verdict, looks=2, better_baselines={"ridge": 0.5}))

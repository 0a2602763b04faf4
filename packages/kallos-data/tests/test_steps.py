"""Steps: found in a history, named, and counted along a grid."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_data import ConfigError
from kallos_data.steps import Step, find_step, step_in_words

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
steps = st.sampled_from(["1min", "15m", "1h", "4h", "1d", "1w", "B"]).map(Step.of)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(days=7), "7 days"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(seconds=90), "0:01:30"),
    ],
)
def test_steps_read_as_people_say_them(step, words):
    assert step_in_words(step) == words


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("15min", Step(timedelta(minutes=15))),
        ("15m", Step(timedelta(minutes=15))),
        ("h", Step(timedelta(hours=1))),
        ("4 H", Step(timedelta(hours=4))),
        ("1d", Step(DAY)),
        ("1w", Step(timedelta(days=7))),
        ("b", Step(DAY, working_days=True)),
    ],
)
def test_steps_have_short_names(text, step):
    assert Step.of(text) == step


@pytest.mark.parametrize("text", ["", "month", "1M1", "-1d", "1.5h", "99999999d"])
def test_other_names_are_refused(text):
    with pytest.raises(ConfigError, match="15min, 1h, 4h, 1d, 1w, or B"):
        Step.of(text)


@pytest.mark.parametrize("frequency", ["0h", timedelta(0), timedelta(days=-1)])
def test_a_step_leads_forward(frequency):
    with pytest.raises(ConfigError, match="must be more than 0"):
        Step.of(frequency)


@pytest.mark.parametrize(
    ("step", "pace"),
    [("1d", "one a day"), ("1h", "one an hour"), ("4h", "one every 4 hours"), ("B", "one a working day")],
)
def test_the_pace_is_said(step, pace):
    assert Step.of(step).pace == pace


@given(step=steps, n=st.integers(1, 300), start=st.integers(0, 4))
def test_the_times_of_a_grid_are_one_step_apart(step, n, start):
    first = MONDAY + start * DAY
    grid = step.grid(first, first + 2 * n * step.length)
    assert step.positions(grid).to_list() == list(range(len(grid)))


@given(step=steps, n=st.integers(30, 200), holes=st.sets(st.integers(1, 199), max_size=10))
def test_a_step_is_found_whatever_is_missing(step, n, holes):
    grid = step.grid(MONDAY, MONDAY + n * step.length)
    kept = [place for place in range(len(grid)) if place not in holes]
    assert find_step(grid[kept]) == step


def test_one_bar_on_a_week_end_makes_it_every_day():
    working = Step.of("B").grid(MONDAY, MONDAY + 30 * DAY)
    saturday = pl.Series("timestamp", [MONDAY + 12 * DAY], dtype=working.dtype)
    assert find_step(pl.concat([working, saturday]).sort()) == Step(DAY)


def test_five_days_are_no_proof_of_rest():
    assert find_step(Step(DAY).grid(MONDAY, MONDAY + 4 * DAY)) == Step(DAY)


def test_what_lies_between_two_steps_has_no_position():
    times = pl.Series([MONDAY, MONDAY + timedelta(hours=1), MONDAY + DAY], dtype=pl.Datetime("us", "UTC"))
    assert Step(DAY).positions(times).to_list() == [0, None, 1]
    week_end = pl.Series([MONDAY, MONDAY + 5 * DAY, MONDAY + 7 * DAY], dtype=pl.Datetime("us", "UTC"))
    assert Step.of("B").positions(week_end).to_list() == [0, None, 5]

"""Which steps of a history are observed, and what the others are filled with."""

import logging
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from kallos_data import DataQualityError, History, Step, compute_indicators, on_regular_grid

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)


def bars(n: int, missing: set[int] = frozenset(), **columns: list[float | None]) -> pl.DataFrame:
    kept = [place for place in range(n) if place not in missing]
    times = pl.Series("timestamp", [START + place * DAY for place in kept], dtype=pl.Datetime("us", "UTC"))
    close = [100.0 + place for place in kept]
    more = {name: [values[place] for place in kept] for name, values in columns.items()}
    return pl.DataFrame([times]).with_columns(
        close=pl.Series(close), **{k: pl.Series(v, dtype=pl.Float64) for k, v in more.items()}
    )


def observed(history: History) -> list[int]:
    return history.observed["observed"].arg_true().to_list()


@given(missing=st.sets(st.integers(1, 38), max_size=8), unknown=st.sets(st.integers(1, 38), max_size=5))
def test_steps_without_row_or_target_are_not_observed(missing, unknown):
    target = [None if place in unknown else float(place) for place in range(40)]
    history = on_regular_grid(bars(40, missing, target=target), max_gap=40, target_col="target")
    assert history.frame["timestamp"].to_list() == [START + place * DAY for place in range(40)]
    assert observed(history) == [place for place in range(40) if place not in missing | unknown]
    assert history.observed["timestamp"].equals(history.frame["timestamp"])
    known = history.frame.filter(history.observed["observed"])
    assert known["target"].to_list() == [float(place) for place in observed(history)]


@given(missing=st.sets(st.integers(1, 28), min_size=1, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_nothing_happens_in_a_filled_step(missing, seed):
    values = np.random.default_rng(seed).standard_normal((3, 30)).tolist()
    frame = bars(30, missing, log_return=values[0], volume=values[1], level=values[2])
    history = on_regular_grid(frame, max_gap=30)
    last: dict[str, float] = {}
    for place, row in enumerate(history.frame.rows(named=True)):
        if place in missing:
            assert row["log_return"] == row["volume"] == 0
            assert (row["close"], row["level"]) == (last["close"], last["level"])
        else:
            last = row
            assert row["log_return"] == values[0][place]


def test_other_columns_of_changes_are_named():
    frame = bars(4, {2}, momentum=[1.0, 2.0, 0.0, 3.0])
    assert on_regular_grid(frame).frame["momentum"].to_list() == [1, 2, 2, 3]
    assert on_regular_grid(frame, changes={"momentum"}).frame["momentum"].to_list() == [1, 2, 0, 3]


def test_the_history_ends_with_the_last_known_target(caplog):
    caplog.set_level(logging.INFO)
    ahead = [math.sin(place) if place < 20 else None for place in range(27)]
    history = on_regular_grid(bars(27, ahead=ahead), target_col="ahead")
    assert history.frame["timestamp"][-1] == START + 19 * DAY
    assert history.observed["observed"].all()
    assert "the last 7 rows have no ahead yet: the history ends with 2024-01-20" in caplog.text


def test_a_target_without_any_value_is_refused():
    with pytest.raises(DataQualityError, match="'ahead', the target, has no value in 5 rows"):
        on_regular_grid(bars(5, ahead=[None] * 5), target_col="ahead")


def test_what_came_after_a_hole_is_not_known_before():
    whole = bars(30, {10, 11, 20}, log_return=[float(place) for place in range(30)])
    history = on_regular_grid(whole)
    for end in range(2, 30):
        part = on_regular_grid(whole.filter(pl.col("timestamp") <= START + end * DAY))
        assert part.frame.equals(history.frame[: len(part.frame)])


def working_days(n_weeks: int, holidays: set[int] = frozenset()) -> pl.DataFrame:
    week_ends = {place for place in range(7 * n_weeks) if place % 7 > 4}
    return bars(7 * n_weeks, week_ends | holidays)


def test_markets_that_rest_at_week_ends_have_no_holes_there():
    history = on_regular_grid(working_days(4), max_gap=0)
    assert history.step.working_days
    assert len(history.frame) == 20
    assert history.observed["observed"].all()


def test_a_holiday_is_missing_where_a_week_end_is_not():
    history = on_regular_grid(working_days(4, holidays={9}))
    assert len(history.frame) == 20
    assert observed(history) == [place for place in range(20) if place != 7]
    named = on_regular_grid(working_days(1), frequency="B")
    assert named.step.working_days
    with pytest.raises(DataQualityError, match="no value for 2 steps from 2024-01-06"):
        on_regular_grid(working_days(4), frequency="1d", max_gap=1)


def test_a_saturday_is_no_working_day():
    with pytest.raises(DataQualityError, match="1 timestamp lies between the steps of 1 working day, first 2024-01-06"):
        on_regular_grid(bars(6), frequency="B")


@pytest.mark.parametrize("hole", [1, 3, 7])
@pytest.mark.parametrize("frequency", ["1d", "B"])
def test_a_hole_counts_once_and_not_again_in_the_changes_that_reach_over_it(hole, frequency):
    """roc_7 is unknown for seven bars after a hole of one: the history that Kallos itself wrote must stay loadable."""
    step = Step.of(frequency)
    every = step.grid(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC))
    close = 100 * np.exp(np.cumsum(np.random.default_rng(hole).normal(0, 0.02, len(every))))
    bars = pl.DataFrame([every, *(pl.Series(name, close) for name in ("open", "high", "low", "close", "volume"))])
    kept = bars.filter(~pl.int_range(pl.len()).is_between(150, 149 + hole))
    found = on_regular_grid(kept.join(compute_indicators(kept, step=step), on="timestamp"), target_col="log_return")
    assert (~found.observed["observed"]).sum() == hole + 1
    whole = bars.join(compute_indicators(bars, step=step), on="timestamp").filter(
        pl.col("timestamp") >= found.frame["timestamp"][0]
    )
    for name, steps in {"log_return": 1, "roc_1": 1, "roc_3": 3, "roc_7": 7}.items():
        known = kept.filter(pl.Series(every.search_sorted(kept["timestamp"])).diff(steps) == steps)["timestamp"]
        expected = whole.select(pl.when(pl.col("timestamp").is_in(known.implode())).then(name).otherwise(0.0))
        assert_series_equal(found.frame[name], expected.to_series(), check_names=False)


def test_a_change_that_is_missing_without_a_hole_is_still_one_too_many():
    values = [1.0, *[None] * 8, 1.0]
    with pytest.raises(DataQualityError, match="column 'roc_7' has no value for 8 steps"):
        on_regular_grid(bars(10, roc_7=values))

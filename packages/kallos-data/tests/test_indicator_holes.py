"""Indicators where bars, volumes or movement are missing."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law
from numpy.testing import assert_allclose
from polars.testing import assert_frame_equal

from kallos_data import ConfigError, DataQualityError, Step, compute_indicators, simulate_market
from kallos_data.prices.indicators import INDICATORS

BOUNDED = ["rsi", "mfi", "stoch_k", "stoch_d"]
PRICES = ["open", "high", "low", "close"]
DAY = timedelta(days=1)


def market(n: int, seed: int = 0, step: timedelta = DAY) -> pl.DataFrame:
    return simulate_market(n, seed=seed, frequency=step, start="2019-01-07")


@law(8)
@given(
    seed=st.integers(0, 1000),
    before=st.integers(2, 70),
    hole=st.integers(8, 60),
    after=st.integers(2, 70),
    hours=st.sampled_from([1, 4, 24]),
)
def test_rows_after_a_long_hole_are_those_of_a_file_that_begins_there(seed, before, hole, after, hours):
    whole = market(before + hole + after, seed, timedelta(hours=hours))
    step = Step(timedelta(hours=hours))
    with_hole = pl.concat([whole[:before], whole[before + hole :]])
    found = compute_indicators(with_hole, step=step)
    assert found[before:].equals(compute_indicators(whole[before + hole :], step=step))
    assert found[:before].equals(compute_indicators(whole[:before], step=step))


@law(8)
@given(seed=st.integers(0, 1000), missing=st.sets(st.integers(10, 79), min_size=1, max_size=30))
def test_over_short_holes_means_go_on_and_returns_are_of_their_own_span_alone(seed, missing):
    whole = market(90, seed)
    kept = [row for row in range(90) if row not in missing]
    holed = whole[kept]
    # As if there had been no hole: the same bars, one a day.
    closed = holed.with_columns(timestamp=whole["timestamp"][: len(kept)])
    found = compute_indicators(holed, step=Step(DAY), max_gap=90)
    expected = compute_indicators(closed, step=Step(DAY))
    spans = {"log_return": 1, "roc_1": 1, "roc_3": 3, "roc_7": 7}
    without = [name for name in INDICATORS if name not in spans]
    assert_frame_equal(found.select(without), expected.select(without), check_exact=True)
    for name, steps in spans.items():
        known = [row >= steps and kept[row] - kept[row - steps] == steps for row in range(len(kept))]
        assert found[name].is_not_null().to_list() == known
        assert found.filter(known)[name].equals(expected.filter(known)[name])


def test_a_sum_of_returns_is_that_of_the_unbroken_pieces():
    whole = market(60)
    holed = pl.concat([whole[:20], whole[30:]])
    returns = compute_indicators(holed)["log_return"]
    close = whole["close"]
    expected = math.log(close[19] / close[0]) + math.log(close[59] / close[30])
    assert returns.sum() == pytest.approx(expected)


def test_monday_follows_friday_where_bars_rest():
    rested = market(140).filter(pl.col("timestamp").dt.weekday() < 6)
    found = compute_indicators(rested)
    assert found["log_return"].null_count() == 1
    close = rested["close"]
    assert found["log_return"].sum() == pytest.approx(math.log(close[-1] / close[0]))
    assert compute_indicators(rested, step=Step(DAY))["log_return"].null_count() == 1 + (len(rested) - 1) // 5


@law(7)
@given(seed=st.integers(0, 1000), start=st.integers(0, 60), length=st.integers(1, 40))
def test_missing_volume_is_missing_for_mfi_alone(seed, start, length):
    whole = market(100, seed)
    lacking = pl.int_range(pl.len()).is_between(start, start + length - 1)
    found = compute_indicators(whole.with_columns(volume=pl.when(~lacking).then("volume")))
    assert found.drop("mfi").equals(compute_indicators(whole).drop("mfi"))
    rest = whole.filter(~lacking)
    expected = compute_indicators(rest, step=Step(DAY))["mfi"]
    assert found.filter(~lacking)["mfi"].equals(expected)
    assert found.filter(lacking)["mfi"].null_count() == length


@pytest.mark.parametrize("price", [5.0, 0.1, 1.0001, 1e-9, 1e-13, 3e13])
@pytest.mark.parametrize("volume", [0.0, 1e-9, 7.0])
def test_without_movement_what_is_bounded_is_neutral(price, volume):
    still = market(60).with_columns(pl.lit(price).alias(name) for name in PRICES)
    found = compute_indicators(still.with_columns(volume=pl.lit(volume)))
    for name in BOUNDED:
        assert set(found[name].drop_nulls()) == {50.0}, name
    assert found["bb_width"].drop_nulls().abs().max() < 1e-12
    assert set(found["adx"].drop_nulls()) == {0.0}


@law(5)
@given(seed=st.integers(0, 1000), length=st.integers(20, 700))
def test_a_window_without_movement_is_neutral_whatever_was_before(seed, length):
    moving = market(40, seed)
    last, close = moving["timestamp"][-1], moving["close"][-1]
    still = market(length, seed).with_columns(
        pl.datetime_range(last + DAY, last + length * DAY, DAY, time_unit="us").alias("timestamp"),
        *(pl.lit(close).alias(name) for name in PRICES),
    )
    found = compute_indicators(pl.concat([moving, still]))[40:]
    for name, window in {"rsi": 14, "mfi": 15, "stoch_k": 16, "stoch_d": 18}.items():
        assert set(found[name][window - 1 :]) <= {50.0}, name


@pytest.mark.parametrize("factor", [1e-17, 1e-13, 1e-9, 1e9, 1e13])
def test_a_price_of_any_size_has_the_indicators_of_one_of_200(factor):
    plain = market(120, seed=3)
    scaled = plain.with_columns(pl.col(PRICES) * factor)
    before, after = compute_indicators(plain), compute_indicators(scaled)
    for name in [*BOUNDED, "adx", "bb_width", "roc_1", "roc_3", "roc_7", "log_return"]:
        found, expected = (each[name].fill_null(math.nan).to_numpy() for each in (after, before))
        assert_allclose(found, expected, rtol=1e-6, atol=1e-12, err_msg=name)


def test_a_money_flow_that_has_stopped_leaves_no_rounding():
    bars = market(80, seed=5).with_columns(pl.when(pl.int_range(pl.len()) < 50).then("volume").otherwise(0.0))
    assert set(compute_indicators(bars)["mfi"][64:]) == {50.0}


def test_times_must_be_in_order_and_on_the_grid():
    days = market(10)
    with pytest.raises(DataQualityError, match="times must be sorted"):
        compute_indicators(days.reverse())
    with pytest.raises(DataQualityError, match="times must be sorted"):
        compute_indicators(pl.concat([days, days[-1:]]))
    between = pl.lit(datetime(2019, 1, 16, 5, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    off = days.with_columns(timestamp=pl.when(pl.int_range(pl.len()) == 9).then(between).otherwise("timestamp"))
    with pytest.raises(DataQualityError, match="1 times lie between the steps of 1 day, first 2019-01-16 05:00"):
        compute_indicators(off)
    with pytest.raises(DataQualityError, match="column 'low' is missing, infinite or not positive in 1 of 10 rows"):
        compute_indicators(
            days.with_columns(pl.when(pl.int_range(pl.len()) == 2).then(0.0).otherwise("low").alias("low"))
        )
    with pytest.raises(DataQualityError, match="column 'volume' is infinite or negative in 10 of 10 rows"):
        compute_indicators(days.with_columns(volume=pl.lit(np.inf)))
    with pytest.raises(ConfigError, match="max_gap must be 0 or more"):
        compute_indicators(days, max_gap=-1)

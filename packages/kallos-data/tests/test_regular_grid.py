"""The regular grid: against a loop over its steps, by its laws, and every refusal in its words."""

import logging
import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law
from polars.testing import assert_frame_equal

from kallos_data import ConfigError, DataQualityError, MissingColumnsError, frame_frequency, regularise

START = datetime(2024, 2, 26, tzinfo=UTC)
DAY = timedelta(days=1)
MAX_GAP = 2

values = st.one_of(st.none(), st.just(math.nan), st.floats(-5, 5), st.floats(-5, 5))
rows_of_two = st.lists(st.tuples(st.integers(1, 4), values, values), min_size=1, max_size=30)


def days(*columns, at=None) -> pl.DataFrame:
    """Columns a, b, …, with rows ``at`` so many days from the start."""
    at = list(range(len(columns[0]))) if at is None else at
    named = dict(zip("abc", columns, strict=False))
    times = pl.Series("timestamp", [START + n * DAY for n in at], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame(named, schema=dict.fromkeys(named, pl.Float64)).insert_column(0, times)


def spaced(rows) -> pl.DataFrame:
    at = [sum(gap for gap, *_ in rows[: n + 1]) for n in range(len(rows))]
    return days([row[1] for row in rows], [row[2] for row in rows], at=at)


def naive(frame: pl.DataFrame, max_gap: int) -> list[dict] | None:
    """Walk over every day with each column's last value and its age; None where one that is needed is too old."""

    def is_value(value):
        return value is not None and not math.isnan(value)

    rows = {row["timestamp"]: row for row in frame.to_dicts()}
    names = [name for name in frame.columns[1:] if any(is_value(row[name]) for row in rows.values())]
    if not names:
        return None
    last, age, out, time = {}, {}, [], min(rows)
    while time <= max(rows):
        for name in names:
            value = rows.get(time, {}).get(name)
            if is_value(value):
                last[name], age[name] = value, 0
            elif name in last:
                age[name] += 1
        if len(last) == len(names):
            if max(age.values()) > max_gap:
                return None
            out.append({"timestamp": time} | {name: last[name] for name in names})
        time += DAY
    return out


@law(24)
@given(rows=rows_of_two, seed=st.randoms(use_true_random=False))
def test_is_what_a_loop_over_the_days_finds(rows, seed):
    frame = spaced(rows)
    shuffled = frame[seed.sample(range(len(frame)), len(frame))]
    expected = naive(frame, MAX_GAP)
    if expected is None:
        with pytest.raises(DataQualityError, match=r"no value for \d+ steps from 2024|no column holds any value"):
            regularise(shuffled, max_gap=MAX_GAP, frequency=DAY)
        return
    result = regularise(shuffled, max_gap=MAX_GAP, frequency=DAY)
    assert result.to_dicts() == expected
    assert_frame_equal(regularise(result, max_gap=0, frequency=DAY), result)


@given(rows=rows_of_two, later=rows_of_two)
def test_what_follows_changes_nothing_before(rows, later):
    frame = spaced([(1, 0.0, 0.0), *rows])
    expected = naive(frame, 4)
    if expected is None:
        return
    result = regularise(frame, max_gap=4, frequency=DAY)
    longer = spaced([(1, 0.0, 0.0), *rows, *later])
    if naive(longer, 4) is not None:
        assert_frame_equal(regularise(longer, max_gap=4, frequency=DAY)[: len(result)], result)


@pytest.mark.parametrize("step", [timedelta(hours=1), DAY, timedelta(weeks=1), timedelta(minutes=15)])
def test_finds_the_frequency_in_spite_of_holes(step):
    times = [START + n * step for n in range(40) if n not in (3, 4, 17)]
    frame = pl.DataFrame({"timestamp": times, "a": [1.0] * len(times)})
    assert frame_frequency(frame) == step
    result = regularise(frame)
    assert result["timestamp"].to_list() == [START + n * step for n in range(40)]


def test_the_smaller_of_equally_common_steps_is_the_frequency():
    assert frame_frequency(days([1.0, 1.0, 1.0], at=[0, 2, 3])) == DAY


@pytest.mark.parametrize("max_gap", [0, 1, 7])
def test_a_gap_of_max_gap_is_filled_and_one_more_refused(max_gap):
    hole = [None] * max_gap
    assert regularise(days([1.0, *hole, 2.0]), max_gap=max_gap)["a"].to_list() == [1.0] * (max_gap + 1) + [2.0]
    with pytest.raises(DataQualityError) as caught:
        regularise(days([1.0, *hole, None, 2.0]), max_gap=max_gap)
    assert str(caught.value) == (
        f"column 'a' has no value for {max_gap + 1} steps from 2024-02-27 00:00:00Z, and no more than {max_gap} are "
        f"filled: supply the values at their source, start on {START + (max_gap + 2) * DAY:%Y-%m-%d} or later, or "
        "raise the size of gaps that are filled"
    )


def test_a_hole_at_the_end_has_its_whole_length():
    with pytest.raises(DataQualityError, match="column 'a' has no value for 5 steps from 2024-02-28 00:00:00Z"):
        regularise(days([1.0, 1.0, *[None] * 5], [1.0] * 7), max_gap=2)


def test_missing_rows_are_refused_before_they_fill_the_memory():
    with pytest.raises(DataQualityError, match="every column has no value for 99997 steps from 2024-02-29"):
        regularise(days([1.0] * 5, at=[0, 1, 2, 100_000, 100_001]))
    microsecond = pl.Series("timestamp", [START, START + timedelta(microseconds=1), START + 9000 * DAY])
    with pytest.raises(DataQualityError, match="every column has no value for 777599999999998 steps"):
        regularise(pl.DataFrame([microsecond, pl.Series("a", [1.0, 1.0, 1.0])]))


def test_warm_up_is_cut_and_never_filled_backward(caplog):
    caplog.set_level(logging.INFO)
    frame = days([1.0, 2.0, 3.0, 4.0, 5.0], [None, None, 7.0, math.nan, 9.0], [None, 1.0, None, None, None])
    result = regularise(frame)
    assert result["timestamp"][0] == START + 2 * DAY
    assert result["b"].to_list() == [7.0, 7.0, 9.0]
    assert result["c"].to_list() == [1.0, 1.0, 1.0]  # known before the cut, and so at it
    assert "the first 2 of 5 rows are dropped, since b has no value before 2024-02-28 00:00:00Z" in caplog.text


def test_what_is_filled_is_told(caplog):
    regularise(days([1.0, 2.0, 3.0], [None, 1.0, 2.0]))
    assert "are filled" not in caplog.text
    regularise(days([1.0, 2.0, None, 4.0], [None, 1.0, 2.0, 3.0], at=[0, 1, 3, 4]))
    assert "1 of 4 steps have no bar or no target and are filled, first 2024-02-28 00:00:00Z" in caplog.text
    assert "missing values of single columns are filled as well, in so many steps: a (1)" in caplog.text


def test_a_long_hole_before_the_cut_does_not_matter():
    result = regularise(days([1.0] * 4, [None, 1.0, 1.0, 1.0], at=[0, 1000, 1001, 1002]))
    assert result["timestamp"].to_list() == [START + n * DAY for n in (1000, 1001, 1002)]


def test_columns_without_any_value_are_left_out(caplog):
    caplog.set_level(logging.INFO)
    result = regularise(days([1.0, 2.0], [None, math.nan]).with_columns(empty=pl.lit(None)))
    assert result.columns == ["timestamp", "a"]
    assert "columns without any value are left out: b, empty" in caplog.text
    with pytest.raises(DataQualityError, match="no column holds any value: 'a', 'b'"):
        regularise(days([None, None], [math.nan, None]))


def test_numbers_of_every_kind_become_floats_and_the_time_comes_first():
    frame = days([1.0, 2.0]).select(
        pl.col("a").cast(pl.Int8),
        "timestamp",
        flag=pl.Series([True, False]),
        price=pl.col("a").cast(pl.Decimal(10, 2)),
    )
    result = regularise(frame)
    assert result.schema == {"timestamp": pl.Datetime("us", "UTC"), **dict.fromkeys(("a", "flag", "price"), pl.Float64)}
    assert result.row(0) == (START, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "times",
    [
        pl.Series([date(2024, 2, 26), date(2024, 2, 27)]),
        pl.Series([START, START + DAY]).dt.replace_time_zone(None).cast(pl.Datetime("ms")),
        pl.Series([START, START + DAY]).dt.convert_time_zone("Asia/Tokyo"),
        pl.Series([START, START + DAY], dtype=pl.Datetime("ns", "UTC")),
    ],
    ids=["dates", "naive", "zone", "nanoseconds"],
)
def test_times_of_every_kind_become_utc(times):
    result = regularise(pl.DataFrame({"timestamp": times, "a": [1, 2]}))
    assert_frame_equal(result, days([1.0, 2.0]))


def test_a_summer_time_change_is_off_the_daily_grid():
    local = [datetime(2024, 3, 29, tzinfo=UTC) + n * DAY for n in range(5)]
    times = pl.Series(local).dt.replace_time_zone(None).dt.replace_time_zone("Europe/Berlin")
    with pytest.raises(DataQualityError, match="2 timestamps lie between the steps of 1 day, first 2024"):
        regularise(pl.DataFrame({"timestamp": times, "a": range(5)}))


REFUSED = {
    "twice": (
        days([1.0, 2.0, 3.0, 4.0], at=[0, 1, 1, 2]),
        "1 timestamps stand in several rows, first 2024-02-27",
    ),
    "infinite": (days([1.0, math.inf, -math.inf]), "column 'a' is infinite in 2 rows, first at 2024-02-27 00:00:00Z"),
    "stray": (
        pl.concat([days([1.0] * 9), days([1.0]).with_columns(pl.col("timestamp") + timedelta(hours=7))]),
        "1 timestamp lies between the steps of 1 day, first 2024-02-26 07:00:00Z",
    ),
    "single": (days([1.0]), "the frequency shows in 2 rows or more, not in 1: load a longer history"),
    "empty": (days([1.0])[:0], "the frame has no row: load a history"),
    "text": (days([1.0, 2.0]).with_columns(a=pl.lit("1.5")), "column 'a' holds String, not numbers"),
    "time as value": (days([1.0, 2.0]).with_columns(a="timestamp"), "column 'a' holds Datetime"),
    "number as time": (pl.DataFrame({"timestamp": [1, 2], "a": [1, 2]}), "'timestamp' holds Int64, not times"),
    "no time": (days([1.0, 2.0]).with_columns(timestamp=pl.lit(None, pl.Datetime)), "timestamp is missing in 2 rows"),
}


@pytest.mark.parametrize(("frame", "message"), REFUSED.values(), ids=REFUSED)
def test_refuses(frame, message):
    with pytest.raises(DataQualityError) as caught:
        regularise(frame)
    assert message in str(caught.value)


def test_refuses_settings_that_mean_nothing():
    with pytest.raises(ConfigError, match="max_gap must be 0 or more, not -1"):
        regularise(days([1.0, 2.0]), max_gap=-1)
    with pytest.raises(ConfigError, match="frequency must be more than 0, not 0:00:00"):
        regularise(days([1.0, 2.0]), frequency=timedelta(0))
    with pytest.raises(MissingColumnsError, match="has no column 'timestamp': it has 'a'"):
        regularise(days([1.0, 2.0]).drop("timestamp"))


def test_a_single_row_is_enough_where_the_frequency_is_named():
    assert_frame_equal(regularise(days([1.0]), frequency=DAY), days([1.0]))

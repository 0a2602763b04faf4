"""Bars of an asset lie on one grid: what is refused, what is moved, and what is not finished yet."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DataQualityError, GridSettings, Step, ingest_frame, simulate_market

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2024, 1, 1, tzinfo=UTC)
SNAP = GridSettings(snap=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'prices.db'}"


def market(n: int, step: timedelta = DAY, start: str = "2019-01-07") -> pl.DataFrame:
    return simulate_market(n, frequency=step, start=start, seed=n)


def working_days(n: int) -> pl.DataFrame:
    return market(2 * n).filter(pl.col("timestamp").dt.weekday() < 6)[:n]


def later(frame: pl.DataFrame, by: timedelta, *rows: int) -> pl.DataFrame:
    """Move some rows, or all."""
    which = pl.int_range(pl.len()).is_in(rows) if rows else pl.lit(value=True)
    return frame.with_columns(timestamp=pl.col("timestamp") + pl.when(which).then(by).otherwise(timedelta(0)))


def stored(url: str) -> list[str]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return [row[0] for row in connection.execute("SELECT timestamp FROM daily_market_data ORDER BY 1")]


@pytest.mark.parametrize(
    ("frame", "step"),
    [
        (market(30), Step.of("1d")),
        (working_days(30), Step.of("B")),
        (market(30, 4 * HOUR), Step.of("4h")),
        (market(30, timedelta(minutes=1)), Step.of("1min")),
        (market(1), None),
    ],
)
def test_the_step_is_found_and_reported(url, frame, step):
    assert ingest_frame(frame, "A", url).step == step


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (market(60, 4 * HOUR), market(10), "'A' holds bars of 4 hours; this file has daily bars"),
        (market(60), market(60, 4 * HOUR), "'A' holds daily bars; this file has bars of 4 hours"),
        (market(60, HOUR), market(60, HOUR, "2019-01-08 00:30"), "'A' holds bars that begin 30 minutes before"),
        (
            working_days(30),
            market(10),
            "'A' holds bars of working days alone; this file has one on Saturday, 2019-01-12",
        ),
        (market(60, HOUR), market(1, HOUR, "2019-01-20 00:30"), "'A' holds bars that begin"),
    ],
)
def test_bars_of_another_step_or_between_the_stored_are_refused(url, first, second, said):
    ingest_frame(first, "A", url)
    before = stored(url)
    with pytest.raises(ConfigError, match=f"^asset_id {said}.*choose another") as refused:
        ingest_frame(second, "A", url)
    assert refused.value.parameter == "asset_id"
    assert stored(url) == before
    ingest_frame(second, "B", url)


@pytest.mark.parametrize("n_rows", [1, 2, 5])
@pytest.mark.parametrize("whole", [market(80), working_days(80), market(80, 4 * HOUR)], ids=["1d", "B", "4h"])
def test_a_few_rows_more_are_taken(url, whole, n_rows):
    step = ingest_frame(whole[:60], "A", url).step
    report = ingest_frame(whole[60 : 60 + n_rows], "A", url)
    assert (report.rows_inserted, report.step) == (n_rows, step)


def test_two_bars_a_day_apart_are_taken_into_hours_with_a_warning(url, caplog):
    hours = market(60, HOUR)
    ingest_frame(hours, "A", url)
    ingest_frame(hours[::24][:2], "A", url)
    assert "no two of the 2 bars read are 1 hour apart, as the others are" in caplog.text


def test_a_working_history_may_be_made_one_of_every_day(url):
    ingest_frame(working_days(30), "A", url)
    saturday = market(6)[-1:]
    report = ingest_frame(saturday, "A", url, grid=GridSettings(frequency="1d"))
    assert (report.rows_inserted, report.step) == (1, Step.of("1d"))


def test_a_named_step_must_be_the_file_s(url):
    with pytest.raises(ConfigError, match="frequency must be the file's own: it has bars of 4 hours, not daily bars"):
        ingest_frame(market(30, 4 * HOUR), "A", url, grid=GridSettings(frequency="1d"))
    with pytest.raises(
        ConfigError, match="frequency has no bar at week-ends, and the file has 8, the first on Saturday"
    ):
        ingest_frame(market(30), "A", url, grid=GridSettings(frequency="B"))
    assert not Path(url.removeprefix("sqlite:///")).exists()
    assert ingest_frame(market(1), "A", url, grid=GridSettings(frequency="B")).step == Step.of("B")


@pytest.mark.parametrize(
    ("wrong", "parameter"), [({"frequency": "monthly"}, "frequency"), ({"max_gap": -1}, "max_gap")]
)
def test_settings_are_checked(wrong, parameter):
    with pytest.raises(ConfigError) as refused:
        GridSettings(**wrong)
    assert refused.value.parameter == parameter


def test_late_bars_are_told_and_moved_where_asked(url, caplog):
    hours = market(100, HOUR)
    late = later(hours, timedelta(seconds=14, milliseconds=789), *range(60, 100))
    with pytest.raises(
        DataQualityError, match=r"40 of 100 bars begin 14\.789 s late, the first at 2019-01-09 12:00:14\.789"
    ):
        ingest_frame(late, "A", url)
    assert not Path(url.removeprefix("sqlite:///")).exists()
    report = ingest_frame(late, "A", url, grid=SNAP)
    assert "40 of 100 bars are moved to the grid of 1 hour, by 14.789 s at most" in caplog.text
    assert (report.moved, report.last, report.last_finished) == (40, *[hours["timestamp"][-1]] * 2)
    again = ingest_frame(hours, "A", url)
    assert (again.rows_unchanged, again.indicator_rows) == (100, 0)


# Most of these happen to lie 57 min 8 s apart, and are those of the hour all the same.
@example([516 - 172 * (row % 7) for row in range(20)])
@law(7)
@given(st.lists(st.integers(-600, 600), min_size=20, max_size=60))
def test_bars_that_are_each_a_little_off_come_to_the_hour(seconds):
    from kallos_data.prices.grid import on_grid

    hours = market(len(seconds), HOUR)
    off = hours.with_columns(timestamp=pl.col("timestamp") + pl.Series([timedelta(seconds=each) for each in seconds]))
    grid = GridSettings(snap=True, keep_unfinished=True, frequency="1h")
    placed = on_grid(off, off["timestamp"][:0], grid, now=NOW, asset_id="A")
    apart = (placed.bars["timestamp"] - hours["timestamp"]).unique()
    assert len(apart) == 1, "all are moved by the same few seconds, those of most of them"


def test_bars_that_are_late_in_turn_are_those_of_the_hour(url, caplog):
    late = market(100, HOUR).with_columns(
        timestamp=pl.col("timestamp") + pl.Series([timedelta(seconds=37 * row % 53) for row in range(100)])
    )
    with pytest.raises(
        DataQualityError, match=r"snap is needed: 98 of 100 bars begin 37 s late or the like, 52 s at most"
    ):
        ingest_frame(late, "A", url)
    report = ingest_frame(late, "A", url, grid=SNAP)
    assert (report.step, report.moved) == (Step.of("1h"), 98)
    assert stored(url) == [str(time) for time in market(100, HOUR)["timestamp"]]


def test_what_has_no_place_of_its_own_is_not_moved(url):
    crowded = later(market(30, HOUR), 50 * timedelta(minutes=1), 10)
    with pytest.raises(DataQualityError, match=r"1 of 30 bars lie between the steps of 1 hour, .* not each is nearest"):
        ingest_frame(crowded, "A", url, grid=SNAP)
    half = later(market(30, HOUR), timedelta(minutes=30), *range(20, 30))
    with pytest.raises(DataQualityError, match="10 of 30 bars lie between the steps of 1 hour"):
        ingest_frame(half, "A", url, grid=SNAP)


def test_days_of_summer_time_name_the_zone(url):
    winter, summer = market(20, start="2019-03-11 23:00"), market(10, start="2019-03-31 22:00")
    with pytest.raises(DataQualityError, match=r"time_zone is needed: 10 of 30 bars begin 1 hour early .*summer time"):
        ingest_frame(pl.concat([winter, summer]), "A", url)


def test_a_last_row_of_the_moment_of_a_download_is_named_and_left_out(url, caplog):
    with_now = later(market(30), timedelta(hours=14, minutes=23, seconds=11), 29)
    with pytest.raises(
        DataQualityError, match=r"snap is needed: the last bar, 2019-02-05 14:23:11, .*moment of a download"
    ):
        ingest_frame(with_now, "A", url)
    report = ingest_frame(with_now, "A", url, grid=SNAP)
    assert (report.rows_read, report.last, report.left_out_unfinished) == (29, with_now["timestamp"][28], 1)
    assert "the last bar, 2019-02-05 14:23:11, lies between two steps and is left out" in caplog.text


@pytest.mark.parametrize("day", [1, 15, 28])
def test_bars_of_months_are_refused(url, day):
    first_days = market(400).filter(pl.col("timestamp").dt.day() == day)
    with pytest.raises(DataQualityError, match="the bars are those of months"):
        ingest_frame(first_days, "A", url)


def test_a_bar_that_is_not_finished_is_left_out_and_said(url, caplog):
    days = market(20)
    now = days["timestamp"][-1] + timedelta(hours=14)
    report = ingest_frame(days, "A", url, now=now)
    assert (report.rows_read, report.left_out_unfinished, report.last) == (19, 1, days["timestamp"][-2])
    assert "A: the bar of 2019-01-26 is not finished at 2019-01-26 14:00:00 and is left out" in caplog.text
    kept = ingest_frame(days, "A", url, now=now, grid=GridSettings(keep_unfinished=True))
    assert (kept.rows_inserted, kept.last, kept.last_finished) == (1, days["timestamp"][-1], days["timestamp"][-2])
    assert ingest_frame(days, "A", url, now=days["timestamp"][-1] + DAY).left_out_unfinished == 0


def test_bars_of_the_future_and_none_that_is_finished_are_refused(url):
    hours = market(20, HOUR)
    with pytest.raises(DataQualityError, match="time_zone may be missing or wrong: 2 of 20 bars begin in the future"):
        ingest_frame(hours, "A", url, now=hours["timestamp"][-3] + timedelta(minutes=5))
    with pytest.raises(DataQualityError, match="keep_unfinished is needed: none of the bars is finished yet"):
        ingest_frame(hours[:1], "A", url, now=hours["timestamp"][0], grid=GridSettings(frequency="1h"))


def test_days_may_be_those_of_a_place_where_it_is_tomorrow(url):
    days = market(20)
    report = ingest_frame(days, "A", url, now=days["timestamp"][-1] - timedelta(hours=10))
    assert report.left_out_unfinished == 2


def test_holes_and_jumps_are_told(url, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    days = market(60)
    wrong = days.with_columns(
        pl.when(pl.int_range(pl.len()) == 50).then(pl.col("close") * 1000).otherwise("close").alias("close")
    )
    wrong = wrong.with_columns(high=pl.max_horizontal("high", "close"))
    ingest_frame(pl.concat([wrong[:10], wrong[11:20], wrong[40:]]), "A", url)
    assert (
        "A: 21 steps are missing, in 2 holes, the longest of 20 after 2019-01-26: indicators begin anew after the 1"
        in caplog.text
    )
    assert "A: the close of 2019-02-26 00:00Z is 1.02e+03 times the one before" in caplog.text
    assert "looks like one wrong bar" in caplog.text
    caplog.clear()
    ingest_frame(days[:5], "A", url)
    assert "the close of" not in caplog.text, "only what was read is told"


def test_of_many_jumps_five_are_told(url, caplog):
    factors = pl.Series([1000.0 if row % 10 == 9 else 1.0 for row in range(100)])
    jumping = market(100).with_columns(pl.col("open", "high", "low", "close") * factors)
    ingest_frame(jumping, "A", url)
    assert caplog.text.count("times the one before") == 5
    assert "A: and 5 more jumps of the close" in caplog.text


def test_a_file_that_changes_its_step_is_warned_of(url, caplog):
    days = market(200)
    ingest_frame(pl.concat([days[:70:7], days[70:]]), "A", url)
    assert "A: 10 bars in a row, from 2019-01-14 00:00Z on, are 7 steps of 1 day apart: see that they" in caplog.text
    caplog.clear()
    ingest_frame(working_days(60), "B", url)
    assert "in a row" not in caplog.text

"""Assets listed, shown and removed: what is left is as if nothing else had ever been ingested."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from kallos_data import (
    AssetNotFoundError,
    ConfigError,
    FeatureTables,
    Hole,
    describe_asset,
    ingest_frame,
    list_assets,
    remove_asset,
    simulate_market,
)

START = datetime(2019, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'x.db'}"


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        found = [connection.execute(statement).fetchall() for statement in statements]
        connection.commit()
    return found[-1]


def contents(url: str) -> list[list[tuple[object, ...]]]:
    tables = ("daily_market_data", "daily_technical_indicators")
    return [run(url, f"SELECT * FROM {table} ORDER BY id, timestamp") for table in tables]


def test_a_list_says_what_each_history_looks_like(url):
    days, other = simulate_market(200), simulate_market(100, seed=2)
    holed = days.filter(~pl.col("timestamp").is_between(START + 20 * DAY, START + 22 * DAY))
    holed = holed.filter(~pl.col("timestamp").is_between(START + 100 * DAY, START + 119 * DAY))
    ingest_frame(holed, "holed", url)
    ingest_frame(other, "bare", url, tables=FeatureTables(indicators=None))
    run(url, "UPDATE daily_market_data SET close = close * 500 WHERE id = 'bare' AND timestamp LIKE '2019-02-11%'")
    bare, found = list_assets(url)
    assert (found.asset_id, str(found.step), found.rows, found.indicator_rows) == ("holed", "1 day", 177, 177)
    assert (found.first, found.last) == (START, START + 199 * DAY)
    assert (found.holes, found.missing, found.filled, found.off_grid, found.doubled) == (2, 23, 3, 0, 0)
    assert (bare.asset_id, bare.rows, bare.indicator_rows, bare.holes) == ("bare", 100, 0, 0)
    assert (found.outliers, bare.outliers) == (0, 1)
    assert [each.filled for each in list_assets(url, max_gap=20)] == [0, 23]
    with pytest.raises(ConfigError, match="max_gap must be 0 or more, not -1"):
        list_assets(url, max_gap=-1)


def test_working_days_have_no_holes_at_week_ends(url):
    days = simulate_market(120)
    ingest_frame(days.filter(pl.col("timestamp").dt.weekday() < 6, pl.col("timestamp") != START + DAY), "stock", url)
    (stock,) = list_assets(url)
    assert (str(stock.step), stock.holes, stock.missing) == ("1 working day", 1, 1)


def test_details_name_holes_jumps_and_columns(url):
    days = simulate_market(120)
    ingest_frame(days.filter(~pl.col("timestamp").is_between(START + 20 * DAY, START + 22 * DAY)), "A", url)
    run(
        url,
        "UPDATE daily_market_data SET close = close / 100 WHERE timestamp LIKE '2019-03-02%'",
        "ALTER TABLE daily_market_data ADD COLUMN note TEXT",
    )
    details = describe_asset(url, "A")
    assert details.holes == [Hole(START + 20 * DAY, START + 22 * DAY, 3)]
    (jump,) = details.jumps
    assert jump.returns
    assert "the close of 2019-03-02 00:00Z is 1/" in str(jump)
    assert details.columns["daily_market_data"]["close"] == 0
    assert details.columns["daily_technical_indicators"]["rsi"] == 14
    assert details.left_out["daily_market_data"] == {"note": "TEXT"}
    with pytest.raises(AssetNotFoundError, match="asset_id 'B' is not in table 'daily_market_data': it has 'A'"):
        describe_asset(url, "B")


def test_what_a_load_refuses_is_counted(url):
    run(url, "CREATE TABLE m (id INTEGER, timestamp TEXT, x REAL)")
    times = [START + n * DAY for n in range(9)]
    for time in [*times, times[4], times[2] + HOUR]:
        run(url, f"INSERT INTO m VALUES (7, '{time.isoformat()}', 1)")
    (asset,) = list_assets(url, tables=FeatureTables("m", None))
    assert (asset.asset_id, asset.rows, asset.doubled, asset.off_grid, asset.holes) == (7, 11, 1, 1, 0)
    run(url, "DELETE FROM m WHERE timestamp > '2019-01-02'")
    assert list_assets(url, tables=FeatureTables("m", None))[0].step is None
    run(url, "DELETE FROM m")
    assert list_assets(url, tables=FeatureTables("m", None)) == []


@pytest.mark.parametrize("span", [(50, 70), (0, 30), (150, 199), (60, 60), (None, 20), (180, None)])
def test_a_part_removed_leaves_what_an_ingest_of_the_rest_makes(url, tmp_path, span):
    market, other = simulate_market(200), simulate_market(90, seed=5)
    for asset, frame in (("A", market), ("B", other)):
        ingest_frame(frame, asset, url)
    first, last = (None if n is None else START + n * DAY for n in span)
    gone = pl.col("timestamp").is_between(first or START, last or START + 500 * DAY)
    rest = f"sqlite:///{tmp_path / 'rest.db'}"
    for asset, frame in (("A", market.filter(~gone)), ("B", other)):
        ingest_frame(frame, asset, rest)
    before = contents(url)
    n_gone = len(market.filter(gone))
    planned = remove_asset(url, "A", from_date=first, to_date=last, dry_run=True)
    assert (planned.rows, planned.indicator_rows, planned.rows_left) == (n_gone, n_gone, 200 - n_gone)
    assert contents(url) == before
    done = remove_asset(url, "A", from_date=first, to_date=last)
    assert (done.rows, done.indicator_rows, done.rows_left) == (n_gone, n_gone, 200 - n_gone)
    assert contents(url) == contents(rest)
    assert (done.recomputed == 0) == (
        first is not None and (last or market["timestamp"][-1]) >= market["timestamp"][-1]
    )


def test_a_whole_asset_goes_without_a_trace(url, tmp_path):
    for asset, seed in (("A", 1), ("B", 2)):
        ingest_frame(simulate_market(60, seed=seed), asset, url)
    ingest_frame(simulate_market(60, seed=2), "B", f"sqlite:///{tmp_path / 'b.db'}")
    done = remove_asset(url, "A")
    assert (done.rows, done.indicator_rows, done.rows_left, done.recomputed) == (60, 60, 0, 0)
    assert contents(url) == contents(f"sqlite:///{tmp_path / 'b.db'}")
    with pytest.raises(AssetNotFoundError, match=r"'A' is not in table .*: it has 'B'"):
        remove_asset(url, "A")


def test_indicators_without_prices_can_be_removed_too(url):
    ingest_frame(simulate_market(60), "A", url)
    run(url, "UPDATE daily_technical_indicators SET id = 'lost'")
    done = remove_asset(url, "lost")
    assert (done.rows, done.indicator_rows) == (0, 60)


def test_nothing_is_removed_through_a_view(url):
    ingest_frame(simulate_market(60), "A", url)
    run(url, "CREATE VIEW v AS SELECT * FROM daily_market_data")
    with pytest.raises(ConfigError, match="market 'v' is a view: name the table that it reads"):
        remove_asset(url, "A", tables=FeatureTables(market="v"))
    assert list_assets(url, tables=FeatureTables(market="v"))[0].rows == 60


def test_a_removal_that_fails_removes_nothing(url):
    ingest_frame(simulate_market(60), "A", url)
    run(
        url,
        "CREATE TRIGGER no_deletion BEFORE DELETE ON daily_technical_indicators "
        "BEGIN SELECT raise(ABORT, 'kept by law'); END",
    )
    before = contents(url)
    with pytest.raises(ConnectionError, match="kept by law"):
        remove_asset(url, "A")
    assert contents(url) == before


def test_dates_of_a_removal(url):
    ingest_frame(simulate_market(60), "A", url)
    with pytest.raises(ConfigError, match="from_date must not lie after 2019-01-01, as 2019-02-01 does"):
        remove_asset(url, "A", from_date="2019-02-01", to_date="2019-01-01")
    with pytest.raises(ConfigError, match="to_date must be a date"):
        remove_asset(url, "A", to_date="soon")
    assert remove_asset(url, "A", from_date="2019-01-02", to_date="2019-01-02").rows == 1

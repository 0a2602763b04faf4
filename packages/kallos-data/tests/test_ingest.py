"""Ingest into SQLite: any parts give the whole, and nothing is doubled or half written."""

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law
from polars.testing import assert_frame_equal

from kallos_data import (
    ConfigError,
    DatabaseError,
    DataQualityError,
    FeatureTables,
    MissingColumnsError,
    compute_indicators,
    ingest_file,
    ingest_frame,
    load_features_from_db,
    simulate_market,
)

KEY = "PRIMARY KEY (id, timestamp)"
BARS = "open real, high real, low real, close real, volume real"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.db"


def url(file: Path) -> str:
    return f"sqlite:///{file}"


def query(file: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql).fetchall()


def tables(file: Path) -> tuple[list[tuple], list[tuple]]:
    return tuple(
        query(file, f"SELECT * FROM {name} ORDER BY id, timestamp")
        for name in ("daily_market_data", "daily_technical_indicators")
    )


@law(5)
@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 80), st.integers(1, 80)), max_size=4), st.booleans())
def test_any_parts_in_any_order_give_the_tables_of_the_whole(seed, parts, newest_first):
    market = simulate_market(80, seed=seed)
    chunks = [market[start : start + length] for start, length in parts if start < 80]
    covered = pl.concat(chunks).unique("timestamp") if chunks else market[:0]
    chunks += [market.join(covered, on="timestamp", how="anti")]
    with TemporaryDirectory() as folder:
        whole, pieces = Path(folder, "whole.db"), Path(folder, "pieces.db")
        ingest_frame(market, "A", url(whole))
        for chunk in reversed(chunks) if newest_first else chunks:
            if len(chunk):
                ingest_frame(chunk, "A", url(pieces))
        assert tables(pieces) == tables(whole)


def test_what_is_stored_is_the_market_and_its_indicators(file):
    market = simulate_market(100)
    report = ingest_frame(market, "A", url(file))
    assert (report.rows_read, report.rows_inserted, report.history_rows, report.indicator_rows) == (100, 100, 100, 100)
    assert (report.first, report.last) == (market["timestamp"][0], market["timestamp"][-1])
    loaded = load_features_from_db("A", "2019-04-10", url(file))
    expected = market.join(compute_indicators(market), on="timestamp").drop_nulls()
    assert_frame_equal(loaded, expected, check_column_order=False, check_exact=True)


def test_the_same_and_a_longer_file_update_and_never_double(file, tmp_path):
    market, path = simulate_market(60), tmp_path / "prices.csv"
    for n_rows, expected in ((40, (40, 0, 0)), (40, (0, 0, 40)), (60, (20, 0, 40))):
        market[:n_rows].write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        report = ingest_file(path, "A", url(file))
        assert (report.rows_inserted, report.rows_updated, report.rows_unchanged) == expected
    corrected = market[-1:].with_columns(pl.col("close") * 1.0001)
    report = ingest_frame(corrected, "A", url(file))
    assert (report.rows_inserted, report.rows_updated, report.rows_unchanged) == (0, 1, 0)
    assert (report.history_rows, report.indicator_rows) == (60, 1)
    assert query(file, "SELECT count(*), count(DISTINCT timestamp) FROM daily_market_data") == [(60, 60)]


def test_assets_do_not_touch_each_other(file):
    ingest_frame(simulate_market(50, seed=1), "A", url(file))
    before = tables(file)
    ingest_frame(simulate_market(70, seed=2), "B", url(file))
    for all_rows, rows_of_a in zip(tables(file), before, strict=True):
        assert [row for row in all_rows if row[0] == "A"] == rows_of_a


def test_columns_that_a_frame_lacks_stay_as_they_are(file):
    market = simulate_market(5)
    ingest_frame(market.with_columns(trades=pl.lit(7)), "A", url(file))
    assert ingest_frame(market, "A", url(file)).rows_unchanged == 5
    assert query(file, "SELECT DISTINCT trades FROM daily_market_data") == [(7.0,)]


def test_texts_sort_as_their_times(file):
    market = simulate_market(30, frequency=timedelta(milliseconds=250))
    ingest_frame(market, "A", url(file))
    stored = [row[0] for row in query(file, "SELECT timestamp FROM daily_market_data ORDER BY timestamp")]
    assert stored[:2] == ["2019-01-01 00:00:00+00:00", "2019-01-01 00:00:00.250000+00:00"]
    assert stored == [time.isoformat(" ") for time in market["timestamp"]]


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("%Y-%m-%d", "text"),
        ("%Y-%m-%dT%H:%M:%SZ", "text"),
        ("%Y-%m-%d %H:%M:%S", "datetime"),
        ("%Y-%m-%d %H:%M:%S+00:00", "text"),
        ("%s", "integer"),
        ("%s000", "bigint"),
        ("%s000000", "bigint"),
        ("%s000000000", "bigint"),
    ],
)
def test_a_table_of_ones_own_keeps_its_way_of_writing_times(file, written, kind):
    query(file, f"CREATE TABLE prices (id integer, timestamp {kind}, {BARS}, {KEY})")
    market = simulate_market(60)
    with closing(sqlite3.connect(file)) as connection, connection:
        for time, *bar in market[:40].rows():
            text = str(int(time.timestamp())) + written[2:] if written.startswith("%s") else time.strftime(written)
            connection.execute("INSERT INTO prices VALUES (7, ?, ?, ?, ?, ?, ?)", (text, *bar))
    report = ingest_frame(market, 7, url(file), tables=FeatureTables(market="prices", indicators="signs"))
    assert (report.rows_inserted, report.rows_unchanged, report.history_rows) == (20, 40, 60)
    lengths = query(file, "SELECT DISTINCT length(timestamp), typeof(timestamp) FROM prices")
    assert len(lengths) == 1
    assert query(file, "SELECT count(*) FROM signs") == [(60,)]


def test_times_written_in_several_ways_are_the_same_rows(file):
    query(file, f"CREATE TABLE daily_market_data (id text, timestamp text, {BARS}, {KEY})")
    mixed = ["2019-01-01", "2019-01-02T00:00:00Z", "2019-01-03 01:00:00+01:00", "2019-01-04 00:00"]
    for text in mixed:
        query(file, f"INSERT INTO daily_market_data VALUES ('A', '{text}', 1, 1, 1, 1, 1)")
    report = ingest_frame(simulate_market(5), "A", url(file))
    assert (report.rows_inserted, report.rows_updated, report.history_rows) == (1, 4, 5)
    stored = query(file, "SELECT timestamp FROM daily_market_data ORDER BY timestamp")
    assert [row[0] for row in stored] == [*mixed, "2019-01-05"]


def test_a_table_of_ones_own_may_have_fewer_and_other_columns(file, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    query(file, f"CREATE TABLE daily_market_data (id text, timestamp text, note text, trades integer, {BARS}, {KEY})")
    query(file, f"CREATE TABLE daily_technical_indicators (id text, timestamp text, rsi real, {KEY})")
    market = simulate_market(30).with_columns(trades=pl.int_range(pl.len()), quote_volume=pl.lit(1.0))
    ingest_frame(market, "A", url(file))
    assert ingest_frame(market, "A", url(file)).rows_unchanged == 30
    assert "columns that table daily_market_data lacks are left out: quote_asset_volume" in caplog.text
    assert "columns that table daily_technical_indicators lacks are left out: mfi, macd" in caplog.text
    assert query(file, "SELECT count(rsi) FROM daily_technical_indicators") == [(16,)]
    assert query(file, "SELECT sum(trades), count(note) FROM daily_market_data") == [(sum(range(30)), 0)]


def test_stored_rows_without_prices_get_no_indicators(file, caplog):
    query(file, f"CREATE TABLE daily_market_data (id text, timestamp text, {BARS}, {KEY})")
    query(file, "INSERT INTO daily_market_data VALUES ('A', '2018-12-31 00:00:00+00:00', 1, 1, 1, NULL, 1)")
    report = ingest_frame(simulate_market(20), "A", url(file))
    assert (report.history_rows, report.indicator_rows) == (21, 20)
    assert "1 rows of table daily_market_data lack a price and get no indicators" in caplog.text


def test_without_a_table_of_indicators_none_are_computed(file):
    report = ingest_frame(simulate_market(20), "A", url(file), tables=FeatureTables(indicators=None))
    assert report.indicator_rows == 0
    assert query(file, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("daily_market_data",)]


def test_odd_names_are_only_names(file):
    odd = FeatureTables(market='pri"ces; --', indicators="si'gns %s", id_column="as set", timestamp_column="wh:en")
    asset = "A'; DROP TABLE x; --"
    ingest_frame(simulate_market(60), asset, url(file), tables=odd)
    assert ingest_frame(simulate_market(60), asset, url(file), tables=odd).rows_unchanged == 60
    assert len(load_features_from_db(asset, "2019-03-01", url(file), tables=odd)) == 11


def test_a_failure_leaves_nothing(file):
    query(file, f"CREATE TABLE daily_technical_indicators (id text, timestamp text, rsi real CHECK (rsi < 0), {KEY})")
    with pytest.raises(DatabaseError, match="CHECK constraint failed"):
        ingest_frame(simulate_market(30), "A", url(file))
    assert query(file, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("daily_technical_indicators",)]
    assert query(file, "SELECT count(*) FROM daily_technical_indicators") == [(0,)]


def test_tables_that_cannot_be_used_say_why(file):
    market = simulate_market(3)
    query(file, f"CREATE TABLE keyless (id text, timestamp text, {BARS})")
    with pytest.raises(ConfigError, match=r"market 'keyless' has no primary key or unique index over \('id', 'timest"):
        ingest_frame(market, "A", url(file), tables=FeatureTables(market="keyless"))
    query(file, "CREATE UNIQUE INDEX key ON keyless (timestamp, id)")
    assert ingest_frame(market, "A", url(file), tables=FeatureTables(market="keyless")).rows_inserted == 3
    query(file, f"CREATE TABLE closes (id text, timestamp text, close real, {KEY})")
    with pytest.raises(MissingColumnsError, match="table 'closes' has no column 'open', 'high', 'low', 'volume': it"):
        ingest_frame(market, "A", url(file), tables=FeatureTables(market="closes"))
    query(file, f"CREATE TABLE numbered (id integer, timestamp text, {BARS}, {KEY})")
    with pytest.raises(ConfigError, match="asset_id must be a whole number, as the ids of table 'numbered' are"):
        ingest_frame(market, "A", url(file), tables=FeatureTables(market="numbered"))
    query(file, f"CREATE TABLE words (id text, timestamp text, {BARS}, {KEY})")
    query(file, "INSERT INTO words VALUES ('A', '2018-01-01', 'dear', 1, 1, 1, 1)")
    with pytest.raises(DataQualityError, match="table 'words' holds values that are not numbers"):
        ingest_frame(market, "A", url(file), tables=FeatureTables(market="words"))
    with pytest.raises(ConfigError, match="asset_id must name an asset, not be empty"):
        ingest_frame(market, " ", url(file))
    with pytest.raises(ConfigError, match="schema 'x' needs PostgreSQL"):
        ingest_frame(market, "A", url(file), tables=FeatureTables(schema="x"))


def test_a_frame_that_cannot_be_used_makes_no_file(file):
    with pytest.raises(DataQualityError, match=r"the frame, row 1: close -1\.0 is not positive"):
        ingest_frame(simulate_market(3).with_columns(close=pl.lit(-1.0)), "A", url(file))
    assert not file.exists()


def test_a_column_of_texts_is_named_with_its_type(file):
    query(file, f"CREATE TABLE daily_market_data (id, timestamp text, {BARS.replace('low real', 'low TEXT')}, {KEY})")
    with pytest.raises(DataQualityError, match="has the column 'low' as TEXT, which keeps numbers as texts"):
        ingest_frame(simulate_market(5), "BTC", url(file))
    assert query(file, "SELECT * FROM daily_market_data") == []


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["2023-01-01", None], "holds rows of 'BTC' without a time (1 of 2): remove them"),
        (
            ["2023-01-01T00:00:00Z", "2023-01-01 00:00:00"],
            "holds 1 times of 'BTC' twice, written in two ways, the first 2023-01-01 00:00:00 (UTC): remove one",
        ),
    ],
)
def test_stored_times_that_are_missing_or_there_twice_are_named(file, times, message):
    query(file, f"CREATE TABLE daily_market_data (id text, timestamp text, {BARS}, {KEY})")
    for time in times:
        written = "NULL" if time is None else f"'{time}'"
        query(file, f"INSERT INTO daily_market_data VALUES ('BTC', {written}, 1, 1, 1, 1, 1)")
    with pytest.raises(DataQualityError, match=re.escape(message)):
        ingest_frame(simulate_market(5), "BTC", url(file))


@pytest.mark.parametrize("asset", ["1_0", "1.0", "٣", "1e1"])
def test_an_id_is_a_number_only_where_it_is_written_as_one(file, asset):
    query(file, f"CREATE TABLE daily_market_data (id integer, timestamp text, {BARS}, {KEY})")
    with pytest.raises(ConfigError, match="asset_id must be a whole number, as the ids of table"):
        ingest_frame(simulate_market(5), asset, url(file))

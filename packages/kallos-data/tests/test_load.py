"""Reading an asset's history from SQLite, in all the ways that a file may hold it."""

import logging
import math
import sqlite3
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from law_sizes import law
from polars.testing import assert_frame_equal

from kallos_data import (
    AssetNotFoundError,
    ConfigError,
    DataQualityError,
    FeatureTables,
    InsufficientDataError,
    MissingColumnsError,
    calculate_dynamic_wf_kwargs,
    frame_frequency,
    get_walk_forward_splits,
    load_features_from_db,
)

START = datetime(2023, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MARKET = FeatureTables(market="m", indicators=None)
BOTH = FeatureTables(market="m", indicators="i")


class File:
    """A SQLite file to write into with plain SQL."""

    def __init__(self, path) -> None:
        self.url = f"sqlite:///{path}"
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")

    def table(self, name, columns, rows) -> None:
        self.connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        self.connection.execute(f'CREATE TABLE "{name}" ({columns})')
        self.insert(name, rows)

    def insert(self, name, rows) -> None:
        rows = list(rows)
        marks = ", ".join("?" * len(rows[0])) if rows else ""
        if rows:
            self.connection.execute("BEGIN")
            self.connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
            self.connection.execute("COMMIT")

    def load(self, asset_id="A", end_date="2023-12-31", *, tables=MARKET, **kwargs) -> pl.DataFrame:
        return load_features_from_db(asset_id, end_date, self.url, tables=tables, **kwargs)


@pytest.fixture
def file(tmp_path):
    opened = File(tmp_path / "market.db")
    yield opened
    opened.connection.close()


def day(n: int) -> str:
    return (START + n * DAY).date().isoformat()


def plain(file, values=(1.0, 2.0, 3.0, 4.0, 5.0)) -> None:
    file.table("m", "id TEXT, timestamp TEXT, x REAL", [("A", day(n), x) for n, x in enumerate(values)])


def test_both_tables_are_joined_on_the_moment_however_each_writes_it(file):
    file.table("m", "id TEXT, timestamp TEXT, x REAL", [("A", f"{day(n)}T00:00:00Z", n) for n in range(3)])
    times = pl.Series([START + n * DAY for n in range(3)], dtype=pl.Datetime("us", "UTC"))
    expected = pl.DataFrame({"timestamp": times, "x": [0.0, 1.0, 2.0], "y": [5.0, 6.0, 7.0]})
    for columns, stored in (
        ("id TEXT, timestamp TEXT, y REAL", [day(n) for n in range(3)]),
        ("id TEXT, timestamp TIMESTAMP, y REAL", [f"{day(n)} 00:00:00.000" for n in range(3)]),
        ("id TEXT, timestamp INTEGER, y REAL", [int((START + n * DAY).timestamp()) for n in range(3)]),
        ("id TEXT, timestamp INTEGER, y REAL", [int((START + n * DAY).timestamp()) * 1000 for n in range(3)]),
    ):
        file.table("i", columns, [("A", at, n + 5.0) for n, at in enumerate(stored)] + [("B", stored[0], 9.0)])
        assert_frame_equal(file.load(tables=BOTH), expected)


SPELLINGS = {
    "date": lambda at: at.date().isoformat(),
    "blank": lambda at: at.strftime("%Y-%m-%d %H:%M:%S"),
    "T": lambda at: at.strftime("%Y-%m-%dT%H:%M"),
    "Z": lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "fraction": lambda at: at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    "east": lambda at: (at + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S+09:00"),
    "west": lambda at: (at - timedelta(hours=11)).strftime("%Y-%m-%d %H:%M:%S-11:00"),
    "compact": lambda at: at.strftime("%Y%m%d"),
    "seconds": lambda at: int(at.timestamp()),
    "float": lambda at: at.timestamp(),
    "milliseconds": lambda at: int(at.timestamp() * 1e3),
    "microseconds": lambda at: int(at.timestamp() * 1e6),
    "nanoseconds": lambda at: int(at.timestamp()) * 10**9,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("declared", ["TEXT", "INTEGER", "TIMESTAMP", ""])
def test_every_spelling_of_time_is_cut_at_both_ends(file, spelling, declared):
    if declared == "TEXT" and not isinstance(SPELLINGS[spelling](START), str):
        return  # SQLite would make texts of the numbers
    if spelling == "compact" and declared in ("INTEGER", "TIMESTAMP"):
        return  # and numbers of these texts
    rows = [("A", SPELLINGS[spelling](START + n * DAY), n) for n in range(-2, 12)]
    file.table("m", f"id TEXT, timestamp {declared}, x REAL", rows)
    frame = file.load(start_date="2023-01-02", end_date="2023-01-08")
    assert frame["timestamp"].to_list() == [START + n * DAY for n in range(1, 8)]
    assert frame["x"].to_list() == [*range(1, 8)]


@law(7, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n_rows=st.integers(3, 15),
    cut=st.integers(0, 14),
    names=st.lists(st.sampled_from(sorted(SPELLINGS)[:9]), min_size=1),
    data=st.data(),
)
def test_mixed_texts_and_the_law_of_no_look_ahead(file, n_rows, cut, names, data):
    texts = [name for name in names if isinstance(SPELLINGS[name](START), str)] or ["date"]
    cut = min(max(cut, 1), n_rows - 1)
    rows = [("A", SPELLINGS[texts[n % len(texts)]](START + n * DAY), float(n)) for n in range(n_rows)]
    file.table("m", "id TEXT, timestamp TEXT, x REAL", rows[: cut + 1])
    before = file.load(end_date=day(cut))
    assert before["x"].to_list() == [float(n) for n in range(cut + 1)]

    anything = st.one_of(st.floats(allow_nan=False), st.none(), st.text(max_size=3))
    later = [(asset, at, data.draw(anything)) for asset, at, _ in rows[cut + 1 :]]
    twice = [*later, *later, ("A", "2031-05-05T07:00", 1.0)]
    file.insert("m", twice)
    assert_frame_equal(file.load(end_date=day(cut)), before)


@pytest.mark.parametrize(
    ("end", "n_rows"),
    [
        ("2023-01-03", 3), (date(2023, 1, 3), 3), ("2023-01-03T00:00", 3), ("2023-01-02T23:59:59", 2),
        (START + 2 * DAY, 3), (START.replace(day=3, tzinfo=None), 3),
        ("2023-01-03T05:00+09:00", 2), ("2023-01-02T19:00-05:00", 3),
        ("9999-12-31", 5),
    ],
)  # fmt: skip
def test_the_end_is_inclusive(file, end, n_rows):
    plain(file)
    assert len(file.load(end_date=end)) == n_rows


def test_the_start_is_inclusive_and_may_lie_anywhere(file):
    plain(file)
    assert file.load(start_date=date(2023, 1, 4))["x"].to_list() == [4.0, 5.0]
    assert len(file.load(start_date="0001-01-01")) == 5
    with pytest.raises(ConfigError, match="start_date must not lie after the end date 2023-01-01, as 2023-02-01 does"):
        file.load(start_date="2023-02-01", end_date="2023-01-01")


@pytest.mark.parametrize("asset", ["A", "it's", 'qu"ote', "a;b--", "%s", ":x", "BTC/USD", "ünï", "1"])
def test_ids_are_values_whatever_they_hold(file, asset):
    file.table(
        "m", "id TEXT, timestamp TEXT, x REAL", [(asset, day(0), 1.0), (asset, day(1), 2.0), ("other", day(0), 9.0)]
    )
    assert file.load(asset)["x"].to_list() == [1.0, 2.0]


@pytest.mark.parametrize("declared", ["INTEGER", "BIGINT", "TEXT", ""])
@pytest.mark.parametrize("asset", [7, "7"])
def test_whole_numbers_are_ids_too(file, declared, asset):
    file.table("m", f"id {declared}, timestamp TEXT, x REAL", [(7, day(0), 1.0), (7, day(1), 2.0), (8, day(0), 9.0)])
    assert file.load(asset)["x"].to_list() == [1.0, 2.0]


@pytest.mark.parametrize("asset", ["BTC", "7.0", "7_0", "9" * 30, "-1", "", "a\0b"])
def test_what_is_no_id_of_the_column_is_unknown(file, asset):
    file.table("m", "id INTEGER, timestamp TEXT, x REAL", [(7, day(0), 1.0), (70, day(0), 1.0)])
    with pytest.raises(AssetNotFoundError) as caught:
        file.load(asset)
    assert caught.value.known == ["7", "70"]
    assert str(caught.value).startswith(f"asset_id {asset!r} is not in table 'm': ")


def test_an_unknown_asset_names_the_nearest(file):
    rows = [(asset, day(0), 1.0) for asset in ("BTCUSDT", "ETHUSDT", "DOGE", None)]
    file.table("m", "id TEXT, timestamp TEXT, x REAL", rows)
    with pytest.raises(
        AssetNotFoundError, match=r"^asset_id 'btcusd' is not in table 'm': did you mean 'BTCUSDT' or 'ETHUSDT'\?$"
    ):
        file.load("btcusd")
    with pytest.raises(AssetNotFoundError, match=r"'zzz' is not in table 'm': it has 'BTCUSDT', 'DOGE', 'ETHUSDT'$"):
        file.load("zzz")
    file.table("m", "id TEXT, timestamp TEXT, x REAL", [])
    with pytest.raises(AssetNotFoundError, match="'A' is not in table 'm': the table is empty"):
        file.load("A")


def test_an_asset_outside_the_range_says_when_it_was(file):
    plain(file)
    with pytest.raises(InsufficientDataError) as caught:
        file.load(end_date="2022-12-31")
    assert str(caught.value) == (
        "the history of 'A' from the beginning to 2022-12-31 has no rows: "
        "table 'm' holds 2023-01-01 00:00 to 2023-01-05 00:00 (UTC), choose dates in that range"
    )


def test_data_that_end_early_are_warned_of_and_those_that_do_not_are_not(file, caplog):
    plain(file)
    file.load(end_date="2023-01-05")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    file.load(end_date="2023-01-06")
    assert "A: the data end at 2023-01-05, before the end date 2023-01-06" in caplog.text


def test_columns_that_are_no_numbers_are_left_out_by_name(file, caplog):
    caplog.set_level(logging.INFO)
    columns = "id TEXT, timestamp TEXT, x REAL, note TEXT, seen DATETIME, flag BOOLEAN, n BIGINT, p DECIMAL(9, 2)"
    file.table("m", columns, [("A", day(n), 1.5, "a", "b", True, 3, 9.25) for n in range(2)])
    assert file.load().row(0)[1:] == (1.5, 1.0, 3.0, 9.25)
    assert "columns of m that hold no numbers are left out: note (TEXT), seen (DATETIME)" in caplog.text
    assert file.load().columns == ["timestamp", "x", "flag", "n", "p"]


@pytest.mark.parametrize("declared", ["REAL", "INTEGER", "DECIMAL", ""])
@pytest.mark.parametrize("value", ["n/a", "", "1,5", b"\x01"])
def test_text_among_numbers_is_refused_and_never_zero(file, declared, value):
    rows = [("A", day(0), 1.0), ("A", day(1), value), ("A", day(2), 2.0)]
    file.table("m", f"id TEXT, timestamp TEXT, x {declared}", rows)
    with pytest.raises(DataQualityError) as caught:
        file.load()
    assert str(caught.value) == (
        f"column 'x' of 'm' holds {value!r} at 2023-01-02, which is not a number: correct it at its source"
    )
    assert file.load(end_date="2023-01-01", frequency=DAY)["x"].to_list() == [1.0]


def test_numbers_written_as_text_are_refused_too(file):
    file.table("m", "id TEXT, timestamp TEXT, x", [("A", day(0), "1.5"), ("A", day(1), "2.5")])
    with pytest.raises(DataQualityError, match=r"column 'x' of 'm' holds '1\.5' at 2023-01-01"):
        file.load()


def test_infinity_is_refused_and_nan_is_missing(file):
    plain(file, [1.0, math.nan, 3.0])
    assert file.load()["x"].to_list() == [1.0, 1.0, 3.0]
    plain(file, [1.0, math.inf, 3.0])
    with pytest.raises(DataQualityError, match="column 'x' is infinite in 1 rows, first at 2023-01-02"):
        file.load()


def test_a_view_stands_in_for_a_table(file):
    plain(file)
    file.connection.execute(
        'CREATE VIEW "odd view" AS SELECT 1 AS "the id", timestamp AS at, x * 2 AS "a b", -x AS timestamp FROM m'
    )
    tables = FeatureTables(market="odd view", indicators=None, id_column="the id", timestamp_column="at")
    frame = file.load(1, tables=tables)
    assert frame.columns == ["timestamp", "a b"]
    assert frame["a b"].to_list() == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert_frame_equal(file.load("1", tables=tables), frame)


def test_of_a_column_in_both_tables_the_market_is_believed(file, caplog):
    caplog.set_level(logging.INFO)
    plain(file)
    file.table("i", "id TEXT, timestamp TEXT, x REAL, y REAL", [("A", day(n), -1.0, 4.0) for n in range(5)])
    frame = file.load(tables=BOTH)
    assert frame["x"].to_list() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert frame.columns == ["timestamp", "x", "y"]
    assert "columns of both tables are taken from m: x" in caplog.text


def test_rows_of_the_indicators_alone_are_not_used(file):
    plain(file)
    file.table("i", "id TEXT, timestamp TEXT, y REAL", [("A", day(n), float(n)) for n in range(-3, 9)])
    frame = file.load(tables=BOTH)
    assert frame["timestamp"].to_list() == [START + n * DAY for n in range(5)]
    assert frame["y"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_rows_doubled_by_a_join_are_refused(file):
    plain(file)
    file.table("i", "id TEXT, timestamp TEXT, y REAL", [("A", day(n), 1.0) for n in (0, 1, 1, 2, 3, 4)])
    with pytest.raises(DataQualityError, match="1 timestamps stand in several rows, first 2023-01-02"):
        file.load(tables=BOTH)


@pytest.mark.parametrize("rows", [[(1_672_531_200,), ("2023-01-02",)], [(1_672_531_200,), (1_672_617_600_000,)]])
def test_times_stored_in_several_ways_are_refused(file, rows):
    file.table("m", "id TEXT, timestamp, x REAL", [("A", *row, 1.0) for row in rows])
    with pytest.raises(DataQualityError, match=r"times of table 'm' are stored in several ways, as .*: choose one"):
        file.load(end_date="2023-01-02")
    assert len(file.load(end_date="2023-01-01", frequency=DAY)) == 1


@pytest.mark.parametrize("stored", ["n/a", "01/02/2023", "1672531200"])
def test_a_timestamp_column_without_times_is_refused(file, stored):
    file.table("m", "id TEXT, timestamp TEXT, x REAL", [("A", day(0), 1.0), ("A", stored, 1.0)])
    with pytest.raises(DataQualityError, match=f"a stored time cannot be read: must be a date as .*, not '{stored}'"):
        file.load(start_date="2023-01-01")


def test_tables_and_columns_that_do_not_exist_are_named(file):
    plain(file)
    with pytest.raises(
        ConfigError, match="market 'daily_market_data' is not a table or view of the database: it has 'm'"
    ):
        file.load(tables=FeatureTables())
    with pytest.raises(MissingColumnsError, match="timestamp_column names 'when', but table 'm' has no such column"):
        file.load(tables=FeatureTables(market="m", indicators=None, timestamp_column="when"))
    with pytest.raises(ConfigError, match="schema 's' needs PostgreSQL: SQLite has no schemas, leave it out"):
        file.load(tables=FeatureTables(market="m", indicators=None, schema="s"))
    file.table("m", "id TEXT, timestamp TEXT, note TEXT", [("A", day(0), "x")])
    with pytest.raises(ConfigError, match="market must have a column of numbers beside the keys, and 'm' has none"):
        file.load()
    file.connection.execute("DROP TABLE m")
    with pytest.raises(ConfigError, match="'m' is not a table or view of the database: it has none, ingest data first"):
        file.load()


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(weeks=1)])
def test_other_frequencies(file, step):
    rows = [("A", (START + n * step).isoformat(), n) for n in range(30) if n not in (11, 12)]
    file.table("m", "id TEXT, timestamp TEXT, x REAL", rows)
    frame = file.load(end_date=START + 20 * step)
    assert frame["timestamp"].to_list() == [START + n * step for n in range(21)]
    assert frame["x"].to_list() == [*range(11), 10, 10, *range(13, 21)]


@pytest.mark.parametrize("stored", ["text", "seconds", "naive"])
def test_hourly_prices_from_file_to_folds(file, stored):
    """Hours of two weeks with a short gap: the end is one hour, the grid is hourly, and windows count hours."""
    hours = [START + timedelta(hours=n) for n in range(14 * 24) if n not in (100, 101)]
    spelt = {"text": datetime.isoformat, "seconds": lambda at: int(at.timestamp()), "naive": lambda at: f"{at:%F %T}"}
    kind = "INTEGER" if stored == "seconds" else "TEXT"
    rows = [("A", spelt[stored](at), float(n)) for n, at in enumerate(hours)]
    file.table("m", f"id TEXT, timestamp {kind}, x REAL", rows)
    frame = file.load(start_date="2023-01-02T05:00", end_date="2023-01-12T07:30+01:00")
    assert frame["timestamp"].to_list() == [START + timedelta(hours=n) for n in range(29, 11 * 24 + 7)]
    assert frame_frequency(frame) == timedelta(hours=1)
    by_time = dict(frame.iter_rows())
    assert [by_time[START + timedelta(hours=n)] for n in (99, 100, 101, 102)] == [99.0, 99.0, 99.0, 100.0]
    whole_day = file.load(end_date="2023-01-03")
    assert whole_day["timestamp"][-1] == datetime(2023, 1, 3, 23, tzinfo=UTC)
    windows = calculate_dynamic_wf_kwargs(frame, target_folds=3, min_train_length=48, min_val_length=24, purge=24)
    for train, val in get_walk_forward_splits(frame, **windows):
        assert val["timestamp"][0] - train["timestamp"][-1] == timedelta(hours=25)
        assert len(train) >= 48
    with pytest.raises(DataQualityError, match="no value for 2 steps from 2023-01-05 04:00:00Z, and no more than 1"):
        file.load(max_gap=1)


def test_the_number_of_statements_does_not_depend_on_that_of_rows(file):
    names = [f"c{n}" for n in range(40)]
    columns = f"id TEXT, timestamp TEXT, {', '.join(f'{name} REAL' for name in names)}, PRIMARY KEY (id, timestamp)"
    hours = [(START + timedelta(hours=n)).strftime("%Y-%m-%d %H:%M:%S") for n in range(3000)]
    file.table("m", columns, [("A", at, *map(float, range(40))) for at in hours])
    statements: list[str] = []

    def see(_connection, _cursor, statement, *_) -> None:
        statements.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", see)
    try:
        assert file.load(end_date="2023-01-01T09:00").shape == (10, 41)
        few = len(statements)
        assert file.load(end_date="2050-01-01").shape == (3000, 41)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", see)
    assert len(statements) == 2 * few


@pytest.mark.parametrize(
    ("first", "step", "meaning"),
    [
        (44197, 1, "Excel's serial days"),
        (2459215.5, 1, "Julian days"),
        (738157, 1, "MATLAB's day numbers"),
        (18628, 1, "a count of days or the like"),
        (637450560000000000, 864000000000, ".NET ticks"),
        (20230101, 1, "digits of a date"),
        (202301010000, 10000, "digits of a date"),
        (20230101000000, 1000000, "digits of a date"),
    ],
)
def test_numbers_that_do_not_count_from_1970_are_refused(file, first, step, meaning):
    """As seconds they would lie in 1970, before any end date: all later rows would be read as well."""
    stored = [first + n * step for n in range(20)]
    file.table("m", "id TEXT, timestamp NUMERIC, x REAL", [("A", time, float(n)) for n, time in enumerate(stored)])
    words = f"the times {stored[0]} to {stored[-1]} look like {meaning}, and numbers are read as seconds, "
    for more in ({}, {"start_date": "2021-01-02"}):
        with pytest.raises(DataQualityError) as caught:
            file.load(end_date="2023-01-05", **more)
        assert str(caught.value).startswith(words)
        assert str(caught.value).endswith("store them so, or as texts like 2023-01-31")


def test_the_last_bar_is_told_with_its_time_where_the_end_date_is_its_day(file, caplog):
    times = [(START + n * DAY / 2).isoformat() for n in range(9)]
    file.table("m", "id TEXT, timestamp TEXT, x REAL", [("A", time, float(n)) for n, time in enumerate(times)])
    file.load(end_date="2023-01-05")
    assert "A: the data end at 2023-01-05 00:00Z, before the end date 2023-01-05 23:59Z" in caplog.text


def test_a_jump_is_told_in_whatever_capitals_the_close_is_written(file, caplog):
    values = [100.0 + n % 3 for n in range(60)]
    values[30] *= 20
    file.table("m", 'id TEXT, timestamp TEXT, "Close" REAL', [("A", day(n), x) for n, x in enumerate(values)])
    file.load()
    assert "A: the close of 2023-01-31 00:00Z is" in caplog.text

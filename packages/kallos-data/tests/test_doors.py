"""What a table may look like from outside: texts for numbers, two tables that do not meet, prices that are none."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from kallos_data import ConfigError, DataQualityError, FeatureTables, load_features_from_db

START = datetime(2023, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MARKET = FeatureTables(market="m", indicators=None)
BOTH = FeatureTables(market="m", indicators="i")


class Tables:
    """A SQLite file with tables of one number a row."""

    def __init__(self, path) -> None:
        self.path, self.url = path, f"sqlite:///{path}"

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(";".join(statements))

    def make(self, name, times, *, asset="X", column="x", values=None, kind="REAL") -> None:
        self.run(f'CREATE TABLE "{name}" (id TEXT, timestamp TEXT, "{column}" {kind})')
        values = values or [1.0 + n % 7 for n in range(len(times))]
        rows = [(asset, time.isoformat(), value) for time, value in zip(times, values, strict=True)]
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?)', rows)
            connection.commit()

    def load(self, tables=BOTH, **more):
        return load_features_from_db("X", "2030-01-01", self.url, tables=tables, **more)


@pytest.fixture
def tables(tmp_path):
    return Tables(tmp_path / "x.db")


def days(n, first=0, *, later=timedelta(0)):
    return [START + (first + k) * DAY + later for k in range(n)]


def test_a_needed_column_of_texts_is_refused_with_what_converts_it(tables, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    tables.make("m", days(4), column="it's", kind="TEXT", values=["1.5", "2", "3e0", "-4"])
    tables.run("ALTER TABLE m ADD COLUMN y REAL", "UPDATE m SET y = 1")
    assert tables.load(MARKET, needed_columns=["y", "no such"]).columns == ["timestamp", "y"]
    assert "columns of m that hold no numbers are left out: it's (TEXT)" in caplog.text
    with pytest.raises(DataQualityError) as caught:
        tables.load(MARKET, needed_columns=["y", "it's"])
    problem, _, statements = str(caught.value).partition(": convert it with ")
    assert problem == "table 'm' has no numbers in column \"it's\" (type TEXT)"
    tables.run(statements)
    assert tables.load(MARKET, needed_columns=["it's"])["it's"].to_list() == [1.5, 2.0, 3.0, -4.0]


def test_texts_without_a_type_and_in_views(tables):
    tables.make("m", days(3), column="x", kind="", values=["1.5", "2", "3"])
    with pytest.raises(DataQualityError, match=r"holds '1\.5' at 2023-01-01.*: store it as CAST\(x AS REAL\)"):
        tables.load(MARKET)
    tables.run(
        "CREATE TABLE t (id TEXT, timestamp TEXT, close TEXT, y REAL)",
        "INSERT INTO t SELECT id, timestamp, x, 1 FROM m",
        "CREATE VIEW v AS SELECT * FROM t",
    )
    with pytest.raises(DataQualityError, match=r"it is a view, select CAST.close AS double precision. AS close in it"):
        tables.load(FeatureTables("v", None), needed_columns=["close"])


def test_a_column_that_one_table_has_as_numbers_is_no_text(tables):
    tables.make("m", days(3), column="x", kind="TEXT", values=["1", "2", "3"])
    tables.make("i", days(3), column="x", values=[1.0, 2.0, 3.0])
    assert tables.load(BOTH, needed_columns=["x"])["x"].to_list() == [1.0, 2.0, 3.0]


def test_a_table_of_texts_alone_names_them(tables):
    tables.make("m", days(3), column="close", kind="TEXT", values=["1", "2", "3"])
    with pytest.raises(ConfigError, match=r"beside the keys, and 'm' has none \(close is TEXT\)"):
        tables.load(MARKET)


@pytest.mark.parametrize("hours", [-2, 1, 11.75])
def test_tables_that_never_meet_are_refused(tables, hours):
    tables.make("m", days(300))
    tables.make("i", days(300, later=hours * HOUR), column="y")
    away = {-2: "2 hours", 1: "1 hour", 11.75: "705 minutes"}[hours]
    message = f"0 of 300 rows of m have a time of i; the nearest differ by {away}: write both tables at the same"
    with pytest.raises(DataQualityError, match=message):
        tables.load()
    tables.run("INSERT INTO i SELECT * FROM i")  # doubled rows are another mistake
    with pytest.raises(DataQualityError, match=message):
        tables.load()


def test_tables_that_seldom_meet_are_refused_and_what_often_meets_is_told(tables, caplog):
    # Local midnights: with summer time, an hour apart for more than half of the year.
    tables.make("m", days(365))
    summer = [n for n in range(365) if 85 <= n < 301]
    tables.make("i", [START + n * DAY - (HOUR if n in summer else 0 * HOUR) for n in range(365)], column="y")
    with pytest.raises(DataQualityError, match="149 of 365 rows of m have a time of i; the nearest differ by 1 hour"):
        tables.load()
    tables.run("DROP TABLE i")
    tables.make("i", [START + n * DAY + (HOUR if n % 5 == 3 else 0 * HOUR) for n in range(365)], column="y")
    tables.load()
    assert "73 of 365 rows of m have no row in i, which has 73 rows at other times, first 2023-01-04" in caplog.text


@pytest.mark.parametrize(("hours", "met"), [(4, "100 of 595"), (12, "100 of 199")])
def test_daily_indicators_beside_shorter_steps_are_refused(tables, hours, met):
    """What a row of theirs says of a day is not known at its begin: half of the rows meet, and know too much."""
    tables.make("m", [START + hours * n * HOUR for n in range(2400 // hours)])
    tables.make("i", days(100), column="y")
    with pytest.raises(
        DataQualityError, match=rf"{met} .* the rows of the one are {hours} hours apart, of the other 1 day"
    ):
        tables.load()


@pytest.mark.parametrize(("first", "n"), [(60, 240), (0, 297), (0, 300), (-50, 500)])
def test_indicators_may_begin_later_and_end_earlier(tables, first, n):
    tables.make("m", days(300))
    tables.make("i", days(n, first), column="y")
    frame = tables.load()
    assert len(frame) == 300 - max(first, 0)
    assert frame["y"].null_count() == 0


@pytest.mark.parametrize("times", [[], days(20, 400), days(20, -40)], ids=["none", "after", "before"])
def test_indicators_of_another_time_are_left_out_with_a_warning(tables, caplog, times):
    tables.make("m", days(30))
    tables.make("i", times, column="y")
    assert tables.load().columns == ["timestamp", "x"]
    assert "table i has no row of this asset at the times of m: its columns are left out" in caplog.text


@pytest.mark.parametrize("other", ["x", "X ", " x"])
def test_an_id_that_only_looks_the_same_is_named(tables, other):
    tables.make("m", days(30))
    tables.make("i", days(30), column="y", asset=other)
    with pytest.raises(DataQualityError, match=f"table 'i' has no row of this asset, but of '{other}': write the id"):
        tables.load()


@pytest.mark.parametrize(("column", "value"), [("close", 0.0), ("Low", -1.5), ("open", -1e-9)])
def test_a_price_of_zero_or_less_is_refused_in_a_table_too(tables, column, value):
    tables.make("m", days(5), column=column, values=[1.0, 2.0, value, 3.0, value])
    message = f"column '{column}' of table 'm' is {value:g} at 2023-01-03 00:00:00Z, and 1 more: a price is above 0"
    with pytest.raises(DataQualityError, match=message):
        tables.load(MARKET)
    assert len(load_features_from_db("X", "2023-01-02", tables.url, tables=MARKET)) == 2


def test_names_one_by_one_instead_of_tables(tables):
    tables.make("m", days(5), column="Close Price")
    tables.run('CREATE VIEW v AS SELECT id AS "The Id", timestamp AS "it\'s", "Close Price" AS "chg%" FROM m')
    frame = load_features_from_db("X", "2030-01-01", tables.url, market_table="m", indicators_table=None)
    assert frame.columns == ["timestamp", "Close Price"]
    keys = {"id_column": "The Id", "timestamp_column": "it's"}
    same = load_features_from_db("X", "2030-01-01", tables.url, market_table="v", indicators_table=None, **keys)
    assert same.rename({"chg%": "Close Price"}).equals(frame)
    with pytest.raises(ConfigError, match="tables names the tables and their keys already: leave out market_table"):
        tables.load(MARKET, market_table="v")


def test_on_sqlite_a_dot_belongs_to_the_name(tables):
    tables.make("market.prices", days(5))
    assert len(tables.load(FeatureTables("market.prices", None))) == 5
    assert len(tables.load(FeatureTables('"market.prices"', None))) == 5
    with pytest.raises(ConfigError, match=r"market 'market.price' is not a table .*: it has 'market.prices'; name one"):
        tables.load(FeatureTables("market.price", None))

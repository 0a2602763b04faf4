"""The same frame from every database: views, schemas, and the types that PostgreSQL has for ids, times and numbers."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy
from polars.testing import assert_frame_equal

from kallos_data import (
    AssetNotFoundError,
    ConfigError,
    DatabaseConfig,
    DatabaseError,
    DataQualityError,
    FeatureTables,
    InsufficientDataError,
    MissingColumnsError,
    count_later_rows,
    load_features_from_db,
)

START = datetime(2023, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MARKET = FeatureTables(market="m", indicators=None)
BOTH = FeatureTables(market="m", indicators="i")


def write(url: str, *statements: str) -> None:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))


def table(url: str, name: str, columns: str, rows: list[tuple[object, ...]]) -> None:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        connection.execute(sqlalchemy.text(f"CREATE TABLE {name} ({columns})"))
        marks = ", ".join(f":v{n}" for n in range(len(rows[0])))
        values = [{f"v{n}": value for n, value in enumerate(row)} for row in rows]
        connection.execute(sqlalchemy.text(f"INSERT INTO {name} VALUES ({marks})"), values)


def day(n: int) -> str:
    return (START + n * DAY).date().isoformat()


def market(
    url: str, n_rows: int = 5, *, name: str = "m", columns: str = "id varchar(9), timestamp varchar(30)"
) -> None:
    table(url, name, f"{columns}, x double precision", [("A", day(n), float(n)) for n in range(n_rows)])


def days(**columns: list[float]) -> pl.DataFrame:
    n_rows = len(next(iter(columns.values())))
    times = pl.Series([START + n * DAY for n in range(n_rows)], dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"timestamp": times, **columns})


@pytest.mark.parametrize("kind", ["varchar(30)", "timestamp", "date"])
def test_two_tables_make_one_frame(database_url, kind):
    market(database_url, columns=f"id varchar(9), timestamp {kind}")
    rows = [(asset, day(n), -float(n)) for asset in ("A", "it's") for n in range(-2, 9)]
    table(database_url, "i", "id varchar(9), timestamp varchar(30), y double precision", rows)
    expected = days(x=[0.0, 1.0, 2.0, 3.0], y=[0.0, -1.0, -2.0, -3.0])
    assert_frame_equal(load_features_from_db("A", "2023-01-04", database_url, tables=BOTH), expected)
    with pytest.raises(AssetNotFoundError, match=r"asset_id .it.*s. is not in table 'm': it has 'A'$"):
        load_features_from_db("it's", "2023-01-04", database_url, tables=BOTH)


def test_rows_after_the_end_change_nothing(database_url):
    market(database_url)
    before = load_features_from_db("A", "2023-01-03", database_url, tables=MARKET)
    write(
        database_url,
        "UPDATE m SET x = 99 WHERE timestamp > '2023-01-03'",
        "INSERT INTO m SELECT * FROM m WHERE timestamp > '2023-01-03'",
        "INSERT INTO m VALUES ('A', '2023-01-04T07:07:07', NULL)",
    )
    assert_frame_equal(load_features_from_db("A", "2023-01-03", database_url, tables=MARKET), before)
    with pytest.raises(DataQualityError, match="2 timestamps stand in several rows, first 2023-01-04"):
        load_features_from_db("A", "2023-01-05", database_url, tables=MARKET)


def test_a_view_stands_in_and_a_missing_table_names_it(database_url):
    market(database_url)
    write(database_url, 'CREATE VIEW "Odd View" AS SELECT id AS "The Id", timestamp AS at, x AS "a b" FROM m')
    tables = FeatureTables(market="Odd View", indicators=None, id_column="The Id", timestamp_column="at")
    frame = load_features_from_db("A", "2023-01-02", database_url, tables=tables)
    assert_frame_equal(frame, days(**{"a b": [0.0, 1.0]}))
    with pytest.raises(
        ConfigError, match="market 'odd' is not a table or view of the database: it has 'Odd View', 'm'"
    ):
        load_features_from_db("A", "2023-01-02", database_url, tables=FeatureTables(market="odd"))
    with pytest.raises(MissingColumnsError, match="id_column names 'The Id', but table 'm' has no such column"):
        load_features_from_db("A", "2023-01-02", database_url, tables=FeatureTables("m", None, "The Id"))


def test_an_asset_outside_the_range_and_an_empty_table(database_url):
    market(database_url)
    with pytest.raises(
        InsufficientDataError, match=r"has no rows: table 'm' holds 2023-01-01 00:00 to 2023-01-05 00:00 \(UTC\)"
    ):
        load_features_from_db("A", "2022-06-01", database_url, tables=MARKET)
    write(database_url, "DELETE FROM m")
    with pytest.raises(AssetNotFoundError, match="asset_id 'A' is not in table 'm': the table is empty"):
        load_features_from_db("A", "2022-06-01", database_url, tables=MARKET)


NUMBERS = {
    "numeric(20, 8)": ("1234.50000000", 1234.5),
    "real": (0.5, 0.5),
    "smallint": (3, 3.0),
    "bigint": (2**53, 2.0**53),
    "boolean": (True, 1.0),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_every_kind_are_floats(database_url, kind):
    stored, number = NUMBERS[kind]
    rows = [("A", day(0), stored), ("A", day(1), None), ("A", day(2), stored)]
    table(database_url, "m", f"id varchar(9), timestamp timestamp, x {kind}", rows)
    frame = load_features_from_db("A", "2023-01-03", database_url, tables=MARKET)
    assert_frame_equal(frame, days(x=[number] * 3))


@pytest.mark.parametrize("kind", ["integer", "bigint", "varchar(9)"])
@pytest.mark.parametrize("asset", [7, "7"])
def test_ids_may_be_numbers(database_url, kind, asset):
    rows = [(7 if kind != "varchar(9)" else "7", day(n), 1.0) for n in range(2)]
    table(database_url, "m", f"id {kind}, timestamp timestamp, x real", rows)
    assert len(load_features_from_db(asset, "2023-01-03", database_url, tables=MARKET)) == 2
    for unknown in ("BTC", "9" * 25, "a\0b"):
        with pytest.raises(AssetNotFoundError, match=r"is not in table 'm': it has '7'$"):
            load_features_from_db(unknown, "2023-01-03", database_url, tables=MARKET)


@pytest.mark.parametrize("unit", [1, 1000])
def test_times_may_count_from_1970(database_url, unit):
    rows = [("A", int((START + n * DAY).timestamp()) * unit, float(n)) for n in range(9)]
    table(database_url, "m", "id varchar(9), timestamp bigint, x double precision", rows)
    frame = load_features_from_db("A", "2023-01-06", database_url, start_date="2023-01-01", tables=MARKET)
    assert_frame_equal(frame, days(x=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date", "timestamptz(3)"])
def test_postgresql_times_are_utc_whatever_the_server_speaks(postgres_url, kind):
    config = DatabaseConfig.of(postgres_url)
    write(postgres_url, f"ALTER DATABASE \"{config.url.database}\" SET timezone = 'Asia/Tokyo'")
    market(postgres_url, columns=f"id text, timestamp {kind}")
    frame = load_features_from_db("A", "2023-01-04", postgres_url, start_date="2023-01-02", tables=MARKET)
    assert_frame_equal(frame, days(x=[0.0, 1.0, 2.0, 3.0])[1:])
    assert len(load_features_from_db("A", "2023-01-04T08:00+09:00", postgres_url, tables=MARKET)) == 3


def test_postgresql_columns_that_are_no_numbers_are_left_out(postgres_url, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    columns = (
        "id text, timestamp date, note text, tags text[], seen timestamptz, life interval, x real, js jsonb, at point"
    )
    values = "'A', DATE '2023-01-01' + n, 'n', '{a}', now(), '1 day', n, '{}', point(1, 2)"
    write(postgres_url, f"CREATE TABLE m ({columns})", f"INSERT INTO m SELECT {values} FROM generate_series(0, 1) AS n")
    assert_frame_equal(load_features_from_db("A", "2023-01-02", postgres_url, tables=MARKET), days(x=[0.0, 1.0]))
    others = "note (TEXT), tags (TEXT[]), seen (TIMESTAMP WITH TIME ZONE), life (INTERVAL), js (JSONB)"
    assert f"columns of m that hold no numbers are left out: {others}, at (a type of its own)" in caplog.text


@pytest.mark.parametrize("stored", ["NaN", "Infinity", "-Infinity"])
def test_postgresql_numerics_that_are_no_finite_numbers(postgres_url, stored):
    rows = [("A", day(0), "1"), ("A", day(1), stored), ("A", day(2), "3")]
    table(postgres_url, "m", "id text, timestamp date, x numeric", rows)
    if stored == "NaN":
        assert_frame_equal(load_features_from_db("A", day(2), postgres_url, tables=MARKET), days(x=[1.0, 1.0, 3.0]))
    else:
        with pytest.raises(DataQualityError, match="column 'x' is infinite in 1 rows, first at 2023-01-02"):
            load_features_from_db("A", day(2), postgres_url, tables=MARKET)


def test_postgresql_schemas_are_kept_apart(postgres_url):
    DatabaseConfig.of(postgres_url).create_schema("Other One")
    market(postgres_url)
    market(postgres_url, 3, name='"Other One".m')
    inside = FeatureTables("m", None, schema="Other One")
    assert len(load_features_from_db("A", "2023-12-31", postgres_url, tables=inside)) == 3
    assert len(load_features_from_db("A", "2023-12-31", postgres_url, tables=MARKET)) == 5
    seen = DatabaseConfig.of(postgres_url).with_schema("Other One")
    assert len(load_features_from_db("A", "2023-12-31", seen, tables=MARKET)) == 3
    with pytest.raises(ConfigError, match="'m' is not a table or view of the database: it has none, ingest data first"):
        load_features_from_db("A", "2023-12-31", postgres_url, tables=FeatureTables("m", None, schema="no_such"))


def test_postgresql_reads_by_the_index(postgres_url):
    write(
        postgres_url,
        "CREATE TABLE m (id text, timestamp timestamptz, x real, PRIMARY KEY (id, timestamp))",
        "INSERT INTO m SELECT 'A' || a, TIMESTAMPTZ '2020-01-01Z' + n * INTERVAL '1 hour', n "
        "FROM generate_series(1, 20) AS a, generate_series(0, 999) AS n",
        "ANALYZE m",
    )
    statements = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        frame = load_features_from_db("A7", "2020-01-05", postgres_url, start_date="2020-01-03", tables=MARKET)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
    assert frame["x"].to_list() == [float(n) for n in range(48, 120)]
    ((read, parameters),) = [each for each in statements if "FROM m" in each[0]]
    with DatabaseConfig.of(postgres_url).connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {read}", parameters).scalars())
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert "id = 'A7'" in condition
    assert '"timestamp" >=' in condition
    assert '"timestamp" <=' in condition
    assert "Filter" not in plan


def test_no_error_of_a_read_holds_the_password(postgres_url):
    url = sqlalchemy.make_url(postgres_url).set(password="hunter2-and-more")
    with pytest.raises(DatabaseError) as caught:
        load_features_from_db("A", "2023-01-01", {"url": url}, tables=MARKET)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in str(error) + repr(error)
        error = error.__cause__ or error.__context__


def test_an_ingest_in_the_middle_of_a_load_is_not_seen_in_halves(database_url):
    """Replace both tables' values after the first read of a row and before the second."""
    market(database_url)
    rows = [("A", day(n), float(n)) for n in range(4)]
    table(database_url, "i", "id varchar(9), timestamp varchar(30), y double precision", rows)
    if database_url.startswith("sqlite"):
        with DatabaseConfig.of(database_url).connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    reads = []

    def ingest_after_first_read(connection, cursor, statement, *_):
        if "FROM m " in f"{' '.join(statement.split())} " and not reads:
            reads.append(statement)
            with DatabaseConfig.of(database_url).connect() as other:
                other.exec_driver_sql("UPDATE m SET x = x + 100")
                other.exec_driver_sql("UPDATE i SET y = y + 100")

    sqlalchemy.event.listen(sqlalchemy.Engine, "after_cursor_execute", ingest_after_first_read)
    try:
        frame = load_features_from_db("A", "2023-01-04", database_url, tables=BOTH)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "after_cursor_execute", ingest_after_first_read)
    assert reads
    assert frame["x"].to_list() == frame["y"].to_list() == [0.0, 1.0, 2.0, 3.0]
    later = load_features_from_db("A", "2023-01-04", database_url, tables=BOTH)
    assert later["x"].to_list() == later["y"].to_list() == [100.0, 101.0, 102.0, 103.0]


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_postgresql_copies_are_the_rows_that_a_query_gives(postgres_url, kind):
    """The same values as text: missing ones, extremes of a double, and times to the microsecond, before 2000 too."""
    values = [1.5, None, 5e-324, 1.7976931348623157e308, -0.1, 0.1 + 0.2, None]
    times = [datetime(1969, 12, 31, 23, 59, 59, 999_999 - 7 + n, tzinfo=UTC) for n in range(len(values))]
    for name, time in (("m", kind), ("t", "text")):
        rows = [("A", at.isoformat(), x, x) for at, x in zip(times, values, strict=True)]
        table(postgres_url, name, f"id text, timestamp {time}, x double precision, y numeric", rows)
    copied, queried = (
        load_features_from_db("A", "2023-01-01", postgres_url, tables=FeatureTables(name, None)) for name in ("m", "t")
    )
    assert_frame_equal(copied, queried, check_exact=True)
    assert copied["timestamp"].to_list() == times


def test_postgresql_times_before_all_calendars_are_refused(postgres_url):
    table(postgres_url, "m", "id text, timestamp timestamptz, x real", [("A", "-infinity", 1.0), ("A", day(0), 2.0)])
    with pytest.raises(DataQualityError, match="'m' holds a time before the year 1: correct it at its source"):
        load_features_from_db("A", "2023-01-01", postgres_url, tables=MARKET)


MALFORMED = {
    "after": ["2023-01-07 25:00", "2023-01-07T00:00:00+99:00", "2023-13-45", "20231399", "9999-99-99", "2024-01-01?"],
    "before": ["2022-12-31 25:00", "2022-12-31T00:00:00+99:00", "2022-00-45", "19991399", "0000-00-00", "1970-01-01?"],
}


@pytest.mark.parametrize("side", MALFORMED)
def test_a_time_outside_the_dates_need_not_be_readable(database_url, side):
    rows = [("A", day(n), float(n)) for n in range(6)] + [("A", text, 99.0) for text in MALFORMED[side]]
    table(database_url, "m", "id varchar(9), timestamp varchar(30), x double precision", rows)
    start = None if side == "after" else "2023-01-01"
    frame = load_features_from_db("A", "2023-01-06", database_url, start_date=start, tables=MARKET)
    assert_frame_equal(frame, days(x=[float(n) for n in range(6)]))


@pytest.mark.parametrize("at", [-1, 6])
@pytest.mark.parametrize("kind", ["varchar(30)", "bigint", "timestamp"])
def test_a_value_outside_the_dates_need_be_no_number(tmp_path, at, kind):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    stored = (lambda n: int((START + n * DAY).timestamp())) if kind == "bigint" else day
    table(url, "m", f"id text, timestamp {kind}, x real", [("A", stored(n), float(n)) for n in range(6)])
    write(url, f"INSERT INTO m VALUES ('A', '{stored(at)}', 'n/a')")
    frame = load_features_from_db("A", "2023-01-06", url, start_date="2023-01-01", tables=MARKET)
    assert_frame_equal(frame, days(x=[float(n) for n in range(6)]))
    with pytest.raises(DataQualityError, match="column 'x' of 'm' holds 'n/a'"):
        load_features_from_db("A", "2023-01-07", url, start_date="2022-12-31", tables=MARKET)


def test_what_cannot_be_read_inside_the_dates_is_refused(database_url):
    rows = [("A", day(0), 1.0), ("A", "2023-01-02 25:00", 1.0)]
    table(database_url, "m", "id varchar(9), timestamp varchar(30), x real", rows)
    message = r"a stored time cannot be read: must be a date .*, not '2023-01-02 25:00'"
    with pytest.raises(DataQualityError, match=message):
        load_features_from_db("A", "2023-01-02", database_url, tables=MARKET)
    frame = load_features_from_db("A", "2023-01-01", database_url, tables=MARKET, frequency=DAY)
    assert frame["x"].to_list() == [1.0]


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("other", [1, 10**3, 10**6, 10**9])
def test_another_unit_outside_the_dates_does_not_matter(database_url, unit, other):
    seconds = {n: int((START + n * DAY).timestamp()) for n in range(-3, 9)}
    rows = [("A", at * (unit if 0 <= n <= 4 else other), float(n)) for n, at in seconds.items()]
    table(database_url, "m", "id varchar(9), timestamp bigint, x double precision", rows)
    frame = load_features_from_db("A", "2023-01-05", database_url, start_date="2023-01-01", tables=MARKET)
    assert_frame_equal(frame, days(x=[0.0, 1.0, 2.0, 3.0, 4.0]))
    if unit != other:
        with pytest.raises(DataQualityError, match=r"times of table 'm' are stored in several ways, as .* choose one"):
            load_features_from_db("A", "2023-01-06", database_url, start_date="2023-01-01", tables=MARKET)


def test_the_dates_select_by_the_index_on_sqlite(tmp_path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    for kind in ("text", "bigint"):
        at = day(30) if kind == "text" else int((START + 30 * DAY).timestamp())
        write(url, "DROP TABLE IF EXISTS m")
        table(url, "m", f"id text, timestamp {kind}, x real, PRIMARY KEY (id, timestamp)", [("A", at, 1.0)])
        plans = []

        def explain(connection, cursor, statement, parameters, *_, plans=plans):
            if "SELECT m.timestamp" in statement and "PLAN" not in statement:
                plans += [row[-1] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]

        sqlalchemy.event.listen(sqlalchemy.Engine, "after_cursor_execute", explain)
        try:
            load_features_from_db("A", "2023-02-05", url, start_date="2023-01-01", tables=MARKET, frequency=DAY)
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "after_cursor_execute", explain)
        assert len(plans) == 1
        assert "(id=? AND timestamp>? AND timestamp<?)" in plans[0]


@pytest.mark.parametrize("kind", ["varchar(30)", "timestamp", "timestamptz", "date"])
def test_rows_after_the_end_are_counted_whatever_they_hold(database_url, kind):
    columns = f"id varchar(9), timestamp {kind}, x double precision"
    rows = [("A", day(n), float(n) if n % 2 else None) for n in range(10)]
    table(database_url, "m", columns, [*rows, ("B", day(12), 1.0)])
    for n in range(10):
        assert count_later_rows("A", day(n), database_url, tables=MARKET) == 9 - n
    for asset, end in (("C", day(0)), ("A", "9999-12-31")):
        assert count_later_rows(asset, end, database_url, tables=MARKET) == 0

"""Ingest and load on both databases: the same numbers, exactly once, whoever writes at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy
from polars.testing import assert_frame_equal

from kallos_data import (
    DatabaseConfig,
    DatabaseError,
    FeatureTables,
    compute_indicators,
    ingest_frame,
    load_features_from_db,
    simulate_market,
)

HOUR = timedelta(hours=1)


def run_sql(url: str, *statements: str) -> None:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def names_of_tables(url: str, schema: str | None = None) -> set[str]:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        return set(sqlalchemy.inspect(connection).get_table_names(schema))


def loaded(url: str, tables: FeatureTables | None = None) -> pl.DataFrame:
    return load_features_from_db("A", "2100-01-01", url, tables=tables)


def expected(market: pl.DataFrame) -> pl.DataFrame:
    return market.join(compute_indicators(market), on="timestamp").drop_nulls()


def test_overlapping_parts_give_the_whole_exactly(database_url):
    market = simulate_market(150, seed=3)
    for part in (market[100:], market[:70], market[50:120], market):
        ingest_frame(part, "A", database_url)
    assert_frame_equal(loaded(database_url), expected(market), check_column_order=False, check_exact=True)
    again = ingest_frame(market, "A", database_url)
    assert (again.rows_unchanged, again.history_rows, again.indicator_rows) == (150, 150, 0)


def test_a_correction_reaches_every_later_indicator(database_url):
    market = simulate_market(120, seed=4)
    ingest_frame(market, "A", database_url)
    corrected = market[60:61].with_columns(pl.col("volume") * 2, pl.col("close") * 0.999, pl.col("low") * 0.99)
    report = ingest_frame(corrected, "A", database_url)
    assert (report.rows_inserted, report.rows_updated, report.history_rows) == (0, 1, 120)
    whole = pl.concat([market[:60], corrected, market[61:]])
    assert_frame_equal(loaded(database_url), expected(whole), check_column_order=False, check_exact=True)


def test_keys_and_types_of_new_tables(database_url):
    ingest_frame(simulate_market(5), "A", database_url)
    config = DatabaseConfig.of(database_url)
    with config.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        for table in ("daily_market_data", "daily_technical_indicators"):
            assert inspector.get_pk_constraint(table)["constrained_columns"] == ["id", "timestamp"]
            columns = {column["name"]: str(column["type"]) for column in inspector.get_columns(table)}
            zoned = {"sqlite": "TEXT", "postgresql": "TIMESTAMP"}
            assert columns.pop("id") == "TEXT"
            assert columns.pop("timestamp") == zoned[config.backend]
            assert set(columns.values()) <= {"DOUBLE", "DOUBLE PRECISION"}


def test_a_failure_leaves_nothing(database_url):
    run_sql(
        database_url,
        "CREATE TABLE daily_technical_indicators (id text, timestamp text, rsi double precision CHECK (rsi < 0), "
        "PRIMARY KEY (id, timestamp))",
    )
    with pytest.raises(DatabaseError, match=r"(?i)check constraint"):
        ingest_frame(simulate_market(40), "A", database_url)
    assert names_of_tables(database_url) == {"daily_technical_indicators"}


def test_writers_at_the_same_time_miss_none_of_each_others_rows(database_url):
    market = simulate_market(160, seed=5)
    parts = [market[start : start + 40] for start in range(0, 160, 40)]
    with ThreadPoolExecutor(len(parts)) as pool:
        reports = list(pool.map(lambda part: ingest_frame(part, "A", database_url), parts))
    assert sorted(report.history_rows for report in reports) == [40, 80, 120, 160]
    assert_frame_equal(loaded(database_url), expected(market), check_column_order=False, check_exact=True)


def test_rows_are_written_many_at_a_time(database_url):
    statements: list[str] = []

    def see(_connection, _cursor, statement, *_) -> None:
        statements.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", see)
    try:
        counts = []
        for asset_id, n_rows in (("A", 100), ("B", 5000)):
            statements.clear()
            assert (
                ingest_frame(simulate_market(n_rows, frequency=HOUR), asset_id, database_url).indicator_rows == n_rows
            )
            counts.append(len(statements))
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", see)
    few, many = counts
    assert many <= few + 5000 // 100, f"{few} statements for 100 rows, {many} for 5000"


@pytest.mark.parametrize(
    ("kind", "id_kind"),
    [("timestamptz", "text"), ("timestamp", "varchar(20)"), ("date", "char(1)")],
)
def test_tables_of_ones_own_on_postgresql(postgres_url, kind, id_kind):
    run_sql(
        postgres_url,
        f"CREATE TABLE own (id {id_kind}, timestamp {kind}, open numeric(30, 15), high double precision, "
        "low double precision, close double precision, volume double precision, trades bigint, "
        "PRIMARY KEY (timestamp, id))",
    )
    tables = FeatureTables(market="own", indicators="signs")
    market = simulate_market(60).with_columns(trades=pl.int_range(pl.len()))
    market = market.with_columns(pl.col("open").round(6))
    for part in (market[:40], market[30:], market):
        report = ingest_frame(part, "A", postgres_url, tables=tables)
    assert (report.rows_unchanged, report.history_rows) == (60, 60)
    if kind == "timestamptz":
        found = loaded(postgres_url, tables)
        assert_frame_equal(found, expected(market.with_columns(pl.col("trades").cast(float))), check_column_order=False)


def test_a_schema_of_its_own_is_created_and_kept_apart(postgres_url):
    tables = FeatureTables(schema='Odd "schema"')
    ingest_frame(simulate_market(60, seed=1), "A", postgres_url, tables=tables)
    assert names_of_tables(postgres_url) == set()
    ingest_frame(simulate_market(60, seed=2), "A", postgres_url)
    assert names_of_tables(postgres_url, tables.schema) == names_of_tables(postgres_url)
    assert_frame_equal(loaded(postgres_url, tables), expected(simulate_market(60, seed=1)), check_column_order=False)

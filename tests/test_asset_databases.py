"""Assets of either database: a part removed leaves what an ingest of the rest makes, whatever the types and names."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from kallos_data import (
    DatabaseConfig,
    FeatureTables,
    describe_asset,
    ingest_frame,
    list_assets,
    load_features_from_db,
    load_history,
    remove_asset,
    simulate_market,
)

START = datetime(2019, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = {
    "sqlite": ["text", "bigint", "timestamp"],
    "postgresql": ["timestamptz", "timestamp", "date"],
}


def stored(url: str, tables: FeatureTables) -> list[list[tuple[object, ...]]]:
    with DatabaseConfig.of(url).connect() as connection:
        return [
            [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}" ORDER BY 1, 2')]
            for name in (tables.market, tables.indicators)
        ]


def make(url: str, kind: str, tables: FeatureTables) -> None:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        for name, columns in (
            (tables.market, "open high low close volume"),
            (tables.indicators, "rsi log_return ema_10"),
        ):
            values = ", ".join(f"{column} double precision" for column in columns.split())
            connection.exec_driver_sql(
                f'CREATE TABLE "{name}" ("The Id" integer, "at" {kind}, {values}, PRIMARY KEY ("The Id", "at"))'
            )


@pytest.mark.parametrize("n", range(3))
def test_whatever_the_times_are_stored_as(database_url, n):
    kinds = TIMES["sqlite" if database_url.startswith("sqlite") else "postgresql"]
    mine, rest = (FeatureTables(f"{name} m", f"{name} i", "The Id", "at") for name in ("mine", "rest"))
    market = simulate_market(120)
    gone = pl.col("timestamp").is_between(START + 40 * DAY, START + 60 * DAY)
    for tables, frame in ((mine, market), (rest, market.filter(~gone))):
        make(database_url, kinds[n], tables)
        ingest_frame(frame, 7, database_url, tables=tables)
        ingest_frame(simulate_market(60, seed=3), 8, database_url, tables=tables)
    done = remove_asset(database_url, "7", tables=mine, from_date="2019-02-10", to_date="2019-03-02")
    assert (done.asset_id, done.rows, done.indicator_rows, done.rows_left) == (7, 21, 21, 99)
    assert stored(database_url, mine) == stored(database_url, rest)
    seven, eight = list_assets(database_url, tables=mine)
    assert (seven.asset_id, seven.rows, seven.holes, seven.missing, eight.rows) == (7, 99, 1, 21, 60)
    remove_asset(database_url, 7, tables=mine)
    assert [each.asset_id for each in list_assets(database_url, tables=mine)] == [8]
    assert len(load_features_from_db(8, "2030-01-01", database_url, tables=mine)) == 46


def test_a_schema_for_each_table(postgres_url):
    tables = FeatureTables("raw.prices", "signs.daily")
    ingest_frame(simulate_market(80), "A", postgres_url, tables=tables)
    ingest_frame(simulate_market(80), "A", postgres_url)
    for each in (tables, FeatureTables()):
        done = remove_asset(postgres_url, "A", tables=each, to_date="2019-01-10")
        assert (done.rows, done.indicator_rows, done.recomputed) == (10, 10, 70)
    frames = [load_features_from_db("A", "2030-01-01", postgres_url, tables=each) for each in (tables, FeatureTables())]
    assert frames[0].equals(frames[1])
    assert [each.indicator_rows for each in list_assets(postgres_url, tables=tables)] == [70]


def test_what_a_file_never_had_is_no_news_in_either_database(database_url):
    days = simulate_market(60)
    for asset, frame in (("bare", days), ("counted", days.with_columns(trades=pl.int_range(1.0, 61.0)))):
        ingest_frame(frame, asset, database_url)
    with DatabaseConfig.of(database_url).connect() as connection:
        connection.exec_driver_sql("ALTER TABLE daily_market_data ADD COLUMN news double precision")
    for asset, more in (("bare", set()), ("counted", {"trades"})):
        history, details = load_history(asset, None, database_url), describe_asset(database_url, asset)
        assert details.loaded == tuple(history.frame.columns[1:])
        assert details.empty == history.brought_empty == ("news",)
        assert {"trades", "quote_asset_volume"} & {*details.loaded} == more

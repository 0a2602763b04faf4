"""The table of forecasts on both databases: one row a key, whoever writes at the same time, in any schema."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy

from kallos_data import ConfigError, DatabaseConfig, store_forecasts

HOUR = timedelta(hours=1)
KEY = ["model", "asset", "time"]


def forecasts(n_rows: int, **columns: float) -> pl.DataFrame:
    times = [datetime(2024, 1, 1, tzinfo=UTC) + step * HOUR for step in range(n_rows)]
    return pl.DataFrame(
        {
            "model": "gru",
            "asset": "BTC",
            "time": times,
            "made_at": [time + timedelta(microseconds=1) for time in times],
            "known_until": [time - HOUR for time in times],
            "forecast": [(-1) ** step * 1.1 ** (step % 700) for step in range(n_rows)],
        }
    ).with_columns(**{name: pl.lit(value) for name, value in columns.items()})


def rows_of(url: str, table: str = "forecasts") -> list[dict[str, object]]:
    with DatabaseConfig.of(url).connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY time").mappings().all()
    return [dict(row) for row in rows]


def test_the_same_numbers_come_back_and_writing_them_again_changes_nothing(database_url):
    frame = forecasts(2_500, spread=0.1 + 0.2, price=1e-300)
    assert [store_forecasts(frame, database_url) for _ in range(2)] == [2_500, 0]
    rows = rows_of(database_url)
    for name in ("forecast", "spread", "price"):
        assert [row[name] for row in rows] == frame[name].to_list()
    assert {row["low"] for row in rows} == {None}
    times = [datetime.fromisoformat(str(row["made_at"])) for row in rows]
    assert times == frame["made_at"].to_list()


def test_a_new_forecast_takes_the_place_of_the_old_one(database_url):
    store_forecasts(forecasts(5, low=0.0), database_url)
    assert store_forecasts(forecasts(6, low=1.0), database_url) == 6
    assert [row["low"] for row in rows_of(database_url)] == [1.0] * 6


def test_key_and_types_of_the_table(database_url):
    store_forecasts(forecasts(1), database_url)
    config = DatabaseConfig.of(database_url)
    with config.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        assert inspector.get_pk_constraint("forecasts")["constrained_columns"] == KEY
        columns = {column["name"]: column for column in inspector.get_columns("forecasts")}
    time = {"sqlite": "TEXT", "postgresql": "TIMESTAMP"}[config.backend]
    for name, column in columns.items():
        kind = str(column["type"])
        if name in ("model", "asset"):
            assert kind == "TEXT"
        elif name in ("time", "made_at", "known_until"):
            assert kind == time
            assert config.backend == "sqlite" or column["type"].timezone
        else:
            assert kind in ("DOUBLE", "DOUBLE PRECISION", "DOUBLE_PRECISION")
        assert column["nullable"] == (name in ("spread", "low", "high", "price"))


def test_writers_at_the_same_time_make_one_table_with_one_row_a_key(database_url):
    parts = [forecasts(300)[start : start + 150] for start in (0, 50, 100, 150)]
    with ThreadPoolExecutor(len(parts)) as pool:
        written = list(pool.map(lambda part: store_forecasts(part, database_url), parts))
    assert sum(written) == 300
    assert len(rows_of(database_url)) == 300


def test_a_schema_is_made_and_kept_apart(postgres_url):
    assert store_forecasts(forecasts(2), postgres_url, table="Models.of all") == 2
    assert store_forecasts(forecasts(3), postgres_url, table='"Models".of all') == 1
    assert len(rows_of(postgres_url, '"Models"."of all"')) == 3
    with pytest.raises(ConfigError, match="'pg_own' is reserved by PostgreSQL"):
        store_forecasts(forecasts(1), postgres_url, table="pg_own.forecasts")


def test_a_view_is_refused(database_url):
    store_forecasts(forecasts(1), database_url)
    with DatabaseConfig.of(database_url).connect() as connection:
        connection.exec_driver_sql("CREATE VIEW seen AS SELECT * FROM forecasts")
    with pytest.raises(ConfigError, match="'seen' has no primary key or unique index over"):
        store_forecasts(forecasts(1), database_url, table="seen")


def test_a_table_of_something_else_is_refused(database_url):
    with DatabaseConfig.of(database_url).connect(create=True) as connection:
        connection.exec_driver_sql("CREATE TABLE forecasts (model text, forecast real)")
    with pytest.raises(ConfigError, match="lacks 'asset', 'time', 'made_at'"):
        store_forecasts(forecasts(1), database_url)

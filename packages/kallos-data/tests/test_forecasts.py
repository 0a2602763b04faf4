"""Forecasts in a table: there once, the newest for each key, never for a time that was known."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DatabaseConfig, DataQualityError, MissingColumnsError, store_forecasts

DAY = timedelta(days=1)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = ["model", "asset", "time", "made_at", "known_until", "forecast", "spread", "low", "high", "price"]


def forecasts(n_rows: int = 1, **columns: object) -> pl.DataFrame:
    times = [FIRST + step * DAY for step in range(n_rows)]
    frame = pl.DataFrame(
        {
            "model": "gru",
            "asset": "BTC",
            "time": times,
            "made_at": [time + timedelta(minutes=5) for time in times],
            "known_until": [time - DAY for time in times],
            "forecast": [0.1 + step / 7 for step in range(n_rows)],
        }
    )
    return frame.with_columns(
        **{name: value if isinstance(value, pl.Expr) else pl.lit(value) for name, value in columns.items()}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.db"


def store(frame: object, file: Path, **options: object) -> int:
    return store_forecasts(frame, DatabaseConfig.from_file(file), **options)


def query(file: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql).fetchall()


def test_a_row_is_stored_as_it_is_with_its_times_as_text_that_sorts(file):
    frame = forecasts(spread=0.02, low=-0.5, high=0.5, price=43_210.123456789012)
    assert store(frame, file) == 1
    stamps = ("2024-01-01 00:00:00+00:00", "2024-01-01 00:05:00+00:00", "2023-12-31 00:00:00+00:00")
    expected = [("gru", "BTC", *stamps, 0.1, 0.02, -0.5, 0.5, 43_210.123456789012)]
    assert query(file, "SELECT * FROM forecasts") == expected
    names = [row[1] for row in query(file, "PRAGMA table_info(forecasts)")]
    assert names == COLUMNS


def test_columns_that_are_left_out_are_null(file):
    store(forecasts(spread=float("nan")), file)
    assert query(file, "SELECT spread, low, high, price FROM forecasts") == [(None,) * 4]


def test_a_new_forecast_of_the_same_key_takes_the_place_of_the_old_one(file):
    store(forecasts(3), file)
    assert (
        store(forecasts(3, forecast=pl.col("forecast") * pl.when(pl.int_range(3) == 1).then(2).otherwise(1)), file) == 1
    )
    assert query(file, "SELECT forecast FROM forecasts ORDER BY time") == [(0.1,), (2 * (0.1 + 1 / 7),), (0.1 + 2 / 7,)]
    assert store(forecasts(spread=0.5), file) == 1, "a value where there was none is a change"
    assert store(forecasts(), file) == 1, "and so is none where there was one"
    assert store(forecasts(), file) == 0


def test_other_models_and_assets_stand_beside(file):
    parts = [forecasts(2), forecasts(2, model="lstm"), forecasts(2, asset="ETH")]
    assert [store(part, file) for part in parts] == [2, 2, 2]
    assert store(pl.concat(parts), file) == 0
    assert query(file, "SELECT count(*) FROM forecasts") == [(6,)]


@law(5)
@given(st.lists(st.lists(st.integers(0, 6), unique=True, max_size=7), min_size=1, max_size=4), st.randoms())
def test_the_table_holds_the_last_forecast_of_each_key_whatever_was_written_before(parts, random):
    expected: dict[datetime, float] = {}
    with TemporaryDirectory() as folder:
        file = Path(folder, "prices.db")
        for steps in parts:
            values = {FIRST + step * DAY: random.choice((0.25, 0.5)) for step in steps}
            frame = forecasts(7)[sorted(steps)]
            frame = frame.with_columns(pl.Series("forecast", [values[time] for time in frame["time"]], pl.Float64))
            changed = sum(expected.get(time) != value for time, value in values.items())
            assert store(frame, file) == changed
            expected |= values
        rows = query(file, "SELECT time, forecast FROM forecasts ORDER BY time")
    assert rows == [(f"{time:%Y-%m-%d %H:%M:%S}+00:00", expected[time]) for time in sorted(expected)]


def test_more_rows_than_a_statement_takes(file):
    assert store(forecasts(4_500), file) == 4_500
    assert store(forecasts(4_501), file) == 1


def test_pandas_whole_numbers_as_assets_and_times_of_any_zone(file):
    frame = forecasts(2).with_columns(pl.col("time").dt.convert_time_zone("America/New_York"), asset=pl.lit(7))
    assert store(frame, file) == 2
    pandas = pytest.importorskip("pandas")
    rows = {name: list(frame[name]) for name in frame.columns}
    assert store(pandas.DataFrame(rows), file) == 0
    days = forecasts(2, asset="7", known_until=date(2023, 12, 1)).with_columns(pl.col("time").dt.date())
    assert store(days, file) == 2, "known_until is another"
    assert query(file, "SELECT DISTINCT asset, time FROM forecasts WHERE time < '2024-01-02'") == [
        ("7", "2024-01-01 00:00:00+00:00")
    ]


def test_nothing_to_write_makes_the_table(file):
    assert store(forecasts()[:0], file) == 0
    assert query(file, "SELECT * FROM forecasts") == []


def test_a_dot_belongs_to_the_name_on_sqlite_and_any_name_is_quoted(file):
    for table in ("of.models", 'a "b"; drop'):
        assert store(forecasts(), file, table=table) == 1
    names = {name for (name,) in query(file, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {"of.models", 'a "b"; drop'}


def test_a_table_of_something_else_is_refused_with_what_it_lacks(file):
    query(file, "CREATE TABLE forecasts (model text, asset text, day text, made_at text, forecast real, price real)")
    with pytest.raises(ConfigError) as caught:
        store(forecasts(), file)
    assert caught.value.parameter == "table"
    assert caught.value.problem == (
        "'forecasts' is a table of something else: of a table of forecasts it lacks 'time', 'known_until', 'spread', "
        "'low', 'high', it has 'model', 'asset', 'day', 'made_at', 'forecast', 'price'; name another, or one that is "
        "not there yet"
    )


def test_a_table_without_the_key_is_refused_and_one_of_ones_own_with_it_is_used(file):
    query(file, f"CREATE TABLE forecasts ({', '.join(COLUMNS)}, note text)")
    with pytest.raises(ConfigError, match=r"no primary key or unique index over \('model', 'asset', 'time'\)"):
        store(forecasts(), file)
    query(file, "CREATE UNIQUE INDEX own ON forecasts (asset, time, model)")
    assert [store(forecasts(2), file) for _ in range(2)] == [2, 0]


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (
            forecasts().drop("known_until", "forecast"),
            MissingColumnsError,
            "frame of forecasts has no column 'known_until'",
        ),
        (forecasts(horizon=1), ConfigError, "frame has columns that a table of forecasts does not have, 'horizon'"),
        (forecasts(2, model=" "), DataQualityError, r"of model None .* has no 'model' \(2 of 2\)"),
        (forecasts(model=1.5), DataQualityError, "column 'model' of the forecasts holds Float64, not texts"),
        (forecasts(time="2024-01-01"), DataQualityError, "column 'time' of the forecasts holds String, not times"),
        (forecasts(forecast="0.1"), DataQualityError, "column 'forecast' of the forecasts holds String, not numbers"),
        (
            forecasts(forecast=float("nan")),
            DataQualityError,
            r"'BTC' for 2024-01-01 00:00Z has no 'forecast' \(1 of 1\)",
        ),
        (forecasts(low=float("-inf")), DataQualityError, "has -inf as 'low': no number is infinite"),
        (
            forecasts(known_until=pl.col("time")),
            DataQualityError,
            "for 2024-01-01 00:00Z knew the steps until 2024-01-01 00:00Z: a forecast is for a time after",
        ),
        (
            pl.concat([forecasts(2), forecasts(1, forecast=9.0)]),
            DataQualityError,
            "two forecasts of model 'gru' and asset 'BTC' for 2024-01-01 00:00Z: leave one of them out",
        ),
    ],
)
def test_what_is_no_forecast_is_refused_before_the_database_is_touched(file, frame, error, message):
    with pytest.raises(error, match=message):
        store(frame, file)
    assert not file.exists()


@pytest.mark.parametrize(("table", "shown"), [("", "''"), ("  ", "'  '")])
def test_a_table_needs_a_name(file, table, shown):
    with pytest.raises(ConfigError, match=f"table must name a table, as in 'forecasts', not {shown}"):
        store(forecasts(), file, table=table)

"""Tables of other people: a column that loses digits or hours is refused, one that does not is left alone."""

from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy

from kallos_data import (
    ConfigError,
    DatabaseConfig,
    DataQualityError,
    FeatureTables,
    compute_indicators,
    ingest_frame,
    simulate_market,
)

ALONE = FeatureTables(indicators=None)
HOUR = timedelta(hours=1)
PRICES = ["open", "high", "low", "close"]


def run_sql(url: str, *statements: str) -> None:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def count(url: str, table: str = "daily_market_data") -> int:
    with DatabaseConfig.of(url).connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()


def tables_of(url: str) -> list[str]:
    with DatabaseConfig.of(url).connect() as connection:
        return sqlalchemy.inspect(connection).get_table_names()


def make(url: str, prices: str, volume: str, time: str = "timestamptz") -> None:
    columns = ", ".join(f"{name} {prices}" for name in PRICES)
    run_sql(
        url,
        f'CREATE TABLE daily_market_data (id text, "timestamp" {time}, {columns}, volume {volume}, '
        'PRIMARY KEY (id, "timestamp"))',
    )


def whole_volume(n: int = 40) -> pl.DataFrame:
    return simulate_market(n, seed=2).with_columns(pl.col(PRICES).round(2), pl.col("volume").round(0))


@pytest.mark.parametrize(
    ("prices", "volume", "factor", "said"),
    [
        (
            "numeric(20,8)",
            "double precision",
            1e-10,
            r"'(open|high|low|close)' .* is NUMERIC\(20, 8\), which loses digits",
        ),
        ("numeric(20,2)", "double precision", 1e-3, r"is NUMERIC\(20, 2\), which loses digits"),
        ("bigint", "bigint", 1e-3, "is BIGINT, which loses digits"),
        ("numeric(6,2)", "bigint", 1e3, r"is NUMERIC\(6, 2\), which cannot hold"),
        ("double precision", "smallint", 1.0, "column 'volume' .* is SMALLINT, which cannot hold"),
    ],
)
def test_a_column_that_loses_digits_is_refused_with_what_mends_it(postgres_url, prices, volume, factor, said):
    make(postgres_url, prices, volume)
    market = whole_volume().with_columns(pl.col(PRICES) * factor, pl.col("volume") + 40_000)
    with pytest.raises(
        DataQualityError, match=f"{said}.*; nothing was written: ALTER TABLE daily_market_data"
    ) as refused:
        ingest_frame(market, "A", postgres_url)
    assert count(postgres_url) == 0
    assert tables_of(postgres_url) == ["daily_market_data"]
    for _ in range(5):
        run_sql(postgres_url, str(refused.value).partition("nothing was written: ")[2])
        try:
            assert ingest_frame(market, "A", postgres_url).rows_inserted == 40
            break
        except DataQualityError as error:
            refused.value.args = error.args
            refused.value.problem = error.problem


@pytest.mark.parametrize(
    ("prices", "volume"),
    [("real", "real"), ("numeric(20,8)", "bigint"), ("numeric", "numeric(30,3)"), ("double precision", "integer")],
)
def test_the_same_twice_is_unchanged_whatever_the_types(postgres_url, prices, volume):
    make(postgres_url, prices, volume)
    kinds = ", ".join(
        f"{name} {'real' if prices == 'real' else 'numeric(20,8)'}" for name in ("rsi", "macd", "log_return")
    )
    run_sql(
        postgres_url,
        f"CREATE TABLE daily_technical_indicators (id text, timestamp timestamp, {kinds}, PRIMARY KEY (id, timestamp))",
    )
    market = whole_volume(80)
    assert ingest_frame(market, "A", postgres_url).rows_inserted == 80
    again = ingest_frame(market, "A", postgres_url)
    assert (again.rows_unchanged, again.indicator_rows) == (80, 0)
    corrected = market[-1:].with_columns(pl.col("close") * 1.0001, high=pl.col("high") * 1.0002)
    assert ingest_frame(corrected, "A", postgres_url).rows_updated == 1


def test_the_smallest_correction_reaches_a_column_of_doubles(database_url):
    market = simulate_market(40, seed=1)
    ingest_frame(market, "A", database_url)
    corrected = market[-1:].with_columns(pl.col("volume") * (1 + 1e-15))
    assert ingest_frame(corrected, "A", database_url).rows_updated == 1


def test_types_of_sqlite_hold_what_they_are_given(tmp_path):
    url = f"sqlite:///{tmp_path / 'own.db'}"
    make(url, "integer", "numeric", "text")
    market = simulate_market(40, seed=1)
    for expected in (40, 0):
        assert ingest_frame(market, "A", url, tables=ALONE).rows_inserted == expected
    other = f"sqlite:///{tmp_path / 'texts.db'}"
    make(other, "text", "real", "text")
    with pytest.raises(DataQualityError, match="has the column 'open' as TEXT, which keeps numbers as texts"):
        ingest_frame(market, "A", other, tables=ALONE)
    assert count(other) == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("NEW.close := NEW.close * 2; RETURN NEW;", "column 'close' .* loses digits"),
        ("RETURN NULL;", "of 40 rows written to table 'daily_market_data', 0 are there"),
    ],
)
def test_a_trigger_that_changes_or_drops_rows_is_found(postgres_url, body, said):
    make(postgres_url, "double precision", "double precision")
    run_sql(
        postgres_url,
        f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        "CREATE TRIGGER meddle BEFORE INSERT ON daily_market_data FOR EACH ROW EXECUTE FUNCTION meddle()",
    )
    with pytest.raises(DataQualityError, match=said):
        ingest_frame(simulate_market(40), "A", postgres_url)
    assert count(postgres_url) == 0


@pytest.mark.parametrize(
    ("time", "step", "said"),
    [
        ("date", HOUR, "of type DATE, which cannot tell the hours of a day apart: there is a bar at 2019-01-01 01:00"),
        ("timestamp(0)", timedelta(milliseconds=250), "which cannot tell the parts of a second apart"),
    ],
)
def test_a_key_that_is_too_coarse_is_refused_before_anything_is_written(postgres_url, time, step, said):
    make(postgres_url, "double precision", "double precision", time)
    hours = simulate_market(40, frequency=step)
    with pytest.raises(ConfigError, match=f"market 'daily_market_data' has a key 'timestamp' .*{said}") as refused:
        ingest_frame(hours, "A", postgres_url)
    assert count(postgres_url) == 0
    assert tables_of(postgres_url) == ["daily_market_data"]
    mend = str(refused.value).partition("nothing was written: ")[2].removesuffix(", or name another table")
    run_sql(postgres_url, mend)
    assert ingest_frame(hours, "A", postgres_url).rows_inserted == 40


def test_a_coarse_key_of_the_indicators_is_refused_too(postgres_url):
    run_sql(
        postgres_url,
        "CREATE TABLE daily_technical_indicators (id text, timestamp date, rsi float8, PRIMARY KEY (id, timestamp))",
    )
    with pytest.raises(ConfigError, match="indicators 'daily_technical_indicators' has a key 'timestamp' of type DATE"):
        ingest_frame(simulate_market(40, frequency=HOUR), "A", postgres_url)
    assert tables_of(postgres_url) == ["daily_technical_indicators"]


@pytest.mark.parametrize(
    ("kind", "value", "step", "said"),
    [
        ("text", "2018-12-31", HOUR, "dates alone, which cannot tell the hours"),
        ("date", None, HOUR, "dates alone, which cannot tell the hours"),
        ("integer", 1546300800, timedelta(milliseconds=500), "cannot tell the parts of a second apart"),
    ],
)
def test_coarse_keys_of_sqlite(tmp_path, kind, value, step, said):
    url = f"sqlite:///{tmp_path / 'own.db'}"
    make(url, "real", "real", kind)
    if value is not None:
        # Of another asset: it shows how the table writes times.
        run_sql(url, f"INSERT INTO daily_market_data VALUES ('B', {value!r}, 1, 1, 1, 1, 1)")
    with pytest.raises(ConfigError, match=said):
        ingest_frame(simulate_market(40, frequency=step), "A", url, tables=ALONE)
    ingest_frame(simulate_market(40), "A", url, tables=ALONE)


def test_times_kept_as_numbers_or_texts_on_postgresql(postgres_url):
    market = simulate_market(60, seed=1)
    for table, kind in (("numbers", "bigint"), ("texts", "text")):
        run_sql(
            postgres_url,
            f"CREATE TABLE {table} (id int, timestamp {kind}, {', '.join(f'{name} float8' for name in PRICES)}, "
            "volume float8, PRIMARY KEY (id, timestamp))",
        )
        own = FeatureTables(market=table, indicators=f"of_{table}")
        for part in (market[30:], market[:40]):
            ingest_frame(part, 7, postgres_url, tables=own)
        again = ingest_frame(market, 7, postgres_url, tables=own)
        assert (again.rows_unchanged, again.indicator_rows, count(postgres_url, table)) == (60, 0, 60)


def test_missing_volume_is_stored_as_null_and_stays(database_url):
    market = simulate_market(60, seed=1)
    run_sql(
        database_url,
        "CREATE TABLE own (id text, timestamp text, open float, high float, low float, close float, volume float, "
        "PRIMARY KEY (id, timestamp))",
    )
    own = FeatureTables(market="own", indicators="signs")
    ingest_frame(market, "A", database_url, tables=own)
    run_sql(database_url, "UPDATE own SET volume = NULL WHERE timestamp < '2019-01-11'")
    report = ingest_frame(market[-1:], "A", database_url, tables=own)
    assert report.history_rows == 60
    lacking = market.with_columns(volume=pl.when(pl.int_range(pl.len()) >= 10).then("volume"))
    with DatabaseConfig.of(database_url).connect() as connection:
        mfi = [row[0] for row in connection.exec_driver_sql("SELECT mfi FROM signs ORDER BY timestamp")]
    assert mfi == pytest.approx(compute_indicators(lacking)["mfi"].to_list())

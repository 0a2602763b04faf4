"""Tables that PostgreSQL has in other schemas, as materialized views, under any name, with texts for numbers."""

import pytest
import sqlalchemy

from kallos_data import (
    ConfigError,
    DatabaseConfig,
    DataQualityError,
    FeatureTables,
    ingest_frame,
    load_features_from_db,
    simulate_market,
)

DAYS = "FROM generate_series(0, 99) AS n"
ODD = {"Close Price": "numeric(20, 8)", "chg%": "numeric", "RSI (14)": "real", "it's": "float", "vol:btc": "numeric"}


def run(url: str, *statements: str) -> None:
    with DatabaseConfig.of(url).connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


@pytest.fixture
def odd_url(postgres_url):
    columns = ", ".join(f'"{name}" {kind}' for name, kind in ODD.items())
    values = "100 + n, CASE n WHEN 7 THEN NULL WHEN 9 THEN numeric 'NaN' ELSE n END, n, n, n"
    run(
        postgres_url,
        "CREATE SCHEMA market",
        f'CREATE TABLE market."Daily Prices" ("Symbol" text, "Date" date, {columns})',
        f"INSERT INTO market.\"Daily Prices\" SELECT 'X', DATE '2023-01-01' + n, {values} {DAYS}",
        'CREATE VIEW prices_view AS SELECT * FROM market."Daily Prices"',
        "CREATE MATERIALIZED VIEW market.prices_mat AS SELECT * FROM prices_view",
    )
    return postgres_url


@pytest.mark.parametrize(
    "name",
    ["market.Daily Prices", 'market."Daily Prices"', '"market"."Daily Prices"', "prices_view", "market.prices_mat"],
)
def test_any_of_them_is_read(odd_url, name):
    keys = {"id_column": "Symbol", "timestamp_column": "Date"}
    frame = load_features_from_db("X", "2023-12-31", odd_url, market_table=name, indicators_table=None, **keys)
    assert frame.columns == ["timestamp", *ODD]
    assert len(frame) == 100
    assert frame["chg%"][6:11].to_list() == [6.0, 6.0, 8.0, 8.0, 10.0]


def test_what_there_is_can_be_typed(odd_url):
    with pytest.raises(ConfigError) as caught:
        load_features_from_db("X", "2023-12-31", odd_url, market_table="Daily Prices")
    assert str(caught.value) == (
        "market 'Daily Prices' is not a table or view of the database: it has 'prices_view', 'market.Daily Prices', "
        "'market.prices_mat'; name one of these, or ingest prices first"
    )
    with pytest.raises(ConfigError, match=r"indicators 'market\.none' is not a table"):
        load_features_from_db(
            "X", "2023-12-31", odd_url, tables=FeatureTables("market.prices_mat", "market.none", "Symbol", "Date")
        )


def test_a_whole_name_comes_before_a_schema(odd_url):
    run(odd_url, 'CREATE TABLE "market.prices_mat" AS SELECT "Symbol", "Date", 1.5 AS x FROM prices_view')
    tables = FeatureTables("market.prices_mat", None, "Symbol", "Date")
    assert load_features_from_db("X", "2023-12-31", odd_url, tables=tables).columns == ["timestamp", "x"]
    inside = FeatureTables("prices_mat", None, "Symbol", "Date", schema="market")
    assert load_features_from_db("X", "2023-12-31", odd_url, tables=inside).columns == ["timestamp", *ODD]


def test_each_table_in_a_schema_of_its_own(postgres_url):
    tables = FeatureTables("Raw data.prices", "signs.daily", "Asset", "at")
    prices = simulate_market(120)
    report = ingest_frame(prices, "X", postgres_url, tables=tables)
    assert (report.rows_inserted, report.indicator_rows) == (120, 120)
    assert ingest_frame(prices, "X", postgres_url, tables=tables).rows_unchanged == 120
    inspector = sqlalchemy.inspect(DatabaseConfig.of(postgres_url).engine())
    assert inspector.get_table_names("Raw data") == ["prices"]
    assert inspector.get_table_names("signs") == ["daily"]
    assert inspector.get_table_names() == []
    frame = load_features_from_db("X", "2030-01-01", postgres_url, tables=tables)
    ingest_frame(prices, "X", postgres_url)
    assert frame.equals(load_features_from_db("X", "2030-01-01", postgres_url))


def test_texts_are_refused_with_the_statement_that_converts_them(postgres_url, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    run(
        postgres_url,
        'CREATE TABLE "Text prices" (id text, timestamp timestamptz, close text, "it\'s" varchar(20), x real, at json)',
        f"INSERT INTO \"Text prices\" SELECT 'X', timestamptz '2023-01-01Z' + n * interval '1 day', (n + 1)::text, "
        f"n::text, n, '1' {DAYS}",
    )
    tables = FeatureTables("Text prices", None)
    assert load_features_from_db("X", "2023-12-31", postgres_url, tables=tables).columns == ["timestamp", "x"]
    assert "are left out: close (TEXT), it's (VARCHAR(20)), at (JSON)" in caplog.text
    with pytest.raises(DataQualityError, match=r"no numbers in column 'at' \(type JSON\): name other columns"):
        load_features_from_db("X", "2023-12-31", postgres_url, tables=tables, needed_columns=["at"])
    with pytest.raises(DataQualityError) as caught:
        load_features_from_db("X", "2023-12-31", postgres_url, tables=tables, needed_columns=["x", "close", "it's"])
    problem, _, statement = str(caught.value).partition(": convert it with ")
    assert problem == "table 'Text prices' has no numbers in column 'close' (type TEXT) and \"it's\" (type VARCHAR(20))"
    assert "ALTER COLUMN close TYPE double precision USING close::double precision" in statement
    run(postgres_url, statement)
    frame = load_features_from_db("X", "2023-12-31", postgres_url, tables=tables, needed_columns=["close", "it's"])
    assert frame["close"].to_list() == [n + 1.0 for n in range(100)]


def test_a_domain_is_what_it_is_made_of(postgres_url):
    run(
        postgres_url,
        "CREATE DOMAIN price AS numeric(20, 8) CHECK (VALUE > 0)",
        "CREATE TABLE m (id text, timestamp date, close price)",
        f"INSERT INTO m SELECT 'X', DATE '2023-01-01' + n, n + 1 {DAYS}",
    )
    frame = load_features_from_db("X", "2023-12-31", postgres_url, tables=FeatureTables("m", None))
    assert frame["close"].to_list() == [n + 1.0 for n in range(100)]


def test_midnights_of_another_place_are_refused(postgres_url):
    run(
        postgres_url,
        "CREATE TABLE m (id text, timestamp timestamptz, x real)",
        "CREATE TABLE i (id text, timestamp timestamptz, y real)",
        f"INSERT INTO m SELECT 'X', timestamptz '2023-01-01Z' + n * interval '1 day', n {DAYS}",
        "SET LOCAL TIME ZONE 'Europe/Berlin'",
        f"INSERT INTO i SELECT 'X', (timestamp '2023-01-01' + n * interval '1 day')::timestamptz, n {DAYS}",
    )
    with pytest.raises(DataQualityError, match="0 of 100 rows of m have a time of i; the nearest differ by 1 hour"):
        load_features_from_db("X", "2023-12-31", postgres_url, tables=FeatureTables("m", "i"))


def test_a_reader_without_any_right_to_write(postgres_url):
    ingest_frame(simulate_market(60), "X", postgres_url)
    url = sqlalchemy.make_url(postgres_url)
    reader = f"reader_{url.database}"
    run(
        postgres_url,
        f"CREATE ROLE {reader} LOGIN PASSWORD 'reader'",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}",
    )
    try:
        config = DatabaseConfig(url.set(username=reader, password="reader"))
        expected = load_features_from_db("X", "2030-01-01", postgres_url)
        assert load_features_from_db("X", "2030-01-01", config).equals(expected)
    finally:
        run(postgres_url, f"DROP OWNED BY {reader}", f"DROP ROLE {reader}")


def test_epochs_of_the_type_numeric(postgres_url):
    run(
        postgres_url,
        "CREATE TABLE m AS SELECT 'X' AS id, extract(epoch FROM DATE '2023-01-01' + n) AS timestamp, "
        f"n::real AS x {DAYS}",
        "CREATE VIEW half AS SELECT id, timestamp + 0.5 AS timestamp, x FROM m",
        f"CREATE TABLE excel AS SELECT 'X' AS id, (44927 + n)::numeric AS timestamp, n::real AS x {DAYS}",
    )
    frame = load_features_from_db("X", "2023-01-31", postgres_url, market_table="m", indicators_table=None)
    assert frame["timestamp"].dt.strftime("%Y-%m-%d").to_list() == [f"2023-01-{day:02}" for day in range(1, 32)]
    half = load_features_from_db("X", "2023-01-31", postgres_url, market_table="half", indicators_table=None)
    assert half["timestamp"].dt.microsecond().to_list() == [500_000] * 31
    with pytest.raises(DataQualityError, match="the times 44927 to 45026 look like Excel's serial days"):
        load_features_from_db("X", "2023-01-31", postgres_url, market_table="excel", indicators_table=None)

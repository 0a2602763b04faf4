"""Columns without a value: what a load leaves out, what of it is worth a word, and that a description says the same."""

import sqlite3
from contextlib import closing

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import (
    DataQualityError,
    FeatureTables,
    describe_asset,
    ingest_file,
    ingest_frame,
    load_features_from_db,
    load_history,
    simulate_market,
)
from kallos_data.known_columns import EXTRAS, brought

BARE = ["open", "high", "low", "close", "volume"]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'x.db'}"


def run(url, *statements):
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_columns_that_ingest_makes_are_no_news_and_those_of_ones_own_are(url, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    ingest_frame(simulate_market(120), "A", url)
    tables = FeatureTables(indicators=None)
    assert load_features_from_db("A", "2030-01-01", url, tables=tables).columns[1:] == BARE
    assert load_history("A", None, url, tables=tables).brought_empty == ()
    assert "without any value" not in caplog.text
    run(url, "ALTER TABLE daily_market_data ADD COLUMN news REAL")
    assert load_features_from_db("A", "2030-01-01", url, tables=tables).columns[1:] == BARE
    history = load_history("A", None, url, tables=tables)
    assert (history.empty, history.brought_empty) == ((*EXTRAS, "news"), ("news",))
    # Of the two, the one that gives the frame alone.
    assert caplog.text.count("columns without any value are left out: news") == 1
    with pytest.raises(DataQualityError, match=r"columns 'trades', 'news' of A have no value in this range: choose"):
        load_history("A", None, url, tables=tables, needed_columns=["close", "news", "trades"])


def test_in_a_table_that_ingest_did_not_make_every_column_is_somebodys(url):
    run(url, "CREATE TABLE m (id TEXT, timestamp TEXT, close REAL, trades REAL)")
    run(url, *(f"INSERT INTO m VALUES ('A', '2023-01-0{day}', {day}, NULL)" for day in range(1, 6)))
    tables = FeatureTables("m", None)
    assert load_history("A", None, url, tables=tables).brought_empty == ("trades",)
    assert describe_asset(url, "A", tables=tables).empty == ("trades",)


@pytest.mark.parametrize("order", [("with", "without"), ("without", "with")])
def test_files_with_a_column_and_without_it_follow_each_other(url, order):
    days = simulate_market(120)
    frames = {"with": days.with_columns(trades=pl.int_range(1.0, 121.0)), "without": days}
    for name in order:
        ingest_frame(frames[name], name, url)
    for name, columns in (("with", [*BARE, "trades"]), ("without", BARE)):
        history = load_history(name, None, url, tables=FeatureTables(indicators=None))
        assert history.frame.columns[1:] == columns
        assert history.brought_empty == ()
    # One asset in two parts, of which the later one alone has it: what is known of it is kept.
    ingest_frame(days[:60], "parts", url)
    ingest_frame(frames["with"][60:], "parts", url)
    ingest_frame(days[:60], "parts", url)
    whole = load_history("with", None, url).frame.filter(pl.col("timestamp") >= days["timestamp"][60])
    assert load_history("parts", None, url).frame.equals(whole)


def test_a_file_whose_column_is_empty_is_told_of_it(url, tmp_path, caplog):
    caplog.set_level("INFO", logger="kallos_data")
    path = tmp_path / "prices.csv"
    simulate_market(60).with_columns(trades=pl.lit(None, pl.Float64)).write_csv(path)
    ingest_file(path, "A", url)
    assert f"{path}: columns without any value: trades" in caplog.text


@law(5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    market=st.lists(st.sampled_from(["value", "null", "late"]), min_size=1, max_size=4),
    signs=st.lists(st.sampled_from(["value", "null", "late", "elsewhere", "twice"]), max_size=4),
)
def test_a_description_names_what_a_load_reads(tmp_path, market, signs):
    url = f"sqlite:///{tmp_path / 'law.db'}"
    tables = FeatureTables("m", "i")
    n_rows = 8

    def stored(kind, row):
        known = {"value": True, "twice": True, "null": False, "late": row >= 3, "elsewhere": row >= n_rows}[kind]
        return str(row + 1.5) if known else "NULL"

    def columns(prefix, kinds):
        names = ["m0" if kind == "twice" else f"{prefix}{place}" for place, kind in enumerate(kinds)]
        return dict(zip(names, kinds, strict=True))

    # Indicators reach two steps further than the prices.
    statements = []
    for name, kinds, n in (
        ("m", columns("m", market) | {"p": "value"}, n_rows),
        ("i", columns("i", signs), n_rows + 2),
    ):
        declared = "".join(f', "{column}" REAL' for column in kinds)
        statements += [f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} (id TEXT, timestamp TEXT{declared})"]
        for row in range(n):
            values = "".join(f", {stored(kind, row)}" for kind in kinds.values())
            statements.append(f"INSERT INTO {name} VALUES ('A', '2023-01-{row + 1:02}'{values})")
    run(url, *statements)
    history, details = load_history("A", None, url, tables=tables), describe_asset(url, "A", tables=tables)
    assert details.loaded == tuple(history.frame.columns[1:])
    assert details.empty == history.brought_empty


def test_which_columns_were_brought():
    assert brought(EXTRAS, BARE) == ()
    assert brought(["trades"], BARE) == ("trades",)
    assert brought([*EXTRAS, "news"], BARE) == ("news",)
    assert brought(["trades", "news"], [*BARE, *(name for name in EXTRAS if name != "trades")]) == ("news",)

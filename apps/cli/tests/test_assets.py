"""Assets listed, shown and removed from the command line."""

import json
import sqlite3
import sys
from contextlib import closing

import pytest


@pytest.fixture
def holed(database):
    """A database whose one asset lacks three days."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM daily_market_data WHERE timestamp BETWEEN '2019-03-01' AND '2019-03-04'")
        connection.commit()
    return database


def test_a_list_for_people_and_for_programs(main_within, holed):
    code, out, err = main_within("assets", "list")
    assert (code, err) == (0, "")
    header, _, row = (line.split() for line in out.strip().splitlines())
    assert header == ["asset", "step", "rows", "first", "last", "holes", "missing", "filled", "outliers", "indicators"]
    assert row == ["BTC", "1", "day", "362", "2019-01-01", "2019-12-31", "1", "3", "3", "0", "365", "rows"]
    found = json.loads(main_within("assets", "list", "--json", "--max-gap", "2")[1])
    assert found["database"] == "sqlite:///kallos.db"
    (asset,) = found["assets"]
    assert (asset["asset_id"], asset["step"], asset["first"]) == ("BTC", "1 day", "2019-01-01T00:00:00Z")
    assert (asset["rows"], asset["indicator_rows"], asset["missing"], asset["filled"]) == (362, 365, 3, 0)


def test_one_asset_in_detail(main_within, holed):
    code, out, err = main_within("assets", "show", "BTC")
    assert (code, err) == (0, "")
    assert "holes       1 of 3 steps, of which 3 are filled (holes up to 7)" in out
    assert "2019-03-01" in out
    assert "Columns of daily_technical_indicators" in out
    found = json.loads(main_within("assets", "show", "BTC", "--json")[1])
    (hole,) = found["hole_list"]
    assert hole == {"first": "2019-03-01T00:00:00Z", "last": "2019-03-03T00:00:00Z", "steps": 3}
    assert found["columns"]["daily_market_data"]["close"] == 0


def test_a_removal_asks_at_a_terminal_alone(main_within, database, monkeypatch):
    class Terminal:
        def __init__(self, answer: str) -> None:
            self.answer = answer

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return self.answer

    asked = []
    for answer, rows in (("n", 365), ("y", 31)):
        monkeypatch.setattr("typer.confirm", lambda text, answer=answer, **_: asked.append(text) or answer == "y")
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        code, out, err = main_within("assets", "remove", "BTC", "--from", "2019-02-01")
        assert code == (2 if answer == "n" else 0)
        assert ("nothing was removed" in err) == (answer == "n")
        listed = json.loads(main_within("assets", "list", "--json")[1])["assets"]
        assert listed[0]["rows"] == rows
    assert out == (
        "BTC: removed 334 rows of prices and 334 of indicators; 31 rows of prices are left, "
        "0 rows of indicators computed anew\n"
    )
    assert asked[0] == (
        "remove 334 rows of prices and 334 of indicators of BTC from 2019-02-01 to the last from sqlite:///kallos.db?"
    )


def test_a_whole_asset_is_removed_and_there_is_none(main_within, database):
    code, out, err = main_within("assets", "remove", "BTC", "--yes", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "asset_id": "BTC",
        "rows": 365,
        "indicator_rows": 365,
        "rows_left": 0,
        "recomputed": 0,
    }
    code, out, err = main_within("assets", "list")
    assert (code, out) == (0, "")
    assert "there is no asset in table daily_market_data" in err
    assert "kallos-run ingest prices.csv --asset-id BTC" in err
    code, _, err = main_within("tune", "--asset-id", "BTC", "--end-date", "2019-12-31", "--study-name", "s")
    assert code == 2
    assert "--asset-id 'BTC' is not in table 'daily_market_data': the table is empty\ningest prices first" in err


def test_a_study_in_another_database_under_other_names(main_within, market_csv, tmp_path, tune_arguments, monkeypatch):
    names = ("--market-table", "candles", "--indicators-table", "signs")
    monkeypatch.setenv("KALLOS_ID_COLUMN", "Symbol")
    typed = ("ingest", market_csv, "--asset-id", "BTC", *names, "--timestamp-column", "it's")
    code, _, err = main_within(*typed)
    assert code == 0, err
    assert """--market-table candles --indicators-table signs --timestamp-column 'it'"'"'s'""" in err
    (tmp_path / "kallos.db").chmod(0o444)
    apart = ("--studies-url", "sqlite:///studies.db", "--timestamp-column", "it's", *names)
    code, _, err = main_within(*tune_arguments, *apart, "--n-trials", "1", "--workers", "1")
    assert code == 0, err
    assert "kallos-run study report small --studies-url sqlite:///studies.db" in err
    assert "--studies-url sqlite:///studies.db --timestamp-column" in err
    with closing(sqlite3.connect(tmp_path / "kallos.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"candles", "signs"}
    assert main_within("study", "list")[1] == ""
    monkeypatch.setenv("KALLOS_STUDIES_URL", "sqlite:///studies.db")
    monkeypatch.setenv("KALLOS_DB_URL", "sqlite:///none.db")
    assert "small" in main_within("study", "list")[1]
    code, out, _ = main_within("study", "show", "small", "--json")
    assert code == 0
    assert "sqlite" not in json.dumps(json.loads(out)["definition"])
    assert main_within("study", "reap", "small")[0] == 0

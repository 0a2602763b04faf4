"""``doctor``: a sound set-up is all ok; each thing that is broken is named with what to do."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from kallos_cli.doctor import check, machine, prices
from kallos_data import DatabaseConfig, ingest_frame, simulate_market


@pytest.fixture
def sound(tmp_path):
    start = datetime.now(UTC).date() - timedelta(days=300)
    ingest_frame(simulate_market(300, seed=1, start=str(start)), "BTC", f"sqlite:///{tmp_path / 'kallos.db'}")
    return tmp_path / "kallos.db"


def lines_of(out):
    return {line[9:].split("  ")[0]: (line[:7].strip(), line) for line in out.splitlines()}


def test_a_sound_set_up_is_all_ok(main_within, sound):
    before = sound.read_bytes()
    code, out, _ = main_within("doctor")
    assert code == 0, out
    lines = lines_of(out)
    assert {state for state, _ in lines.values()} == {"ok"}, out
    names = [
        "versions",
        "cores",
        "devices",
        "temporary files",
        "database",
        "disk",
        "tables",
        "newest row of BTC",
        "studies",
    ]
    assert [name for name in lines if name != "open files"] == names
    assert lines["newest row of BTC"][1].endswith("1 day, up to date")
    assert lines["studies"][1].endswith("none yet in sqlite:///kallos.db; tune can create their tables")
    assert sound.read_bytes() == before
    found = json.loads(main_within("doctor", "--json")[1])
    assert found["broken"] == 0
    assert {each["state"] for each in found["checks"]} == {"ok"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///none.db", "there is no SQLite database 'none.db': check the path, or ingest data first"),
        ("sqlite:///none/prices.db", "cannot open sqlite:///none/prices.db: there is no folder 'none'"),
        ("mysql://me@localhost/prices", "--db-url names the database 'mysql', which is not supported"),
        ("postgresql://me:s3cret@127.0.0.1:9/prices", "Connection refused: check host, port and that the server is up"),
    ],
)
def test_a_database_that_cannot_be_reached_is_broken(main_within, url, words, tmp_path):
    code, out, err = main_within("doctor", "--db-url", url)
    assert (code, err) == (1, "checking this machine and its databases, which takes a few seconds…\n")
    state, line = lines_of(out)["database"]
    assert state == "broken"
    assert words in line
    assert "s3cret" not in out
    assert "studies" not in lines_of(out)
    assert not list(tmp_path.iterdir())


def test_an_empty_database_and_other_tables(main_within, sound, tmp_path):
    (tmp_path / "empty.db").touch()
    code, out, _ = main_within("doctor", "--db-url", "sqlite:///empty.db")
    assert code == 1
    assert "'daily_market_data' is not a table or view of the database: it has none, ingest data first" in out
    code, out, _ = main_within("doctor", "--market-table", "daily_technical_indicators", "--no-indicators")
    assert code == 0, out
    with closing(sqlite3.connect(sound)) as connection:
        connection.execute("DELETE FROM daily_market_data")
        connection.commit()
    code, out, _ = main_within("doctor")
    assert code == 1
    assert lines_of(out)["tables"][1].endswith(
        "table daily_market_data holds no asset: ingest prices: kallos-run ingest prices.csv --asset-id BTC"
    )


def test_the_columns_are_those_that_tune_reads(main_within, sound, tune_arguments, monkeypatch):
    monkeypatch.setattr("kallos_cli.dry_run.dry_run", lambda *_arguments, **_options: None)

    def columns_of(line):
        return re.search(r"(\d+) columns", line)[1]

    day = datetime.now(UTC).date() - timedelta(days=5)
    tune = ["--study-name", "s", "--end-date", str(day), "--n-trials", "1"]
    code, _, err = main_within(*tune_arguments, *tune, "--dry-run")
    assert code == 0, err
    assert "without any value" not in err
    (loaded,) = [line for line in err.splitlines() if line.startswith("BTC: ")]
    checked = lines_of(main_within("doctor")[1])
    assert "columns" not in checked
    assert columns_of(checked["tables"][1]) == columns_of(loaded)
    n_features = sum(line.count(",") + 1 for line in err.splitlines() if re.match(r"  \w+_features: ", line))
    assert f", {n_features} features by default" in checked["tables"][1]
    with closing(sqlite3.connect(sound)) as connection:
        connection.execute("ALTER TABLE daily_market_data ADD COLUMN news REAL")
        connection.commit()
    _, _, err = main_within(*tune_arguments, *tune, "--dry-run")
    assert err.count("columns without any value are left out: news\n") == 1
    state, line = lines_of(main_within("doctor")[1])["columns"]
    assert state == "warning"
    assert line.endswith(
        "tune leaves out what has no value for BTC, news: supply the values, if these are to be features"
    )


def test_old_rows_are_a_warning(main_within, database):
    code, out, _ = main_within("doctor")
    assert code == 0
    state, line = lines_of(out)["newest row of BTC"]
    assert state == "warning"
    assert re.search(r"2019-12-31 00:00Z, ended \d+ days ago, bars of 1 day: ingest newer rows before ", line)
    assert line.endswith("a forecast (--max-age is 2)")


def test_tables_of_another_application_are_no_place_for_studies(main_within, sound, tmp_path):
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute("CREATE TABLE studies (id integer, patient text)")
    code, out, _ = main_within("doctor", "--studies-url", "sqlite:///app.db")
    assert code == 1
    assert lines_of(out)["studies"][0] == "broken"
    assert "belongs to another application, whose table studies has other columns than Optuna's" in out


def test_a_check_that_fails_is_what_was_found(main_within, sound, monkeypatch):
    monkeypatch.setattr(machine, "devices", lambda: 1 / 0)
    code, out, _ = main_within("doctor")
    assert code == 1
    words = "could not be checked, ZeroDivisionError: division by zero: repeat it with --debug"
    assert lines_of(out)["devices"] == ("broken", f"broken   {'devices':<17}  {words}")
    assert lines_of(out)["studies"][0] == "ok"


@pytest.mark.parametrize(
    ("version", "bounds", "fitting"),
    [
        ("2.13.0+cpu", ">=2.13,<2.14", True),
        ("2.14.0", ">=2.13,<2.14", False),
        ("2.9.12", ">=2.9.10", True),
        ("0.48.1", ">=0.48,<0.49", True),
        ("5.0.0", ">=5,<6", True),
        ("4.9", ">=5,<6", False),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version, bounds, fitting):
    assert machine.fits(version, bounds) == fitting


def test_a_container_may_use_fewer_cores(tmp_path):
    file = tmp_path / "cpu.max"
    for text, limit in (("max 100000\n", None), ("50000 100000\n", 0.5), ("150000 100000\n", 1.5), ("odd", None)):
        file.write_text(text)
        assert machine.cpu_limit(file) == limit
    assert machine.cpu_limit(tmp_path / "none") is None


def test_little_room_is_told(monkeypatch, tmp_path):
    for free, state in ((2**31, "ok"), (2**29, "warning"), (2**20, "broken")):
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda _folder, free=free: type("usage", (), {"free": free}))
        assert machine.disk("disk", tmp_path).state == state


def test_a_file_that_may_only_be_read_is_told(sound, monkeypatch):
    monkeypatch.setattr(prices.os, "access", lambda path, *_, **__: str(path) != str(sound))
    (found,) = prices.writable(DatabaseConfig.from_file(sound))
    assert found == check.warning(
        "rights", f"{sound} may only be read", "nothing, unless ingest or studies are to write here"
    )


def test_the_past_is_shown_not_to_depend_on_the_future(main_within, sound):
    code, out, err = main_within("doctor", "--leakage", "BTC")
    assert code == 0, out + err
    stages = [line for line in err.splitlines() if line.endswith("…")]
    assert [stage.split()[0] for stage in stages] == ["copying", "comparing", "comparing", "training"]
    lines = out.splitlines()
    assert lines[1] == "indicators: computed anew from the changed prices"
    assert re.search(r", 10 folds \(5 of a study that ends there, 5 of one that goes on\), ", lines[2])
    assert re.match(
        r"columns that might know the future: \d+ features looked at; closest .*: volume, rank corr", lines[4]
    )
    assert "reading and cutting the history five times, training twice: from half a minute" in err
    assert lines[2].endswith("up to that date; largest difference 0")
    assert lines[-1] == "ok: nothing before the date depends on what comes after it"
    # The simulated market announces itself by its volume.
    assert "warning  volume has a rank correlation of +0." in out
    _, out, err = main_within("doctor", "--leakage", "BTC", "--json")
    assert err == ""
    found = json.loads(out)
    assert (found["clean"], found["moved"], found["max_difference"]) == (True, [], 0.0)
    code, _, err = main_within("doctor", "--date", "2020-01-01")
    assert (code, err) == (2, "error: --date is for --leakage: name the asset with it\n")

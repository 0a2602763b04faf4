"""What Tab offers, by the protocol of the shells, and that nobody waits for it."""

import os
import socket
import sqlite3
import subprocess
import time
from contextlib import closing

import optuna
import pytest
from warm_commands import SCRIPT

from kallos_data import glance_at
from kallos_tune import open_storage


@pytest.fixture
def offered(tmp_path, database, warm_commands):
    """Return a function that completes a line as bash or zsh asks for it; with ``cold=True`` by the script itself."""
    optuna.create_study(study_name="gru_btc", storage=open_storage(f"sqlite:///{database}"))

    def complete(line, shell="bash", *, cold=False, **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KALLOS_")}
        environment |= {"_KALLOS_RUN_COMPLETE": f"complete_{shell}", **variables}
        if shell == "bash":
            environment |= {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        else:
            environment |= {"_TYPER_COMPLETE_ARGS": line}
        if cold:
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen([SCRIPT], cwd=tmp_path, env=environment, **streams)
        else:
            process = warm_commands.start([], cwd=tmp_path, env=environment)
        out, err = process.communicate(timeout=60)
        assert err == ""
        return out.split()

    return complete


def test_names_of_the_database_are_offered(offered):
    assert offered("kallos-run study show ", cold=True) == ["gru_btc"]
    assert offered("kallos-run study delete gr") == ["gru_btc"]
    assert offered("kallos-run train --study x") == []
    assert offered("kallos-run tune --asset-id ", cold=True) == ["BTC"]
    assert offered("kallos-run assets show B") == ["BTC"]
    assert offered("kallos-run tune --target-col log") == ["log_return"]
    assert offered("kallos-run tune --market-table daily_m") == ["daily_market_data"]
    assert offered("kallos-run study sho") == ["show"]
    assert "gru_btc" in "".join(offered("kallos-run study show ", shell="zsh", cold=True))


def test_the_line_says_which_database(offered):
    assert offered("kallos-run study show --db-url sqlite:///none.db ") == []
    assert offered("kallos-run study show ", KALLOS_DB_URL="sqlite:///none.db") == []
    assert offered("kallos-run study show --db-url sqlite:///kallos.db ", KALLOS_DB_URL="sqlite:///none.db") == [
        "gru_btc"
    ]
    assert offered("kallos-run tune --market-table daily_technical_indicators --target-col rs") == ["rsi"]
    assert offered("kallos-run tune --market-table none --asset-id ") == []


def test_the_configuration_file_says_which_database(offered, tmp_path, database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"VACUUM INTO '{tmp_path / 'prices.db'}'")
    with closing(sqlite3.connect(tmp_path / "prices.db")) as connection, connection:
        connection.execute("UPDATE studies SET study_name = 'other'")
        connection.execute("UPDATE daily_market_data SET id = 'ETH'")
    file = tmp_path / "kallos.toml"
    file.write_text('[database]\nurl = "sqlite:///prices.db"\n')
    assert offered("kallos-run study show ") == ["other"]
    assert offered("kallos-run tune --asset-id ") == ["ETH"]
    assert offered("kallos-run --no-config study show ") == ["gru_btc"]
    assert offered("kallos-run study show --db-url sqlite:///kallos.db ") == ["gru_btc"]
    assert offered("kallos-run study show ", KALLOS_DB_URL="sqlite:///kallos.db") == ["gru_btc"]
    file.write_text('[database]\nurl = "sqlite:///none.db"\nstudies_url = "sqlite:///prices.db"\n')
    assert offered("kallos-run study show ") == ["other"]
    file.write_text("[database\n")
    assert offered("kallos-run study show ") == ["gru_btc"]


def test_a_server_that_says_nothing_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me:secret@127.0.0.1:{silent.getsockname()[1]}/prices"
        started = time.perf_counter()
        assert glance_at(url, lambda query, _: query("SELECT 1", []), seconds=0.1) == []
        assert time.perf_counter() - started < 2  # of which the first import of the driver is most


@pytest.mark.parametrize("url", ["sqlite:///none/x.db", "mysql://x", "", "postgresql://127.0.0.1:9/x", "sqlite://"])
def test_what_cannot_be_read_offers_nothing(url):
    assert glance_at(url, lambda query, _: query("SELECT 1", []), seconds=3) == []

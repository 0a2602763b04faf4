"""Prices that may only be read: a SQLite file in a folder in which nothing can be created."""

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest

from kallos_data import DatabaseConfig, DatabaseError, ingest_frame, load_features_from_db, simulate_market

NOBODY = 65534
FOLDER_OF_TESTS = os.environ.get("PYTEST_DEBUG_TEMPROOT", gettempdir())


@contextmanager
def only_reading(folder: Path):
    """Take the right to write a folder and its files away; from root with everything else that root may."""
    files = [folder, *folder.iterdir()]
    for parent in folder.parents:
        if parent.is_relative_to(FOLDER_OF_TESTS) and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o111)
    for each in files:
        each.chmod(0o555 if each.is_dir() else 0o444)
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        if was == 0:
            os.seteuid(was)
        for each in files:
            each.chmod(0o755 if each.is_dir() else 0o644)


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("name", ["prices.db", "a ?#%20.db"])
def test_reading_needs_no_right_to_write(tmp_path, mode, name):
    folder = tmp_path / "prices"
    folder.mkdir()
    config = DatabaseConfig.from_file(folder / name)
    ingest_frame(simulate_market(90), "BTC", config)
    with closing(sqlite3.connect(folder / name)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    before = load_features_from_db("BTC", "2030-01-01", config)
    with only_reading(folder):
        assert load_features_from_db("BTC", "2030-01-01", config).equals(before)
        with pytest.raises(DatabaseError, match="readonly database: check the permissions of the file and of its"):
            ingest_frame(simulate_market(91), "BTC", config)
        assert [each.name for each in folder.iterdir()] == [name]


def test_what_another_process_has_written_and_not_yet_copied_back_is_read(tmp_path):
    config = DatabaseConfig.from_file(tmp_path / "prices.db")
    ingest_frame(simulate_market(90), "BTC", config)
    with closing(sqlite3.connect(tmp_path / "prices.db")) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("DELETE FROM daily_market_data WHERE timestamp > '2019-03-02'")
        connection.commit()
        with only_reading(tmp_path):
            frame = load_features_from_db("BTC", "2030-01-01", config)
    assert str(frame["timestamp"][-1].date()) == "2019-03-01"

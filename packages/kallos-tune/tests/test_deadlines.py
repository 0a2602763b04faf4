"""Limits are deadlines: of nested ones the earlier counts, and connecting and waiting for locks keep them."""

import sqlite3
import time
from contextlib import closing

import pytest
import sqlalchemy

from kallos_data import DatabaseConfig
from kallos_tune.errors import DatabaseUnavailableError, LockTimeoutError
from kallos_tune.storage import locks
from kallos_tune.storage.deadlines import deadline, is_over, seconds_left
from kallos_tune.storage.engines import worker_engine
from kallos_tune.storage.locks import StudyLock, creation_lock
from kallos_tune.storage.retry import patiently

LEAST = 1.0
SLACK = 2.0


@pytest.fixture
def config(tmp_path):
    config = DatabaseConfig.of(f"sqlite:///{tmp_path / 'studies.db'}")
    with config.connect(create=True) as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    return config


@pytest.fixture
def held(config):
    """Let somebody else hold the file's write lock."""
    with closing(sqlite3.connect(config.url.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_the_earlier_of_two_deadlines_counts():
    assert seconds_left(60) == 60
    with deadline(30) as outer:
        assert outer == 30
        with deadline(600) as inner:
            assert inner <= 30
            assert 29 < seconds_left(60) <= 30
        with deadline(2) as inner:
            assert inner == 2
            assert seconds_left(60) <= 2
        assert 29 < seconds_left(60) <= 30
    assert not is_over()


def test_an_attempt_has_a_second_at_least():
    with deadline(0):
        assert is_over()
        assert seconds_left(60) == LEAST
        assert seconds_left(60, least=0) == 0


def test_a_deadline_is_the_end_of_connecting_to_postgresql(monkeypatch):
    engine = worker_engine(DatabaseConfig.of("postgresql://me@localhost/db"))
    given = []

    def connect(**parameters):
        given.append(parameters)
        raise engine.dialect.dbapi.OperationalError("timeout expired")

    monkeypatch.setattr(engine.dialect.dbapi, "connect", lambda *_, **parameters: connect(**parameters))
    for seconds in (3.5, 0.1, 600):
        with deadline(seconds), pytest.raises(sqlalchemy.exc.OperationalError):
            engine.connect()
    assert [each["connect_timeout"] for each in given] == [3, 2, 10]
    assert [each["tcp_user_timeout"] <= most for each, most in zip(given, (3500, 1000, 60000), strict=True)] == [
        True
    ] * 3
    assert given[2]["tcp_user_timeout"] == 60000
    assert (given[2]["keepalives_idle"], given[0]["keepalives_idle"]) == (30, 1)


def test_a_locked_file_is_waited_for_until_the_deadline_and_no_longer(config, held):
    started = time.monotonic()
    with pytest.raises(LockTimeoutError) as error:
        patiently(lambda: StudyLock(config, "s").hold().__enter__(), limit_seconds=0.5)
    assert time.monotonic() - started < LEAST + SLACK
    assert str(error.value).startswith("another process has been claiming or recording a trial of study 's' for 0 s")


def test_a_write_elsewhere_is_waited_for_until_the_deadline_and_no_longer(config, held):
    engine = worker_engine(config)

    def write():
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")

    started = time.monotonic()
    with pytest.raises(DatabaseUnavailableError, match="database is locked"):
        patiently(write, limit_seconds=0.5)
    assert time.monotonic() - started < 2 * LEAST + SLACK


def test_who_waits_for_long_says_for_what_and_once(config, held, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(locks, "_SILENT_SECONDS", 0.1)
    with pytest.raises(LockTimeoutError), deadline(0.3), StudyLock(config, "s").hold():
        pass
    assert caplog.messages == ["waiting for another process that is claiming or recording a trial of study 's'"]


def test_who_waits_for_the_creation_lock_gives_up(config, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(locks, "_SILENT_SECONDS", 0.05)
    with creation_lock(config):
        with pytest.raises(LockTimeoutError) as error, creation_lock(config, wait_seconds=0.2):
            pass
        assert error.value.seconds == 0.2
    assert caplog.messages == [f"waiting for another process that is creating the tables of studies in {config}"]


def test_a_lock_that_is_free_is_taken_without_a_word(config, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(locks, "_SILENT_SECONDS", 0.05)
    with StudyLock(config, "s").hold():
        time.sleep(0.1)
    assert caplog.messages == []

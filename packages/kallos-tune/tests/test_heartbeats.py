"""Signs of life on SQLite: by the database's clock, and not ended by a beat that fails."""

import threading

import pytest
from sqlalchemy import event

from kallos_data import DatabaseConfig
from kallos_tune.claims.heartbeats import Heartbeat
from kallos_tune.storage.optuna_tables.heartbeats import beat


@pytest.fixture
def engine(tmp_path):
    engine = DatabaseConfig.of(f"sqlite:///{tmp_path / 'studies.db'}").engine(create=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE trial_heartbeats (trial_id integer UNIQUE, heartbeat datetime)")
    return engine


def beats(engine):
    with engine.connect() as connection:
        query = "SELECT trial_id, (julianday('now') - julianday(heartbeat)) * 86400 < 60 FROM trial_heartbeats"
        return connection.exec_driver_sql(query).all()


def test_a_second_beat_takes_the_place_of_the_first(engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO trial_heartbeats VALUES (7, '2020-01-01 00:00:00')")
    assert beats(engine) == [(7, 0)]
    with engine.begin() as connection:
        beat(connection, 7)
        beat(connection, 8)
    assert beats(engine) == [(7, 1), (8, 1)]


def test_beats_go_on_until_the_end_whatever_fails(engine):
    tries, fifth = [], threading.Event()

    @event.listens_for(engine, "begin")
    def on_begin(connection):
        tries.append(threading.current_thread().name)
        if len(tries) == 5:
            fifth.set()
        if len(tries) < 4:
            connection.exec_driver_sql("SELECT * FROM a_table_that_is_missing")

    with Heartbeat(engine, 7, interval_seconds=0.01) as heartbeat:
        assert fifth.wait(30)
    heartbeat._thread.join(30)
    assert not heartbeat._thread.is_alive()
    assert set(tries) == {"heartbeat-7"}
    assert beats(engine) == [(7, 1)]

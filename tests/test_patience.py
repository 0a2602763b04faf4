"""What real servers say when they restart, refuse or are full, and what is done about it."""

import subprocess
import sys
import threading

import pytest
import sqlalchemy
from postgres_server import PostgresServer, find_binaries
from sqlalchemy.exc import DBAPIError

from kallos_data import DatabaseConfig
from kallos_tune import open_storage
from kallos_tune.claims.heartbeats import Heartbeat
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.errors import DatabaseUnavailableError, LockTimeoutError, StorageError
from kallos_tune.storage.deadlines import deadline
from kallos_tune.storage.locks import StudyLock
from kallos_tune.storage.retry import is_transient, patiently

TIMES = ClaimSettings(heartbeat_seconds=15, grace_seconds=120, database_wait_seconds=0.5)


@pytest.fixture(scope="module")
def server():
    """A server that may be stopped and filled: no other module uses it."""
    server = PostgresServer(find_binaries())
    try:
        server.create()
        yield server
    finally:
        server.remove()


def engine_of(url):
    return sqlalchemy.create_engine(DatabaseConfig.of(url).url, poolclass=sqlalchemy.NullPool)


def error_of(url):
    """Return what connecting raises."""
    with pytest.raises(DBAPIError) as error, engine_of(url).connect():
        pass
    return error.value


def test_a_restart_is_transient_whenever_it_hits(server):
    for mode in ("fast", "immediate"):
        with engine_of(server.url()).connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            server.restart(mode)
            with pytest.raises(DBAPIError) as error:
                connection.exec_driver_sql("SELECT 1")
            assert is_transient(error.value)
    server.stop()
    try:
        assert is_transient(error_of(server.url()))
    finally:
        server.start()


def test_a_wrong_password_or_database_is_not(server):
    url = sqlalchemy.make_url(server.url())
    wrong = url.set(password="wrong").render_as_string(hide_password=False)
    assert not is_transient(error_of(wrong))
    assert not is_transient(error_of(server.url("missing")))
    # Refused at one address, turned away at the other.
    two = url.set(password="wrong", host=None, port=None).update_query_dict(
        {"host": ["127.0.0.1:1", f"127.0.0.1:{url.port}"]}
    )
    both = str(error_of(two.render_as_string(hide_password=False)))
    assert "refused" in both
    assert "password authentication failed" in both
    assert not is_transient(error_of(two.render_as_string(hide_password=False)))


def test_joining_with_a_wrong_password_fails_at_once(server, caplog):
    wrong = sqlalchemy.make_url(server.url()).set(password="wr0ng").render_as_string(hide_password=False)
    with pytest.raises(StorageError, match="password") as error:
        join_study(DatabaseConfig.of(wrong), "s", 1, TIMES)
    assert "wr0ng" not in str(error.value)
    assert "waiting" not in caplog.text


def test_too_many_connections_are_transient(server):
    with engine_of(server.url()).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 1"
        )
    url = sqlalchemy.make_url(server.url()).set(username="crowd", password="crowd")
    crowd = url.render_as_string(hide_password=False)
    with engine_of(crowd).connect():
        assert is_transient(error_of(crowd))


def test_patience_ends_with_the_way_on(server):
    open_storage(server.url(), "patience")
    storage = open_storage(server.url(), "patience", wait_seconds=0.5)
    server.stop()
    try:
        with pytest.raises(DatabaseUnavailableError) as error:
            storage.get_all_studies()
    finally:
        server.start()
    assert str(error.value).startswith("the database could not be reached for 0 s (")
    assert "refused" in str(error.value)
    assert str(error.value).endswith("finished trials are kept; run the same again once it is back")
    assert storage.get_all_studies() == []


def test_heartbeats_survive_a_restart(server):
    engine = engine_of(server.url())
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE trial_heartbeats (trial_id integer UNIQUE, heartbeat timestamp);"
            "CREATE SEQUENCE beats; CREATE FUNCTION count_beat() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM nextval('beats'); RETURN new; END $$;"
            "CREATE TRIGGER counts BEFORE INSERT ON trial_heartbeats FOR EACH ROW EXECUTE FUNCTION count_beat()"
        )

    beating = threading.Event()
    sqlalchemy.event.listen(engine, "commit", lambda _: beating.set())

    def n_beats():
        with engine_of(server.url()).connect() as connection:
            return connection.exec_driver_sql("SELECT last_value FROM beats").scalar_one()

    with Heartbeat(engine, 7, interval_seconds=0.02):
        assert beating.wait(30)
        before = n_beats()
        server.restart("immediate")
        for _ in range(3):
            beating.clear()
            assert beating.wait(30)
        assert n_beats() > before


HOLD = """
import sys
from kallos_data import DatabaseConfig
from kallos_tune.storage.deadlines import deadline
from kallos_tune.storage.locks import StudyLock
with StudyLock(DatabaseConfig.of(sys.argv[1]), "s").hold():
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_lock_excludes_others_and_dies_with_its_holder(postgres_url):
    config = DatabaseConfig.of(postgres_url)
    command = [sys.executable, "-c", HOLD, postgres_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(LockTimeoutError, match="claiming or recording a trial of study 's'"),
            deadline(0.1),
            StudyLock(config, "s").hold(),
        ):
            pass
        with StudyLock(config, "another").hold():
            pass
        holder.kill()
    with StudyLock(config, "s").hold():
        pass


def test_waiting_for_a_server_that_comes_back(server, caplog):
    caplog.set_level("INFO")
    server.stop()
    calls = []

    def step():
        calls.append(None)
        if len(calls) == 2:
            server.start()
        with engine_of(server.url()).connect() as connection:
            return connection.exec_driver_sql("SELECT 7").scalar()

    assert patiently(step, limit_seconds=60) == 7
    assert [line.split(",")[0] for line in caplog.messages][:1] == ["the database cannot be reached"]
    assert caplog.messages[-1].startswith("the database can be reached again after")
    assert len(caplog.messages) == 2

"""Locks on real databases: keys that never collide, who waits is told for what, and nobody waits for ever."""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import sqlalchemy

from kallos_data import ConfigError, DatabaseConfig, DatabaseError, ingest_frame, simulate_market
from kallos_data.database import locks


class Told(logging.Handler):
    """Knows when a line is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.event = Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting for" in record.getMessage():
            self.event.set()


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, "kallos_data")
    handler, logger = Told(), logging.getLogger("kallos_data")
    logger.addHandler(handler)
    yield handler.event
    logger.removeHandler(handler)


def holding(config: DatabaseConfig):
    """Return an open transaction that holds the lock on writing prices, over an engine of its own."""
    connection = config.engine(create=True).connect()
    locks.hold_in_transaction(connection, locks.advisory_key("write prices", schema=None), "writing", 5)
    return connection


def test_a_second_writer_is_told_for_what_it_waits_and_then_writes(database_url, told, caplog):
    config = DatabaseConfig.of(database_url)
    holder = holding(config)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(ingest_frame, simulate_market(5), "A", config)
        assert told.wait(60)
        assert not second.done()
        holder.rollback()
        holder.close()
        assert second.result(60).rows_inserted == 5
    said = [record for record in caplog.records if "waiting" in record.getMessage()]
    assert [record.getMessage() for record in said] == [
        f"waiting for another process that is writing prices to {config}, for up to 600 s"
    ]
    assert said[0].levelno == logging.INFO


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_a_second_writer_gives_up_at_its_limit_and_writes_nothing(database_url, seconds):
    config = DatabaseConfig.of(database_url)
    holder = holding(config)
    with pytest.raises(DatabaseError) as error:
        ingest_frame(simulate_market(5), "A", config, wait_seconds=seconds)
    assert str(error.value) == (
        f"another process has been writing prices to {config} for more than {seconds:g} s: "
        "nothing was written; try again once it has ended"
    )
    holder.rollback()
    holder.close()
    with config.connect() as connection:
        assert not sqlalchemy.inspect(connection).get_table_names()
    assert ingest_frame(simulate_market(5), "A", config, wait_seconds=0).rows_inserted == 5


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), True, "5", None])
def test_a_limit_that_is_none_is_refused(tmp_path, seconds):
    file = tmp_path / "x.db"
    with pytest.raises(ConfigError, match="wait_seconds must be from 0 to 2000000 seconds, not"):
        ingest_frame(simulate_market(5), "A", f"sqlite:///{file}", wait_seconds=seconds)
    assert not file.exists()


def test_after_the_lock_the_settings_of_the_connection_are_as_before(database_url):
    config = DatabaseConfig.of(database_url)
    shown = "PRAGMA busy_timeout" if config.backend == "sqlite" else "SHOW lock_timeout"
    with config.engine(create=True).connect() as connection:
        before = connection.exec_driver_sql(shown).scalar_one()
        connection.rollback()
        locks.hold_in_transaction(connection, locks.advisory_key("write prices"), "writing", 1)
        assert connection.exec_driver_sql(shown).scalar_one() == before


def key(config: DatabaseConfig, purpose: str, name: str = "") -> int:
    with config.connect() as connection:
        return connection.execute(sqlalchemy.select(config.advisory_key(purpose, name))).scalar_one()


def test_all_spellings_of_a_schema_share_their_keys_and_nothing_else_does(postgres_url):
    plain = DatabaseConfig.of(postgres_url)
    plain.create_schema("Studies")
    spelled = [
        plain.with_schema("Studies"),
        DatabaseConfig.of(f'{postgres_url}?options=-csearch_path%3D"Studies"'),
        DatabaseConfig.of(f'{postgres_url}?options=-csearch_path%3Dnowhere,"Studies",public'),
    ]
    assert len({key(config, "create study", "s") for config in spelled}) == 1
    assert key(plain, "create study", "s") == key(plain.with_schema("public"), "create study", "s")
    different = [
        key(config, purpose, name)
        for config in (plain, spelled[0])
        for purpose in ("create study", "claim trials", "write prices", "create schema", 'a", "b')
        for name in ("", "s", "S", 's", "public', "ü%s :x")
    ]
    assert len(set(different)) == len(different)


def test_a_prepared_engine_sees_the_schema_and_speaks_utc_in_every_transaction(postgres_url):
    config = DatabaseConfig.of(postgres_url)
    config.create_schema("studies")
    inside = config.with_schema("studies")
    engine = sqlalchemy.create_engine(inside.url)
    inside.prepare_engine(engine, 7.5)
    for _ in range(2):
        with engine.connect() as connection:
            settings = ("current_schema()", "current_setting('timezone')")
            assert connection.exec_driver_sql(f"SELECT {', '.join(settings)}").one() == ("studies", "UTC")
            limit = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
            assert limit == "7500ms"
    engine.dispose()


def test_preparing_an_engine_of_sqlite_changes_nothing(tmp_path):
    config = DatabaseConfig.of(f"sqlite:///{tmp_path / 'x.db'}")
    engine = sqlalchemy.create_engine(config.url)
    config.prepare_engine(engine, 1.0)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    engine.dispose()

"""Connections of workers: few, short, and none that holds others up when its worker stands still."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import NullPool

from kallos_data import DatabaseConfig

_CONNECT_SECONDS: Final = 10
_BUSY_SECONDS: Final = 60
# A server that vanished without a word is noticed after a minute, not after the system's two hours.
_KEEPALIVE: Final = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def storage_engine_settings(config: DatabaseConfig) -> dict[str, Any]:
    """Return engine settings for Optuna's storage under which many workers get along.

    On PostgreSQL no connection is kept open: a worker talks to the database for milliseconds an hour. SQLite, which
    knows no limit, keeps its one: closing the last connection to a file copies the whole log back into it.
    """
    if config.backend == "postgresql":
        return {"poolclass": NullPool, "connect_args": {"connect_timeout": _CONNECT_SECONDS}}
    # A transaction that begins by reading and then writes fails at once where another wrote in between; beginning each
    # write as IMMEDIATE waits its turn instead.
    return {"connect_args": {"timeout": _BUSY_SECONDS, "isolation_level": "IMMEDIATE"}}


def limit_standstill(engine: Engine, seconds: float) -> None:
    """Let PostgreSQL end every transaction of an engine that stands still for longer, and notice a vanished server.

    A worker that is frozen in the middle of a transaction would keep its locks for as long as it is frozen.
    """
    if engine.dialect.name != "postgresql":
        return

    def on_connect(*given: Any) -> None:  # noqa: ANN401 - dialect, record, arguments, keywords
        for key, value in _KEEPALIVE.items():
            given[3].setdefault(key, value)

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {round(seconds * 1000)}")

    event.listen(engine, "do_connect", on_connect)
    event.listen(engine, "begin", on_begin)


def writing_engine(config: DatabaseConfig, standstill_seconds: float) -> Engine:
    """Return an engine whose transactions are made for writing: on SQLite each waits its turn when it begins.

    Raises
    ------
    kallos_data.DatabaseError
        Where the SQLite file is missing.
    """
    engine = config.engine()
    limit_standstill(engine, standstill_seconds)
    if config.backend == "sqlite":
        event.listen(engine, "connect", _begin_by_hand)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_by_hand(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

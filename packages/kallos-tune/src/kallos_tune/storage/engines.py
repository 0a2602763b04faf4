"""Connections of workers: few, short, and none that holds others up when its worker stands still."""

from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import CreateEnginePlugin
from sqlalchemy.pool import NullPool

from kallos_data import DatabaseConfig
from kallos_data.database.transaction_settings import set_in_each_transaction

_CONNECT_SECONDS: Final = 10
_BUSY_SECONDS: Final = 60
_STANDSTILL_SECONDS: Final = 10.0
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
        return {
            "poolclass": NullPool,
            "connect_args": {"connect_timeout": _CONNECT_SECONDS},
            "plugins": [_PLUGIN],
            # Spares every connection a question about a type that Optuna's tables do not have.
            "use_native_hstore": False,
        }
    # A transaction that begins by reading and then writes fails at once where another wrote in between; beginning each
    # write as IMMEDIATE waits its turn instead.
    return {"connect_args": {"timeout": _BUSY_SECONDS, "isolation_level": "IMMEDIATE"}}


def worker_engine(config: DatabaseConfig, standstill_seconds: float) -> Engine:
    """Return an engine that notices a vanished server.

    PostgreSQL ends each of its transactions that stands still for longer: a worker that is frozen in the middle of one
    would keep its locks for as long as it is frozen.

    Raises
    ------
    kallos_data.DatabaseError
        Where the SQLite file is missing.
    """
    engine = config.engine(standstill_seconds=standstill_seconds)
    if config.backend == "postgresql":
        event.listen(engine, "do_connect", _notice_vanished_server)
    return engine


def writing_engine(config: DatabaseConfig, standstill_seconds: float) -> Engine:
    """Return a worker's engine whose transactions are made for writing: on SQLite each waits its turn when it begins.

    Raises
    ------
    kallos_data.DatabaseError
        Where the SQLite file is missing.
    """
    engine = worker_engine(config, standstill_seconds)
    if config.backend == "sqlite":
        event.listen(engine, "connect", _begin_by_hand)
        event.listen(engine, "begin", _begin_immediate)
    return engine


class StorageEngine(CreateEnginePlugin):
    """Makes an engine that somebody else creates, Optuna's, like :func:`worker_engine` before its first connection."""

    def update_url(self, url: URL) -> URL:
        """Leave the URL as it is."""
        return url

    def engine_created(self, engine: Engine) -> None:
        """Attend to a new engine."""
        set_in_each_transaction(engine, _STANDSTILL_SECONDS)
        event.listen(engine, "do_connect", _notice_vanished_server)


_PLUGIN: Final = "kallos.storage"
plugins.register(_PLUGIN, __name__, StorageEngine.__name__)


def _notice_vanished_server(*given: Any) -> None:  # noqa: ANN401 - dialect, record, arguments, keywords
    for key, value in _KEEPALIVE.items():
        given[3].setdefault(key, value)


def _begin_by_hand(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

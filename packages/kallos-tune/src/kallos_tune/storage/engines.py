"""Connections of workers: few, short, and none that holds others up when its worker stands still."""

import math
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import CreateEnginePlugin
from sqlalchemy.pool import NullPool

from .database import Database
from .deadlines import seconds_left

STANDSTILL_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 600.0
_CONNECT_SECONDS: Final = 10.0
_BUSY_SECONDS: Final = 60.0
# A server that vanished without a word is noticed after a minute, not after the system's two hours.
_VANISHED_SECONDS: Final = 60.0
# libpq takes a second for two.
_LEAST_CONNECT_SECONDS: Final = 2
_PLUGIN: Final = "kallos.storage"


def storage_engine_settings(database: Database, standstill_seconds: float = STANDSTILL_SECONDS) -> dict[str, Any]:
    """Return engine settings for Optuna's storage under which many workers get along.

    PostgreSQL ends each of its transactions that stands still for longer than ``standstill_seconds``.

    On PostgreSQL no connection is kept open: a worker talks to the database for milliseconds an hour. SQLite, which
    knows no limit, keeps its one: closing the last connection to a file copies the whole log back into it.
    """
    ours = {"plugins": [_PLUGIN], StorageEngine.KEYWORD: (database, standstill_seconds)}
    if database.backend == "postgresql":
        return ours | {
            "poolclass": NullPool,
            "connect_args": {"connect_timeout": int(_CONNECT_SECONDS)},
            # Spares every connection a question about a type that Optuna's tables do not have.
            "use_native_hstore": False,
        }
    # A transaction that begins by reading and then writes fails at once where another wrote in between; beginning each
    # write as IMMEDIATE waits its turn instead.
    return ours | {"connect_args": {"timeout": _BUSY_SECONDS, "isolation_level": "IMMEDIATE"}}


def storage_url(database: Database) -> str:
    """Return the URL for Optuna's storage, which takes text and fills in braces."""
    text = database.url.render_as_string(hide_password=False)
    return text.replace("{", "{{").replace("}", "}}")


def worker_engine(
    database: Database, standstill_seconds: float = STANDSTILL_SECONDS, *, create: bool = False
) -> Engine:
    """Return an engine whose attempts keep deadlines, and that notices a vanished server.

    PostgreSQL ends each of its transactions that stands still for longer: a worker that is frozen in the middle of one
    would keep its locks for as long as it is frozen. With ``create``, a SQLite file is created where it is missing.
    """
    engine = database.engine(create=create, standstill_seconds=standstill_seconds)
    if database.backend == "postgresql":
        event.listen(engine, "do_connect", _keep_deadline_on_connecting)
    else:
        event.listen(engine, "begin", _keep_deadline_on_waiting)
    return engine


def writing_engine(database: Database, standstill_seconds: float = STANDSTILL_SECONDS) -> Engine:
    """Return a worker's engine for transactions that write: on SQLite each waits its turn when it begins."""
    engine = worker_engine(database, standstill_seconds)
    if database.backend == "sqlite":
        event.listen(engine, "connect", _begin_by_hand)
        event.listen(engine, "begin", _begin_immediate)
    return engine


class StorageEngine(CreateEnginePlugin):
    """Makes an engine that somebody else creates, Optuna's, like :func:`worker_engine` before its first connection."""

    KEYWORD: Final = "kallos_database"

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        super().__init__(url, kwargs)
        given: tuple[Database, float] = kwargs.pop(self.KEYWORD)
        self._database, self._standstill_seconds = given

    def update_url(self, url: URL) -> URL:
        """Return the database's own URL: not every one survives being written out and read again."""
        del url
        return self._database.url

    def engine_created(self, engine: Engine) -> None:
        """Attend to a new engine."""
        self._database.prepare_engine(engine, self._standstill_seconds)
        if self._database.backend == "postgresql":
            event.listen(engine, "do_connect", _keep_deadline_on_connecting)
        else:
            event.listen(engine, "begin", _keep_deadline_on_waiting)


plugins.register(_PLUGIN, __name__, StorageEngine.__name__)


def _keep_deadline_on_connecting(*given: Any) -> None:  # noqa: ANN401 - dialect, record, arguments, keywords
    """Let connecting, and later waiting for a server that vanished, end with the deadline."""
    parameters: dict[str, Any] = given[3]
    allowed = float(parameters.get("connect_timeout") or _CONNECT_SECONDS)
    parameters["connect_timeout"] = max(_LEAST_CONNECT_SECONDS, math.floor(seconds_left(allowed)))
    share = seconds_left(_VANISHED_SECONDS) / _VANISHED_SECONDS
    for key, most in (("keepalives_idle", 30), ("keepalives_interval", 10)):
        parameters.setdefault(key, max(1, math.floor(most * share)))
    parameters.setdefault("keepalives_count", 3)
    parameters.setdefault("tcp_user_timeout", round(1000 * _VANISHED_SECONDS * share))


def _keep_deadline_on_waiting(connection: Connection) -> None:
    """Let waiting for other writers of a SQLite file end with the deadline."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * seconds_left(_BUSY_SECONDS))}")


def _begin_by_hand(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    # Whoever waits for the write lock itself has all the time until the deadline.
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * seconds_left(WAIT_SECONDS))}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")

"""Locks that die with their holder, whatever it dies of, and that nobody waits for in silence or for ever.

On PostgreSQL an advisory lock inside a transaction: the server drops it with the connection, and it works behind a
pooler in transaction mode. On SQLite the file's own write lock, which the operating system drops with the process.
"""

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from typing import Final

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..errors import LockTimeoutError
from .database import Database
from .deadlines import deadline, is_over, seconds_left
from .engines import STANDSTILL_SECONDS, WAIT_SECONDS, writing_engine

logger = logging.getLogger(__name__)

_SILENT_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = (0.01, 0.1)
_LOCK_NOT_AVAILABLE: Final = "55P03"


class WriteLock:
    """One writer at a time for a purpose, in a transaction.

    What is written on the connection that :meth:`hold` gives is written as a whole when the block ends well, and not
    at all where the block fails, its process dies, or the lock is lost.

    Parameters
    ----------
    database : Database
    purpose, name : str
        On PostgreSQL holders of other purposes or names do not exclude one another; see :meth:`Database.advisory_key`.
    doing : str
        What a holder does, for whoever waits: "creating a study".
    standstill_seconds : float, default 10
        A holder that stands still for longer (a stopped laptop) loses the lock on PostgreSQL. On SQLite nothing can
        take it away.
    """

    def __init__(
        self,
        database: Database,
        purpose: str,
        name: str,
        *,
        doing: str,
        standstill_seconds: float = STANDSTILL_SECONDS,
    ) -> None:
        self.database = database
        self._key = database.advisory_key(purpose, name) if database.backend == "postgresql" else None
        self._doing = doing
        self._engine = writing_engine(database, standstill_seconds)

    @contextmanager
    def hold(self) -> Generator[Connection]:
        """Wait for the lock, and release it when the block ends.

        Raises
        ------
        LockTimeoutError
            Where others hold it until the deadline, or for ten minutes where there is none.
        sqlalchemy.exc.DBAPIError
            Where the database cannot be reached or takes the lock back; see :mod:`kallos_tune.storage.retry`.
        """
        with ExitStack() as stack:
            with deadline(WAIT_SECONDS) as limit, _said_while_waiting(self._doing):
                try:
                    connection = stack.enter_context(self._engine.begin())
                    if self._key is not None:
                        # The deadline also holds for the rows that this transaction comes to wait for.
                        milliseconds = round(1000 * seconds_left(WAIT_SECONDS))
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
                        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(self._key)))
                except DBAPIError as error:
                    if is_over() and _is_held(error):
                        raise LockTimeoutError(limit, self._doing) from error
                    raise
            yield connection

    def take_also(self, connection: Connection, purpose: str, name: str = "") -> None:
        """Take the lock of another purpose until this one's block ends; on SQLite this one is already all there are.

        Whoever takes several begins with that of the study: the order in which all take them.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            From :meth:`hold`.
        purpose, name : str
            As of this class.
        """
        if self._key is not None:
            key = self.database.advisory_key(purpose, name)
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(key)))


class StudyLock(WriteLock):
    """One writer at a time among all workers of a study.

    Parameters
    ----------
    database : Database
    study_name : str
    standstill_seconds : float, default 10
        See :class:`WriteLock`.
    """

    def __init__(self, database: Database, study_name: str, *, standstill_seconds: float = STANDSTILL_SECONDS) -> None:
        doing = f"claiming or recording a trial of study {study_name!r}"
        super().__init__(database, "claim trials", study_name, doing=doing, standstill_seconds=standstill_seconds)


@contextmanager
def creation_lock(database: Database, *, wait_seconds: float = WAIT_SECONDS) -> Generator[None]:
    """Let one process at a time create the tables of studies.

    Unlike :class:`WriteLock` it leaves the database writable for others: Optuna creates tables over connections of its
    own. On SQLite it is the write lock of an empty file beside the database.

    Raises
    ------
    LockTimeoutError
        Where another process holds it for longer than ``wait_seconds``.
    sqlalchemy.exc.DBAPIError, sqlite3.OperationalError
        Where the database cannot be reached.
    """
    doing = f"creating the tables of studies in {database}"
    with ExitStack() as stack:
        with deadline(wait_seconds) as limit, _said_while_waiting(doing):
            if database.backend == "sqlite":
                _lock_file(stack, database, limit, doing)
            else:
                _lock_by_polling(stack, database, limit, doing)
        yield


def _lock_file(stack: ExitStack, database: Database, limit: float, doing: str) -> None:
    file = stack.enter_context(closing(sqlite3.connect(f"{database.url.database}.lock", limit, isolation_level=None)))
    try:
        file.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise LockTimeoutError(limit, doing) from error
        raise


def _lock_by_polling(stack: ExitStack, database: Database, limit: float, doing: str) -> None:
    """Take the lock, without waiting on a connection: behind a pooler it may be the one that the holder needs."""
    engine = database.engine()
    attempt = sqlalchemy.select(sqlalchemy.func.pg_try_advisory_xact_lock(database.advisory_key("create study")))
    while True:
        with ExitStack() as attempted:
            connection = attempted.enter_context(engine.begin())
            if connection.execute(attempt).scalar_one():
                stack.push(attempted.pop_all())
                return
        if is_over():
            raise LockTimeoutError(limit, doing)
        time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - spreads workers, guards nothing


@contextmanager
def _said_while_waiting(doing: str) -> Generator[None]:
    """Log once what is waited for where the block takes long."""
    timer = threading.Timer(_SILENT_SECONDS, logger.info, ("waiting for another process that is %s", doing))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _is_held(error: DBAPIError) -> bool:
    state = getattr(error.orig, "pgcode", None)
    return state == _LOCK_NOT_AVAILABLE if state else "database is locked" in str(error.orig)

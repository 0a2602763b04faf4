"""Locks that die with their holder, whatever it dies of.

On PostgreSQL an advisory lock inside a transaction: the server drops it with the connection, and it works behind a
pooler in transaction mode. On SQLite the file's own write lock, which the operating system drops with the process.
"""

import hashlib
import random
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Final

import sqlalchemy
from sqlalchemy import Connection

from kallos_data import DatabaseConfig
from kallos_data.database.transaction_settings import StartupOptions

from .engines import writing_engine

_STANDSTILL_SECONDS: Final = 10.0
_CREATION_SECONDS: Final = 60.0
_CREATION_PAUSE_SECONDS: Final = (0.01, 0.1)
# Any number does; it is Kallos' own among PostgreSQL's advisory locks.
_CREATION_LOCK: Final = 0x4B61_6C6C_6F74


class StudyLock:
    """One writer at a time among all workers of a study, in a transaction.

    What is written on the connection that :meth:`hold` gives is written as a whole when the block ends well, and not
    at all where the block fails, its process dies, or the lock is lost.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    study_name : str
    standstill_seconds : float, default 10
        A holder that stands still for longer (a stopped laptop) loses the lock on PostgreSQL. On SQLite nothing can
        take it away: others wait, and say that the database is locked.
    """

    def __init__(
        self, config: DatabaseConfig, study_name: str, *, standstill_seconds: float = _STANDSTILL_SECONDS
    ) -> None:
        self.config = config
        self._key = _advisory_key(config, f"study {study_name}")
        self._engine = writing_engine(config, standstill_seconds)

    @contextmanager
    def hold(self) -> Generator[Connection]:
        """Wait for the lock, and release it when the block ends.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            Where the database is away or takes the lock back; see :mod:`kallos_tune.storage.retry`.
        """
        with self._engine.begin() as connection:
            if self.config.backend == "postgresql":
                connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(self._key)))
            yield connection


@contextmanager
def creation_lock(config: DatabaseConfig) -> Generator[None]:
    """Let one process at a time create tables and studies in a database.

    Unlike :class:`StudyLock` it leaves the database writable for others: Optuna creates tables over connections of its
    own. All schemas of a PostgreSQL database share one lock; on SQLite it is the write lock of an empty file beside the
    database.

    Raises
    ------
    sqlalchemy.exc.DBAPIError, sqlite3.OperationalError
        Where the database is away, or the lock cannot be had within a minute.
    """
    if config.backend == "sqlite":
        with closing(sqlite3.connect(f"{config.url.database}.lock", _CREATION_SECONDS, isolation_level=None)) as file:
            file.execute("BEGIN EXCLUSIVE")
            yield
        return
    engine = config.engine()
    attempt = sqlalchemy.select(sqlalchemy.func.pg_try_advisory_xact_lock(_CREATION_LOCK))
    while True:
        with engine.begin() as connection:
            if connection.execute(attempt).scalar_one():
                yield
                return
        # Not waited for on the connection: behind a pooler it may be the one that the holder needs to get on.
        time.sleep(random.uniform(*_CREATION_PAUSE_SECONDS))  # noqa: S311 - spreads workers, guards nothing


def _advisory_key(config: DatabaseConfig, name: str) -> int:
    """Return a number for a name; the same names in two schemas get two."""
    digest = hashlib.sha256(f"{StartupOptions.of(config.url).search_path}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)

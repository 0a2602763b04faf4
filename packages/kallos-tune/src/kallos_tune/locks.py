"""One lock a study, which dies with its holder.

On PostgreSQL an advisory lock inside a transaction: the server drops it with the connection, and it works behind a
pooler in transaction mode. On SQLite a lock on a file beside the database, which the operating system drops with the
process.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from filelock import FileLock
from sqlalchemy import Connection, text

from kallos_data import DatabaseConfig

# A holder that stands still this long inside its transaction (a stopped laptop) loses the lock.
_IDLE_SECONDS: Final = 30

Rows = Sequence[Sequence[Any]]


class StudyLock(ABC):
    """Mutual exclusion between all processes on one study.

    Parameters
    ----------
    config : DatabaseConfig
        The storage, schema included.
    name : str
        What is locked: one study, or the creation of all.
    """

    def __init__(self, config: DatabaseConfig, name: str) -> None:
        self.config = config
        self.name = name

    @abstractmethod
    def hold(self) -> "AbstractContextManager[Held]":
        """Return a context manager that waits for the lock and yields a :class:`Held`."""


class Held(ABC):
    """A lock that is held."""

    @abstractmethod
    def run(self, statement: str, values: Mapping[str, object] | None = None) -> Rows:
        """Run a SQL statement under the lock and return its rows."""

    @abstractmethod
    def check(self) -> None:
        """Raise an error of the database where the lock has been lost."""


def study_lock(config: DatabaseConfig, name: str) -> StudyLock:
    """Return the lock of the storage's kind."""
    return SqliteLock(config, name) if config.backend == "sqlite" else PostgresLock(config, name)


class PostgresLock(StudyLock):
    """``pg_advisory_xact_lock``, on a connection of its own; statements run in its transaction."""

    @contextmanager
    def hold(self) -> Generator[Held]:
        """Wait for the lock, and release it when the block ends well or badly."""
        digest = hashlib.sha256(f"{self.config.url.query.get('options')}/{self.name}".encode()).digest()
        with raw_connection(self.config) as connection, connection.begin():
            connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'"))
            key = int.from_bytes(digest[:8], signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield _HeldPostgres(connection)


class _HeldPostgres(Held):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str, values: Mapping[str, object] | None = None) -> Rows:
        result = self._connection.execute(text(statement), values or {})
        return result.all() if result.returns_rows else []

    def check(self) -> None:
        self._connection.execute(text("SELECT 1"))


class SqliteLock(StudyLock):
    """A lock file; statements run in short transactions of their own, since SQLite has one writer at a time."""

    @contextmanager
    def hold(self) -> Generator[Held]:
        """Wait for the lock, and release it when the block ends well or badly."""
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:8]
        with FileLock(f"{self.config.url.database}.{digest}.lock"):
            yield _HeldSqlite(self.config)


class _HeldSqlite(Held):
    def __init__(self, config: DatabaseConfig) -> None:
        self._config = config

    def run(self, statement: str, values: Mapping[str, object] | None = None) -> Rows:
        with raw_connection(self._config) as connection, connection.begin():
            result = connection.execute(text(statement), values or {})
            return result.all() if result.returns_rows else []

    def check(self) -> None:
        """Do nothing: the operating system takes no lock from a living process."""


@contextmanager
def raw_connection(config: DatabaseConfig) -> Generator[Connection]:
    """Open a connection whose errors stay those of the driver, for :mod:`kallos_tune.retry` to judge."""
    engine = config.engine()
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()

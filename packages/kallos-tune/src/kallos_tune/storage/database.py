"""What the core needs to know of a database; :class:`kallos_data.DatabaseConfig` is one such."""

from typing import Literal, Protocol

from sqlalchemy import URL, ColumnElement, Engine


class Database(Protocol):
    """A PostgreSQL or SQLite database, reached in whatever way its owner likes.

    Workers are given it by pickling. ``str`` of it stands in messages and hides the password.
    """

    @property
    def url(self) -> URL:
        """Where it is, password and schema included."""
        ...

    @property
    def backend(self) -> Literal["postgresql", "sqlite"]:
        """Which kind it is."""
        ...

    def engine(self, *, create: bool = False, standstill_seconds: float | None = None) -> Engine:
        """Return an engine that keeps no connection open and speaks UTC.

        Parameters
        ----------
        create : bool, default False
            Whether a SQLite file may be created where it is missing.
        standstill_seconds : float, optional
            PostgreSQL ends a transaction in which nothing happens for longer.
        """
        ...

    def prepare_engine(self, engine: Engine, standstill_seconds: float | None) -> None:
        """Make an engine that somebody else created behave as those of :meth:`engine`."""
        ...

    def advisory_key(self, purpose: str, name: str = "") -> ColumnElement[int]:
        """Return the key of an advisory lock of PostgreSQL, as an expression that the server evaluates.

        Two purposes, two names and two schemas, however they are spelled, never share a key.
        """
        ...

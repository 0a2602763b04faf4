"""Where the data are: a database described by keyword arguments, a URL, the environment or a file.

Passwords live in the URL alone and are hidden wherever a configuration is shown.
"""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import sqlalchemy
from sqlalchemy import URL, ColumnElement, Connection, Engine
from sqlalchemy.exc import DBAPIError

from ..errors import ConfigError, DatabaseError
from .driver_errors import explanation
from .engines import known_engine, new_engine
from .locks import WAIT_SECONDS, advisory_key, hold_in_transaction
from .readable_files import let_read_without_writing
from .transaction_settings import quoted, set_in_each_transaction
from .urls import checked, url_of_environment, url_of_file, url_of_kwargs, url_of_text

Backend = Literal["postgresql", "sqlite"]

_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseConfig:
    """A PostgreSQL or SQLite database.

    Attributes
    ----------
    url : sqlalchemy.URL
        With the driver spelt out; ``str`` of it, and of the configuration, hides the password.

    Raises
    ------
    ConfigError
        As in :meth:`from_url`.
    """

    url: URL

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", checked(self.url))

    @classmethod
    def of(cls, source: "DatabaseConfig | Mapping[str, object] | str | None") -> "DatabaseConfig":
        """Return a configuration from whatever describes it; None reads the environment.

        Raises
        ------
        ConfigError
            As in :meth:`from_kwargs`, :meth:`from_url` and :meth:`from_environment`.
        """
        if source is None:
            return cls.from_environment()
        if isinstance(source, DatabaseConfig):
            return source
        return cls.from_url(source) if isinstance(source, str) else cls.from_kwargs(source)

    @classmethod
    def from_kwargs(cls, db_kwargs: Mapping[str, object]) -> Self:
        """Read ``postgres_user, postgres_password, postgres_host, postgres_port, postgres_db``, or ``url`` alone.

        Host and port default to ``localhost`` and 5432; a password may be missing.

        Raises
        ------
        ConfigError
            Where a key is unknown or missing, the port is none, or a value holds a NUL; of a URL as in
            :meth:`from_url`.
        """
        return cls(url_of_kwargs(db_kwargs))

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read ``postgresql://``, ``postgres://``, ``postgresql+psycopg2://`` or ``sqlite:///FILE``.

        ``%`` and two hexadecimal digits are one byte, everywhere in the URL: a file whose name holds ``?`` or ``%``
        is written with ``%3F`` or ``%25``. Of a SQLite database, ``?timeout=SECONDS`` alone is taken: how long a
        locked file is waited for. :meth:`from_file` takes a file's name as it is.

        Raises
        ------
        ConfigError
            Where the text is no such URL. The message does not repeat it, for it may hold a password.
        """
        return cls(url_of_text(url))

    @classmethod
    def from_file(cls, file: str | os.PathLike[str]) -> Self:
        """Return the SQLite database in a file, whatever characters its name is made of.

        Raises
        ------
        ConfigError
            Where the name holds a NUL, or bytes that are not UTF-8.
        """
        return cls(url_of_file(file))

    @classmethod
    def from_environment(cls, variable: str = "KALLOS_DB_URL") -> Self:
        """Read a URL from an environment variable.

        Raises
        ------
        ConfigError
            Where the variable is not set, or as in :meth:`from_url`.
        """
        return cls(url_of_environment(variable))

    @property
    def backend(self) -> Backend:
        """``"postgresql"`` or ``"sqlite"``."""
        return "sqlite" if self.url.drivername == "sqlite" else "postgresql"

    def __repr__(self) -> str:
        return f"DatabaseConfig({self})"

    def __str__(self) -> str:
        hidden = {key: "***" for key in self.url.query if "password" in key}
        shown = self.url.set(drivername=self.backend).update_query_dict(hidden)
        return shown.render_as_string(hide_password=True)

    def with_schema(self, name: str) -> "DatabaseConfig":
        """Return the same database seen through one PostgreSQL schema alone.

        The schema is put into the URL, so that whoever opens the URL, in whatever way, sees the same tables. Engines of
        this class set it in each transaction instead: it holds behind a pooler in transaction mode.

        Raises
        ------
        ConfigError
            On SQLite, and where PostgreSQL would refuse or misread the name.
        """
        if self.backend == "sqlite":
            raise ConfigError(f"{name!r} needs PostgreSQL: SQLite has no schemas, leave it out", "schema")
        check_schema_name(name)
        # libpq splits options at blanks; a backslash keeps the character after it.
        escaped = re.sub(r"([\\\s])", r"\\\1", quoted(name))
        options = [*self.url.normalized_query.get("options", ()), f"-csearch_path={escaped} -ctimezone=UTC"]
        return DatabaseConfig(self.url.update_query_dict({"options": " ".join(options)}))

    def create_schema(self, name: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
        """Create a PostgreSQL schema where it is missing; any number of processes may do so at once.

        Parameters
        ----------
        name : str
            The schema.
        wait_seconds : float, default 600
            How long another process that creates it may take.

        Raises
        ------
        ConfigError
            As in :meth:`with_schema`.
        DatabaseError
            Where the database cannot be reached, the user may not create schemas, or another process takes too long.
        """
        self.with_schema(name)
        with self.connect() as connection:
            key = advisory_key("create schema", name, schema=None)
            hold_in_transaction(connection, key, f"creating schema {name!r} in {self}", wait_seconds)
            if not sqlalchemy.inspect(connection).has_schema(name):
                connection.execute(sqlalchemy.schema.CreateSchema(name))

    def advisory_key(self, purpose: str, name: str = "") -> ColumnElement[int]:
        """Return the key of an advisory lock, as an expression that PostgreSQL evaluates in the transaction.

        No two of purpose, name and schema share a key. The schema is the one that the server resolves the search path
        to, so that all spellings of a schema share their keys.

        Parameters
        ----------
        purpose : str
            What is locked, as in "create study".
        name : str, default ""
            Of the thing that is locked, where there are several in a schema.
        """
        return advisory_key(purpose, name)

    def prepare_engine(self, engine: Engine, standstill_seconds: float | None) -> None:
        """Make an engine that somebody else creates do in each transaction what those of this class do.

        On PostgreSQL each transaction then speaks UTC and sees the URL's schemas alone, behind a pooler in transaction
        mode too. On SQLite a file can be read where nothing may be written.

        Parameters
        ----------
        engine : sqlalchemy.Engine
            Not yet connected.
        standstill_seconds : float or None
            PostgreSQL ends a transaction in which nothing happens for longer.
        """
        if engine.dialect.name == "postgresql":
            set_in_each_transaction(engine, standstill_seconds)
        else:
            let_read_without_writing(engine)

    def engine(self, *, create: bool = False, standstill_seconds: float | None = None) -> Engine:
        """Return an engine that keeps no connection open and speaks UTC in every transaction.

        Nothing that it needs stays with a connection, so that it works behind a pooler in transaction mode.

        Parameters
        ----------
        create : bool, default False
            Whether a SQLite file may be created where it is missing.
        standstill_seconds : float, optional
            PostgreSQL ends a transaction in which nothing happens for longer.

        Raises
        ------
        DatabaseError
            Where the SQLite file is missing and may not be created, or its folder is missing.
        """
        self._require_file(create=create)
        return new_engine(self.url, standstill_seconds)

    def _require_file(self, *, create: bool) -> None:
        if self.backend == "postgresql":
            return
        file = Path(self.url.database or "")
        if not file.parent.is_dir():
            raise DatabaseError(f"cannot open {self}: there is no folder {str(file.parent)!r}")
        if not create and not file.exists():
            raise DatabaseError(f"there is no SQLite database {str(file)!r}: check the path, or ingest data first")

    @contextmanager
    def connect(self, *, create: bool = False, one_state: bool = False) -> Generator[Connection]:
        """Open a connection in one transaction, committed when the block ends well.

        Parameters
        ----------
        create : bool, default False
            As of :meth:`engine`.
        one_state : bool, default False
            Whether all reads see the database at one moment, whatever is written by others meanwhile.

        Raises
        ------
        DatabaseError
            Where the database cannot be reached or refuses a statement; the message never holds a password.
        """
        self._require_file(create=create)
        engine = known_engine(self.url)
        if one_state and self.backend == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            with engine.begin() as connection:
                if one_state and self.backend == "sqlite":
                    connection.exec_driver_sql("BEGIN")
                yield connection
        except DBAPIError as error:
            raise DatabaseError(explanation(error, self)) from error


def check_schema_name(name: str) -> None:
    """Raise :class:`ConfigError` for a name that PostgreSQL refuses, shortens or reads as something else."""
    if not name or "\0" in name or len(name.encode()) > _LONGEST_NAME:
        raise ConfigError(f"must have 1 to {_LONGEST_NAME} bytes and no NUL, not {name!r}", "schema")
    if name.startswith("pg_") or name == "$user":
        raise ConfigError(f"{name!r} is reserved by PostgreSQL: choose another", "schema")

"""Where the data are: a database described by keyword arguments, a URL or the environment.

Passwords live in the URL alone and are hidden wherever a configuration is shown.
"""

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import sqlalchemy
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from ..errors import ConfigError, DatabaseError
from .driver_errors import explanation
from .postgres_copy import let_copy
from .transaction_settings import quoted, set_in_each_transaction

Backend = Literal["postgresql", "sqlite"]

_KWARGS = ("postgres_user", "postgres_password", "postgres_host", "postgres_port", "postgres_db")
_SUPPORTED = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE"
_CONNECT_SECONDS = 10
_BUSY_SECONDS = 60
_LONGEST_NAME = 63
_LARGEST_PORT = 65535
# Any number does; it is Kallos' own among PostgreSQL's advisory locks.
_SCHEMA_LOCK = 0x4B61_6C6C_6F73


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseConfig:
    """A PostgreSQL or SQLite database.

    Attributes
    ----------
    url : sqlalchemy.URL
        With the driver spelt out; ``str`` of it, and of the configuration, hides the password.
    """

    url: URL

    def __post_init__(self) -> None:
        url = self.url
        if any("\0" in (part or "") for part in (url.username, url.password, url.host, url.database)):
            raise ConfigError("user, password, host and database must not hold the character NUL")
        if url.port is not None and not 1 <= url.port <= _LARGEST_PORT:
            raise ConfigError(f"the database's port must be 1 to {_LARGEST_PORT}, not {url.port}")

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
            Where a key is unknown or missing, the port is no number of a port, or a value holds a NUL.
        """
        if "url" in db_kwargs:
            if len(db_kwargs) > 1:
                raise ConfigError("db_kwargs takes 'url' alone, without any postgres_… beside it")
            url = db_kwargs["url"]
            return cls.from_url(url.render_as_string(hide_password=False) if isinstance(url, URL) else str(url))
        unknown = [key for key in db_kwargs if key not in _KWARGS]
        missing = [key for key in ("postgres_user", "postgres_db") if not db_kwargs.get(key)]
        if unknown or missing:
            what = f"does not know {unknown[0]!r}" if unknown else f"lacks {missing[0]!r}"
            raise ConfigError(f"db_kwargs {what}: it takes {', '.join(_KWARGS)}, or url")
        given = db_kwargs.get("postgres_port")
        port = "5432" if given in (None, "") else str(given)
        if not port.isdecimal():
            raise ConfigError(f"postgres_port must be a number, not {port!r}")
        password = db_kwargs.get("postgres_password")
        return cls(
            URL.create(
                "postgresql+psycopg2",
                username=str(db_kwargs["postgres_user"]),
                password=None if password is None else str(password),
                host=str(db_kwargs.get("postgres_host") or "localhost"),
                port=int(port),
                database=str(db_kwargs["postgres_db"]),
            )
        )

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read ``postgresql://``, ``postgres://``, ``postgresql+psycopg2://`` or ``sqlite:///FILE``.

        Raises
        ------
        ConfigError
            Where the text is no such URL. The message does not repeat it, for it may hold a password.
        """
        if url.startswith("postgres://"):
            url = url.replace("postgres", "postgresql", 1)
        try:
            parsed = sqlalchemy.make_url(url)
        except (ArgumentError, ValueError):
            raise ConfigError(f"the database URL cannot be read: it looks like {_SUPPORTED}") from None
        if parsed.drivername in ("postgresql", "postgresql+psycopg2"):
            parsed = parsed.set(drivername="postgresql+psycopg2")
        elif parsed.drivername in ("sqlite", "sqlite+pysqlite"):
            parsed = parsed.set(drivername="sqlite")
            if parsed.host:
                raise ConfigError("a SQLite database has no host: write three slashes, sqlite:///FILE, four for /FILE")
            if not parsed.database or parsed.database == ":memory:":
                raise ConfigError("a SQLite database must be a file, sqlite:///FILE: memory is gone with the process")
        else:
            raise ConfigError(f"database {parsed.drivername!r} is not supported: use {_SUPPORTED}")
        return cls(_with_password_in_its_place(parsed))

    @classmethod
    def from_environment(cls, variable: str = "KALLOS_DB_URL") -> Self:
        """Read a URL from an environment variable.

        Raises
        ------
        ConfigError
            Where the variable is not set, or as in :meth:`from_url`.
        """
        url = os.environ.get(variable)
        if not url:
            raise ConfigError(f"no database given: pass one, or set {variable} to {_SUPPORTED}")
        return cls.from_url(url)

    @property
    def backend(self) -> Backend:
        """``"postgresql"`` or ``"sqlite"``."""
        return "sqlite" if self.url.drivername == "sqlite" else "postgresql"

    def __repr__(self) -> str:
        return f"DatabaseConfig({self})"

    def __str__(self) -> str:
        hidden = {key: "***" for key in self.url.query if "password" in key}
        return self.url.update_query_dict(hidden).render_as_string(hide_password=True)

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
            raise ConfigError(f"schema {name!r} needs PostgreSQL: SQLite has no schemas")
        check_schema_name(name)
        # libpq splits options at blanks; a backslash keeps the character after it.
        escaped = re.sub(r"([\\\s])", r"\\\1", quoted(name))
        options = [*self.url.normalized_query.get("options", ()), f"-csearch_path={escaped} -ctimezone=UTC"]
        return DatabaseConfig(self.url.update_query_dict({"options": " ".join(options)}))

    def create_schema(self, name: str) -> None:
        """Create a PostgreSQL schema where it is missing; any number of processes may do so at once.

        Raises
        ------
        ConfigError
            As in :meth:`with_schema`.
        DatabaseError
            Where the database cannot be reached, or the user may not create schemas.
        """
        self.with_schema(name)
        with self.connect() as connection:
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            if not sqlalchemy.inspect(connection).has_schema(name):
                connection.execute(sqlalchemy.schema.CreateSchema(name))

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
        return _new_engine(self.url, standstill_seconds)

    def _url_from_anywhere(self) -> URL:
        """Return the URL with the full path of a SQLite file: an engine keeps the folder in which it was made."""
        file = self.url.database or ""
        if self.backend == "postgresql" or file.startswith("file:"):
            return self.url
        return self.url.set(database=str(Path(file).absolute()))

    def _require_file(self, *, create: bool) -> None:
        if self.backend == "postgresql":
            return
        file = Path(self.url.database or "")
        if not file.parent.is_dir():
            raise DatabaseError(f"cannot open {self}: there is no folder {file.parent}")
        if not create and not file.exists():
            raise DatabaseError(f"there is no SQLite database {file}: check the path, or ingest data into it first")

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
        engine = _known_engine(self._url_from_anywhere())
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
        raise ConfigError(f"schema name {name!r} must have 1 to {_LONGEST_NAME} bytes and no NUL")
    if name.startswith("pg_") or name == "$user":
        raise ConfigError(f"schema name {name!r} is reserved by PostgreSQL: choose another")


def _with_password_in_its_place(url: URL) -> URL:
    """Return the URL with its password where it is hidden; refuse one that a host name would show a part of."""
    if url.host and "@" in url.host:
        raise ConfigError("the database URL has several '@': write one in a user or password as %40")
    password = url.query.get("password")
    return url.set(password=password).difference_update_query(["password"]) if isinstance(password, str) else url


def _new_engine(url: URL, standstill_seconds: float | None = None) -> Engine:
    """Return an engine that waits for a while, unless the URL says how long."""
    if url.drivername == "sqlite":
        arguments = {} if "timeout" in url.query else {"timeout": _BUSY_SECONDS}
        return sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments)
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    # Without hstore, a type that is no feature and that every new connection would be asked about.
    engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments, use_native_hstore=False)
    set_in_each_transaction(engine, standstill_seconds)
    let_copy(engine)
    return engine


# A new engine asks a server four questions before the first statement, and compiles every statement anew.
_known_engine = lru_cache(maxsize=16)(_new_engine)

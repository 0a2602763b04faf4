"""From whatever describes a database (keyword arguments, a URL, the environment, a file) to a checked URL."""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import sqlalchemy
from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError

from ..errors import ConfigError

_KWARGS: Final = ("postgres_user", "postgres_password", "postgres_host", "postgres_port", "postgres_db")
_SUPPORTED: Final = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE"
_LARGEST_PORT: Final = 65535


def url_of_kwargs(db_kwargs: Mapping[str, object]) -> URL:
    """Read ``postgres_…`` keyword arguments, or ``url`` alone; see :meth:`DatabaseConfig.from_kwargs`."""
    if "url" in db_kwargs:
        if len(db_kwargs) > 1:
            raise ConfigError("takes 'url' alone, without any postgres_… beside it", "db_kwargs")
        url = db_kwargs["url"]
        return checked(url) if isinstance(url, URL) else url_of_text(str(url))
    unknown = [key for key in db_kwargs if key not in _KWARGS]
    missing = [key for key in ("postgres_user", "postgres_db") if not db_kwargs.get(key)]
    if unknown or missing:
        what = f"does not know {unknown[0]!r}" if unknown else f"lacks {missing[0]!r}"
        raise ConfigError(f"{what}: it takes {', '.join(_KWARGS)}, or url", "db_kwargs")
    given = {key: str(value) for key, value in db_kwargs.items() if value not in (None, "")}
    for key, value in given.items():
        _require_text(value, key)
    port = given.get("postgres_port", "5432")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= _LARGEST_PORT:
        raise ConfigError(f"must be a port number from 1 to {_LARGEST_PORT}, not {port!r}", "postgres_port")
    password = db_kwargs.get("postgres_password")
    return URL.create(
        "postgresql+psycopg2",
        username=given["postgres_user"],
        password=None if password is None else str(password),
        host=given.get("postgres_host", "localhost"),
        port=int(port),
        database=given["postgres_db"],
    )


def url_of_text(url: str) -> URL:
    """Read a URL; see :meth:`DatabaseConfig.from_url`."""
    if url.startswith("postgres://"):
        url = url.replace("postgres", "postgresql", 1)
    try:
        parsed = sqlalchemy.make_url(url)
        # What is no UTF-8 would be read as question marks.
        unquote(url, errors="strict")
    except (ArgumentError, ValueError):
        raise ConfigError(f"cannot be read as the URL of a database: write {_SUPPORTED}", "url") from None
    _, mark, query = url.partition("?")
    if mark and parsed.drivername.startswith("sqlite") and not re.fullmatch(r"timeout=[^&]*", query):
        # SQLAlchemy drops what is no query and opens the file before the question mark.
        raise _not_taken(query)
    return checked(parsed)


def url_of_environment(variable: str) -> URL:
    """Read a URL from an environment variable; see :meth:`DatabaseConfig.from_environment`."""
    text = os.environ.get(variable)
    if not text:
        raise ConfigError(f"no database is given: pass one, or set the environment variable {variable} to {_SUPPORTED}")
    try:
        return url_of_text(text)
    except ConfigError as error:
        raise ConfigError(error.problem, variable) from None


def url_of_file(file: str | os.PathLike[str]) -> URL:
    """Return the URL of a SQLite file of any name."""
    return checked(URL.create("sqlite", database=str(Path(file))))


def checked(url: URL) -> URL:
    """Return a URL with its driver spelt out; refuse what would be misread.

    Raises
    ------
    ConfigError
        As in :meth:`DatabaseConfig.from_url`.
    """
    for part in (url.username, url.password, url.host, url.database):
        _require_text(part or "", "url")
    if url.port is not None and not 1 <= url.port <= _LARGEST_PORT:
        raise ConfigError(f"must name a port from 1 to {_LARGEST_PORT}, not {url.port}", "url")
    if url.drivername in ("postgresql", "postgresql+psycopg2"):
        return _with_password_in_its_place(url.set(drivername="postgresql+psycopg2"))
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        _check_sqlite(url)
        return url.set(drivername="sqlite")
    raise ConfigError(f"names the database {url.drivername!r}, which is not supported: write {_SUPPORTED}", "url")


def _require_text(value: str, parameter: str) -> None:
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError("must not hold the character NUL, nor bytes that are not UTF-8", parameter)


def _check_sqlite(url: URL) -> None:
    if url.host or url.username or url.password or url.port:
        raise ConfigError("must name a file, not a host: write sqlite:///FILE, or four slashes for /FILE", "url")
    if not url.database or url.database == ":memory:":
        raise ConfigError("must name a SQLite file, sqlite:///FILE: a database in memory ends with its process", "url")
    if other := [key for key in url.query if key != "timeout"]:
        raise _not_taken(other[0])
    if "timeout" in url.query:
        _check_timeout(url.query["timeout"])


def _not_taken(query: str) -> ConfigError:
    return ConfigError(
        f"must have nothing but timeout=SECONDS after '?' for a SQLite file, not {query!r}: leave it out, or write %3F "
        "for a question mark in the file's name",
        "url",
    )


def _check_timeout(timeout: str | tuple[str, ...]) -> None:
    try:
        usable = isinstance(timeout, str) and 0 <= float(timeout) < math.inf
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"must give timeout as seconds, 0 or more, not {timeout!r}", "url")


def _with_password_in_its_place(url: URL) -> URL:
    """Return the URL with its password where it is hidden; refuse one that a host name would show a part of."""
    if url.host and "@" in url.host:
        raise ConfigError("holds several '@': write one in a user or password as %40", "url")
    password = url.query.get("password")
    return url.set(password=password).difference_update_query(["password"]) if isinstance(password, str) else url

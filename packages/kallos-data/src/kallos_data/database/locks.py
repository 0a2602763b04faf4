"""Locks that last as long as a transaction: who holds one, who waits for it, and for how long.

On PostgreSQL they are advisory locks, whose keys :func:`advisory_key` alone gives out; on SQLite there is one, the
file's write lock. Both are dropped with the connection, whatever its process dies of.
"""

import logging
import sqlite3
from typing import Final

import sqlalchemy
from sqlalchemy import ColumnElement, Connection, func, types
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from ..errors import ConfigError, DatabaseError

logger = logging.getLogger(__name__)

WAIT_SECONDS: Final = 600.0
_SILENT_SECONDS: Final = 2.0
_LONGEST_WAIT: Final = 2_000_000.0
_LOCK_NOT_AVAILABLE: Final = "55P03"
_RESOLVED_SCHEMA: Final = func.current_schema()


def advisory_key(
    purpose: str, name: str = "", *, schema: ColumnElement[str] | None = _RESOLVED_SCHEMA
) -> ColumnElement[int]:
    """Return the key of an advisory lock, as an expression that PostgreSQL evaluates.

    Parameters
    ----------
    purpose : str
        What is locked, as in "write prices". No two purposes share a key.
    name : str, default ""
        Of the thing that is locked, where there are several.
    schema : sqlalchemy expression or None
        Where it lies; as the server resolves the search path where left out. None locks in the whole database.
    """
    where = sqlalchemy.null() if schema is None else schema
    # As JSON, whose quotes keep the parts apart.
    parts = func.jsonb_build_array(*(sqlalchemy.cast(part, types.Text) for part in (purpose, name, where)), type_=JSONB)
    return func.hashtextextended(sqlalchemy.cast(parts, types.Text), 0, type_=types.BigInteger)


def hold_in_transaction(
    connection: Connection, key: ColumnElement[int], doing: str, wait_seconds: float = WAIT_SECONDS
) -> None:
    """Hold a lock until the connection's transaction ends; on SQLite the file's write lock, whatever the key.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        On SQLite without a transaction yet: this begins one.
    key : sqlalchemy expression
        From :func:`advisory_key`.
    doing : str
        What the holder does, as in "writing prices to DATABASE"; logged once it is waited for longer than two seconds.
    wait_seconds : float, default 600
        How long to wait for the lock.

    Raises
    ------
    ConfigError
        Where ``wait_seconds`` is not a number from 0 to two million.
    DatabaseError
        Where another process holds the lock for longer.
    """
    check_wait_seconds(wait_seconds)
    silent = min(wait_seconds, _SILENT_SECONDS)
    if _held(connection, key, silent):
        return
    if wait_seconds > silent:
        logger.info("waiting for another process that is %s, for up to %g s", doing, wait_seconds)
        if _held(connection, key, wait_seconds - silent):
            return
    raise DatabaseError(
        f"another process has been {doing} for more than {wait_seconds:g} s: "
        "nothing was written; try again once it has ended"
    )


def check_wait_seconds(wait_seconds: float) -> None:
    """Raise :class:`ConfigError` for what is not a number of seconds from 0 to two million."""
    # Not a number is in no range.
    if type(wait_seconds) not in (int, float) or not 0 <= wait_seconds <= _LONGEST_WAIT:
        raise ConfigError(f"must be from 0 to {_LONGEST_WAIT:.0f} seconds, not {wait_seconds!r}", "wait_seconds")


def _held(connection: Connection, key: ColumnElement[int], seconds: float) -> bool:
    """Return whether the lock could be had within so many seconds."""
    milliseconds = max(1, round(seconds * 1000))
    if connection.dialect.name == "sqlite":
        return _held_on_sqlite(connection, milliseconds)
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
            connection.execute(sqlalchemy.select(func.pg_advisory_xact_lock(key)))
            connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
            return False
        raise
    return True


def _held_on_sqlite(connection: Connection, milliseconds: int) -> bool:
    before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except DBAPIError as error:
        # The lower byte of a code is what kind of error it is.
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {before}")
    return True

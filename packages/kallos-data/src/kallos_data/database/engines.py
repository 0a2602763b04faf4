"""Engines: they keep no connection open, wait for a while, and find a SQLite file from any folder."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import sqlalchemy
from sqlalchemy import URL, Engine
from sqlalchemy.pool import NullPool

from .postgres_copy import let_copy
from .readable_files import let_read_without_writing
from .transaction_settings import set_in_each_transaction

_CONNECT_SECONDS: Final = 10
_BUSY_SECONDS: Final = 60


def new_engine(url: URL, standstill_seconds: float | None = None) -> Engine:
    """Return an engine that waits for a server or a locked file for a while, unless the URL says how long.

    Parameters
    ----------
    url : sqlalchemy.URL
        Checked, see :mod:`.urls`.
    standstill_seconds : float, optional
        PostgreSQL ends a transaction in which nothing happens for longer.
    """
    if url.drivername == "sqlite":
        arguments = {} if "timeout" in url.query else {"timeout": _BUSY_SECONDS}
        engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments)
        let_read_without_writing(engine)
        return engine
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    # Without hstore, a type that is no feature and that every new connection would be asked about.
    engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=arguments, use_native_hstore=False)
    set_in_each_transaction(engine, standstill_seconds)
    let_copy(engine)
    return engine


# A new engine asks a server four questions before the first statement, and compiles every statement anew.
_known_engine = lru_cache(maxsize=16)(new_engine)


def known_engine(url: URL) -> Engine:
    """Return the engine of a URL, the same one whenever asked; a relative file is that of the current folder."""
    if url.drivername == "sqlite":
        url = url.set(database=str(Path(url.database or "").absolute()))
    return _known_engine(url)

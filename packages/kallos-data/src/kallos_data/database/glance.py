"""A quick look into a database, for those who would rather have no answer than wait for one.

The driver itself is asked, since SQLAlchemy takes longer to import than such a look may last, in a thread that nobody
waits for once the time is over.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Final
from urllib.parse import quote, unquote

Query = Callable[[str, Sequence[Any]], list[str]]

# libpq takes no less.
_CONNECT_SECONDS: Final = 2
_POSTGRESQL: Final = ("postgres://", "postgresql://", "postgresql+psycopg2://")


def glance_at(url: str, ask: Callable[[Query, str], list[str]], *, seconds: float) -> list[str]:
    """Return what a few short questions find, or nothing.

    Nothing is found where the database cannot be opened or refuses a question, and where it takes longer than that.

    Parameters
    ----------
    url : str
        As of :meth:`DatabaseConfig.from_url`. Nothing is created or written.
    ask : callable
        Is given a function that returns the first column of a statement as texts, and how the driver marks a bound
        value, ``"?"`` on SQLite and ``"%s"`` on PostgreSQL; returns what it found.
    seconds : float
        Longest wait.
    """
    found: list[str] = []
    reading = threading.Thread(target=_read, args=(url, ask, found, seconds), daemon=True)
    reading.start()
    reading.join(seconds)
    return list(found)


def _read(url: str, ask: Callable[[Query, str], list[str]], found: list[str], seconds: float) -> None:
    if url.startswith("sqlite:///"):
        _read_sqlite(url, ask, found, seconds)
    elif url.startswith(_POSTGRESQL):
        _read_postgresql(url, ask, found)


def _read_sqlite(url: str, ask: Callable[[Query, str], list[str]], found: list[str], seconds: float) -> None:
    import sqlite3  # noqa: PLC0415 - one of the two drivers is enough

    file = unquote(url.removeprefix("sqlite:///").partition("?")[0])
    try:
        with closing(sqlite3.connect(f"file:{quote(file)}?mode=ro", seconds, uri=True)) as connection:
            found += ask(lambda text, values: [str(row[0]) for row in connection.execute(text, values)], "?")
    except sqlite3.Error:
        return  # no such file or table, or it is locked


def _read_postgresql(url: str, ask: Callable[[Query, str], list[str]], found: list[str]) -> None:
    import psycopg2  # noqa: PLC0415 - as above

    try:
        with closing(
            psycopg2.connect(f"postgresql://{url.partition('://')[2]}", connect_timeout=_CONNECT_SECONDS)
        ) as of:
            cursor = of.cursor()

            def query(text: str, values: Sequence[Any]) -> list[str]:
                cursor.execute(text, values)
                return [str(row[0]) for row in cursor.fetchall()]

            found += ask(query, "%s")
    except psycopg2.Error:
        return  # unreachable, refused, or no such table

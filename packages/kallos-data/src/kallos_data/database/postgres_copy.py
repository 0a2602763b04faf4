"""Times and numbers out of PostgreSQL and into it, in its binary format.

That takes a fraction of the time of rows as Python objects, which the server writes and the driver reads as text.
connectorx is about as fast, but opens connections of its own, which see another state of the database and try a wrong
password for half a minute; ADBC is no faster than the rows. See benchmarks/load.py.
"""

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any, Final

import numpy as np
import polars as pl
import sqlalchemy
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, Select, event, types

Floats = NDArray[np.float64]

_SINK: Final = "kallos_copy_into"
_SOURCE: Final = "kallos_copy_from"
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_EPOCH: Final = np.datetime64("2000-01-01", "us")
# Rows are looked at once so many bytes have come.
_BYTES_AT_ONCE: Final = 2**25


def let_copy(engine: Engine) -> None:
    """Make an engine run those statements as COPY that :func:`copied` and :func:`copy_rows` ask for.

    The statement stays SQLAlchemy's: it is compiled, logged and its errors are wrapped as any other's.
    """

    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:  # noqa: ANN401 - the driver's
        sink, source = (context.execution_options.get(option) for option in (_SINK, _SOURCE))
        if sink is not None:
            query = cursor.mogrify(statement, parameters)
            cursor.copy_expert(b"COPY (" + query + b") TO STDOUT (FORMAT binary)", sink)
        if source is not None:
            cursor.copy_expert(statement, source)
        return sink is not None or source is not None

    event.listen(engine, "do_execute", do_execute)


def copied(
    connection: Connection, query: Select[Any], time: ColumnElement[Any], numbers: Sequence[ColumnElement[Any]]
) -> tuple[pl.Series, list[Floats]]:
    """Return a column of times in UTC and columns of numbers, in which NaN is missing.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To PostgreSQL, from :meth:`DatabaseConfig.connect`.
    query : sqlalchemy.Select
        Its conditions; its columns are replaced.
    time : ColumnElement
        A timestamp, with or without a zone (UTC then), never NULL.
    numbers : sequence of ColumnElement
        Doubles.
    """
    sink = BytesIO()
    connection.execute(_without_null(query, time, numbers), execution_options={_SINK: sink})
    content = sink.getbuffer()
    return _columns(content[len(_SIGNATURE) : len(content) - len(_TRAILER)], len(numbers))


def copied_in_parts(
    connection: Connection,
    query: Select[Any],
    time: ColumnElement[Any],
    numbers: Sequence[ColumnElement[Any]],
    take: Callable[[pl.Series, list[Floats]], None],
) -> None:
    """Hand over what :func:`copied` returns part by part, while it comes.

    Parameters
    ----------
    connection, query, time, numbers
        As of :func:`copied`.
    take : function of times and columns
        What is done with each part.
    """
    sink = _Parts(len(numbers), take)
    connection.execute(_without_null(query, time, numbers), execution_options={_SINK: sink})
    sink.end()


def copy_rows(connection: Connection, table: str, times: pl.Series, numbers: Sequence[Floats]) -> None:
    """Append rows to a table of one timestamp with zone and columns of double precision.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        As of :func:`copied`.
    table : str
        Its name as SQL writes it.
    times : polars.Series, [N]
        UTC, in microseconds.
    numbers : sequence of array, [N] each
        NaN is written as such.
    """
    rows = np.empty(len(times), _layout(len(numbers)))
    rows["values"] = 1 + len(numbers)
    rows["time size"] = 8
    rows["time"] = times.to_physical().to_numpy() - _EPOCH.astype("<i8")
    for name, column in zip(_names(len(numbers)), numbers, strict=True):
        rows[f"{name} size"] = 8
        rows[name] = column
    source = BytesIO(b"".join((_SIGNATURE, rows.tobytes(), _TRAILER)))
    connection.exec_driver_sql(f"COPY {table} FROM STDIN (FORMAT binary)", execution_options={_SOURCE: source})


class _Parts:
    """A file that takes a binary copy and hands its rows over as they come."""

    def __init__(self, n_numbers: int, take: Callable[[pl.Series, list[Floats]], None]) -> None:
        self._n_numbers = n_numbers
        self._take = take
        self._row_bytes = _layout(n_numbers).itemsize
        self._held = bytearray()
        self._begins_at = len(_SIGNATURE)

    def write(self, data: bytes) -> int:
        """Take what the driver read, which calls this for each row."""
        self._held += data
        if len(self._held) > _BYTES_AT_ONCE:
            self._hand_over()
        return len(data)

    def end(self) -> None:
        """Hand over the last rows."""
        self._hand_over()

    def _hand_over(self) -> None:
        length = (len(self._held) - self._begins_at) // self._row_bytes * self._row_bytes
        if length > 0:
            end = self._begins_at + length
            rows = bytes(memoryview(self._held)[self._begins_at : end])
            del self._held[:end]
            self._begins_at = 0
            self._take(*_columns(memoryview(rows), self._n_numbers))


def _without_null(query: Select[Any], time: ColumnElement[Any], numbers: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Return a query whose values have eight bytes each, and whose rows are all of one length."""
    nan = sqlalchemy.literal_column("'NaN'::double precision", types.Double)
    return query.with_only_columns(time, *(sqlalchemy.func.coalesce(number, nan) for number in numbers))


def _names(count: int) -> Iterator[str]:
    return (f"number {place}" for place in range(count))


def _layout(n_numbers: int) -> np.dtype[np.void]:
    """Return the row of a binary copy: the number of values (2 bytes), then each with its length (4 bytes)."""
    fields: list[tuple[str, str]] = [("values", ">i2")]
    for name in ("time", *_names(n_numbers)):
        fields += [(f"{name} size", ">i4"), (name, ">i8" if name == "time" else ">f8")]
    return np.dtype(fields)


def _columns(content: memoryview, n_numbers: int) -> tuple[pl.Series, list[Floats]]:
    rows = np.frombuffer(content, _layout(n_numbers))
    times = rows["time"].astype("<i8") + _EPOCH.astype("<i8")
    return pl.Series(times).cast(pl.Datetime("us", "UTC")), [rows[name].astype("<f8") for name in _names(n_numbers)]

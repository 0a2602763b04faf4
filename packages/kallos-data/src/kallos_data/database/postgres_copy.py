"""Times and numbers out of PostgreSQL in its binary format.

That takes a fraction of the time of rows as Python objects, which the server writes and the driver reads as text.
connectorx is about as fast, but opens connections of its own, which see another state of the database and try a wrong
password for half a minute; ADBC is no faster than the rows. See benchmarks/load.py.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, Final

import numpy as np
import polars as pl
import sqlalchemy
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, Select, event, types

_SINK: Final = "kallos_copy_into"
_HEADER_BYTES: Final = 19
_TRAILER_BYTES: Final = 2
_EPOCH: Final = np.datetime64("2000-01-01", "us")


def let_copy(engine: Engine) -> None:
    """Make an engine run those statements as COPY that :func:`copied` asks for.

    The statement stays SQLAlchemy's: it is compiled, logged and its errors are wrapped as any other's.
    """

    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:  # noqa: ANN401 - the driver's
        sink = context.execution_options.get(_SINK)
        if sink is None:
            return False
        query = cursor.mogrify(statement, parameters)
        cursor.copy_expert(b"COPY (" + query + b") TO STDOUT (FORMAT binary)", sink)
        return True

    event.listen(engine, "do_execute", do_execute)


def copied(
    connection: Connection, query: Select[Any], time: ColumnElement[Any], numbers: Sequence[ColumnElement[Any]]
) -> tuple[pl.Series, list[NDArray[np.float64]]]:
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
    nan = sqlalchemy.literal_column("'NaN'::double precision", types.Double)
    # Without NULL every value has eight bytes, and every row the same number.
    query = query.with_only_columns(time, *(sqlalchemy.func.coalesce(number, nan) for number in numbers))
    sink = BytesIO()
    connection.execute(query, execution_options={_SINK: sink})
    rows = _rows(sink.getbuffer(), len(numbers))
    times = rows["time"].astype("<i8") + _EPOCH.astype("<i8")
    return pl.Series(times).cast(pl.Datetime("us", "UTC")), [rows[name].astype("<f8") for name in _names(len(numbers))]


def _names(count: int) -> Iterator[str]:
    return (f"number {place}" for place in range(count))


def _rows(content: memoryview, n_numbers: int) -> NDArray[np.void]:
    """Return the rows of a binary copy: the number of values (2 bytes), then each with its length (4 bytes)."""
    names = ["time", *_names(n_numbers)]
    layout = np.dtype(
        {
            "names": names,
            "formats": [">i8", *[">f8"] * n_numbers],
            "offsets": [2 + 12 * place + 4 for place in range(len(names))],
            "itemsize": 2 + 12 * len(names),
        }
    )
    return np.frombuffer(content[_HEADER_BYTES : len(content) - _TRAILER_BYTES], layout)

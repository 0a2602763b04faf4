"""Rows of one asset out of a table and into it, as fast as its database takes them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
import sqlalchemy
from sqlalchemy import ColumnElement, Connection, TableClause, types
from sqlalchemy.dialects import postgresql

from ..database.postgres_copy import copied_in_parts, copy_rows
from ..database.transaction_settings import quoted
from ..errors import DataQualityError
from .key_format import KeyFormat

# Rows as Python objects are kept few, so that they stay in the processor's cache; frames of them are not.
_ROWS_AT_ONCE: Final = 2_000
_ROWS_OF_A_PART: Final = 100_000
_COPIED_AT_ONCE: Final = 200_000
_STAGE: Final = "kallos_rows"

Take = Callable[[pl.DataFrame, Sequence[Any] | None], None]


@dataclass(frozen=True, slots=True)
class RowStore:
    """One asset in one table, as a database holds it.

    Attributes
    ----------
    connection : sqlalchemy.Connection
        In a transaction, speaking UTC.
    table : sqlalchemy.TableClause
        The table.
    types : dict of str to sqlalchemy type
        Of every column.
    keys : tuple of str
        Columns of the asset and of the time.
    asset : str or int
        As the id column holds it.
    format : KeyFormat
        How it writes times.
    """

    connection: Connection
    table: TableClause
    types: dict[str, types.TypeEngine[Any]]
    keys: tuple[str, str]
    asset: str | int
    format: KeyFormat

    def read(self, names: Sequence[str], take: Take, *between: pl.Series) -> None:
        """Hand over ``timestamp`` (UTC) and columns as Float64, part by part, in any order.

        Parameters
        ----------
        names : sequence of str
            The columns.
        take : function
            Called with each part and, where the database has no type for times, with its keys as they are stored.
        *between : polars.Series, [N]
            Rows from the first to the last of these sorted times alone; the keys must then sort as the times do.

        Raises
        ------
        DataQualityError
            Where a stored value is neither a number nor a time.
        """
        id_column, time = (self.table.c[key] for key in self.keys)
        query = sqlalchemy.select(time).where(id_column == self.asset)
        for times in between:
            first, last = self.format.written(pl.concat([times[:1], times[-1:]]))
            query = query.where(time >= first, time <= last)
        numbers = [self._number(name) for name in names]
        if self.format.way == "typed":
            moment = sqlalchemy.cast(time, types.DateTime) if isinstance(self.types[self.keys[1]], types.Date) else time
            copied_in_parts(
                self.connection,
                query,
                moment,
                numbers,
                lambda times, columns: take(_frame(times, names, columns), None),
            )
            return
        cursor: Any = self.connection.execute(query.add_columns(*numbers)).cursor
        for keys, *columns in _columns_of(cursor, 1 + len(names)):
            take(self._checked_frame(keys, names, columns), keys)

    def write(self, frame: pl.DataFrame, written: Callable[[pl.Series], list[Any]]) -> None:
        """Insert rows, or update those that are there.

        Parameters
        ----------
        frame : polars.DataFrame, [N, 1 + F]
            ``timestamp`` and numbers.
        written : function of times
            Returns the keys that they have, or get, in the table.
        """
        if self.format.way == "typed":
            self._copy(frame)
            return
        for part in frame.iter_slices(_ROWS_AT_ONCE):
            columns = [part[name].to_list() for name in frame.columns[1:]]
            rows = [
                (self.asset, key, *values) for key, *values in zip(written(part["timestamp"]), *columns, strict=True)
            ]
            if self.connection.dialect.name == "sqlite":
                self.connection.exec_driver_sql(self._sqlite_upsert(frame.columns[1:]), rows)
            else:
                names = (*self.keys, *frame.columns[1:])
                values = [dict(zip(names, row, strict=True)) for row in rows]
                insert = postgresql.insert(self.table)
                self.connection.execute(self._or_update(insert, frame.columns[1:]), values)

    def _copy(self, frame: pl.DataFrame) -> None:
        """Copy rows beside the table, and from there into it: a copy alone can update nothing."""
        names = frame.columns[1:]
        stage = sqlalchemy.table(_STAGE, sqlalchemy.column("time"), *map(sqlalchemy.column, _places(names)))
        columns = ", ".join(f"{place} double precision" for place in _places(names))
        self.connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {_STAGE} (time timestamptz, {columns})")
        nan = sqlalchemy.literal_column("'NaN'::double precision", types.Double)
        values = [
            self._exact(sqlalchemy.func.nullif(stage.c[place], nan), name)
            for place, name in zip(_places(names), names, strict=True)
        ]
        rows = sqlalchemy.select(sqlalchemy.literal(self.asset), stage.c.time, *values)
        insert = postgresql.insert(self.table).from_select([*self.keys, *names], rows)
        for part in frame.iter_slices(_COPIED_AT_ONCE):
            floats = (part[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names)
            copy_rows(self.connection, _STAGE, part["timestamp"], list(floats))
            self.connection.execute(self._or_update(insert, names))
            self.connection.exec_driver_sql(f"TRUNCATE {_STAGE}")
        self.connection.exec_driver_sql(f"DROP TABLE {_STAGE}")

    def _or_update(self, insert: postgresql.Insert, names: Sequence[str]) -> postgresql.Insert:
        return insert.on_conflict_do_update(
            index_elements=self.keys, set_={name: insert.excluded[name] for name in names}
        )

    def _sqlite_upsert(self, names: Sequence[str]) -> str:
        columns = [quoted(name) for name in (*self.keys, *names)]
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns[2:])
        return (
            f"INSERT INTO {quoted(self.table.name)} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "  # noqa: S608 - quoted
            f"ON CONFLICT ({', '.join(columns[:2])}) DO UPDATE SET {updates}"
        )

    def _exact(self, value: ColumnElement[Any], name: str) -> ColumnElement[Any]:
        """Return a double as it goes into its column: straight into a numeric, it would lose its last two digits."""
        kind = self.types[name]
        if isinstance(kind, types.Numeric) and not isinstance(kind, types.Float):
            return sqlalchemy.cast(sqlalchemy.cast(value, types.Text), types.Numeric)
        return value

    def _number(self, name: str) -> ColumnElement[Any]:
        column = self.table.c[name]
        if self.connection.dialect.name == "sqlite" or isinstance(self.types[name], types.Double):
            return column
        if isinstance(self.types[name], types.Boolean):
            column = sqlalchemy.cast(column, types.Integer)
        return sqlalchemy.cast(column, types.Double)

    def _checked_frame(
        self, keys: Sequence[Any], names: Sequence[str], columns: Sequence[Sequence[Any]]
    ) -> pl.DataFrame:
        series = [self.format.read(keys).alias("timestamp")]
        for name, values in zip(names, columns, strict=True):
            try:
                series.append(pl.Series(name, values, dtype=pl.Float64, strict=True))
            except TypeError as error:
                bad = next(place for place, value in enumerate(values) if isinstance(value, str | bytes))
                if isinstance(self.types[name], types.String):
                    raise DataQualityError(
                        f"table {self.table.name!r} has the column {name!r} as {self.types[name]}, which keeps numbers "
                        f"as texts ({values[bad]!r}): make a table whose columns of numbers are REAL, or name another"
                    ) from error
                raise DataQualityError(
                    f"table {self.table.name!r} holds values that are not numbers: column {name!r} is {values[bad]!r} "
                    f"at {keys[bad]}: correct them at their source"
                ) from error
        return pl.DataFrame(series)


def _columns_of(cursor: Any, count: int) -> Iterator[list[list[Any]]]:  # noqa: ANN401 - the driver's
    """Yield the columns of a result, many rows at a time."""
    columns: list[list[Any]] = [[] for _ in range(count)]
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
        if len(columns[0]) >= _ROWS_OF_A_PART:
            yield columns
            columns = [[] for _ in range(count)]
    if columns[0]:
        yield columns


def _places(names: Sequence[str]) -> Iterator[str]:
    return (f"c{place}" for place in range(len(names)))


def _frame(times: pl.Series, names: Sequence[str], columns: Sequence[Any]) -> pl.DataFrame:
    numbers = [pl.Series(name, column, nan_to_null=True) for name, column in zip(names, columns, strict=True)]
    return pl.DataFrame([times.alias("timestamp"), *numbers])

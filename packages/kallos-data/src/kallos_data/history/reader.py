"""The rows of one asset in one table, whatever way the database stores ids, times and numbers."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress, repeat
from typing import Any

import polars as pl
import sqlalchemy
from sqlalchemy import ColumnElement, Connection, Select, types

from ..database.feature_tables import FeatureTables
from ..database.postgres_copy import copied
from ..database.tables import SourceTable
from ..errors import DataQualityError
from .untyped_times import exactly_between, plain_numbers, refuse_no_times, roughly_between

_LARGEST_INTEGER = 2**63 - 1
_MOST_IN_A_STATEMENT = 500
_FIRST_YEAR = (datetime(1, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class AssetHistory:
    """One asset in one table.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Speaking UTC.
    tables : FeatureTables
        Names of the keys.
    table : SourceTable
        The table, as found in the database.
    asset_id : str or int
        The asset.

    Attributes
    ----------
    is_asset : sqlalchemy expression
        Whether a row is the asset's.
    """

    def __init__(self, connection: Connection, tables: FeatureTables, table: SourceTable, asset_id: str | int) -> None:
        self._connection = connection
        self._table = table
        self._time = table.clause.c[tables.timestamp_column]
        self._time_type = table.types[tables.timestamp_column]
        keys = _id_values(asset_id, table.types[tables.id_column], connection.dialect.name)
        self.is_asset = table.clause.c[tables.id_column].in_(keys)

    def span(self) -> tuple[Any, Any] | None:
        """Return the first and last time as they are stored, None where the asset has no row."""
        limits = (sqlalchemy.func.min(self._time), sqlalchemy.func.max(self._time))
        first, last = self._connection.execute(sqlalchemy.select(*limits).where(self.is_asset)).one()
        return None if first is None else tuple(plain_numbers((first, last)))

    def read(self, start: datetime | None, end: datetime) -> pl.DataFrame:
        """Return ``timestamp`` in UTC and the features as Float64, between two moments, both inclusive.

        NULL and NaN both mean missing.

        Raises
        ------
        DataQualityError
            Where a time between the two cannot be read, such times are stored in several ways, or a value is not a
            number. What lies outside is not looked at; but a time that is none at all lies nowhere.
        """
        query = sqlalchemy.select(self._time).where(self.is_asset, *self._bounds(start, end))
        numbers = [self._number(name) for name in self._table.features]
        if self._has_typed_times:
            return self._copied(query, numbers)
        rows = self._connection.execute(query.add_columns(*numbers)).all()
        columns = list(zip(*rows, strict=True)) or [()] * (1 + len(numbers))
        times, inside = exactly_between(plain_numbers(columns[0]), start, end, table=str(self._table.clause.name))
        kept = None if inside.all() else inside.to_list()
        values = [
            self._floats(name, column, columns[0], kept)
            for name, column in zip(self._table.features, columns[1:], strict=True)
        ]
        return pl.DataFrame([times.filter(inside).alias("timestamp"), *values])

    def exactly(self, start: datetime | None, end: datetime) -> list[ColumnElement[bool]]:
        """Return conditions, each for a statement of its own, that together hold for the rows between two moments.

        Raises
        ------
        DataQualityError
            As in :meth:`read`.
        """
        if self._has_typed_times:
            return [sqlalchemy.and_(self.is_asset, *self._bounds(start, end))]
        query = sqlalchemy.select(self._time).where(self.is_asset, *self._bounds(start, end)).distinct()
        stored = self._connection.execute(query).scalars().all()
        _, inside = exactly_between(plain_numbers(stored), start, end, table=str(self._table.clause.name))
        kept = list(compress(stored, inside))
        return [
            sqlalchemy.and_(self.is_asset, self._time.in_(kept[first : first + _MOST_IN_A_STATEMENT]))
            for first in range(0, len(kept), _MOST_IN_A_STATEMENT)
        ]

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many rows lie between two moments, both inclusive, in one statement that reads no value of theirs.

        Raises
        ------
        DataQualityError
            As in :meth:`read`, of times.
        """
        inside = (self.is_asset, *self._bounds(start, end))
        if self._has_typed_times:
            rows = sqlalchemy.select(sqlalchemy.func.count()).select_from(self._table.clause).where(*inside)
            return self._connection.execute(rows).scalar_one()
        stored = self._connection.execute(sqlalchemy.select(self._time).where(*inside)).scalars().all()
        return int(exactly_between(plain_numbers(stored), start, end, table=str(self._table.clause.name))[1].sum())

    def _copied(self, query: Select[Any], numbers: Sequence[ColumnElement[Any]]) -> pl.DataFrame:
        """Return what :meth:`read` does; the conditions are exact where the database knows what a time is."""
        time = (
            self._time if isinstance(self._time_type, types.DateTime) else sqlalchemy.cast(self._time, types.DateTime)
        )
        times, values = copied(self._connection, query, time, numbers)
        if (times.to_physical() < _FIRST_YEAR).any():
            raise DataQualityError(
                f"table {self._table.clause.name!r} holds a time before the year 1: correct it at its source"
            )
        return pl.DataFrame([times.alias("timestamp"), *map(pl.Series, self._table.features, values)])

    @property
    def _has_typed_times(self) -> bool:
        typed = isinstance(self._time_type, (types.DateTime, types.Date))
        return typed and self._connection.dialect.name == "postgresql"

    def _number(self, name: str) -> ColumnElement[Any]:
        """Return a column as a double, but on SQLite as it is: its CAST makes zero of any text."""
        column = self._table.clause.c[name]
        if self._connection.dialect.name == "sqlite":
            return column
        if isinstance(self._table.types[name], types.Boolean):
            column = sqlalchemy.cast(column, types.Integer)
        return column if isinstance(self._table.types[name], types.Double) else sqlalchemy.cast(column, types.Double)

    def _floats(self, name: str, column: Sequence[Any], times: Sequence[Any], kept: Sequence[bool] | None) -> pl.Series:
        numbers = column if kept is None else list(compress(column, kept))
        try:
            return pl.Series(name, numbers, dtype=pl.Float64, strict=True)
        except TypeError as error:
            stored = zip(times, column, kept or repeat(True), strict=False)
            time, value = next((t, v) for t, v, keep in stored if keep and isinstance(v, str | bytes))
            remedy = f"store it as CAST({name} AS REAL)" if _is_number(value) else "correct it at its source"
            raise DataQualityError(
                f"column {name!r} of {self._table.clause.name!r} holds {value!r} at {time}, which is not a number: "
                f"{remedy}"
            ) from error

    def _bounds(self, start: datetime | None, end: datetime) -> list[ColumnElement[bool]]:
        """Return conditions on the raw column, so that an index serves, in the type that it has."""
        if self._has_typed_times:
            return [self._time <= end] if start is None else [self._time >= start, self._time <= end]
        span = self.span()
        if span is None:
            return [sqlalchemy.false()]
        refuse_no_times(span)
        return [roughly_between(self._time, span, self._connection.dialect.name, start, end)]


def _id_values(asset_id: str | int, kind: types.TypeEngine[Any], dialect: str) -> list[str | int]:
    """Return what the asset can be in an id column of a type: nothing where it is no value of it."""
    text = str(asset_id)
    number = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else None
    integers = [number] if number is not None and abs(number) <= _LARGEST_INTEGER else []
    if isinstance(kind, types.Integer):
        return list(integers)
    texts = [] if "\0" in text else [text]
    # What a view computes has no type in SQLite, which then finds no number by its text.
    undeclared = dialect == "sqlite" and isinstance(kind, types.NullType)
    return [*texts, *integers] if undeclared else list(texts)


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

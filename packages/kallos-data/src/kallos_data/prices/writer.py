"""Rows of one asset in a database table: read, written without doubling any, and read back."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy
from sqlalchemy import Connection

from ..database.feature_tables import FeatureTables
from ..database.table_places import at_its_place
from ..errors import DataQualityError, MissingColumnsError
from .held_digits import Flags, Floats, Loss, as_held, losses, too_large
from .key_format import format_of, refuse_unclear
from .price_tables import as_key, create, parameter_of, require_key
from .row_store import RowStore
from .table_words import TableWords

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows an upsert added, changed and found as they should be."""

    inserted: int
    updated: int
    unchanged: int


class AssetRows:
    """The rows of one asset in a table with a key over asset and time.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that no other writer of prices shares.
    name : str
        The table; created with all ``columns`` as numbers where it is missing.
    tables : FeatureTables
        Names of the key columns and of the schema.
    asset_id : str or int
        The asset.
    columns : sequence of str
        What the table should have. Of an existing table, those it lacks are not written.
    required : sequence of str
        Which of them it must have.

    Attributes
    ----------
    name : str
        The table.
    is_new : bool
        Whether it was created.
    columns : list of str
        Those of ``columns`` that it has.

    Raises
    ------
    ConfigError
        Where the table has no unique key over asset and time, or the asset is no value of its id column.
    MissingColumnsError
        Where it lacks a key or required column.
    """

    def __init__(
        self,
        connection: Connection,
        name: str,
        tables: FeatureTables,
        asset_id: str | int,
        *,
        columns: Sequence[str],
        required: Sequence[str] = (),
    ) -> None:
        parameter = parameter_of(name, tables)
        name, tables = at_its_place(connection, name, tables)
        self.name = name
        inspector = sqlalchemy.inspect(connection)
        self.is_new = not inspector.has_table(name, schema=tables.schema)
        if self.is_new:
            create(connection, name, tables, columns)
            inspector.clear_cache()
        kinds = {column["name"]: column["type"] for column in inspector.get_columns(name, schema=tables.schema)}
        lacking = [column for column in (*tables.keys, *columns) if column not in kinds]
        if missing := [column for column in lacking if column in (*tables.keys, *required)]:
            raise MissingColumnsError(missing, list(kinds), where=f"table {name!r}")
        self._lacking = lacking
        require_key(inspector, name, tables, parameter)
        self.columns = [column for column in columns if column in kinds]
        table = sqlalchemy.table(name, *map(sqlalchemy.column, kinds), schema=tables.schema)
        asset = as_key(asset_id, kinds[tables.id_column], name)
        key_format = format_of(connection, table, tables, asset, kinds[tables.timestamp_column])
        self._store = RowStore(connection, table, kinds, tables.keys, asset, key_format)
        self._words = TableWords(connection.dialect, table, kinds, parameter)
        # Of rows that were written in another way than new ones would be.
        self._odd_keys: dict[datetime, Any] = {}
        self._back: list[pl.DataFrame] = []

    def read(self) -> pl.DataFrame:
        """Return ``timestamp`` (UTC, sorted) and the columns as Float64.

        Raises
        ------
        DataQualityError
            Where a stored value is neither a number nor a time, or a time is missing or there twice.
        """
        parts = [_frame_of(self.columns)]

        def take(part: pl.DataFrame, keys: Sequence[Any] | None) -> None:
            parts.append(part)
            times = part["timestamp"]
            if keys is not None and (written := self._store.format.written(times)) != list(keys):
                each = zip(times.to_list(), keys, written, strict=True)
                self._odd_keys |= {time: key for time, key, new in each if key != new}

        self._store.read(self.columns, take)
        stored = pl.concat(parts).sort("timestamp")
        refuse_unclear(stored["timestamp"], self.name, self._store.asset)
        return stored

    def refuse_coarser(self, times: pl.Series) -> None:
        """Refuse times that the key's column would shorten.

        Raises
        ------
        ConfigError
            Where it is a column of dates, or of coarser times than these.
        """
        time = self._store.format.cannot_hold(times)
        if time is not None:
            raise self._words.too_coarse(self._store.keys[1], self._store.format, time)

    def upsert(
        self, frame: pl.DataFrame, stored: pl.DataFrame, *, by_column: bool = False, keep: bool = False
    ) -> Written:
        """Insert rows with new times, update those that differ, leave all others alone, and read back what was written.

        Parameters
        ----------
        frame : polars.DataFrame, [N, 1 + F]
            ``timestamp`` in UTC, sorted, no time twice, and numbers; columns that the table lacks are not written.
        stored : polars.DataFrame
            What :meth:`read` returned.
        by_column : bool, default False
            Whether a value loses digits in proportion to what is usual in its column, not to itself: for columns that
            cross zero.
        keep : bool, default False
            Whether :meth:`read_again` follows, for which what is read back is kept.

        Raises
        ------
        DataQualityError
            Where a column does not hold what is written into it.
        """
        if lost := [name for name in self._lacking if name in frame.columns]:
            logger.info("columns that table %s lacks are left out: %s", self.name, ", ".join(lost))
        names = [name for name in self.columns if name in frame.columns]
        frame = frame.select("timestamp", *names)
        known, same = self._compared(frame, stored, names)
        inserted = int((~known).sum())
        rows = frame if not same.any() else frame.filter(pl.Series(~same))
        if len(rows) and names:
            self._refuse_too_large(rows)
            self._store.write(rows, self._written_keys)
            sizes = [_usual_size(frame[name]) if by_column else 0.0 for name in names]
            self._read_back(rows, sizes, keep=keep and stored.is_empty())
        return Written(inserted, len(rows) - inserted, len(frame) - len(rows))

    def read_again(self, stored: pl.DataFrame, written: Written) -> pl.DataFrame:
        """Return what :meth:`read` returns after an :meth:`upsert`, without reading what is known."""
        if not (written.inserted or written.updated):
            return stored
        if not self._back:
            return self.read()
        return pl.concat([_frame_of(self.columns), *self._back], how="diagonal").sort("timestamp")

    def _compared(self, frame: pl.DataFrame, stored: pl.DataFrame, names: Sequence[str]) -> tuple[Flags, Flags]:
        """Return which rows are stored, and which of them as the table would hold them."""
        known = np.zeros(len(frame), np.bool_)
        if stored.is_empty():
            return known, known
        times, there = (each["timestamp"].to_physical().to_numpy() for each in (frame, stored))
        places = np.minimum(np.searchsorted(there, times), len(there) - 1)
        known = there[places] == times
        same = known.copy()
        sqlite = self._store.connection.dialect.name == "sqlite"
        for name in names:
            kind = None if sqlite else self._store.types[name]
            same &= as_held(_floats(frame[name]), _floats(stored[name])[places], kind)
        return known, same

    def _written_keys(self, times: pl.Series) -> list[Any]:
        keys = self._store.format.written(times)
        if self._odd_keys:
            return [self._odd_keys.get(time, key) for time, key in zip(times.to_list(), keys, strict=True)]
        return keys

    def _read_back(self, rows: pl.DataFrame, sizes: Sequence[float], *, keep: bool) -> None:
        names, times = rows.columns[1:], rows["timestamp"]
        count, lost = 0, list[Loss]()

        def take(part: pl.DataFrame, _keys: Sequence[Any] | None) -> None:
            nonlocal count
            part = part.filter(part["timestamp"].is_between(times[0], times[-1]))
            self._back.extend([part] if keep else [])
            places = times.search_sorted(part["timestamp"])
            wanted = rows[places]
            meant = wanted["timestamp"] == part["timestamp"]
            count += int(meant.sum())
            lost.extend(losses(wanted.filter(meant), part.filter(meant), sizes))

        # Keys that were written in several ways do not sort as their times do.
        self._store.read(names, take, *([] if self._odd_keys else [times]))
        if lost:
            raise self._words.lost(lost)
        if count != len(rows):
            raise DataQualityError(
                f"of {len(rows)} rows written to table {self._store.table.name!r}, {count} are there with their times: "
                "something in the database (a trigger, a rule) changes or drops them; nothing was written"
            )

    def _refuse_too_large(self, rows: pl.DataFrame) -> None:
        if self._store.connection.dialect.name == "sqlite":
            return
        for name in rows.columns[1:]:
            large = too_large(_floats(rows[name]), self._store.types[name])
            if large.any():
                row = int(large.argmax())
                raise self._words.too_large(name, rows[name][row], rows["timestamp"][row])


def _usual_size(column: pl.Series) -> float:
    size = column.abs().median()
    return float(size) if isinstance(size, float) else 0.0


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _frame_of(columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(schema={"timestamp": pl.Datetime("us", "UTC"), **dict.fromkeys(columns, pl.Float64)})

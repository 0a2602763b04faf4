"""Rows of one asset in a database table: created, read, and written without doubling any."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy
from sqlalchemy import Column, Connection, Insert, MetaData, Table, TableClause, types
from sqlalchemy.dialects import postgresql, sqlite

from ..database.feature_tables import FeatureTables
from ..database.table_places import at_its_place
from ..errors import ConfigError, DataQualityError, MissingColumnsError
from ..timestamps import as_epoch, epoch_unit, utc_times

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
        What the table should have. Of an existing table, those it lacks are left out with a log line.
    required : sequence of str
        Which of them it must have.

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
        name, tables = at_its_place(connection, name, tables)
        self._connection = connection
        self._keys = (tables.id_column, tables.timestamp_column)
        inspector = sqlalchemy.inspect(connection)
        if not inspector.has_table(name, schema=tables.schema):
            _create(connection, name, tables, columns)
            inspector.clear_cache()
        kinds = {column["name"]: column["type"] for column in inspector.get_columns(name, schema=tables.schema)}
        lacking = [column for column in (*self._keys, *columns) if column not in kinds]
        if missing := [column for column in lacking if column in (*self._keys, *required)]:
            raise MissingColumnsError(missing, list(kinds), where=f"table {name!r}")
        if lacking:
            logger.info("columns that table %s lacks are left out: %s", name, ", ".join(lacking))
        _require_key(inspector, name, tables)
        self.columns = [column for column in columns if column in kinds]
        self._table = sqlalchemy.table(name, *map(sqlalchemy.column, kinds), schema=tables.schema)
        self._asset = _as_key(asset_id, kinds[tables.id_column], name)
        self._moment_keys: dict[datetime, Any] = {}

    def read(self) -> pl.DataFrame:
        """Return ``timestamp`` (UTC, sorted) and the columns as Float64.

        Raises
        ------
        DataQualityError
            Where a stored value is neither a number nor a time.
        """
        id_column, time_column = (self._table.c[key] for key in self._keys)
        sqlite_text = self._connection.dialect.name == "sqlite"
        values = [
            self._table.c[name] if sqlite_text else sqlalchemy.cast(self._table.c[name], types.Double)
            for name in self.columns
        ]
        query = sqlalchemy.select(time_column, *values).where(id_column == self._asset)
        rows = self._connection.execute(query).all()
        times = utc_times([row[0] for row in rows])
        self._moment_keys = dict(zip(times.to_list(), [row[0] for row in rows], strict=True))
        schema = dict.fromkeys(self.columns, pl.Float64)
        try:
            frame = pl.DataFrame([tuple(row)[1:] for row in rows], schema=schema, orient="row", strict=True)
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise DataQualityError(
                f"table {self._table.name!r} holds values that are not numbers ({error}): correct them at their source"
            ) from error
        return frame.insert_column(0, times.alias("timestamp")).sort("timestamp")

    def upsert(self, frame: pl.DataFrame) -> Written:
        """Insert rows with new times, update those that differ, and leave all others alone.

        Parameters
        ----------
        frame : polars.DataFrame, [N, 1 + F]
            ``timestamp`` in UTC, no time twice, and numbers; columns that the table lacks are not written.
        """
        names = [name for name in self.columns if name in frame.columns]
        frame = frame.select("timestamp", *names)
        stored = self.read().select("timestamp", *names)
        known = frame.join(stored, on="timestamp", how="semi")
        differing = known.join(stored, on=["timestamp", *names], how="anti", nulls_equal=True)
        new = frame.join(stored, on="timestamp", how="anti")
        self._write(pl.concat([differing, new]), names)
        return Written(len(new), len(differing), len(known) - len(differing))

    def _write(self, frame: pl.DataFrame, names: Sequence[str]) -> None:
        if frame.is_empty():
            return
        times = frame["timestamp"].to_list()
        new_key = _key_format(self._connection, next(iter(self._moment_keys.values()), None))
        id_column, time_column = self._keys
        parameters = [
            {id_column: self._asset, time_column: self._moment_keys.get(time) or new_key(time)} | row
            for time, row in zip(times, frame.select(names).to_dicts(), strict=True)
        ]
        self._connection.execute(_upsert(self._connection, self._table, self._keys, names), parameters)


def _upsert(connection: Connection, table: TableClause, keys: Sequence[str], names: Sequence[str]) -> Insert:
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    return insert.on_conflict_do_update(index_elements=keys, set_={name: insert.excluded[name] for name in names})


def _create(connection: Connection, name: str, tables: FeatureTables, columns: Sequence[str]) -> None:
    if tables.schema and not sqlalchemy.inspect(connection).has_schema(tables.schema):
        connection.execute(sqlalchemy.schema.CreateSchema(tables.schema))
    time = types.Text() if connection.dialect.name == "sqlite" else types.DateTime(timezone=True)
    Table(
        name,
        MetaData(),
        Column(tables.id_column, types.Text, primary_key=True),
        Column(tables.timestamp_column, time, primary_key=True),
        *(Column(column, types.Double) for column in columns),
        schema=tables.schema,
    ).create(connection)
    logger.info("table %s created", name)


def _require_key(inspector: sqlalchemy.Inspector, name: str, tables: FeatureTables) -> None:
    keys = {tables.id_column, tables.timestamp_column}
    primary = inspector.get_pk_constraint(name, schema=tables.schema)["constrained_columns"]
    constraints = inspector.get_unique_constraints(name, schema=tables.schema)
    indexes = inspector.get_indexes(name, schema=tables.schema)
    unique = [primary, *(each["column_names"] for each in constraints)]
    unique += [each["column_names"] for each in indexes if each["unique"]]
    if not any(set(columns) == keys for columns in unique):
        raise ConfigError(
            f"{name!r} has no primary key or unique index over ({tables.id_column!r}, {tables.timestamp_column!r}), "
            "without which rows would be duplicated: add one, or name another table",
            "market" if name == tables.market else "indicators",
        )


def _as_key(asset_id: str | int, kind: types.TypeEngine[Any], table: str) -> str | int:
    if not str(asset_id).strip():
        raise ConfigError("must name an asset, not be empty", "asset_id")
    if not isinstance(kind, types.Integer):
        return str(asset_id)
    try:
        return int(asset_id)
    except ValueError:
        raise ConfigError(
            f"must be a whole number, as the ids of table {table!r} are, not {asset_id!r}", "asset_id"
        ) from None


def _key_format(connection: Connection, example: object) -> Callable[[datetime], Any]:
    """Return how the table writes a time, judged by one that it holds.

    SQLite has no type for times. The text that a new table gets sorts as the times do, fractions included.
    """
    if connection.dialect.name != "sqlite":
        return lambda time: time
    if isinstance(example, int | float):
        unit = epoch_unit(example)
        return lambda time: as_epoch(time, unit)
    text = str(example or "2019-01-01 00:00:00+00:00")
    zone = "Z" if text.endswith("Z") else "+00:00" if text.endswith("+00:00") else ""
    separator = text[10:11]

    def written(time: datetime) -> str:
        naive = time.replace(tzinfo=None)
        at_midnight = naive.time() == naive.time().min
        return naive.date().isoformat() if not separator and at_midnight else naive.isoformat(separator or " ") + zone

    return written

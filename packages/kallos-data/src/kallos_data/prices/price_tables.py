"""Tables of prices and indicators as Kallos makes them, and what it asks of those that others made."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import Column, Connection, MetaData, Table, types

from ..database.feature_tables import FeatureTables
from ..errors import ConfigError


def create(connection: Connection, name: str, tables: FeatureTables, columns: Sequence[str]) -> None:
    """Make a table with a primary key over asset and time, and its schema where it is missing."""
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


def require_key(inspector: sqlalchemy.Inspector, name: str, tables: FeatureTables, parameter: str) -> None:
    """Refuse a table in which a row could stand twice; ``parameter`` is the argument that names it.

    Raises
    ------
    ConfigError
        Where it has no primary key or unique index over exactly the two key columns.
    """
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
            parameter,
        )


def parameter_of(name: str, tables: FeatureTables) -> str:
    """Return which argument a table's name, as the caller wrote it, was given by."""
    return "market" if name == tables.market else "indicators"


def as_key(asset_id: str | int, kind: types.TypeEngine[Any], table: str) -> str | int:
    """Return the asset as a value of the id column.

    Raises
    ------
    ConfigError
        Where it is blank, or no number and the ids are numbers.
    """
    if not str(asset_id).strip():
        raise ConfigError("must name an asset, not be empty", "asset_id")
    if not isinstance(kind, types.Integer):
        return str(asset_id)
    if isinstance(asset_id, int) or re.fullmatch(r"-?[0-9]+", asset_id.strip()):
        return int(asset_id)
    raise ConfigError(f"must be a whole number, as the ids of table {table!r} are, not {asset_id!r}", "asset_id")

"""Which tables and columns of a database a history is made of."""

import logging
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Inspector, TableClause, types
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope
from sqlalchemy.exc import NoSuchTableError, SAWarning

from ..errors import ConfigError, MissingColumnsError
from .feature_tables import FeatureTables

logger = logging.getLogger(__name__)

_NUMBERS = (types.Numeric, types.Float, types.Integer, types.Boolean)


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table or view as the database knows it, and which of its columns are features.

    Attributes
    ----------
    clause : sqlalchemy.TableClause
        For queries.
    types : dict of str to sqlalchemy type
        Of every column.
    features : list of str
        Columns to load.
    """

    clause: TableClause
    types: dict[str, types.TypeEngine[Any]]
    features: list[str]


def source_tables(connection: Connection, tables: FeatureTables) -> list[SourceTable]:
    """Return the market's table and, where there is one, the indicators', with every feature in one of them only.

    Raises
    ------
    ConfigError
        Where a table does not exist, or none has a feature.
    MissingColumnsError
        Where one lacks a key column.
    """
    found: list[SourceTable] = []
    taken: set[str] = set()
    names = [name for name in (tables.market, tables.indicators) if name]
    for name, kinds in zip(names, _column_types(connection, names, tables), strict=True):
        candidates = [column for column in kinds if column not in tables.keys]
        numbers = [column for column in candidates if _is_number(kinds[column], connection)]
        if other := [column for column in candidates if column not in numbers]:
            logger.info("columns of %s that hold no numbers are left out: %s", name, ", ".join(other))
        if "timestamp" in numbers:
            logger.info("column timestamp of %s is left out: its times are in %s", name, tables.timestamp_column)
        if twice := [column for column in numbers if column in taken]:
            logger.info("columns of both tables are taken from %s: %s", tables.market, ", ".join(twice))
        features = [column for column in numbers if column not in taken and column != "timestamp"]
        taken.update(features)
        clause = sqlalchemy.table(name, *(sqlalchemy.column(column) for column in kinds), schema=tables.schema)
        found.append(SourceTable(clause, kinds, features))
    if not taken:
        names = " and ".join(repr(table.clause.name) for table in found)
        raise ConfigError(f"must have a column of numbers beside the keys, and {names} has none", "market")
    return found


def _column_types(
    connection: Connection, names: Sequence[str], tables: FeatureTables
) -> list[dict[str, types.TypeEngine[Any]]]:
    """Return the columns that tables or views really have.

    Asked first because SQLite answers a misspelt quoted column with the column's own name as its value.
    """
    if tables.schema is not None and connection.dialect.name == "sqlite":
        raise ConfigError(f"{tables.schema!r} needs PostgreSQL: SQLite has no schemas, leave it out", "schema")
    inspector = sqlalchemy.inspect(connection)
    with warnings.catch_warnings():
        # Types that SQLAlchemy does not know are no numbers, and named as such.
        warnings.simplefilter("ignore", SAWarning)
        found = _columns(inspector, names, tables.schema)
    every: list[dict[str, types.TypeEngine[Any]]] = []
    for name in names:
        if name not in found:
            there = sorted([*inspector.get_table_names(tables.schema), *inspector.get_view_names(tables.schema)])
            raise ConfigError(
                f"{name!r} is not a table or view of the database: it has "
                f"{', '.join(map(repr, there)) or 'none, ingest data first'}",
                "market" if name == tables.market else "indicators",
            )
        kinds = {column["name"]: column["type"] for column in found[name]}
        if missing := [key for key in tables.keys if key not in kinds]:
            parameter = "id_column" if missing[0] == tables.id_column else "timestamp_column"
            raise MissingColumnsError(missing[:1], list(kinds), where=f"table {name!r}", parameter=parameter)
        every.append(kinds)
    return every


def _columns(inspector: Inspector, names: Sequence[str], schema: str | None) -> dict[str, list[ReflectedColumn]]:
    """Return the columns of those tables and views that exist."""
    if inspector.dialect.name == "postgresql":
        # One question for all of them: it is a long one.
        every = inspector.get_multi_columns(schema, names, kind=ObjectKind.ANY, scope=ObjectScope.ANY)
        return {name: columns for (_, name), columns in every.items()}
    found: dict[str, list[ReflectedColumn]] = {}
    for name in names:
        with suppress(NoSuchTableError):
            found[name] = inspector.get_columns(name, schema)
    return found


def _is_number(kind: types.TypeEngine[Any], connection: Connection) -> bool:
    # SQLite declares no type for what a view computes: its values are looked at when they are read.
    undeclared = isinstance(kind, types.NullType) and connection.dialect.name == "sqlite"
    return undeclared or isinstance(kind, _NUMBERS)

"""Which tables and columns of a database a history is made of."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Inspector, TableClause, types
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope
from sqlalchemy.exc import CompileError, NoSuchTableError, SAWarning

from ..errors import ConfigError, MissingColumnsError
from .feature_tables import FeatureTables
from .table_places import TablePlace, possible_places, tables_there

logger = logging.getLogger(__name__)

_NUMBERS = (types.Numeric, types.Float, types.Integer, types.Boolean)
ColumnTypes = dict[str, types.TypeEngine[Any]]


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
    left_out : dict of str to str
        Columns beside the keys that hold no numbers, each with its type in the database's words.
    """

    clause: TableClause
    types: ColumnTypes
    features: list[str]
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])


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
    for name, (place, kinds) in zip(names, _column_types(connection, names, tables), strict=True):
        candidates = [column for column in kinds if column not in tables.keys]
        numbers = [column for column in candidates if _is_number(kinds[column], connection)]
        other = {column: _in_words(kinds[column], connection) for column in candidates if column not in numbers}
        if other:
            shown = ", ".join(f"{column} ({kind})" for column, kind in other.items())
            logger.info("columns of %s that hold no numbers are left out: %s", name, shown)
        if "timestamp" in numbers:
            logger.info("column timestamp of %s is left out: its times are in %s", name, tables.timestamp_column)
        if twice := [column for column in numbers if column in taken]:
            logger.info("columns of both tables are taken from %s: %s", tables.market, ", ".join(twice))
        features = [column for column in numbers if column not in taken and column != "timestamp"]
        taken.update(features)
        clause = sqlalchemy.table(place.name, *(sqlalchemy.column(column) for column in kinds), schema=place.schema)
        found.append(SourceTable(clause, kinds, features, other))
    if not taken:
        named = " and ".join(map(repr, names))
        left_out = [f"{column} is {kind}" for table in found for column, kind in table.left_out.items()]
        why = f" ({', '.join(left_out)})" if left_out else ""
        raise ConfigError(f"must have a column of numbers beside the keys, and {named} has none{why}", "market")
    return found


def _column_types(
    connection: Connection, names: Sequence[str], tables: FeatureTables
) -> list[tuple[TablePlace, ColumnTypes]]:
    """Return where tables or views lie, and the columns that they really have.

    Asked first because SQLite answers a misspelt quoted column with the column's own name as its value.
    """
    if tables.schema is not None and connection.dialect.name == "sqlite":
        raise ConfigError(f"{tables.schema!r} needs PostgreSQL: SQLite has no schemas, leave it out", "schema")
    inspector = sqlalchemy.inspect(connection)
    places = {name: possible_places(name, tables.schema, connection.dialect.name) for name in names}
    with warnings.catch_warnings():
        # Types that SQLAlchemy does not know are no numbers, and named as such.
        warnings.simplefilter("ignore", SAWarning)
        # Most often all are found at the first of their places: one question.
        found = _columns(inspector, [of_name[0] for of_name in places.values()])
        later = [place for of_name in places.values() if of_name[0] not in found for place in of_name[1:]]
        found |= _columns(inspector, later) if later else {}
    every: list[tuple[TablePlace, ColumnTypes]] = []
    for name, of_name in places.items():
        place = next((place for place in of_name if place in found), None)
        if place is None:
            there = tables_there(connection, tables.schema, of_name)
            what = f"{there}; name one of these, or ingest prices first" if there else "none, ingest data first"
            raise ConfigError(
                f"{name!r} is not a table or view of the database: it has {what}",
                "market" if name == tables.market else "indicators",
            )
        kinds = {column["name"]: column["type"] for column in found[place]}
        if missing := [key for key in tables.keys if key not in kinds]:
            parameter = "id_column" if missing[0] == tables.id_column else "timestamp_column"
            raise MissingColumnsError(missing[:1], list(kinds), where=f"table {name!r}", parameter=parameter)
        every.append((place, kinds))
    return [every[list(places).index(name)] for name in names]


def _columns(inspector: Inspector, places: Sequence[TablePlace]) -> dict[TablePlace, list[ReflectedColumn]]:
    """Return the columns of those tables and views that exist."""
    found: dict[TablePlace, list[ReflectedColumn]] = {}
    if inspector.dialect.name == "postgresql":
        # One question for all of a schema: it is a long one.
        for schema in {place.schema: None for place in places}:
            names = [place.name for place in places if place.schema == schema]
            every = inspector.get_multi_columns(schema, names, kind=ObjectKind.ANY, scope=ObjectScope.ANY)
            found |= {TablePlace(name, schema): columns for (_, name), columns in every.items()}
        return found
    for place in places:
        with suppress(NoSuchTableError):
            found[place] = inspector.get_columns(place.name, place.schema)
    return found


def _is_number(kind: types.TypeEngine[Any], connection: Connection) -> bool:
    if isinstance(kind, DOMAIN):
        kind = kind.data_type
    # SQLite declares no type for what a view computes: its values are looked at when they are read.
    undeclared = isinstance(kind, types.NullType) and connection.dialect.name == "sqlite"
    return undeclared or isinstance(kind, _NUMBERS)


def _in_words(kind: types.TypeEngine[Any], connection: Connection) -> str:
    if isinstance(kind, types.NullType):
        return "a type of its own"
    try:
        return kind.compile(connection.dialect)
    except CompileError:
        return type(kind).__name__

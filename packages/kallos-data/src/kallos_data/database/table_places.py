"""Where a table lies that somebody names in one text: its schema and its name.

A text is first looked for as a whole name in the schema that all tables are in by default. Where there is none, it is
``SCHEMA.TABLE``, split at the first dot; capitals and blanks stand as they are, and either part may be written in
double quotes, as SQL has it, which a schema with a dot in its name needs. SQLite has no schemas: there a dot belongs to
the name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy
from sqlalchemy import Connection, Inspector

from .feature_tables import FeatureTables

_QUOTED: Final = r'"(?:[^"]|"")+"'
_NAME: Final = re.compile(_QUOTED, re.DOTALL)
_PAIR: Final = re.compile(rf"({_QUOTED}|[^.]+)\.(.+)", re.DOTALL)
_MOST_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A table's name and its schema; None is the default one."""

    name: str
    schema: str | None

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


def possible_places(text: str, schema: str | None, dialect: str) -> list[TablePlace]:
    """Return where a table may lie, in the order in which it is looked for.

    Parameters
    ----------
    text : str
        As somebody typed it.
    schema : str or None
        Where tables are by default.
    dialect : str
        "sqlite" or "postgresql".
    """
    places = [TablePlace(text, schema)]
    if _NAME.fullmatch(text):
        places.append(TablePlace(_bare(text), schema))
    elif dialect != "sqlite" and (pair := _PAIR.fullmatch(text)):
        places.append(TablePlace(_bare(pair[2]), _bare(pair[1])))
    return places


def place_of_table(connection: Connection, text: str, schema: str | None) -> TablePlace:
    """Return where a table or view lies, or where it is to be created: the last of its possible places."""
    inspector = sqlalchemy.inspect(connection)
    *places, last = possible_places(text, schema, connection.dialect.name)
    return next((place for place in places if inspector.has_table(place.name, schema=place.schema)), last)


def at_its_place(connection: Connection, text: str, tables: FeatureTables) -> tuple[str, FeatureTables]:
    """Return a table's own name, and the tables as seen from its schema, with the name in place of the text."""
    place = place_of_table(connection, text, tables.schema)
    parts = (("market", tables.market), ("indicators", tables.indicators))
    renamed = {part: place.name for part, name in parts if name == text}
    return place.name, replace(tables, schema=place.schema, **renamed)


def tables_there(connection: Connection, schema: str | None, places: Iterable[TablePlace] = ()) -> str:
    """Return the tables, views and materialized views as a list to read, each as it can be typed.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    schema : str or None
        The default schema; where it is None, tables of other schemas follow with theirs.
    places : iterable of TablePlace, optional
        Where something was looked for: their schemas are listed too.
    """
    inspector = sqlalchemy.inspect(connection)
    others = {place.schema for place in places if place.schema is not None}
    if schema is None and connection.dialect.name == "postgresql":
        found = connection.exec_driver_sql("SELECT unnest(current_schemas(false))").scalars()
        others = (others | {*inspector.get_schema_names()}) - {"information_schema", *found}
    names = sorted(_names_in(inspector, schema))
    for other in sorted(others - {schema}):
        names += sorted(f"{other}.{name}" for name in _names_in(inspector, other))
    shown = ", ".join(map(repr, names[:_MOST_SHOWN]))
    return f"{shown}, …" if len(names) > _MOST_SHOWN else shown


def _names_in(inspector: Inspector, schema: str | None) -> list[str]:
    names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    if inspector.dialect.name == "postgresql":
        names += inspector.get_materialized_view_names(schema)
    return names


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if _NAME.fullmatch(name) else name

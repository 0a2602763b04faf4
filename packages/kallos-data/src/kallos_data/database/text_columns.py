"""Columns that somebody needs and that hold texts: which they are, and the statement that makes numbers of them."""

from collections.abc import Iterable, Sequence

import sqlalchemy
from sqlalchemy import Connection, types
from sqlalchemy.dialects.postgresql import DOMAIN

from ..errors import DataQualityError
from .tables import SourceTable


def refuse_columns_without_numbers(
    connection: Connection, sources: Sequence[SourceTable], needed: Iterable[str]
) -> None:
    """Refuse columns that are needed and that a table has, but not as numbers; those that no table has are passed over.

    Raises
    ------
    DataQualityError
        With the columns, their type, and what makes numbers of them where they are of a text type.
    """
    loaded = {column for source in sources for column in source.features}
    asked = [column for column in dict.fromkeys(needed) if column not in loaded]
    for source in sources:
        if columns := [column for column in asked if column in source.left_out]:
            raise DataQualityError(_problem(connection, source, columns))


def _problem(connection: Connection, source: SourceTable, columns: Sequence[str]) -> str:
    named = " and ".join(f"{column!r} (type {source.left_out[column]})" for column in columns)
    what = f"table {source.clause.name!r} has no numbers in column {named}"
    texts = [column for column in columns if _is_text(source.types[column])]
    return f"{what}: {_remedy(connection, source, texts)}" if texts else f"{what}: name other columns"


def _remedy(connection: Connection, source: SourceTable, columns: Sequence[str]) -> str:
    """Return what to do about texts; a view's columns are cast where it is made."""
    quote = connection.dialect.identifier_preparer.quote
    names = [quote(column) for column in columns]
    if _is_view(connection, source):
        casts = ", ".join(f"CAST({name} AS double precision) AS {name}" for name in names)
        return f"it is a view, select {casts} in it"
    table = connection.dialect.identifier_preparer.format_table(source.clause)
    if connection.dialect.name == "sqlite":
        # There a column's type cannot be changed.
        steps = [_steps_on_sqlite(table, quote(column), quote(f"{column}_text")) for column in columns]
        return f"convert it with {'; '.join(steps)}"
    casts = ", ".join(f"ALTER COLUMN {name} TYPE double precision USING {name}::double precision" for name in names)
    return f"convert it with ALTER TABLE {table} {casts}"


def _steps_on_sqlite(table: str, name: str, old: str) -> str:
    new = f"ALTER TABLE {table} RENAME COLUMN {name} TO {old}; ALTER TABLE {table} ADD COLUMN {name} REAL"
    return f"{new}; UPDATE {table} SET {name} = CAST({old} AS REAL)"  # noqa: S608 - words for people


def _is_text(kind: types.TypeEngine[object]) -> bool:
    return isinstance(kind.data_type if isinstance(kind, DOMAIN) else kind, types.String)


def _is_view(connection: Connection, source: SourceTable) -> bool:
    inspector, schema = sqlalchemy.inspect(connection), source.clause.schema
    views = inspector.get_view_names(schema)
    if connection.dialect.name == "postgresql":
        views += inspector.get_materialized_view_names(schema)
    return source.clause.name in views

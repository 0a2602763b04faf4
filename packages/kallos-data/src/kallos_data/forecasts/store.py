"""Forecasts written to their table, which is made where it is missing, so that writing them again changes nothing."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
import sqlalchemy
from narwhals.typing import IntoDataFrame
from sqlalchemy import Column, Connection, Inspector, MetaData, Table, types
from sqlalchemy.dialects import postgresql, sqlite

from ..database.config import DatabaseConfig, check_schema_name
from ..database.locks import WAIT_SECONDS, advisory_key, check_wait_seconds, hold_in_transaction
from ..database.table_places import TablePlace, place_of_table
from ..errors import ConfigError
from ..prices.key_format import KeyFormat
from .rows import COLUMNS, KEY, NUMBERS, TIMES, forecast_rows

# PostgreSQL takes 65535 values a statement.
_ROWS_AT_ONCE: Final = 1_000


def store_forecasts(
    frame: IntoDataFrame,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig | None,
    *,
    table: str = "forecasts",
    wait_seconds: float = WAIT_SECONDS,
) -> int:
    """Write forecasts to a table of the database, one row for each model, asset and time.

    A forecast takes the place of one with the same key, unless that is the same already: writing the same again changes
    nothing. All are written or none.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame, [N, C]
        ``model`` (text), ``asset`` (as the market's table holds it), ``time`` (that the forecast is for), ``made_at``
        (when it was made), ``known_until`` (the last step read for it) and ``forecast``, in the target's unit; where
        there are any, ``spread`` (of the members of an ensemble), ``low`` and ``high`` (the quantiles 0.05 and 0.95)
        and ``price`` (that the forecast means). Times without a zone are UTC.
    db_kwargs : mapping, str, DatabaseConfig or None
        See :meth:`DatabaseConfig.of`. A SQLite file is created where it is missing.
    table : str, default "forecasts"
        The table, on PostgreSQL also as ``SCHEMA.TABLE``; made with its schema where it is missing.
    wait_seconds : float, default 600
        How long another process that writes forecasts to the same database is waited for.

    Returns
    -------
    int
        Rows that are new or that changed.

    Raises
    ------
    MissingColumnsError
        Where the frame lacks a column.
    DataQualityError
        Where a column is of another type, a value is missing or infinite, a key is there twice, or a forecast is for a
        time that was known when it was made.
    ConfigError
        Where the frame has a column that is none of a forecast's, the table is one of something else, or
        ``wait_seconds`` is out of range.
    DatabaseError
        Where the database cannot be reached or refuses, or another process writes for longer than ``wait_seconds``;
        nothing is written then.

    Examples
    --------
    >>> import polars as pl
    >>> from datetime import UTC, datetime
    >>> day = datetime(2024, 1, 2, tzinfo=UTC)
    >>> made = {"made_at": datetime(2024, 1, 2, 0, 5, tzinfo=UTC), "known_until": datetime(2024, 1, 1, tzinfo=UTC)}
    >>> forecasts = pl.DataFrame([{"model": "gru", "asset": "BTC", "time": day, **made, "forecast": 0.01}])
    >>> store_forecasts(forecasts, "sqlite:///prices.db")  # doctest: +SKIP
    1
    >>> store_forecasts(forecasts, "sqlite:///prices.db")  # doctest: +SKIP
    0
    """
    check_wait_seconds(wait_seconds)
    _check_name(table)
    rows = forecast_rows(frame)
    config = DatabaseConfig.of(db_kwargs)
    with config.connect(create=True) as connection:
        key = advisory_key("write forecasts", schema=None)
        hold_in_transaction(connection, key, f"writing forecasts to {config}", wait_seconds)
        place = place_of_table(connection, table, None)
        _require_table(connection, place)
        return sum(_upsert(connection, place, part) for part in rows.iter_slices(_ROWS_AT_ONCE) if part.height)


def _check_name(table: str) -> None:
    if not table.strip():
        raise ConfigError(f"must name a table, as in 'forecasts', not {table!r}", "table")


def _require_table(connection: Connection, place: TablePlace) -> None:
    """Make the table where it is missing, and refuse one that is something else."""
    inspector = sqlalchemy.inspect(connection)
    if not inspector.has_table(place.name, schema=place.schema):
        _create(connection, inspector, place)
        return
    there = [column["name"] for column in inspector.get_columns(place.name, schema=place.schema)]
    if missing := [column for column in COLUMNS if column not in there]:
        raise ConfigError(
            f"{str(place)!r} is a table of something else: of a table of forecasts it lacks "
            f"{', '.join(map(repr, missing))}, it has {', '.join(map(repr, there))}; name another, or one that is not "
            "there yet",
            "table",
        )
    if not _has_key(inspector, place):
        raise ConfigError(
            f"{str(place)!r} has no primary key or unique index over ({', '.join(map(repr, KEY))}), without which "
            "forecasts would be there twice: add one, or name another table",
            "table",
        )


def _create(connection: Connection, inspector: Inspector, place: TablePlace) -> None:
    if place.schema is not None and not inspector.has_schema(place.schema):
        check_schema_name(place.schema)
        connection.execute(sqlalchemy.schema.CreateSchema(place.schema))
    time = types.Text() if connection.dialect.name == "sqlite" else types.DateTime(timezone=True)
    kinds: dict[str, types.TypeEngine[Any]] = {**dict.fromkeys(TIMES, time), **dict.fromkeys(NUMBERS, types.Double())}
    required = (*KEY, "made_at", "known_until", "forecast")
    columns = [
        Column(name, kinds.get(name, types.Text()), primary_key=name in KEY, nullable=name not in required)
        for name in COLUMNS
    ]
    Table(place.name, MetaData(), *columns, schema=place.schema).create(connection)


def _has_key(inspector: Inspector, place: TablePlace) -> bool:
    unique = [inspector.get_pk_constraint(place.name, schema=place.schema)["constrained_columns"]]
    unique += [each["column_names"] for each in inspector.get_unique_constraints(place.name, schema=place.schema)]
    indexes = inspector.get_indexes(place.name, schema=place.schema)
    unique += [each["column_names"] for each in indexes if each["unique"]]
    return any(set(columns) == set(KEY) for columns in unique)


def _upsert(connection: Connection, place: TablePlace, rows: pl.DataFrame) -> int:
    """Write rows and return how many of them were not there, or not as they are."""
    if connection.dialect.name == "sqlite":
        text = KeyFormat("text")
        rows = rows.with_columns(pl.Series(name, text.written(rows[name])) for name in TIMES)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    target = sqlalchemy.table(place.name, *map(sqlalchemy.column, COLUMNS), schema=place.schema)
    insert = dialect.insert(target)
    others = [name for name in COLUMNS if name not in KEY]
    differs = sqlalchemy.or_(*(target.c[name].is_distinct_from(insert.excluded[name]) for name in others))
    update = insert.on_conflict_do_update(
        index_elements=KEY, set_={name: insert.excluded[name] for name in others}, where=differs
    )
    counted = {"preserve_rowcount": True}
    if connection.dialect.name == "sqlite":
        return connection.execute(update, rows.to_dicts(), execution_options=counted).rowcount
    # Executed row by row, psycopg2 would count the last row alone.
    return connection.execute(update.values(rows.to_dicts()), execution_options=counted).rowcount

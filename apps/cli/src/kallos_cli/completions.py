"""What the shell offers on Tab: assets, studies, columns and tables of the database that the line leads to.

Somebody waits for the answer with a finger on the key: after a moment, and where the database cannot be read, there is
nothing to offer.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import typer

# What typer needs besides makes the rest of a third of a second.
_SECONDS = 0.15
_MOST = 200
_DEFAULT_URL = "sqlite:///kallos.db"

Query = Callable[[str, Sequence[Any]], list[str]]
Ask = Callable[[Query, str], list[str]]


def assets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the assets of the market's table that begin so."""
    options = ctx.params

    def read(query: Query, mark: str) -> list[str]:
        table, column = (
            _name(options.get("market_table"), "daily_market_data"),
            _quoted(options.get("id_column") or "id"),
        )
        # From one id to the next by the key, not through the rows of each.
        return query(
            f"WITH RECURSIVE ids(id) AS (SELECT min({column}) FROM {table} UNION ALL "  # noqa: S608 - names, quoted
            f"SELECT (SELECT min(t.{column}) FROM {table} t WHERE t.{column} > ids.id) FROM ids "
            f"WHERE ids.id IS NOT NULL) SELECT id FROM ids WHERE id IS NOT NULL LIMIT {mark}",
            [_MOST],
        )

    return _answer(_prices_url(ctx), read, incomplete)


def studies(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the studies that begin so."""
    options = ctx.params
    schema = options.get("optuna_schema")
    table = f"{_quoted(schema)}.studies" if schema else "studies"

    def read(query: Query, mark: str) -> list[str]:
        return query(f"SELECT study_name FROM {table} ORDER BY study_name LIMIT {mark}", [_MOST])  # noqa: S608

    return _answer(_named(ctx, "studies_url", "KALLOS_STUDIES_URL") or _prices_url(ctx), read, incomplete)


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the columns of the tables of prices and indicators that begin so."""
    options = ctx.params
    names = [options.get("market_table") or "daily_market_data"]
    names += [] if options.get("no_indicators") else [options.get("indicators_table") or "daily_technical_indicators"]

    def read(query: Query, mark: str) -> list[str]:
        return [column for name in names for column in query(_columns_of(mark), _parts(name, mark))]

    return _answer(_prices_url(ctx), read, incomplete)


def tables(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the tables and views that begin so."""

    def read(query: Query, mark: str) -> list[str]:
        if mark == "?":
            names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            return query(f"{names} ORDER BY name LIMIT ?", [_MOST])
        return query(
            "SELECT CASE WHEN table_schema = ANY (current_schemas(false)) THEN table_name "
            "ELSE table_schema || '.' || table_name END FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT %s",
            [_MOST],
        )

    return _answer(_prices_url(ctx), read, incomplete)


def _columns_of(mark: str) -> str:
    if mark == "?":
        return "SELECT name FROM pragma_table_info(?)"
    return (
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
        "AND (%s IS NULL OR table_schema = %s) ORDER BY ordinal_position"
    )


def _parts(table: str, mark: str) -> list[str | None]:
    if mark == "?":
        return [table]
    schema, dot, name = table.partition(".")
    return [name, schema, schema] if dot else [table, None, None]


def _name(table: str | None, default: str) -> str:
    return ".".join(map(_quoted, (table or default).split(".", 1)))


def _quoted(name: str | None) -> str:
    return '"' + (name or "").replace('"', '""') + '"'


def _prices_url(ctx: typer.Context) -> str:
    return _named(ctx, "db_url", "KALLOS_DB_URL") or _DEFAULT_URL


def _named(ctx: typer.Context, parameter: str, variable: str) -> str | None:
    """Return what is typed, else what stands in the environment, else in the configuration file."""
    source: Any = ctx.get_parameter_source(parameter)
    if source is not None and source.name in {"COMMANDLINE", "ENVIRONMENT"}:
        return ctx.params.get(parameter)
    # Which the program hands over: it knows all options, and these are offered what is below.
    in_file: Callable[[typer.Context, str], str | None] | None = ctx.obj
    return os.environ.get(variable) or (in_file(ctx, variable) if in_file else None)


def _answer(url: str, ask: Ask, incomplete: str) -> list[str]:
    """Return what is read within the time that there is, of what begins as typed."""
    from kallos_data import glance_at

    return [name for name in dict.fromkeys(glance_at(url, ask, seconds=_SECONDS)) if name.startswith(incomplete)]

"""Checks of the database of prices: reachable, readable, its clock, its tables, how old the newest rows are."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..command_line import of_program
from .check import Check, broken, ok, warning

if TYPE_CHECKING:
    from kallos_data import AssetSummary, DatabaseConfig, FeatureTables

_MOST_ASSETS = 20
_FAR_APART_SECONDS = 1.0


def reachable(name: str, config: "DatabaseConfig") -> Check:
    """Check that a database answers."""
    import sqlalchemy

    with config.connect() as connection:
        connection.execute(sqlalchemy.select(1))
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[config.backend]
    return ok(name, f"{config} answers, {kind} {version}")


def clock(config: "DatabaseConfig") -> list[Check]:
    """Check that the clock of the server agrees with that of this machine; SQLite has no other."""
    if config.backend == "sqlite":
        return []
    with config.connect() as connection:
        before = datetime.now(UTC)
        theirs: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        after = datetime.now(UTC)
    apart = (theirs - (before + (after - before) / 2)).total_seconds()
    words = f"the server's is {abs(apart):.1f} s {'ahead' if apart > 0 else 'behind'}"
    if abs(apart) <= _FAR_APART_SECONDS + (after - before).total_seconds():
        return [ok("clock", words)]
    return [
        warning(
            "clock",
            f"{words}; signs of life of trials go by the server's, times of trials and whether a bar is finished by "
            "this machine's",
            "set both by NTP",
        )
    ]


def tables(config: "DatabaseConfig", names: "FeatureTables") -> Iterator[Check]:
    """Check the tables, their columns, and the age of each asset's newest row."""
    from kallos_data import default_feature_groups, describe_asset, list_assets

    assets = list_assets(config, tables=names)
    if not assets:
        yield broken(
            "tables",
            f"table {names.market} holds no asset",
            f"ingest prices: {of_program('ingest', 'prices.csv', '--asset-id', 'BTC')}",
        )
        return
    details = describe_asset(config, assets[0].asset_id, tables=names)
    columns = details.loaded
    known = [column for group in default_feature_groups(columns, "log_return").values() for column in group]
    words = (
        f"{' and '.join(details.columns)}, {len(columns)} columns with values for {assets[0].asset_id}, "
        f"{len(known)} features by default"
    )
    if names.indicators and names.indicators not in details.columns:
        yield warning(
            "tables", f"{words}; there is no table {names.indicators}", "ingest prices anew, or use --no-indicators"
        )
    elif not known:
        yield warning("tables", words, "say how columns are scaled, with --features FILE")
    else:
        yield ok("tables", words)
    if details.empty:
        yield warning(
            "columns",
            f"tune leaves out what has no value for {assets[0].asset_id}, {', '.join(details.empty)}",
            "supply the values, if these are to be features",
        )
    if "log_return" not in columns:
        yield warning("target", "there is no column log_return, the default target", "name another with --target-col")
    now = datetime.now(UTC)
    for asset in assets[:_MOST_ASSETS]:
        yield _newest(asset, now)
    if len(assets) > _MOST_ASSETS:
        yield ok("newest rows", f"{len(assets) - _MOST_ASSETS} assets more: {of_program('assets', 'list')} shows them")


def _newest(asset: "AssetSummary", now: datetime) -> Check:
    name = f"newest row of {asset.asset_id}"
    shown = f"{asset.last:%Y-%m-%d %H:%MZ}"
    if asset.step is None:
        return warning(name, f"{shown}, the only one", "ingest its history")
    if asset.off_grid or asset.doubled:
        return broken(
            name, f"{shown}; {asset.off_grid} rows off the grid, {asset.doubled} times twice", "remove or correct these"
        )
    from kallos_tune import DEFAULT_MAX_AGE, bar_in_words

    age = now - asset.step.after(asset.last)
    # The next bar can be there once it has ended.
    current = ", up to date" if age < asset.step.length else ""
    words = f"{bar_in_words(asset.last, age)}, bars of {asset.step}{current}"
    if age / asset.step.length > DEFAULT_MAX_AGE:
        return warning(name, words, f"ingest newer rows before a forecast (--max-age is {DEFAULT_MAX_AGE:g})")
    return ok(name, words)


def writable(config: "DatabaseConfig") -> list[Check]:
    """Check that ingest could write to the database of prices; who may only read is no fault."""
    if config.backend == "postgresql":
        with config.connect() as connection:
            may = connection.exec_driver_sql(
                "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
            ).scalar_one()
        return [] if may else [warning("rights", "prices may only be read", "nothing, unless ingest is to write here")]
    file = Path(config.url.database or "").absolute()
    effective = os.access in os.supports_effective_ids
    may = all(os.access(each, os.W_OK, effective_ids=effective) for each in (file, file.parent))
    if may:
        return []
    return [warning("rights", f"{file} may only be read", "nothing, unless ingest or studies are to write here")]

"""An asset's rows taken out of a database and put into a file of their own, to be changed and loaded from there."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables
from ..history.reader import AssetHistory
from .price_tables import PriceTables

_LATEST: Final = datetime.max.replace(tzinfo=UTC)
_NAMES: Final = FeatureTables("market", "indicators")


@dataclass(frozen=True, slots=True)
class AssetRows:
    """All rows of an asset.

    Attributes
    ----------
    asset_id : str
    market : polars.DataFrame, [N, 1 + F]
        ``timestamp`` in UTC and the columns of numbers.
    indicators : polars.DataFrame or None, [M, 1 + G]
        Likewise, without columns that the market's table has too; None without such a table.
    """

    asset_id: str
    market: pl.DataFrame
    indicators: pl.DataFrame | None


def read_asset_rows(
    db: Mapping[str, object] | str | DatabaseConfig | None, asset_id: str | int, *, tables: FeatureTables | None = None
) -> AssetRows:
    """Return all rows of an asset, as they are stored.

    Parameters
    ----------
    db, asset_id, tables
        As of :func:`kallos_data.describe_asset`.

    Raises
    ------
    AssetNotFoundError, ConfigError, MissingColumnsError, DataQualityError, DatabaseError
        As in :func:`kallos_data.describe_asset`.
    """
    with DatabaseConfig.of(db).connect(one_state=True) as connection:
        found = PriceTables.of(connection, tables or FeatureTables())
        key = found.require_asset(connection, asset_id)
        sources = [found.market, *([found.indicators] if found.indicators else [])]
        frames = [AssetHistory(connection, found.names, each, key).read(None, _LATEST) for each in sources]
    market, *others = [frame.sort("timestamp") for frame in frames]
    return AssetRows(str(key), market, others[0] if others else None)


def write_asset_rows(file: Path, rows: AssetRows) -> tuple[DatabaseConfig, FeatureTables]:
    """Put rows of an asset into a new SQLite file, and return where they are loaded from.

    Parameters
    ----------
    file : Path
        Is not there yet.
    rows : AssetRows
    """
    frames = {_NAMES.market: rows.market, str(_NAMES.indicators): rows.indicators}
    with closing(sqlite3.connect(file)) as connection, connection:
        for name, frame in frames.items():
            if frame is None:
                continue
            columns = [_quoted(column) for column in frame.columns if column != "timestamp"]
            declared = ", ".join(["id TEXT", "timestamp TEXT", *(f"{column} REAL" for column in columns)])
            connection.execute(f"CREATE TABLE {name} ({declared})")
            times = frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
            values = frame.select(pl.lit(rows.asset_id), times, pl.exclude("timestamp")).rows()
            marks = ", ".join("?" * (2 + len(columns)))
            names = ", ".join(["id", "timestamp", *columns])
            connection.executemany(f"INSERT INTO {name} ({names}) VALUES ({marks})", values)  # noqa: S608 - quoted
    return DatabaseConfig.from_file(file), FeatureTables(
        _NAMES.market, None if rows.indicators is None else _NAMES.indicators
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Price histories into the database, with their technical indicators, in one transaction."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from narwhals.typing import IntoDataFrame

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables
from ..database.locks import WAIT_SECONDS, advisory_key, check_wait_seconds, hold_in_transaction
from .columns import MARKET_COLUMNS, REQUIRED
from .files import read_ohlcv
from .indicators import INDICATORS, compute_indicators
from .ohlcv import clean_ohlcv
from .writer import AssetRows

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    asset_id : str or int
        The asset.
    rows_read : int
        Rows of the file or frame; the sum of the next three.
    rows_inserted, rows_updated, rows_unchanged : int
        New in the market table, different there, and there already.
    first, last : datetime
        Times of the first and the last row read, UTC.
    history_rows : int
        Rows of the asset in the market table now.
    indicator_rows : int
        Rows inserted or updated in the table of indicators.
    """

    asset_id: str | int
    rows_read: int
    rows_inserted: int
    rows_updated: int
    rows_unchanged: int
    first: datetime
    last: datetime
    history_rows: int
    indicator_rows: int


def ingest_file(
    path: str | Path,
    asset_id: str | int,
    db: Mapping[str, object] | str | DatabaseConfig | None,
    *,
    tables: FeatureTables | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> IngestReport:
    """Put a price file into the database and compute its technical indicators.

    See :func:`read_ohlcv` for the files, and :func:`ingest_frame` for what is written.

    Parameters
    ----------
    path : str or Path
        The file.
    asset_id, db, tables, wait_seconds
        As of :func:`ingest_frame`.

    Raises
    ------
    ConfigError, MissingColumnsError, DataQualityError, DatabaseError
        As in :func:`read_ohlcv` and :func:`ingest_frame`. Nothing is written then.
    """
    check_wait_seconds(wait_seconds)
    return _ingest(read_ohlcv(path), asset_id, db, tables, wait_seconds)


def ingest_frame(
    frame: IntoDataFrame,
    asset_id: str | int,
    db: Mapping[str, object] | str | DatabaseConfig | None,
    *,
    tables: FeatureTables | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> IngestReport:
    """Put a frame of prices into the database and compute its technical indicators.

    Rows with new times are inserted, those with other values updated; stored rows that the frame does not have stay as
    they are, and so do stored columns that it does not have. The indicators are computed from all rows of the asset
    that are stored then, so that a frame may bring the newest rows only: any number of parts, in any order and
    overlapping, give the same tables as the whole at once. All of this is one transaction, and one writer at a time
    has a database: another one waits, and says so after two seconds.

    Tables that are missing are created with primary key (id, timestamp): times are ``timestamptz`` on PostgreSQL and
    ISO 8601 text in UTC on SQLite, values double precision. Of existing tables the columns that they have are written.

    Parameters
    ----------
    frame : polars or pandas DataFrame, [N, ...]
        Columns as in :func:`read_ohlcv`.
    asset_id : str or int
        Value for the id column.
    db : mapping, str, DatabaseConfig or None
        See :meth:`DatabaseConfig.of`. A SQLite file is created where it is missing.
    tables : FeatureTables, optional
        Names of tables and key columns; its defaults where left out. Without a table of indicators none are computed.
    wait_seconds : float, default 600
        How long another process that writes prices to the same database is waited for.

    Raises
    ------
    ConfigError
        Where a table has no key over asset and time, the asset is no value of the id column, a schema is named on
        SQLite, or ``wait_seconds`` is not a number from 0 to two million.
    MissingColumnsError
        Where the frame or an existing table lacks the time, a price or the volume.
    DataQualityError
        Where the frame contradicts itself, as in :func:`kallos_data.prices.ohlcv.clean_ohlcv`, or stored values are no
        numbers.
    DatabaseError
        Where the database cannot be reached or refuses, or another process writes prices for longer than
        ``wait_seconds``; nothing is written then.
    """
    check_wait_seconds(wait_seconds)
    return _ingest(clean_ohlcv(frame), asset_id, db, tables, wait_seconds)


def _ingest(
    bars: pl.DataFrame,
    asset_id: str | int,
    db: Mapping[str, object] | str | DatabaseConfig | None,
    tables: FeatureTables | None,
    wait_seconds: float,
) -> IngestReport:
    config, tables = DatabaseConfig.of(db), tables or FeatureTables()
    if tables.schema:
        config.with_schema(tables.schema)
    with config.connect(create=True) as connection:
        # In the whole database: a table may be found in any schema of the search path.
        key = advisory_key("write prices", schema=None)
        hold_in_transaction(connection, key, f"writing prices to {config}", wait_seconds)
        market = AssetRows(connection, tables.market, tables, asset_id, columns=MARKET_COLUMNS, required=REQUIRED)
        written = market.upsert(bars)
        history = market.read()
        indicator_rows = 0
        if tables.indicators:
            rows = AssetRows(connection, tables.indicators, tables, asset_id, columns=INDICATORS)
            indicators = rows.upsert(compute_indicators(_complete(history, tables.market)))
            indicator_rows = indicators.inserted + indicators.updated
    report = IngestReport(
        asset_id=asset_id,
        rows_read=len(bars),
        rows_inserted=written.inserted,
        rows_updated=written.updated,
        rows_unchanged=written.unchanged,
        first=bars["timestamp"][0],
        last=bars["timestamp"][-1],
        history_rows=len(history),
        indicator_rows=indicator_rows,
    )
    logger.debug(
        "%s: %d rows read, %d inserted, %d updated; %d rows of indicators written",
        asset_id,
        report.rows_read,
        report.rows_inserted,
        report.rows_updated,
        report.indicator_rows,
    )
    return report


def _complete(history: pl.DataFrame, table: str) -> pl.DataFrame:
    complete = history.drop_nulls(REQUIRED)
    if len(complete) < len(history):
        logger.warning(
            "%d rows of table %s lack a price or the volume and get no indicators", len(history) - len(complete), table
        )
    return complete

"""Price histories into the database, with their technical indicators, in one transaction."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from narwhals.typing import IntoDataFrame
from sqlalchemy import Connection

from ..bars.columns import MARKET_COLUMNS, REQUIRED
from ..bars.files import read_ohlcv
from ..bars.ohlcv import clean_ohlcv
from ..bars.reading_settings import ReadingSettings
from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables
from ..database.locks import WAIT_SECONDS, advisory_key, check_wait_seconds, hold_in_transaction
from ..known_columns import PRICES
from .asset_step import agreed_step
from .grid import on_grid
from .grid_settings import GridSettings
from .indicators import INDICATORS, compute_indicators
from .ingest_report import IngestReport
from .oddities import warn_of_holes, warn_of_jumps, warn_of_longer_bars
from .writer import AssetRows, Written

logger = logging.getLogger(__name__)


def ingest_file(
    path: str | Path,
    asset_id: str | int,
    db: Mapping[str, object] | str | DatabaseConfig | None,
    *,
    tables: FeatureTables | None = None,
    reading: ReadingSettings | None = None,
    grid: GridSettings | None = None,
    now: datetime | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> IngestReport:
    """Put a price file into the database and compute its technical indicators.

    See :func:`read_ohlcv` for the files, and :func:`ingest_frame` for what is written.

    Parameters
    ----------
    path : str or Path
        The file.
    asset_id, db, tables, reading, grid, now, wait_seconds
        As of :func:`ingest_frame`.

    Raises
    ------
    ConfigError, MissingColumnsError, DataQualityError, DatabaseError
        As in :func:`read_ohlcv` and :func:`ingest_frame`. Nothing is written then.
    """
    check_wait_seconds(wait_seconds)
    bars = read_ohlcv(path, reading, now=now)
    return _ingest(bars, asset_id, db, tables=tables, grid=grid, now=now, wait_seconds=wait_seconds)


def ingest_frame(
    frame: IntoDataFrame,
    asset_id: str | int,
    db: Mapping[str, object] | str | DatabaseConfig | None,
    *,
    tables: FeatureTables | None = None,
    reading: ReadingSettings | None = None,
    grid: GridSettings | None = None,
    now: datetime | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> IngestReport:
    """Put a frame of prices into the database and compute its technical indicators.

    Rows with new times are inserted, those with other values updated; stored rows that the frame does not have stay as
    they are, and so do stored columns that it does not have. The indicators are computed from all rows of the asset
    that are stored then, so that a frame may bring the newest rows only: any number of parts, in any order and
    overlapping, give the same tables as the whole at once. All of this is one transaction, and one writer at a time
    has a database: another one waits, and says so after two seconds.

    The bars lie on one grid: their step is that of the stored ones, and none lies between two. A bar that has not ended
    is left out; times off the grid are moved to it only where ``grid`` says so. What is written is read back in the
    same transaction: a column that loses digits is refused. A close that jumps, and long holes, are warned of.

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
    reading : ReadingSettings, optional
        How columns and times are read where they leave it open.
    grid : GridSettings, optional
        The step, what happens to times off the grid and to a bar that has not ended, and how long a hole may be.
    now : datetime, optional
        What time it is, UTC where it names no zone; by the machine's clock where left out.
    wait_seconds : float, default 600
        How long another process that writes prices to the same database is waited for.

    Raises
    ------
    ConfigError
        Where a table has no key over asset and time or one that cannot tell the times apart, the asset is no value of
        the id column or holds bars of another step, the named step is not that of the bars, a schema is named on
        SQLite, or ``wait_seconds`` is not a number from 0 to two million.
    MissingColumnsError
        Where the frame or an existing table lacks the time, a price or the volume.
    DataQualityError
        Where the frame contradicts itself, as in :func:`kallos_data.bars.ohlcv.clean_ohlcv`, bars lie off the grid,
        in the future or are all unfinished, stored values are no numbers, or a column does not hold what is written.
    DatabaseError
        Where the database cannot be reached or refuses, or another process writes prices for longer than
        ``wait_seconds``; nothing is written then.
    """
    check_wait_seconds(wait_seconds)
    bars = clean_ohlcv(frame, settings=reading, now=now)
    return _ingest(bars, asset_id, db, tables=tables, grid=grid, now=now, wait_seconds=wait_seconds)


def _ingest(
    bars: pl.DataFrame,
    asset_id: str | int,
    db: Mapping[str, object] | str | DatabaseConfig | None,
    *,
    tables: FeatureTables | None,
    grid: GridSettings | None,
    now: datetime | None,
    wait_seconds: float,
) -> IngestReport:
    config, tables, grid = DatabaseConfig.of(db), tables or FeatureTables(), grid or GridSettings()
    now = _utc_now(now)
    if tables.schema:
        config.with_schema(tables.schema)
    if config.backend == "sqlite" and not Path(config.url.database or "").exists():
        # What is refused makes no file.
        on_grid(bars, bars["timestamp"][:0], grid, now=now, asset_id=asset_id)
    with config.connect(create=True) as connection:
        # In the whole database: a table may be found in any schema of the search path.
        key = advisory_key("write prices", schema=None)
        hold_in_transaction(connection, key, f"writing prices to {config}", wait_seconds)
        return _ingest_within(connection, bars, asset_id, tables=tables, grid=grid, now=now)


def _ingest_within(
    connection: Connection,
    bars: pl.DataFrame,
    asset_id: str | int,
    *,
    tables: FeatureTables,
    grid: GridSettings,
    now: datetime,
) -> IngestReport:
    market = AssetRows(connection, tables.market, tables, asset_id, columns=MARKET_COLUMNS, required=REQUIRED)
    stored = market.read()
    placed = on_grid(bars, stored["timestamp"], grid, now=now, asset_id=asset_id)
    bars = placed.bars
    for note in placed.notes:
        logger.warning("%s: %s", asset_id, note)
    market.refuse_coarser(bars["timestamp"])
    rows = AssetRows(connection, tables.indicators, tables, asset_id, columns=INDICATORS) if tables.indicators else None
    if rows is not None:
        rows.refuse_coarser(bars["timestamp"])
    written = market.upsert(bars, stored, keep=True)
    history = market.read_again(stored, written)
    times, first, last = bars["timestamp"], bars["timestamp"][0], bars["timestamp"][-1]
    del stored, bars
    complete = _complete(history, tables.market)
    step = placed.step or agreed_step(times[:0], history["timestamp"], grid.step, asset_id)
    warn_of_holes(complete["timestamp"], step, grid.max_gap, asset_id)
    warn_of_longer_bars(complete["timestamp"], step, asset_id)
    warn_of_jumps(complete, times, asset_id)
    indicators, n_indicators, indicators_from = Written(0, 0, 0), 0, None
    if rows is not None:
        computed = compute_indicators(complete, step=step, max_gap=grid.max_gap)
        indicators = rows.upsert(computed, rows.read(), by_column=True)
        full = computed["timestamp"].filter(computed.select(pl.all_horizontal(pl.all().is_not_null())).to_series())
        n_indicators, indicators_from = computed.width - 1, None if full.is_empty() else full[0]
    for table in (market, rows):
        if table is not None and table.is_new:
            logger.info("table %s created", table.name)
    report = IngestReport(
        asset_id=asset_id,
        rows_read=len(times),
        rows_inserted=written.inserted,
        rows_updated=written.updated,
        rows_unchanged=written.unchanged,
        first=first,
        last=last,
        last_finished=placed.last_finished,
        step=step,
        history_rows=len(history),
        indicator_rows=indicators.inserted + indicators.updated,
        left_out_unfinished=placed.unfinished,
        moved=placed.moved,
        n_indicators=n_indicators,
        indicators_from=indicators_from,
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


def _utc_now(now: datetime | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
    return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)


def _complete(history: pl.DataFrame, table: str) -> pl.DataFrame:
    complete = history.drop_nulls(PRICES)
    if len(complete) < len(history):
        logger.warning("%d rows of table %s lack a price and get no indicators", len(history) - len(complete), table)
    return complete

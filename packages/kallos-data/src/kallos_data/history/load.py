"""From the database's tables to one regular frame of features."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import partial

import polars as pl
import sqlalchemy
from sqlalchemy import Connection

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables, tables_named
from ..database.tables import SourceTable, source_tables
from ..database.text_columns import refuse_columns_without_numbers
from ..errors import AssetNotFoundError, ConfigError, InsufficientDataError
from ..steps import step_in_words
from ..timestamps import Moment, first_moment, last_moment, utc_times
from .meeting import ids_that_look_alike, require_meeting
from .positive_prices import require_positive_prices
from .reader import AssetHistory
from .regular_grid import frame_frequency, regularise

logger = logging.getLogger(__name__)

_MOST_KNOWN_ASSETS = 300
_NAMES = FeatureTables()


def load_features_from_db(
    asset_id: str | int,
    end_date: Moment,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    start_date: Moment | None = None,
    tables: FeatureTables | None = None,
    market_table: str = _NAMES.market,
    indicators_table: str | None = _NAMES.indicators,
    id_column: str = _NAMES.id_column,
    timestamp_column: str = _NAMES.timestamp_column,
    needed_columns: Collection[str] = (),
    max_gap: int = 7,
    frequency: timedelta | None = None,
) -> pl.DataFrame:
    """Load the history of one asset as a regular frame of numbers.

    Every numeric or boolean column beyond the keys is a feature; text and further times are left out with a log line,
    and of a column that both tables have, the market's is taken. Nothing after ``end_date`` is used, nor need it be
    readable.

    Parameters
    ----------
    asset_id : str or int
        Value of the id column.
    end_date : str, date or datetime
        Last step, inclusive. A day without a time is the whole day, UTC; a time without a zone is UTC.
    db_kwargs : mapping, str or DatabaseConfig
        See :class:`DatabaseConfig`.
    start_date : same, optional
        First step, inclusive; the first there is where left out.
    tables : FeatureTables, optional
        Its defaults where left out.
    market_table, indicators_table, id_column, timestamp_column : str, optional
        The same one by one, see :class:`FeatureTables`; ``indicators_table`` None reads the market's alone.
    needed_columns : collection of str, optional
        Columns that are no use as texts: one that holds no numbers is refused, not left out.
    max_gap, frequency
        See :func:`regularise`.

    Returns
    -------
    polars.DataFrame, [T, 1 + F]
        ``timestamp`` in UTC, regular and without gaps, and Float64 columns.

    Raises
    ------
    ConfigError
        Where a date cannot be read, the start lies after the end, a table does not exist, no column holds numbers, or
        names are given beside ``tables``.
    MissingColumnsError
        Where a table lacks a key column.
    AssetNotFoundError
        Where the table has no row of the asset.
    InsufficientDataError
        Where it has some, but none in the range.
    DataQualityError
        Where a value or a needed column is not a number, a price is 0 or less, less than half of the rows of prices
        have a time of the indicators as far as these reach, and as in :func:`regularise`.
    DatabaseError
        Where the database cannot be reached.
    """
    tables = tables_named(tables, market_table, indicators_table, id_column, timestamp_column)
    start = None if start_date is None else first_moment(start_date, name="start_date")
    end = last_moment(end_date, name="end_date")
    if start is not None and start > end:
        raise ConfigError(f"must not lie after the end date {end_date}, as {start_date} does", "start_date")
    with DatabaseConfig.of(db_kwargs).connect(one_state=True) as connection:
        market, *others = sources = source_tables(connection, tables)
        refuse_columns_without_numbers(connection, sources, needed_columns)
        frame = AssetHistory(connection, tables, market, asset_id).read(start, end)
        if frame.is_empty():
            asked = f"the history of {asset_id!r} from {start_date or 'the beginning'} to {end_date}"
            raise _why_empty(connection, tables, market, asset_id, asked)
        require_positive_prices(frame, table=tables.market)
        for table in others:
            more = AssetHistory(connection, tables, table, asset_id).read(start, end)
            alike = partial(ids_that_look_alike, connection, tables, table, asset_id)
            require_meeting(frame, more, market=tables.market, other=str(tables.indicators), alike=alike)
            frame = frame.join(more, on="timestamp", how="left", maintain_order="left")
    frame = regularise(frame, max_gap=max_gap, frequency=frequency)
    _log_loaded(asset_id, frame, end)
    return frame


def _why_empty(
    connection: Connection, tables: FeatureTables, market: SourceTable, asset_id: str | int, asked: str
) -> Exception:
    """Return the error that explains an empty result."""
    span = AssetHistory(connection, tables, market, asset_id).span()
    if span is not None:
        readable = utc_times(span, ignored=lambda _value: True).dt.strftime("%Y-%m-%d %H:%M")
        first, last = (str(raw) if text is None else text for raw, text in zip(span, readable, strict=True))
        remedy = f"table {tables.market!r} holds {first} to {last} (UTC), choose dates in that range"
        return InsufficientDataError(1, 0, purpose=asked, remedy=remedy)
    ids = market.clause.c[tables.id_column]
    query = sqlalchemy.select(ids).where(ids.is_not(None)).distinct().limit(_MOST_KNOWN_ASSETS)
    known = sorted(map(str, connection.execute(query).scalars()))
    return AssetNotFoundError(str(asset_id), known, table=tables.market)


def _log_loaded(asset_id: str | int, frame: pl.DataFrame, end: datetime) -> None:
    first, last = frame["timestamp"][0], frame["timestamp"][-1]
    step = frame_frequency(frame) if len(frame) > 1 else timedelta(0)
    logger.info(
        "%s: %d steps of %s from %s to %s, %d columns",
        asset_id,
        len(frame),
        step_in_words(step),
        first.date(),
        last.date(),
        frame.width - 1,
    )
    if last + step <= end:
        logger.warning("%s: the data end at %s, before the end date %s", asset_id, last.date(), end.date())

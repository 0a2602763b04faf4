"""From the database's tables to one regular frame of features."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy
from sqlalchemy import Connection

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables, tables_named
from ..database.tables import SourceTable, source_tables
from ..database.text_columns import refuse_columns_without_numbers
from ..errors import AssetNotFoundError, ConfigError, DataQualityError, InsufficientDataError
from ..frames import to_pandas
from ..jumps import find_jumps, jumps_in_words
from ..known_columns import CHANGES
from ..steps import Step
from ..timestamps import LATEST, Moment, first_moment, last_moment, utc_times
from .meeting import ids_that_look_alike, require_meeting
from .positive_prices import require_positive_prices
from .reader import AssetHistory
from .regular_grid import History, log_empty, on_regular_grid
from .source_rows import joined

logger = logging.getLogger(__name__)

_MOST_KNOWN_ASSETS: Final = 300
_NAMES: Final = FeatureTables()


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
    frequency: Step | timedelta | str | None = None,
    as_pandas: bool = False,
) -> Any:  # noqa: ANN401 - a frame of polars or pandas
    """Load the history of one asset as a regular frame of numbers.

    The frame of :func:`load_history`, without a target: which steps were observed, that one says.

    Parameters
    ----------
    asset_id, end_date, db_kwargs, start_date, tables, needed_columns, max_gap, frequency
        As of :func:`load_history`.
    market_table, indicators_table, id_column, timestamp_column : str, optional
        The tables one by one, see :class:`FeatureTables`; ``indicators_table`` None reads the market's alone.
    as_pandas : bool, default False
        Whether to return pandas, its ``DatetimeIndex`` named ``timestamp``, in UTC.

    Returns
    -------
    polars.DataFrame, [T, 1 + F], or pandas.DataFrame, [T, F]
        ``timestamp`` in UTC, regular and without gaps, and Float64 columns.

    Raises
    ------
    KallosError
        As in :func:`load_history`.
    """
    history = load_history(
        asset_id,
        end_date,
        db_kwargs,
        start_date=start_date,
        tables=tables_named(tables, market_table, indicators_table, id_column, timestamp_column),
        needed_columns=needed_columns,
        max_gap=max_gap,
        frequency=frequency,
    )
    log_empty(history)
    return to_pandas(history.frame) if as_pandas else history.frame


def load_history(
    asset_id: str | int,
    end_date: Moment | None,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    start_date: Moment | None = None,
    tables: FeatureTables | None = None,
    needed_columns: Collection[str] = (),
    max_gap: int = 7,
    frequency: Step | timedelta | str | None = None,
    target_col: str | None = None,
    changes: Collection[str] = CHANGES,
) -> History:
    """Load the history of one asset on a regular grid, with what of it was observed and what is filled.

    Every numeric or boolean column beyond the keys is a feature; text and further times are left out with a log line,
    and of a column that both tables have, the market's is taken. Nothing after ``end_date`` is used, nor need it be
    readable. A close that jumps as wrong bars do is told, see :func:`kallos_data.jumps.find_jumps`.

    Parameters
    ----------
    asset_id : str or int
        Value of the id column.
    end_date : str, date, datetime or None
        Last step, inclusive. A day without a time is the whole day, UTC; a time without a zone is UTC. None is the last
        there is.
    db_kwargs : mapping, str or DatabaseConfig
        See :class:`DatabaseConfig`.
    start_date : same, optional
        First step, inclusive; the first there is where left out.
    tables : FeatureTables, optional
        Its defaults where left out.
    needed_columns : collection of str, optional
        Columns that are no use as texts or without any value: such a one is refused, not left out.
    max_gap, frequency, target_col, changes
        See :func:`kallos_data.history.regular_grid.on_regular_grid`.

    Returns
    -------
    History

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
        have a time of the indicators as far as these reach, the target never changes, and as in
        :func:`kallos_data.history.regular_grid.on_regular_grid`.
    DatabaseError
        Where the database cannot be reached.
    """
    tables = tables or FeatureTables()
    start = None if start_date is None else first_moment(start_date, name="start_date")
    end = LATEST if end_date is None else last_moment(end_date, name="end_date")
    if start is not None and start > end:
        raise ConfigError(f"must not lie after the end date {end_date}, as {start_date} does", "start_date")
    with DatabaseConfig.of(db_kwargs).connect(one_state=True) as connection:
        market, *others = sources = source_tables(connection, tables)
        refuse_columns_without_numbers(connection, sources, needed_columns)
        frame = AssetHistory(connection, tables, market, asset_id).read(start, end)
        if frame.is_empty():
            asked = f"the history of {asset_id!r} from {start_date or 'the beginning'} to {end_date or 'the end'}"
            raise _why_empty(connection, tables, market, asset_id, asked)
        require_positive_prices(frame, table=tables.market)
        for table in others:
            more = AssetHistory(connection, tables, table, asset_id).read(start, end)
            alike = partial(ids_that_look_alike, connection, tables, table, asset_id)
            require_meeting(frame, more, market=tables.market, other=str(tables.indicators), alike=alike)
            frame = joined(frame, more)
    history = on_regular_grid(frame, max_gap=max_gap, frequency=frequency, target_col=target_col, changes=changes)
    _refuse_empty(history, asset_id, needed_columns)
    _refuse_constant(history, target_col)
    _log_loaded(asset_id, history, end)
    _warn_of_jumps(asset_id, history)
    return history


def _refuse_empty(history: History, asset_id: str | int, needed: Collection[str]) -> None:
    if lacking := [name for name in history.empty if name in needed]:
        named = ", ".join(map(repr, lacking))
        column = f"column {named} of {asset_id} has" if len(lacking) == 1 else f"columns {named} of {asset_id} have"
        raise DataQualityError(f"{column} no value in this range: choose others, or supply the values at their source")


def _refuse_constant(history: History, target_col: str | None) -> None:
    if target_col is None or target_col not in history.frame.columns:
        return
    observed = history.frame.filter(history.observed["observed"])[target_col]
    if observed.min() == observed.max():
        raise DataQualityError(
            f"column {target_col!r} is {observed[0]} in all {len(observed)} observed steps: there is nothing to "
            "forecast, choose another target"
        )


def _warn_of_jumps(asset_id: str | int, history: History) -> None:
    close = next((name for name in history.frame.columns if name.lower() == "close"), None)
    if close is None or (history.frame[close] <= 0).any():
        return
    observed = history.frame.filter(history.observed["observed"])
    for words in jumps_in_words(find_jumps(observed["timestamp"], observed[close])):
        logger.warning("%s: %s", asset_id, words)


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


def _log_loaded(asset_id: str | int, history: History, end: datetime) -> None:
    times = history.frame["timestamp"]
    logger.info(
        "%s: %d steps, %s, from %s to %s, %d columns",
        asset_id,
        len(times),
        history.step.pace,
        times[0].date(),
        times[-1].date(),
        history.frame.width - 1,
    )
    if end < LATEST and history.step.next(times[-1]) <= end:
        last: datetime = times[-1]
        same_day = last.date() == end.date()
        shown = f"{last:%Y-%m-%d %H:%MZ}" if same_day else last.date()
        asked = f"{end:%Y-%m-%d %H:%MZ}" if same_day else end.date()
        logger.warning("%s: the data end at %s, before the end date %s", asset_id, shown, asked)

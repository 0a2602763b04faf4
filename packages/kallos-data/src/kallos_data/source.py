"""From the database's tables to one regular frame of features."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy
from sqlalchemy import ColumnElement, Connection, Select, TableClause, types
from sqlalchemy.exc import NoSuchTableError

from .database import DatabaseConfig
from .errors import AssetNotFoundError, ConfigError, DataQualityError, InsufficientDataError, MissingColumnsError
from .moments import Moment, first_moment, last_moment
from .quality import frame_frequency, regularise

logger = logging.getLogger(__name__)

_NUMERIC = (types.Numeric, types.Float, types.Integer, types.Boolean)
_MOST_KNOWN_ASSETS = 300


@dataclass(frozen=True, slots=True)
class FeatureTables:
    """Where a history lies: one table or view, or two joined on their keys.

    Attributes
    ----------
    market : str, default "daily_market_data"
        Table or view with a row an asset and step.
    indicators : str or None, default "daily_technical_indicators"
        Joined to its left on both keys; None reads ``market`` alone.
    id_column, timestamp_column : str, defaults "id" and "timestamp"
        The keys, in both tables. A primary key over the two halves the time of a read.
    schema : str or None, default None
        PostgreSQL schema of both.
    """

    market: str = "daily_market_data"
    indicators: str | None = "daily_technical_indicators"
    id_column: str = "id"
    timestamp_column: str = "timestamp"
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class _Reflected:
    """A table's columns as the database knows them."""

    clause: TableClause
    types: dict[str, types.TypeEngine[Any]]


def load_features_from_db(
    asset_id: str | int,
    end_date: Moment,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    start_date: Moment | None = None,
    tables: FeatureTables | None = None,
    max_gap: int = 7,
    frequency: timedelta | None = None,
) -> pl.DataFrame:
    """Load the history of one asset as a regular frame of numbers.

    Every numeric or boolean column beyond the keys is a feature; text and further times are left out with a log line,
    and of a column that both tables have, the market's is taken. Nothing after ``end_date`` is used.

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
    max_gap, frequency
        See :func:`regularise`.

    Returns
    -------
    polars.DataFrame, [T, 1 + F]
        ``timestamp`` in UTC, regular and without gaps, and Float64 columns.

    Raises
    ------
    ConfigError
        Where a date cannot be read, the start lies after the end, or a table does not exist.
    MissingColumnsError
        Where a table lacks a key column.
    AssetNotFoundError
        Where the table has no row of the asset.
    InsufficientDataError
        Where it has some, but none in the range.
    DataQualityError
        Where a value is no number, and as in :func:`regularise`.
    DatabaseError
        Where the database cannot be reached.
    """
    tables = tables or FeatureTables()
    start = None if start_date is None else first_moment(start_date, name="start_date")
    end = last_moment(end_date, name="end_date")
    if start is not None and start > end:
        raise ConfigError(f"start_date={start_date} lies after end_date={end_date}")
    with DatabaseConfig.of(db_kwargs).connect() as connection:
        market = _reflect(connection, tables.market, tables)
        indicators = _reflect(connection, tables.indicators, tables) if tables.indicators else None
        query = _History(connection, tables, market, indicators, asset_id)
        frame = query.read(start, end)
        if frame.is_empty():
            raise query.why_empty(start_date, end_date)
    frame = regularise(frame, max_gap=max_gap, frequency=frequency)
    _log_loaded(asset_id, frame, end)
    return frame


def feature_columns(
    db_kwargs: Mapping[str, object] | str | DatabaseConfig, *, tables: FeatureTables | None = None
) -> list[str]:
    """Return the columns that :func:`load_features_from_db` would load, without reading a row.

    Raises
    ------
    ConfigError, MissingColumnsError, DatabaseError
        As in :func:`load_features_from_db`.
    """
    tables = tables or FeatureTables()
    with DatabaseConfig.of(db_kwargs).connect() as connection:
        market = _reflect(connection, tables.market, tables)
        indicators = _reflect(connection, tables.indicators, tables) if tables.indicators else None
    return [name for name, _ in _features(tables, market, indicators)]


class _History:
    """The query for one asset's rows, in the types of the database at hand."""

    def __init__(
        self,
        connection: Connection,
        tables: FeatureTables,
        market: _Reflected,
        indicators: _Reflected | None,
        asset_id: str | int,
    ) -> None:
        self.connection = connection
        self.tables = tables
        self.market = market.clause
        self.indicators = indicators.clause if indicators else None
        self.features = _features(tables, market, indicators)
        self.asset_id = asset_id
        self.id = self.market.c[tables.id_column]
        self.time = self.market.c[tables.timestamp_column]
        self.key = _as_key(asset_id, market.types[tables.id_column])
        self.sqlite = connection.dialect.name == "sqlite"

    def read(self, start: datetime | None, end: datetime) -> pl.DataFrame:
        """Return ``timestamp`` and the features between the two moments, both inclusive, sorted."""
        if self.key is None:
            return pl.DataFrame({"timestamp": []})
        query = self._select().where(self.id == self.key, *self._bounds(start, end))
        rows = self.connection.execute(query).all()
        schema = {name: pl.Float64 for name, _ in self.features}
        try:
            values = pl.DataFrame([tuple(row)[1:] for row in rows], schema=schema, orient="row", strict=True)
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise self._no_number(rows) from error
        times = utc_times([row[0] for row in rows])
        frame = values.insert_column(0, times.alias("timestamp")).sort("timestamp")
        inside = pl.col("timestamp") <= end
        return frame.filter(inside if start is None else inside & (pl.col("timestamp") >= start))

    def why_empty(self, start_date: Moment | None, end_date: Moment) -> Exception:
        """Return the error that explains an empty result."""
        table = self.tables.market
        of_asset = sqlalchemy.select(sqlalchemy.func.min(self.time), sqlalchemy.func.max(self.time)).where(
            self.id == self.key
        )
        first, last = (None, None) if self.key is None else self.connection.execute(of_asset).one()
        if first is not None:
            first, last = utc_times([first, last]).dt.strftime("%Y-%m-%d %H:%M").to_list()
            begin = "the beginning" if start_date is None else start_date
            return InsufficientDataError(
                1,
                0,
                purpose=f"loading {self.asset_id!r} from {begin} to {end_date}",
                remedy=f"table {table!r} has it from {first} to {last} (UTC)",
            )
        known = self.connection.execute(sqlalchemy.select(self.id).distinct().limit(_MOST_KNOWN_ASSETS)).scalars()
        return AssetNotFoundError(str(self.asset_id), sorted(map(str, known)), table=table)

    def _select(self) -> Select[Any]:
        columns = [
            column if self.sqlite else sqlalchemy.cast(column, sqlalchemy.Double).label(name)
            for name, column in self.features
        ]
        query = sqlalchemy.select(self.time, *columns)
        if self.indicators is None:
            return query
        keys = (self.tables.id_column, self.tables.timestamp_column)
        return query.select_from(
            self.market.outerjoin(
                self.indicators, sqlalchemy.and_(*(self.market.c[key] == self.indicators.c[key] for key in keys))
            )
        )

    def _bounds(self, start: datetime | None, end: datetime) -> list[ColumnElement[bool]]:
        low, high = (start, end) if not self.sqlite else self._sqlite_bounds(start, end)
        return [self.time <= high] if low is None else [self.time >= low, self.time <= high]

    def _sqlite_bounds(self, start: datetime | None, end: datetime) -> tuple[Any, Any]:
        """Return bounds that compare with how the file stores times; of texts, a day wider than asked for.

        Texts compare by their characters and may carry zones, so that the exact cut is made after reading.
        """
        stored = self.connection.execute(
            sqlalchemy.select(self.time).where(self.id == self.key).limit(1)
        ).scalar_one_or_none()
        if isinstance(stored, int | float):
            unit = _epoch_unit(stored)
            return (None if start is None else start.timestamp() * unit), end.timestamp() * unit
        low = None if start is None else _day_text(start, -1)
        return low, _day_text(end, 2)

    def _no_number(self, rows: Sequence[Sequence[Any]]) -> DataQualityError:
        for row in rows:
            for (name, _), value in zip(self.features, row[1:], strict=True):
                if value is not None and not isinstance(value, int | float):
                    return DataQualityError(
                        f"column {name!r} holds {value!r} at {row[0]}, which is no number: correct it at its source"
                    )
        return DataQualityError(f"table {self.tables.market!r} holds values that are no numbers")


def utc_times(values: Sequence[Any]) -> pl.Series:
    """Return stored times (datetimes, dates, ISO texts, epoch seconds, milli- or microseconds) as UTC.

    Raises
    ------
    DataQualityError
        Where one cannot be read as a time.
    """
    try:
        moments = [None if value is None else _utc(value) for value in values]
    except (ValueError, TypeError, OverflowError) as error:
        raise DataQualityError(f"a timestamp cannot be read: {error}") from error
    return pl.Series(moments, dtype=pl.Datetime("us", "UTC"))


def _utc(value: Moment | float) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / _epoch_unit(value), tz=UTC)
    return first_moment(value, name="timestamp")


def _epoch_unit(value: float) -> int:
    """Return how many of an epoch number's units make a second: seconds reach 10^11 in the year 5138."""
    size = abs(value)
    return 1 if size < 1e11 else 1000 if size < 1e14 else 1_000_000


def _day_text(moment: datetime, days: int) -> str:
    return (moment + timedelta(days=days)).date().isoformat()


def _as_key(asset_id: str | int, column_type: types.TypeEngine[Any]) -> str | int | None:
    """Return the asset in the id column's type, None where it cannot be a value of it."""
    if not isinstance(column_type, types.Integer):
        return str(asset_id)
    try:
        return int(asset_id)
    except ValueError:
        return None


def _reflect(connection: Connection, table: str, tables: FeatureTables) -> _Reflected:
    """Return a table or view with the columns that it really has.

    Asked first because SQLite answers a misspelt quoted column with the column's own name as its value.
    """
    inspector = sqlalchemy.inspect(connection)
    try:
        columns = inspector.get_columns(table, schema=tables.schema)
    except NoSuchTableError:
        there = sorted([*inspector.get_table_names(tables.schema), *inspector.get_view_names(tables.schema)])
        raise ConfigError(
            f"no table or view {table!r} in the database; there are: {', '.join(there) or 'none, ingest data first'}"
        ) from None
    names = [column["name"] for column in columns]
    missing = [key for key in (tables.id_column, tables.timestamp_column) if key not in names]
    if missing:
        raise MissingColumnsError(missing, names, where=f"table {table!r}")
    clause = sqlalchemy.table(table, *(sqlalchemy.column(name) for name in names), schema=tables.schema)
    return _Reflected(clause, {column["name"]: column["type"] for column in columns})


def _features(
    tables: FeatureTables, market: _Reflected, indicators: _Reflected | None
) -> list[tuple[str, ColumnElement[Any]]]:
    """Return name and column of every feature, the market's first."""
    keys = (tables.id_column, tables.timestamp_column)
    found: dict[str, ColumnElement[Any]] = {}
    for table in filter(None, (market, indicators)):
        candidates = {name: kind for name, kind in table.types.items() if name not in keys}
        numeric = [name for name, kind in candidates.items() if isinstance(kind, (*_NUMERIC, types.NullType))]
        other = [name for name in candidates if name not in numeric]
        if other:
            logger.info("columns that are no numbers are left out of %s: %s", table.clause.name, ", ".join(other))
        twice = [name for name in numeric if name in found]
        if twice:
            logger.info("columns in both tables are taken from %s: %s", tables.market, ", ".join(twice))
        found |= {name: table.clause.c[name] for name in numeric if name not in found}
    return list(found.items())


def _log_loaded(asset_id: str | int, frame: pl.DataFrame, end: datetime) -> None:
    first, last = frame["timestamp"][0], frame["timestamp"][-1]
    step = frame_frequency(frame) if len(frame) > 1 else timedelta(0)
    logger.info(
        "%s: %d steps of %s from %s to %s, %d columns",
        asset_id,
        len(frame),
        step,
        first.date(),
        last.date(),
        frame.width - 1,
    )
    if last + step <= end:
        logger.warning("%s: the data end at %s, before the end date %s", asset_id, last.date(), end.date())

"""From a raw table of prices to clean bars: numbers, UTC times, sorted, without contradictions."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame

from ..errors import ConfigError, DataQualityError
from ..timestamps import first_moment
from .columns import MARKET_COLUMNS, REQUIRED, required
from .reading_settings import ReadingSettings

logger = logging.getLogger(__name__)

_TIME = pl.Datetime("us", "UTC")
_MISSING = ("", "null", "none", "nan", "n/a", "na", "-")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds of 1973; smaller numbers are rather days written as 20210131, or row numbers.
_SMALLEST_EPOCH = 10**8
_ROW = "row in the source"


def clean_ohlcv(
    frame: IntoDataFrame, *, where: str = "the frame", settings: ReadingSettings | None = None
) -> pl.DataFrame:
    """Bring a table of prices to known names, numbers and UTC times, in order, and refuse contradictions.

    Parameters
    ----------
    frame : polars or pandas DataFrame, [N, ...]
        Columns in the usual spellings, texts or numbers; times as in :func:`kallos_data.read_ohlcv`.
    where : str, default "the frame"
        What messages call it.

    Returns
    -------
    polars.DataFrame, [N, 6 to 10]
        As of :func:`kallos_data.read_ohlcv`.

    Raises
    ------
    MissingColumnsError
        Where the time, a price or the volume is missing.
    DataQualityError
        Where there is no row, a time or number cannot be read, one is missing or infinite, a price is not positive, a
        volume or count negative, the high under the low, or a time stands twice. The message names the first such row,
        counted from 1 without the header.
    """
    del settings
    raw = _as_polars(frame)
    places = required(raw.columns, where=where)
    columns = {name: raw.to_series(places[name]) for name in ("timestamp", *MARKET_COLUMNS) if name in places}
    rows = pl.int_range(1, len(raw) + 1, eager=True).alias(_ROW)
    numbers = [_numbers(columns[name], name, where) for name in columns if name != "timestamp"]
    cleaned = pl.DataFrame([rows, columns["timestamp"].alias("timestamp"), *numbers])
    cleaned = _without_blank_rows(cleaned, where)
    if cleaned.is_empty():
        raise DataQualityError(f"{where} has no row with prices: name one that has")
    cleaned = cleaned.with_columns(_times(cleaned["timestamp"], cleaned[_ROW], where)).sort("timestamp", _ROW)
    _refuse_contradictions(cleaned, where)
    return cleaned.drop(_ROW)


def _as_polars(frame: IntoDataFrame) -> pl.DataFrame:
    if isinstance(frame, pl.DataFrame):
        return frame
    other = nw.from_native(frame, eager_only=True)
    return pl.DataFrame({str(name): other[name].to_list() for name in other.columns}, strict=False)


def _numbers(column: pl.Series, name: str, where: str) -> pl.Series:
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        column = text.set(text.str.to_lowercase().is_in(_MISSING), None)
    numbers = column.cast(pl.Float64, strict=False).fill_nan(None)
    unread = numbers.is_null() & column.is_not_null()
    if column.dtype.is_float():
        unread &= column.is_not_nan()
    unread |= numbers.is_infinite().fill_null(value=False)
    if unread.any():
        row = int(unread.arg_max() or 0)
        raise DataQualityError(
            f"{where}, row {row + 1}: {name} is {column[row]!r}, which is not a finite number: write it as 1234.5, "
            "without thousands separators or units"
        )
    return numbers.alias(name)


def _without_blank_rows(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    blank = frame.select(pl.all_horizontal(pl.col(REQUIRED).is_null())).to_series()
    if blank.any():
        logger.warning("%s: rows without any price are left out: %d", where, blank.sum())
    return frame.filter(~blank)


def _times(column: pl.Series, rows: pl.Series, where: str) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime):
        zone = column.dtype.time_zone
        times = column.cast(pl.Datetime("us", zone))
        times = times.dt.convert_time_zone("UTC") if zone else times.dt.replace_time_zone("UTC")
    elif column.dtype == pl.Date:
        times = column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    else:
        times = pl.Series("timestamp", [_moment(value) for value in column.to_list()], dtype=_TIME)
    if times.null_count():
        place = int(times.is_null().arg_max() or 0)
        raise DataQualityError(
            f"{where}, row {rows[place]}: the time {column[place]!r} cannot be read: write it as 2023-01-31, "
            "as 2023-01-31T12:00:00Z, or in seconds (also milli-, micro-, nanoseconds) since 1970"
        )
    return times


def _moment(value: object) -> datetime | None:
    """Return a cell's time in UTC, None where it is none."""
    text = str(value).strip().removesuffix(" UTC")
    try:
        return _from_epoch(float(text))
    except ValueError:
        pass
    except OverflowError:
        return None
    try:
        return first_moment(text, name="timestamp")
    except ConfigError:
        return None


def _from_epoch(number: float) -> datetime | None:
    if not _SMALLEST_EPOCH <= number < 1e20:
        return None
    # Seconds reach 10^11 in the year 5138; the finer units are a thousand times larger each.
    thousands = sum(number >= limit for limit in (1e11, 1e14, 1e17))
    return _EPOCH + timedelta(microseconds=round(number * 1000.0 ** (2 - thousands)))


def _refuse_contradictions(frame: pl.DataFrame, where: str) -> None:
    prices, volumes = REQUIRED[:4], [name for name in MARKET_COLUMNS[4:] if name in frame.columns]
    checks: Sequence[tuple[str, pl.Expr, str]] = (
        *((name, pl.col(name).is_null(), "is missing") for name in REQUIRED),
        *((name, pl.col(name) <= 0, "is not positive") for name in prices),
        *((name, pl.col(name) < 0, "is negative") for name in volumes),
        ("high", pl.col("high") < pl.col("low"), "is under the low"),
        ("timestamp", ~pl.col("timestamp").is_first_distinct(), "stands a second time"),
    )
    for name, broken, problem in checks:
        bad = frame.filter(broken).sort(_ROW)
        if len(bad):
            value = "" if bad[name][0] is None else f" {bad[name][0]}"
            more = f" (and in {len(bad) - 1} more)" if len(bad) > 1 else ""
            raise DataQualityError(
                f"{where}, row {bad[_ROW][0]}: {name}{value} {problem}{more}: correct or remove the row"
            )

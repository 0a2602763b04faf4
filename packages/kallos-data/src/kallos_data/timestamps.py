"""Points in time as people write them and as databases store them, in UTC."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import polars as pl

from .errors import ConfigError, DataQualityError

Moment = str | date | datetime

LATEST: Final = datetime.max.replace(tzinfo=UTC)
"""After everything that a table can hold."""

# So many units make a second, and numbers from here to before there are read in them; see epoch_unit.
_EPOCHS: Final = (
    (1, 1 - 10**11, 10**11),
    *((10**3, 10**11, 10**14), (10**3, 1 - 10**14, 1 - 10**11)),
    *((10**6, 10**14, 10**17), (10**6, 1 - 10**17, 1 - 10**14)),
    *((10**9, 10**17, 10**21), (10**9, 1 - 10**21, 1 - 10**17)),
)

_FIRST_DATE: Final = datetime(1900, 1, 1, tzinfo=UTC)
_FIRST_EPOCH: Final = datetime(2009, 1, 1, tzinfo=UTC)
# Name, how many of its units make a second, and what it counts at 1970.
_OTHER_CLOCKS: Final = (
    ("Excel's serial days", 1 / 86400, 25569),
    ("MATLAB's day numbers", 1 / 86400, 719529),
    ("Julian days", 1 / 86400, 2440587.5),
    (".NET ticks", 10**7, 621355968 * 10**9),
    ("Windows file times", 10**7, 116444736 * 10**9),
)


def first_moment(value: Moment, *, name: str) -> datetime:
    """Return the first moment that ``value`` means: midnight UTC where it is a day.

    Raises
    ------
    ConfigError
        Where it is not a date, or a text that is not an ISO 8601 date or time; ``name`` says which argument it was.
    """
    return _moment(value, time.min, name)


def last_moment(value: Moment, *, name: str) -> datetime:
    """Return the last moment that ``value`` means: the last microsecond UTC of the day where it is a day.

    Raises
    ------
    ConfigError
        As in :func:`first_moment`.
    """
    return _moment(value, time.max, name)


def in_utc(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601 writes it, with a Z: the form of all output that machines read.

    Parameters
    ----------
    moment : datetime
        With its zone.
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_times(values: Sequence[Any], *, ignored: Callable[[Any], bool] = lambda _value: False) -> pl.Series:
    """Return stored times (datetimes, dates, ISO texts, numbers since 1970) as UTC; None stays None.

    Parameters
    ----------
    values : sequence
        As the database returned them.
    ignored : function of a value, optional
        Whether one that cannot be read becomes None.

    Raises
    ------
    DataQualityError
        Where one cannot be read as a time and is not ignored.
    """
    moments = _spelt_alike(values) or [_stored_or_none(value, ignored) for value in values]
    return pl.Series(moments, dtype=pl.Datetime("us", "UTC"))


def epoch_unit(value: float) -> int:
    """Return how many of a number's units make a second: 1, 10^3, 10^6 or 10^9.

    Told by its size, as seconds reach 10^11 in the year 5138 only, and milliseconds were there in 1973.
    """
    size = abs(value)
    return next((unit for unit, limit in ((1, 1e11), (10**3, 1e14), (10**6, 1e17)) if size < limit), 10**9)


def epoch_ranges(start: datetime | None, end: datetime, *, unit: int | None = None) -> list[tuple[int, int]]:
    """Return the half-open ranges of numbers that mean times between two moments, in a unit or in any of the four.

    Each reaches over both moments by less than one unit.
    """
    first = None if start is None else as_epoch(start, 10**6)
    stop = as_epoch(end, 10**6) + 1
    ranges: list[tuple[int, int]] = []
    for each, least, most in _EPOCHS:
        low = least if first is None else max(least, first * each // 10**6)
        high = min(most, -(-stop * each // 10**6))
        if low < high and unit in (each, None):
            ranges.append((low, high))
    return ranges


def as_epoch(moment: datetime, unit: int) -> int:
    """Return the time since 1970 in a unit of which so many make a second, without a float in between."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * unit // 10**6


def other_clock(number: float, latest: datetime) -> str | None:
    """Return the name of the way of counting time, which is none of those read here, that a number would fit."""
    for name, per_second, at_1970 in _OTHER_CLOCKS:
        seconds = (number - at_1970) / per_second
        first = _FIRST_DATE if name == ".NET ticks" else _FIRST_EPOCH
        if as_epoch(first, 1) <= seconds <= latest.timestamp():
            return name
    return None


def _spelt_alike(values: Sequence[Any]) -> list[datetime] | None:
    """Return texts in UTC that are all dates with times as the same program writes them; None where they are not."""
    if not all(type(value) is str and len(value) > len("2023-01-01") for value in values):
        return None
    try:
        moments = [datetime.fromisoformat(value) for value in values]
    except ValueError:
        return None  # the words for what is wrong are those of one value alone
    return moments if all(moment.tzinfo is UTC for moment in moments) else None


def _stored_or_none(value: Any, ignored: Callable[[Any], bool]) -> datetime | None:  # noqa: ANN401 - whatever is stored
    try:
        return None if value is None else _stored(value)
    except (ValueError, TypeError, OverflowError) as error:
        if ignored(value):
            return None
        reason = error.problem if isinstance(error, ConfigError) else error
        raise DataQualityError(f"a stored time cannot be read: {reason}") from error


def _stored(value: Moment | float) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / epoch_unit(value), tz=UTC)
    return first_moment(value, name="timestamp")


def _moment(value: object, of_a_day: time, name: str) -> datetime:
    parsed = _parsed(value, name) if isinstance(value, str) else value
    if not isinstance(parsed, date):
        raise ConfigError(_no_date(value), name)
    if not isinstance(parsed, datetime):
        return datetime.combine(parsed, of_a_day, tzinfo=UTC)
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError:
        raise ConfigError(f"must lie in the years 1 to 9999 in UTC, not at {value}", name) from None


def _parsed(text: str, name: str) -> date | datetime:
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) <= len("2023-01-01") else datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(_no_date(text), name) from None


def _no_date(value: object) -> str:
    return f"must be a date as 2023-01-31, or a time (UTC) as 2023-01-31T12:00, not {value!r}"

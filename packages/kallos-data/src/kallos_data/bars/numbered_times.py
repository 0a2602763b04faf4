"""Times that a file writes as numbers: digits that form a date, and epochs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from .calendar_parts import put_together

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_FIRST_EPOCH: Final = datetime(2009, 1, 1, tzinfo=UTC)
_UNITS: Final = (1, 10**3, 10**6, 10**9)
# Digits: how many follow those of the day.
_DATE_DIGITS: Final = {8: 0, 12: 4, 14: 6, 17: 9}


@dataclass(frozen=True, slots=True)
class NumberedTimes:
    """What numbers mean as times.

    Attributes
    ----------
    times : polars.Series, [N]
        Without a zone; null where a number is no time.
    are_dates : polars.Series, [N]
        Whether the digits form a date, which names no zone, or count from 1970, which is in UTC.
    """

    times: pl.Series
    are_dates: pl.Series


def numbered_times(whole: pl.Series, rest: pl.Series, latest: datetime) -> NumberedTimes:
    """Read numbers as digits of a date (20230131, with time to the minute, second or millisecond) or as epochs.

    Parameters
    ----------
    whole, rest : polars.Series, [N]
        The numbers before the decimal point, Int64, and what follows it, in [0, 1).
    latest : datetime
        Seconds, milli-, micro- and nanoseconds since 1970 count only from 2009 to here.
    """
    frame = pl.DataFrame({"whole": whole, "rest": rest})
    are_dates = frame.select(
        ((pl.col("rest") == 0) & pl.any_horizontal(_has_digits(digits) for digits in _DATE_DIGITS)).fill_null(
            value=False
        )
    ).to_series()
    epochs = _epochs(frame, latest)
    if not are_dates.any():
        return NumberedTimes(epochs, are_dates)
    dates = _dates(whole)
    times = pl.select(pl.when(are_dates).then(dates).otherwise(epochs)).to_series()
    return NumberedTimes(times, are_dates)


def _has_digits(count: int) -> pl.Expr:
    return (pl.col("whole") >= 10 ** (count - 1)) & (pl.col("whole") < 10**count)


def _epochs(frame: pl.DataFrame, latest: datetime) -> pl.Series:
    first, last = (_FIRST_EPOCH - _EPOCH) // _MICRO, (latest - _EPOCH) // _MICRO
    time = pl.lit(None, dtype=pl.Int64)
    for unit in _UNITS:
        # Only seconds need the part after the point in full; of nanoseconds whole microseconds are kept.
        if unit <= 10**6:
            micro = pl.col("whole") * (10**6 // unit) + (pl.col("rest") * (10**6 // unit)).round().cast(pl.Int64)
        else:
            micro = pl.col("whole") // (unit // 10**6)
        plain = pl.col("whole").is_between(first * unit // 10**6, last * unit // 10**6)
        time = pl.when(plain).then(micro).otherwise(time)
    return frame.select(time.cast(pl.Datetime("us"))).to_series()


def _dates(whole: pl.Series) -> pl.Series:
    number = pl.col("whole")
    at_milliseconds = pl.lit(None, dtype=pl.Int64)
    for digits in _DATE_DIGITS:
        at_milliseconds = pl.when(_has_digits(digits)).then(number * 10 ** (17 - digits)).otherwise(at_milliseconds)
    parts = (
        pl.DataFrame({"whole": whole})
        .select(at_milliseconds.alias("n"))
        .select(
            (pl.col("n") // 10**13).alias("year"),
            (pl.col("n") // 10**11 % 100).alias("month"),
            (pl.col("n") // 10**9 % 100).alias("day"),
            (pl.col("n") // 10**7 % 100).alias("hour"),
            (pl.col("n") // 10**5 % 100).alias("minute"),
            (pl.col("n") // 10**3 % 100).alias("second"),
            (pl.col("n") % 1000 * 1000).alias("microsecond"),
        )
    )
    return put_together(parts)

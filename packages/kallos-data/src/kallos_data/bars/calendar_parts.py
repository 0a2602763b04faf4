"""Years, months, days and times of day put together, whole columns at once."""

from typing import Final

import polars as pl

_DAY: Final = pl.col("day")
_LIMITS: Final = {"month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


def put_together(parts: pl.DataFrame) -> pl.Series:
    """Return the times that rows of ``year, month, day, hour, minute, second, microsecond`` mean, without a zone.

    Null where a part is, or where there is no such day or time of day.
    """
    valid = pl.col("year").is_between(1, 9999)
    for name, (least, most) in _LIMITS.items():
        valid &= pl.col(name).is_between(least, most)
    parts = parts.with_columns(valid.fill_null(value=False).alias("valid"))
    shown = {name: pl.when("valid").then(name).otherwise(1).cast(pl.Int32) for name in parts.columns if name != "valid"}
    first = pl.datetime(shown["year"], shown["month"], 1, time_unit="us")
    time = first + pl.duration(
        days=shown["day"] - 1,
        hours=shown["hour"],
        minutes=shown["minute"],
        seconds=shown["second"],
        microseconds=shown["microsecond"],
        time_unit="us",
    )
    whole = pl.when(pl.col("valid") & (time.dt.day() == shown["day"])).then(time)
    return parts.select(whole.alias("time")).to_series()

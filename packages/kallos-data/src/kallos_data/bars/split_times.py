"""Dates in one column and times of day in another."""

from typing import Final

import polars as pl

from .times import TimeReader

_TIME_OF_DAY: Final = r"^\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?[AaPp][Mm])?(Z| UTC|[+-]\d{2}(:?\d{2})?)?$"


def joined(reader: TimeReader, date: pl.Series, of_day: pl.Series) -> pl.Series:
    """Return a date and a time of day as one text.

    Times of day may be written with colons or without (120000, 1200, 12), or be hours.

    Raises
    ------
    DataQualityError
        Where the one is no date alone, or the other no time of day.
    """
    days = date.cast(pl.String) if date.dtype == pl.Date else _text(date)
    full = days.str.contains(":").fill_null(value=False)
    if full.any():
        shown = days.filter(full)[0]
        reader.refuse(full, f"the date {shown!r} has a time beside another time: remove one of them")
    clock = _clock(_text(of_day))
    bad = ~clock.str.contains(_TIME_OF_DAY).fill_null(value=False)
    if bad.any():
        shown = of_day.filter(bad)[0]
        reader.refuse(bad, f"the time of day {shown!r} cannot be read: write it as 12:00 or 12:00:00")
    return days + " " + clock


def _text(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        column = column.cast(pl.Int64, strict=False)
    return column.cast(pl.String, strict=False).str.strip_chars()


def _clock(text: pl.Series) -> pl.Series:
    """Return times of day with their colons: 120000, 1200 and 12 get them."""
    if not text.str.contains(r"^\d{1,6}$").all():
        return text
    longest = max(text.str.len_chars().drop_nulls().to_list(), default=0)
    width = 2 if longest <= 2 else 4 if longest <= 4 else 6
    filled = text.str.zfill(width) + "0000"
    return filled.str.slice(0, 2) + ":" + filled.str.slice(2, 2) + (":" + filled.str.slice(4, 2) if width == 6 else "")

"""Times by the clocks of a zone: when they were in UTC, and days that begin at local midnight."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

_FEW = 3
_HOUR = timedelta(hours=1)


def in_zone(local: pl.Series, zone: str, *, earliest: bool = False) -> pl.Series:
    """Return in UTC what the clocks of a zone showed: null where they never did, or twice unless ``earliest``."""
    ambiguous = "earliest" if earliest else "null"
    return local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")


def daily_dates(local: pl.Series, moments: pl.Series, zone: str | None) -> pl.Series | None:
    """Return the local dates of daily bars as midnights in UTC, or None where the bars are something else.

    They are daily where every one begins at midnight by its own clock, or by that of ``zone``. Where this is midnight
    in UTC anyway, there is nothing to keep.

    Daily bars that all carry another time of day, as that of the opening of a stock exchange, are known by their dates
    too, where summer time moves that in UTC: seen in the bars, or in a ``zone`` that has summer time.

    The latest, which some shops give the time of the download, is left aside where it has another time of day than the
    others by every clock, and then keeps it.

    Parameters
    ----------
    local : polars.Series, [N]
        By each one's own clock, without a zone.
    moments : polars.Series, [N]
        The same in UTC; null where the clock changed.
    zone : str or None
        Another one by whose clocks to look.
    """
    if moments.has_nulls():
        bars = _without_download([local])
        return _days(local, local, bars) if _at_midnight(local.filter(bars)) else None
    in_utc = moments.dt.replace_time_zone(None)
    there = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None) if zone else in_utc
    bars = _without_download([local, in_utc, there])
    if _at_midnight(in_utc.filter(bars)):
        return None
    moves = not _at_one_hour(in_utc.filter(bars))
    if _at_midnight(local.filter(bars)) or (moves and _at_one_hour(local.filter(bars))):
        return _days(local, local.dt.truncate("1d"), bars)
    if zone is None:
        return None
    midnights = there.dt.truncate("1d")
    # In some zones the clocks go forward at midnight, and a day begins at one o'clock.
    begins = (there == midnights) | (in_zone(midnights, zone).is_null() & (there - midnights <= _HOUR))
    if begins.filter(bars).all():
        return _days(there, midnights, bars | begins)
    of_a_session = _at_one_hour(there.filter(bars)) and (moves or _has_summer_time(there, zone))
    return _days(there, midnights, bars) if of_a_session else None


def _without_download(clocks: Sequence[pl.Series]) -> pl.Series:
    """Return which rows tell what the bars are: all but the latest where that is at odds with every clock."""
    local = clocks[0]
    latest = local == local.max()
    regular = local.n_unique() <= _FEW or any(_at_one_hour(clock) for clock in clocks)
    return latest | ~latest if regular else ~latest


def _days(local: pl.Series, dates: pl.Series, bars: pl.Series) -> pl.Series | None:
    """Return the dates of bars, and the others as they are; None for a single day, which tells nothing of the step."""
    if dates.filter(bars).n_unique() < 2:
        return None
    return dates.zip_with(bars, local).dt.replace_time_zone("UTC")


def _at_midnight(times: pl.Series) -> bool:
    return bool((times.dt.truncate("1d") == times).all())


def _at_one_hour(times: pl.Series) -> bool:
    return times.dt.time().n_unique() == 1


def _has_summer_time(local: pl.Series, zone: str) -> bool:
    year = local.dt.year().min()
    noons = pl.select(pl.datetime(year, pl.Series([1, 4, 7, 10]), 1, 12)).to_series()
    return not _at_one_hour(in_zone(noons, zone))

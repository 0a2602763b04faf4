"""Times by the clocks of a zone: when they were in UTC, and days that begin at local midnight."""

from datetime import timedelta

import polars as pl

_DAY = timedelta(days=1)
_FEW = 3


def in_zone(local: pl.Series, zone: str, *, earliest: bool = False) -> pl.Series:
    """Return in UTC what the clocks of a zone showed: null where they never did, or twice unless ``earliest``."""
    ambiguous = "earliest" if earliest else "null"
    return local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")


def daily_dates(local: pl.Series, moments: pl.Series, zone: str | None) -> pl.Series | None:
    """Return the local dates of daily bars as midnights in UTC, or None where the bars are something else.

    They are daily where every one begins at midnight by its own clock, or by that of ``zone``, and the most common
    difference is one day, or several. The latest, which some shops give the time of the download, may keep a time of
    day. Where this is midnight in UTC anyway, there is nothing to keep.

    Daily bars that all carry another time of day, as that of the opening of a stock exchange, are known by their dates
    too, where summer time moves that in UTC: seen in the bars, or in a ``zone`` that has summer time.

    Parameters
    ----------
    local : polars.Series, [N]
        By each one's own clock, without a zone.
    moments : polars.Series, [N]
        The same in UTC; null where the clock changed.
    zone : str or None
        Another one by whose clocks to look.
    """
    in_utc = local.dt.replace_time_zone("UTC")
    if (moments.has_nulls() or not (in_utc == moments).all()) and _are_days(local):
        return in_utc
    if moments.has_nulls():
        return None
    if _at_one_hour(local) and not _at_one_hour(moments):
        return _midnights(local)
    if zone is None:
        return None
    dates = _dates(moments, zone)
    return None if dates is None or (dates == moments).all() else dates


def _dates(moments: pl.Series, zone: str) -> pl.Series | None:
    there = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    # In some zones the clocks go forward at midnight, and a day begins at one o'clock.
    midnights = there.dt.truncate("1d")
    begins = (there == midnights) | (in_zone(midnights, zone).is_null() & (there - midnights <= timedelta(hours=1)))
    if begins.all() and _are_days(midnights):
        return midnights.dt.replace_time_zone("UTC")
    at_midnight = (moments.dt.truncate("1d") == moments).all()
    return _midnights(there) if _at_one_hour(there) and not at_midnight and _has_summer_time(there, zone) else None


def _midnights(local: pl.Series) -> pl.Series | None:
    dates = local.dt.truncate("1d")
    return dates.dt.replace_time_zone("UTC") if _are_days(dates) else None


def _at_one_hour(times: pl.Series) -> bool:
    """Whether times have one time of day, but for the latest, which may be that of the download."""
    hours = times.sort().dt.time()
    return hours[: -1 if len(hours) > _FEW else None].n_unique() == 1


def _has_summer_time(local: pl.Series, zone: str) -> bool:
    year = local.dt.year().min()
    noons = pl.select(pl.datetime(year, pl.Series([1, 4, 7, 10]), 1, 12)).to_series()
    return not _at_one_hour(in_zone(noons, zone))


def _are_days(local: pl.Series) -> bool:
    times = local.unique().sort()
    if len(times) > _FEW and times[-1] != times.dt.truncate("1d")[-1]:
        times = times[:-1]
    differences = times.diff().drop_nulls()
    if differences.is_empty() or not (times.dt.truncate("1d") == times).all():
        return False
    counted = differences.alias("step").value_counts().sort("count", "step", descending=[True, False])
    return counted["step"][0] >= _DAY

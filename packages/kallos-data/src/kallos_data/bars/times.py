"""Times of a price table, in UTC: one column has one meaning, and what is no time is refused with its row."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

import polars as pl

from ..errors import DataQualityError
from ..timestamps import other_clock
from .local_times import daily_dates, in_zone
from .numbered_times import numbered_times
from .origin import Origin
from .reading_settings import ReadingSettings
from .written_times import WrittenTimes, written_as, written_times

_NUMBER: Final = r"^[+-]?\d+(?:\.\d*)?$"
_EXPONENT: Final = r"^[+-]?\d*\.?\d+[eE][+-]?\d+$"
_MISSING: Final = ("", "null", "none", "nan", "nat", "n/a", "na", "-")
_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_REMEDY: Final = (
    "write it as 2023-01-31, as 2023-01-31T12:00:00Z, or in seconds (also milli-, micro-, nanoseconds) since 1970, "
    "or name the date_format"
)
_MICROSECONDS: Final = 60 * 10**6
_MEANINGS: Final = {
    "date": "digits of a date",
    "epoch": "a number since 1970",
    "zone": "written with a zone",
    "no zone": "written without a zone",
    "order": "written with the year last",
    "time of day": "no full date",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReader:
    """What the reading of a column of times depends on.

    Attributes
    ----------
    settings : ReadingSettings
        Of its fields ``time_zone`` and ``date_format``.
    latest : datetime
        Later times are none.
    origin : Origin
        How messages name the table and its rows.
    rows : polars.Series, [N]
        The number of each row in the source.
    """

    settings: ReadingSettings
    latest: datetime
    origin: Origin
    rows: pl.Series

    def read(self, column: pl.Series) -> tuple[pl.Series, str | None]:
        """Return times in UTC, and what is to be said about them.

        Raises
        ------
        DataQualityError
            Where one is missing or cannot be read, lies before 1900 or after ``latest``, means another thing than the
            others, or could be read in two ways.
        """
        column = _plain(column)
        missing = column.is_null()
        if missing.any():
            self.refuse(missing, "the time is missing: write it, or remove the row")
        if isinstance(column.dtype, pl.Datetime):
            local, moments = self._of_datetimes(column)
        elif column.dtype == pl.Date:
            local = column.cast(pl.Datetime("us"))
            moments = local.dt.replace_time_zone("UTC")
        elif column.dtype.is_numeric() and not self.settings.date_format:
            local, moments = self._of_numbers(column, column)
        elif column.dtype == pl.String or column.dtype.is_numeric():
            local, moments = self._of_texts(column)
        else:
            self.refuse(pl.repeat(value=True, n=len(column), eager=True), f"a {column.dtype} is no time: {_REMEDY}")
        own_zone = column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None
        dates = daily_dates(local, moments, self.settings.time_zone or own_zone)
        times, note = (moments, None) if dates is None else (dates, "daily bars keep their local dates")
        outside = ~times.is_between(_FIRST, self.latest)
        if outside.any():
            shown = times.filter(outside)[0]
            self.refuse(outside, f"the time {shown:%Y-%m-%d %H:%M} lies outside 1900 and tomorrow: correct it")
        return times.alias("timestamp"), note

    def _of_datetimes(self, column: pl.Series) -> tuple[pl.Series, pl.Series]:
        zone = column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None
        column = column.cast(pl.Datetime("us", zone))
        if zone is None:
            return self._local(column)
        return column.dt.replace_time_zone(None), column.dt.convert_time_zone("UTC")

    def _of_texts(self, column: pl.Series) -> tuple[pl.Series, pl.Series]:
        if self.settings.date_format:
            column = column.cast(pl.Int64) if column.dtype.is_float() else column
            column = column.cast(pl.String)
            return self._of_written(column, written_as(column, self.settings.date_format))
        if not column.head(1).str.contains(r"^\d+$").any() and not column.str.contains(_NUMBER).any():
            exponents = column.str.contains(_EXPONENT)
            if exponents.any():
                self._refuse_exponent(column, exponents)
            return self._of_written(column, written_times(column))
        numbers = column.str.contains(_NUMBER)
        if not numbers.all():
            exponents = column.str.contains(_EXPONENT)
            if exponents.any():
                self._refuse_exponent(column, exponents)
            kinds = pl.select(pl.when(numbers).then(pl.lit("a number")).otherwise(pl.lit("written out"))).to_series()
            self._refuse_other_meanings(column, kinds)
        parts = column.str.split_exact(".", 1).struct.unnest()
        whole = parts.to_series(0).cast(pl.Int64, strict=False)
        rest = ("0." + parts.to_series(1).fill_null("0") + "0").cast(pl.Float64)
        return self._of_numbers(column, whole, rest)

    def _of_numbers(
        self, column: pl.Series, numbers: pl.Series, rest: pl.Series | None = None
    ) -> tuple[pl.Series, pl.Series]:
        if rest is None:
            floor = numbers.cast(pl.Float64).floor() if numbers.dtype.is_float() else numbers
            rest = (numbers - floor).cast(pl.Float64) if numbers.dtype.is_float() else numbers.cast(pl.Float64) * 0
            numbers = floor.cast(pl.Int64, strict=False)
        read = numbered_times(numbers, rest, self.latest)
        unread = read.times.is_null()
        if unread.any():
            self._refuse_number(column, unread)
        kinds = pl.select(pl.when(read.are_dates).then(pl.lit("date")).otherwise(pl.lit("epoch"))).to_series()
        self._refuse_other_meanings(column, kinds)
        if read.are_dates.any():
            return self._local(read.times)
        return read.times, read.times.dt.replace_time_zone("UTC")

    def _of_written(self, column: pl.Series, written: WrittenTimes) -> tuple[pl.Series, pl.Series]:
        problem = None if self.settings.date_format else written.unsure_order(column, self.rows, self.origin)
        if problem:
            raise DataQualityError(problem, "date_format")
        unread = written.local.is_null()
        if unread.any():
            shown = column.filter(unread)[0]
            as_given = self.settings.date_format
            remedy = f"it is not written as date_format {as_given!r} says" if as_given else _REMEDY
            self.refuse(unread, f"the time {shown!r} cannot be read: {remedy}")
        has_zone = written.offset.is_not_null()
        kinds = pl.select(
            pl.when(written.forms == "order")
            .then(pl.lit("order"))
            .when(has_zone)
            .then(pl.lit("zone"))
            .otherwise(pl.lit("no zone"))
        ).to_series()
        self._refuse_other_meanings(column, kinds)
        if not has_zone.any():
            return self._local(written.local)
        if not has_zone.all():
            zones = pl.select(pl.when(has_zone).then(pl.lit("zone")).otherwise(pl.lit("no zone"))).to_series()
            self._refuse_other_meanings(column, zones)
        ahead = (written.offset.cast(pl.Int64) * _MICROSECONDS).cast(pl.Duration("us"))
        return written.local, (written.local - ahead).dt.replace_time_zone("UTC")

    def _local(self, local: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return times without a zone as they are, and as moments in the zone of the settings."""
        zone = self.settings.time_zone
        if zone is None:
            return local, local.dt.replace_time_zone("UTC")
        moments = in_zone(local, zone)
        if moments.has_nulls() and daily_dates(local, moments, zone) is None:
            lost = moments.is_null()
            shown = local.filter(lost)[0]
            known = in_zone(local.filter(lost).head(1), zone, earliest=True)
            what = "does not exist" if known.has_nulls() else "is there twice"
            self.refuse(
                lost,
                f"the time {shown} {what} in {zone}, where the clocks change: export the times in UTC, or with offsets",
            )
        return local, moments

    def _refuse_number(self, column: pl.Series, unread: pl.Series) -> None:
        value = column.filter(unread)[0]
        number = float(value)
        clock = other_clock(number, self.latest)
        if clock is not None:
            self.refuse(
                unread,
                f"the time {value} counts in {clock}: export the column as dates (2023-01-31) or as seconds since 1970",
            )
        self.refuse(
            unread,
            f"the time {value} cannot be read: it is neither digits of a date (YYYYMMDD, also with hhmm or hhmmss) nor "
            "seconds, milli-, micro- or nanoseconds since 1970 from 2009 to tomorrow; write dates, or name date_format",
        )

    def _refuse_exponent(self, column: pl.Series, exponents: pl.Series) -> None:
        value = column.filter(exponents)[0]
        self.refuse(
            exponents,
            f"the time {value!r} has lost digits to its exponent: export the column as whole numbers, or as text",
        )

    def _refuse_other_meanings(self, column: pl.Series, kinds: pl.Series) -> None:
        other = kinds != kinds[0]
        if other.any():
            place = int(other.arg_max() or 0)
            first, second = (_MEANINGS.get(kinds[each], kinds[each]) for each in (0, place))
            self.refuse(
                other,
                f"the time {column[place]!r} is {second}, and {column[0]!r} in {self.origin.row(self.rows[0])} is "
                f"{first}: write all times of the column alike",
            )

    def refuse(self, broken: pl.Series, problem: str) -> NoReturn:
        """Refuse the first row that is broken.

        Raises
        ------
        DataQualityError
            Always.
        """
        place = int(broken.arg_max() or 0)
        raise DataQualityError(f"{self.origin.at(self.rows[place])}: {problem}")


def latest_time(now: datetime | None) -> datetime:
    """Return up to when a time is one: tomorrow at the same hour."""
    now = now or datetime.now(UTC)
    return (now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)) + timedelta(days=1)


def _plain(column: pl.Series) -> pl.Series:
    """Return a column of times without blanks around texts, with null for what stands for nothing."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype.is_decimal():
        column = column.cast(pl.Float64)
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        short = text.str.len_bytes() <= 4
        return text.set(short & text.str.to_lowercase().is_in(_MISSING), None) if short.any() else text
    return column

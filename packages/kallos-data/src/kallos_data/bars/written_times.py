"""Times that a file writes out: ISO 8601, day or month first, and with names of months."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from .calendar_parts import put_together
from .origin import Origin

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            *(("JAN", "JANUARY", "JANUAR"), ("FEB", "FEBRUARY", "FEBRUAR"), ("MAR", "MARCH", "MÄRZ", "MRZ", "MÄR")),
            *(("APR", "APRIL"), ("MAY", "MAI"), ("JUN", "JUNE", "JUNI"), ("JUL", "JULY", "JULI"), ("AUG", "AUGUST")),
            *(("SEP", "SEPT", "SEPTEMBER"), ("OCT", "OCTOBER", "OKT", "OKTOBER"), ("NOV", "NOVEMBER")),
            ("DEC", "DECEMBER", "DEZ", "DEZEMBER"),
        ),
        start=1,
    )
    for name in names
}
_TIME: Final = (
    r"(?:(?:T|[ ,]+)(?:"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"|(?P<hour2>\d{2})(?P<minute2>\d{2})(?P<second2>\d{2})?"
    r")(?:[ -]?(?P<half>AM|PM))?)?"
)
_ZONE: Final = r"(?:\s*(?P<zone>Z|UTC|GMT|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?)(?: UTC)?)?"
_MONTH_NAME: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_FORMS: Final = {
    "iso": r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    "order": r"(?P<first>\d{1,2})[-/.](?P<other>\d{1,2})[-/.](?P<year>\d{4})",
    "day and name": rf"(?P<day>\d{{1,2}})\.?[ -]?(?P<name>{_MONTH_NAME})\.?[ ,-]+(?P<year>\d{{4}})",
    "name and day": rf"(?P<name>{_MONTH_NAME})\.?[ -]?(?P<day>\d{{1,2}})(?:ST|ND|RD|TH)?(?:, ?| )(?P<year>\d{{4}})",
    "year and name": rf"(?P<year>\d{{4}})[ -](?P<name>{_MONTH_NAME})[ -](?P<day>\d{{1,2}})",
    "digits": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
}
# One pass of the parser of polars, for what nearly every file has.
_USUAL: Final = {
    r"\d{4}-\d\d-\d\d": "%Y-%m-%d",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "%Y-%m-%d %H:%M",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "%Y-%m-%d %H:%M:%S",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d": "%Y-%m-%dT%H:%M:%S",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "%Y-%m-%dT%H:%M:%SZ",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z": "%Y-%m-%dT%H:%M:%S%.fZ",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00": "%Y-%m-%d %H:%M:%S+00:00",
}


@dataclass(frozen=True, slots=True)
class WrittenTimes:
    """What texts mean as times.

    Attributes
    ----------
    local : polars.Series, [N]
        By the clocks of their own zone; null where a text is no time.
    offset : polars.Series, [N]
        Minutes by which these clocks are ahead of UTC; null where no zone is named.
    forms : polars.Series, [N]
        In which form each is written; null where in none that is known.
    day_first, month_first : int or None
        The first row that is certain to begin with the day, or with the month.
    unsure : int or None
        The first row that could begin with either, where no other row tells.
    """

    local: pl.Series
    offset: pl.Series
    forms: pl.Series
    day_first: int | None = None
    month_first: int | None = None
    unsure: int | None = None

    def unsure_order(self, texts: pl.Series, rows: pl.Series, origin: Origin) -> str | None:
        """Return what is to be said where day and month are not certain, to follow the name of a format; else None."""
        if self.day_first is not None and self.month_first is not None:
            day, month = self.day_first, self.month_first
            return (
                f"cannot be one for all: {origin.at(rows[day])} begins with the day ({texts[day]!r}) and "
                f"{origin.row(rows[month])} with the month ({texts[month]!r}); correct the wrong ones"
            )
        if self.unsure is None:
            return None
        value = texts[self.unsure]
        mark = next(each for each in "./-" if each in value)
        return (
            f"'%d{mark}%m{mark}%Y' reads the day first, '%m{mark}%d{mark}%Y' the month: "
            f"{origin.at(rows[self.unsure])} has {value!r}, and no row tells which it is; "
            "add ' %H:%M' where times follow"
        )


def written_times(texts: pl.Series) -> WrittenTimes:
    """Read times that are written out; what is certain about their order is said beside them."""
    usual = _usual(texts)
    if usual is not None:
        return usual
    upper = texts.str.strip_chars().str.to_uppercase()
    read: dict[str, pl.DataFrame] = {}
    form = pl.Series("form", [None] * len(texts), dtype=pl.String)
    for name, date in _FORMS.items():
        fits = upper.str.contains(f"^{date}{_TIME}{_ZONE}$").fill_null(value=False) & form.is_null()
        if fits.any():
            read[name] = _parts(upper, f"^{date}{_TIME}{_ZONE}$", named="P<name>" in date)
            form = form.set(fits, name)
        if not form.has_nulls():
            break
    order: tuple[int | None, int | None, int | None] = (None, None, None)
    if "order" in read:
        order = _order(read["order"].filter(form == "order"), (form == "order").arg_true())
        read["order"] = _in_order(read["order"], day_first=order[1] is None)
    local = pl.Series("local", [None] * len(texts), dtype=pl.Datetime("us"))
    offset = pl.Series("offset", [None] * len(texts), dtype=pl.Int32)
    for name, parts in read.items():
        local = local.zip_with(form != name, put_together(parts.drop("offset")))
        offset = offset.zip_with(form != name, parts["offset"])
    return WrittenTimes(local, offset, form, *order)


def written_as(texts: pl.Series, date_format: str) -> WrittenTimes:
    """Read times in a format of strptime."""
    if ("%H" in date_format or "%I" in date_format) and "%M" not in date_format:
        # Polars wants a minute after an hour.
        texts, date_format = texts + " 00", f"{date_format} %M"
    elif "%z" in date_format and "%H" not in date_format and "%I" not in date_format:
        # And a time of day before a zone.
        texts, date_format = texts + " 00:00", f"{date_format} %H:%M"
    # What Python calls %f takes its point along in polars.
    date_format = date_format.replace(".%f", "%.f")
    parsed = texts.str.strip_chars().str.to_datetime(date_format, time_unit="us", strict=False)
    has_zone = parsed.dtype == pl.Datetime("us", "UTC")
    offset = pl.select(pl.when(parsed.is_not_null()).then(0 if has_zone else None).cast(pl.Int32)).to_series()
    local = parsed.dt.replace_time_zone(None)
    return WrittenTimes(local, offset, pl.select(pl.when(local.is_not_null()).then(pl.lit("format"))).to_series())


def _usual(texts: pl.Series) -> WrittenTimes | None:
    for shape, written in _USUAL.items():
        if texts.head(1).str.contains(f"^{shape}$").any():
            local = texts.str.to_datetime(written, time_unit="us", strict=False)
            if local.has_nulls():
                return None
            in_utc = "Z" in written or "+" in written
            offset = pl.repeat(0 if in_utc else None, len(texts), dtype=pl.Int32, eager=True)
            return WrittenTimes(local, offset, pl.repeat("iso", len(texts), dtype=pl.String, eager=True))
    return None


def _parts(upper: pl.Series, pattern: str, *, named: bool) -> pl.DataFrame:
    groups = upper.str.extract_groups(pattern).struct.unnest()
    have = set(groups.columns)

    def number(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Int32, strict=False)

    clock = {part: pl.coalesce(number(part), number(f"{part}2")) for part in ("hour", "minute", "second")}
    half = pl.col("half")
    in_half = clock["hour"].is_between(1, 12)
    hour = (
        pl.when(half.is_null())
        .then(clock["hour"].fill_null(0))
        .when(in_half)
        .then(clock["hour"] % 12 + pl.when(half == "PM").then(12).otherwise(0))
    )
    month = pl.col("name").replace_strict(_MONTHS, default=None, return_dtype=pl.Int32) if named else None
    zone = pl.col("zone").str.replace("^(?:UTC|GMT)", "").str.replace(":", "", literal=True)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    minutes = sign * (
        zone.str.slice(1, 2).cast(pl.Int32, strict=False).fill_null(0) * 60
        + zone.str.slice(3, 2).cast(pl.Int32, strict=False).fill_null(0)
    )
    return groups.select(
        number("year").alias("year"),
        *([month.alias("month")] if month is not None else [number("month")] if "month" in have else []),
        *([number("day")] if "day" in have else []),
        *([number("first"), number("other")] if "first" in have else []),
        hour.alias("hour"),
        clock["minute"].fill_null(0).alias("minute"),
        clock["second"].fill_null(0).alias("second"),
        pl.col("fraction").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int32).fill_null(0).alias("microsecond"),
        pl.when(pl.col("zone").is_not_null()).then(minutes).cast(pl.Int32).alias("offset"),
    )


def _order(parts: pl.DataFrame, rows: pl.Series) -> tuple[int | None, int | None, int | None]:
    def first(fits: pl.Expr) -> int | None:
        found = rows.filter(parts.select(fits.fill_null(value=False)).to_series())
        return int(found[0]) if len(found) else None

    day_first, month_first = first(pl.col("first") > 12), first(pl.col("other") > 12)
    certain = day_first is not None or month_first is not None
    return day_first, month_first, None if certain else first(pl.col("first") != pl.col("other"))


def _in_order(parts: pl.DataFrame, *, day_first: bool) -> pl.DataFrame:
    names = {"first": "day", "other": "month"} if day_first else {"first": "month", "other": "day"}
    return parts.rename(names).select("year", "month", "day", pl.exclude("year", "month", "day"))

"""Times that the database keeps as numbers or texts: which rows lie between two moments.

Numbers count from 1970 in a unit that their size tells. Texts compare by their characters and may carry zones or leave
out the separators; years come first in all, so that the database sorts out the years and the exact cut follows here.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl
import sqlalchemy
from sqlalchemy import ColumnElement

from ..errors import DataQualityError
from ..timestamps import epoch_ranges, epoch_unit, other_clock, utc_times

_DAY: Final = re.compile(r"\s*(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))(?!\d)")
# Seconds since 1970 are as few as these before 1974 alone; days, months and dates in digits are nothing else.
_FEWEST_UNITS: Final = 10**8
_DATES_IN_DIGITS: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f"}
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**63 - 1


def roughly_between(
    time: ColumnElement[Any], span: tuple[Any, Any], dialect: str, start: datetime | None, end: datetime
) -> ColumnElement[bool]:
    """Return a condition on the raw column, so that an index serves, that holds for all rows between two moments.

    Numbers beyond the two by a whole unit are left out, and texts by more than a year.

    Parameters
    ----------
    time : sqlalchemy expression
        The column.
    span : tuple
        Its least and largest value as stored; texts are larger than numbers.
    dialect : str
        "sqlite" or "postgresql".
    start, end : datetime
        Inclusive; without a start all earlier ones.
    """
    ranges = [] if isinstance(span[0], str) else _number_ranges(time, span, start, end)
    if isinstance(span[1], str):
        text = time.collate("C") if dialect == "postgresql" else time
        # The sign keeps SQLite from taking the year for a number; a colon sorts after all that may follow a year.
        low = "" if start is None else f"{max(start.year - 1, 0):04}-"
        ranges.append(sqlalchemy.and_(text >= low, text <= f"{min(end.year + 1, 9999):04}:"))
    return sqlalchemy.or_(*ranges) if ranges else sqlalchemy.false()


def _number_ranges(
    time: ColumnElement[Any], span: tuple[Any, Any], start: datetime | None, end: datetime
) -> list[ColumnElement[bool]]:
    least, largest = span
    alike = isinstance(largest, (int, float)) and least * largest > 0 and epoch_unit(least) == epoch_unit(largest)
    ranges: list[ColumnElement[bool]] = []
    for low, high in epoch_ranges(start, end, unit=epoch_unit(least) if alike else None):
        # The drivers know no larger ones, nor have the databases.
        first, stop = max(low, _SMALLEST_INTEGER), min(high, _LARGEST_INTEGER)
        ranges += [sqlalchemy.and_(time >= first, time < stop)] if first < stop else []
    return ranges


def plain_numbers(values: Sequence[Any]) -> Sequence[Any]:
    """Return times of type ``numeric``, as ``extract(epoch …)`` gives them, as int and float; others as they are."""
    if not any(isinstance(value, Decimal) for value in values[:1]):
        return values
    return [int(value) if value == value.to_integral_value() else float(value) for value in values]


def exactly_between(
    values: Sequence[Any], start: datetime | None, end: datetime, *, table: str
) -> tuple[pl.Series, pl.Series]:
    """Return stored times in UTC, null where they cannot be read, and which of them lie between two moments.

    What cannot be read lies outside where its day does.

    Raises
    ------
    DataQualityError
        Where one that may lie inside cannot be read, or those inside are stored in several ways.
    """
    last = end.date().isoformat()
    first = "" if start is None else start.date().isoformat()

    def outside(value: object) -> bool:
        day = day_of(value)
        return day is not None and not first <= day <= last

    times = utc_times(values, ignored=outside)
    inside = (times <= end if start is None else times.is_between(start, end)).fill_null(value=False)
    _require_one_way(values if inside.all() else pl.Series(values, dtype=pl.Object).filter(inside).to_list(), table)
    return times, inside


def day_of(value: object) -> str | None:
    """Return the day that a text begins with, as 2023-01-31, whether or not it is one of the calendar's."""
    found = _DAY.match(value) if isinstance(value, str) else None
    return "-".join(part for part in found.groups() if part is not None) if found else None


def refuse_no_times(span: Sequence[Any]) -> None:
    """Refuse a first or last value that is no time at all, of which nobody can say that it lies outside.

    Raises
    ------
    DataQualityError
        Where one is a text that does not begin with a day, or anything else but a number, or where the numbers do not
        count from 1970: they would lie in another century, before whatever end date is asked for.
    """
    utc_times(span, ignored=lambda value: isinstance(value, (int, float)) or day_of(value) is not None)
    numbers = [value for value in span if isinstance(value, (int, float))]
    names = [_other_meaning(value) for value in numbers]
    if numbers and all(names):
        raise DataQualityError(
            f"the times {' to '.join(map(str, numbers))} look like {names[-1]}, and numbers are read as seconds, "
            "milli-, micro- or nanoseconds since 1970: store them so, or as texts like 2023-01-31"
        )


def _other_meaning(number: float) -> str | None:
    """Return what a number is rather than a time since 1970."""
    if number % 1 == 0 and (form := _DATES_IN_DIGITS.get(len(str(int(number))))):
        with suppress(ValueError):
            datetime.strptime(str(int(number)), form)  # noqa: DTZ007 - only whether it is one
            return "digits of a date"
    clock = other_clock(number, datetime.now(UTC) + timedelta(days=1))
    return clock or ("a count of days or the like" if abs(number) < _FEWEST_UNITS else None)


def _require_one_way(values: Sequence[Any], table: str) -> None:
    numbers = [value for value in values if isinstance(value, (int, float))]
    others = [value for value in values if not isinstance(value, (int, float))]
    examples = others[:1]
    if numbers:
        smallest, largest = min(numbers, key=abs), max(numbers, key=abs)
        examples.append(smallest)
        if epoch_unit(smallest) != epoch_unit(largest):
            examples.append(largest)
    if len(examples) > 1:
        raise DataQualityError(
            f"times of table {table!r} are stored in several ways, as {examples[0]!r} and {examples[1]!r}: choose one"
        )

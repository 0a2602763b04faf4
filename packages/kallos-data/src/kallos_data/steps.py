"""The step of a history: from one bar to the next, every day of the week or on working days alone."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

import polars as pl

from .errors import ConfigError, DataQualityError

_UNITS: Final = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPELT: Final = re.compile(r"(\d{0,5})\s*(min|m|h|d|w)", re.IGNORECASE)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(weeks=1)
_SATURDAY: Final = 6  # as polars counts, Monday is 1
# So long without a bar on Saturday or Sunday, and with some on the other days, is no accident.
_WEEKS_WITHOUT_WEEK_END: Final = 2


@dataclass(frozen=True, slots=True)
class Step:
    """The regular distance between two bars.

    Attributes
    ----------
    length : timedelta
        From one bar to the next; one day where bars rest at week-ends.
    working_days : bool, default False
        Whether there are bars from Monday to Friday alone (in UTC), so that Monday follows Friday.
    """

    length: timedelta
    working_days: bool = False

    def __post_init__(self) -> None:
        if self.length <= timedelta(0):
            raise ConfigError(f"must be more than 0, not {self.length}", "frequency")
        if self.working_days and self.length != _DAY:
            raise ConfigError(f"must be one day on a grid of working days, not {self.length}", "frequency")

    @classmethod
    def of(cls, frequency: "Step | timedelta | str") -> Self:
        """Return a step from its length or short name: ``15min``, ``1h``, ``4h``, ``1d``, ``1w``, ``B`` (working days).

        Raises
        ------
        ConfigError
            Where it is not positive, or a text that is none of these.
        """
        if isinstance(frequency, Step):
            return cls(frequency.length, frequency.working_days)
        if isinstance(frequency, timedelta):
            return cls(frequency)
        if frequency.strip().upper() == "B":
            return cls(_DAY, working_days=True)
        spelt = _SPELT.fullmatch(frequency.strip())
        if spelt is None:
            raise ConfigError(
                f"must be a step as 15min, 1h, 4h, 1d, 1w, or B for working days, not {frequency!r}", "frequency"
            )
        number, unit = spelt.groups()
        return cls(timedelta(**{_UNITS[unit.lower()]: int(number or 1)}))

    def __str__(self) -> str:
        return "1 working day" if self.working_days else step_in_words(self.length)

    @property
    def pace(self) -> str:
        """How often there is a bar: "one a day", "one an hour", "one every 4 hours"."""
        words = str(self)
        if not words.startswith("1 "):
            return f"one every {words}"
        return f"one {'an' if words == '1 hour' else 'a'} {words.removeprefix('1 ')}"

    def positions(self, times: pl.Series) -> pl.Series:
        """Return how many steps each of ``times [N]`` (UTC) lies after the first; null where it lies between two."""
        if self.working_days:
            return self._working_days_after_first(times)
        microseconds = (times - times[0]).dt.total_microseconds()
        length = self.length // timedelta(microseconds=1)
        return pl.select(pl.when(microseconds % length == 0).then(microseconds // length)).to_series()

    def grid(self, first: datetime, last: datetime) -> pl.Series:
        """Return every time of the grid that begins at ``first``, up to ``last`` inclusive, as ``timestamp`` in UTC."""
        times = pl.datetime_range(first, last, self.length, time_unit="us", time_zone="UTC", eager=True)
        return times.filter(times.dt.weekday() < _SATURDAY if self.working_days else [True] * len(times)).alias(
            "timestamp"
        )

    def after(self, moment: datetime) -> datetime:
        """Return when the bar that begins at ``moment`` ends: where the next one begins, but for a week-end."""
        return moment + self.length

    def next(self, moment: datetime) -> datetime:
        """Return the time of the bar after the one at ``moment``."""
        following = moment + self.length
        while self.working_days and following.isoweekday() >= _SATURDAY:
            following += _DAY
        return following

    def _working_days_after_first(self, times: pl.Series) -> pl.Series:
        days = times.dt.date()
        apart = pl.select(pl.business_day_count(pl.lit(days[0]), pl.lit(days))).to_series().cast(pl.Int64)
        on_grid = (times.dt.weekday() < _SATURDAY) & (times.dt.time() == times.dt.time()[0])
        return pl.select(pl.when(on_grid).then(apart)).to_series()


def find_step(times: pl.Series) -> Step:
    """Return the step of a history: the most common difference, or working days where it never has a week-end.

    Of equally common differences the smaller one counts. Working days are daily bars over two weeks at least of which
    none lies on a Saturday or Sunday.

    Parameters
    ----------
    times : polars.Series, [N]
        In UTC, sorted.

    Raises
    ------
    DataQualityError
        Where there are fewer than two.
    """
    differences = times.diff().drop_nulls().alias("step")
    if differences.is_empty():
        raise DataQualityError(
            f"the frequency shows in 2 rows or more, not in {len(times)}: load a longer history, or name the frequency"
        )
    length = differences.value_counts().sort("count", "step", descending=[True, False])["step"][0]
    rests = (
        length == _DAY
        and times[-1] - times[0] >= _WEEKS_WITHOUT_WEEK_END * _WEEK
        and not (times.dt.weekday() >= _SATURDAY).any()
    )
    return Step(length, working_days=rests)


def step_in_words(step: timedelta) -> str:
    """Return the time between two steps as people say it: 1 day, 4 hours, 15 minutes."""
    for unit in ("day", "hour", "minute"):
        number, rest = divmod(step, timedelta(**{f"{unit}s": 1}))
        if number and not rest:
            return f"1 {unit}" if number == 1 else f"{number} {unit}s"
    return str(step)

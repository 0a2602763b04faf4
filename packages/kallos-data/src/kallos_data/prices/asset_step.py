"""The step of an asset: what a file's times say of it, and whether that is what the stored ones say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from ..errors import ConfigError, DataQualityError
from ..steps import Step, find_step, step_in_words

_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 6
_EPOCH_MONDAY: Final = datetime(1970, 1, 5)  # noqa: DTZ001 - a distance is taken from it
# As the bars of exchanges last; times that are all a little late are taken for those of the nearest.
_USUAL: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1440, 7 * 1440)
)
_NEAR: Final = 0.05
# So many differences alike are no accident.
_SURE: Final = 2
_MONTH: Final = (timedelta(days=28), timedelta(days=31))


@dataclass(frozen=True, slots=True)
class Seen:
    """What times tell of their step.

    Attributes
    ----------
    step : Step
        From one to the next.
    sure : bool
        Whether it is seen more than once.
    """

    step: Step
    sure: bool


def seen_step(times: pl.Series) -> Seen | None:
    """Return the step of ``times [N]`` (UTC, sorted, none twice), None where there are fewer than two.

    Of bars that are each a little late, it is the usual one nearest to the median.

    Raises
    ------
    DataQualityError
        For bars of months, which differ in length.
    """
    if len(times) < 2:
        return None
    differences = times.diff().drop_nulls()
    _refuse_months(times, differences)
    step = find_step(times)
    between = differences.dt.total_microseconds() % (step.length // _MICROSECOND) != 0
    if between.any():
        median = differences.sort()[len(differences) // 2]
        usual = min(_USUAL, key=lambda each: abs(each / median - 1))
        if usual != step.length and abs(usual / median - 1) < _NEAR:
            return Seen(Step(usual), sure=len(differences) >= _SURE)
    return Seen(step, sure=int((differences == step.length).sum()) >= _SURE)


def agreed_step(times: pl.Series, stored: pl.Series, named: Step | None, asset_id: str | int) -> Step | None:
    """Return the step of an asset from what a file brings, what is stored and what is named; None where nothing tells.

    Parameters
    ----------
    times, stored : polars.Series
        Of the file and of the table, UTC, sorted, none twice; nothing may be stored.
    named : Step or None
        What the caller says.
    asset_id : str or int
        For messages.

    Raises
    ------
    ConfigError
        Where the file's step is another than that of the stored bars, or than the named one.
    DataQualityError
        As of :func:`seen_step`.
    """
    new, old = seen_step(times), seen_step(stored)
    if named is not None:
        _refuse_named(named, new, times)
    if old is not None and old.sure:
        other = named.length if named is not None else new.step.length if new is not None and new.sure else None
        if other is not None and other != old.step.length:
            raise ConfigError(
                f"{str(asset_id)!r} holds {_bars(old.step)}; this file has {_bars(Step(other))}: choose another, "
                "or another table",
                "asset_id",
            )
        if named is None:
            _refuse_week_ends(times, stored, old.step, asset_id)
    if named is not None:
        return named
    both = find_step(_together(times, stored)) if len(times) + len(stored) > 1 and _differ(times, stored) else None
    sure = next((seen.step for seen in (old, new) if seen is not None and seen.sure), None)
    if sure is None or both is None or both.length == sure.length:
        return sure if both is None else both
    return sure


def phase_of(times: pl.Series, step: Step) -> int:
    """Return how far after a whole number of steps most of ``times`` lie, in microseconds; 0 where there is no most.

    Steps count from midnight, weeks from Monday, UTC.
    """
    phases = phases_of(times, step).alias("phase").value_counts().sort("count", "phase", descending=[True, False])
    return int(phases["phase"][0]) if 3 * phases["count"][0] >= len(times) else 0


def phases_of(times: pl.Series, step: Step) -> pl.Series:
    """Return how far each of ``times [N]`` lies after a whole number of steps, in microseconds."""
    since = times.to_physical() - (_EPOCH_MONDAY - datetime(1970, 1, 1)) // _MICROSECOND  # noqa: DTZ001
    return since % (step.length // _MICROSECOND)


def _together(times: pl.Series, stored: pl.Series) -> pl.Series:
    return pl.concat([times.rename("timestamp"), stored.rename("timestamp")]).unique().sort()


def _differ(times: pl.Series, stored: pl.Series) -> bool:
    return len(_together(times, stored)) > 1


def _refuse_named(named: Step, new: Seen | None, times: pl.Series) -> None:
    if new is not None and new.sure and new.step.length != named.length and not _late_in_turn(new.step, named):
        raise ConfigError(f"must be the file's own: it has {_bars(new.step)}, not {_bars(named)}", "frequency")
    if named.working_days:
        rest = times.filter(times.dt.weekday() >= _SATURDAY)
        if len(rest):
            raise ConfigError(
                f"has no bar at week-ends, and the file has {len(rest)}, the first on {rest[0]:%A, %Y-%m-%d} (UTC): "
                "leave it out, or name 1d",
                "frequency",
            )


def _late_in_turn(seen: Step, named: Step) -> bool:
    """Return whether bars of a named step that are each a little late may happen to lie so far apart."""
    return seen.length not in _USUAL and abs(seen.length / named.length - 1) < 1 / 2


def _refuse_week_ends(times: pl.Series, stored: pl.Series, step: Step, asset_id: str | int) -> None:
    if not step.working_days or not _rested_often(stored):
        return
    rest = times.filter(times.dt.weekday() >= _SATURDAY)
    if len(rest):
        raise ConfigError(
            f"{str(asset_id)!r} holds bars of working days alone; this file has one on {rest[0]:%A, %Y-%m-%d} (UTC): "
            "choose another, or name the frequency 1d for a market that is open every day",
            "asset_id",
        )


def _rested_often(stored: pl.Series) -> bool:
    """Return whether Monday follows Friday twice at least: a few single days tell nothing of a market."""
    over = (stored.diff() == 3 * _DAY) & (stored.dt.weekday() == 1)
    return int(over.sum()) >= _SURE


def _refuse_months(times: pl.Series, differences: pl.Series) -> None:
    shortest, longest = _MONTH
    if len(differences) > _SURE and differences.is_between(shortest, longest).all() and differences.n_unique() > 1:
        raise DataQualityError(
            f"the bars are those of months ({times[0]:%Y-%m-%d}, {times[1]:%Y-%m-%d}, ...), which are not all of one "
            "length: bring bars of weeks or shorter"
        )


def _bars(step: Step) -> str:
    if step.working_days:
        return "bars of working days"
    return "daily bars" if step.length == _DAY else f"bars of {step_in_words(step.length)}"

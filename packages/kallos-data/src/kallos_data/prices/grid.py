"""From clean bars to bars on the grid of their asset: finished, and none between two steps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from ..errors import ConfigError, DataQualityError
from ..steps import Step, step_in_words
from .asset_step import agreed_step, phase_of, phases_of
from .grid_settings import GridSettings

_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_SUMMER_TIME: Final = timedelta(hours=1)
_SATURDAY: Final = 6
# Clocks differ by so much; and somewhere it is tomorrow so early.
_SLOW_CLOCK: Final = timedelta(minutes=5)
_EARLIEST_TOMORROW: Final = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class GridBars:
    """Bars on a grid.

    Attributes
    ----------
    bars : polars.DataFrame, [N, 6 to 10]
        One row a step, sorted.
    step : Step or None
        From one to the next; None where a single bar tells nothing of it.
    last_finished : datetime
        Begin of the last bar that has ended, of the last where none has.
    notes : tuple of str
        What to say about bars that were left out or moved.
    unfinished, moved : int
        How many bars were left out as not finished, and how many were moved to the grid.
    """

    bars: pl.DataFrame
    step: Step | None
    last_finished: datetime
    notes: tuple[str, ...] = ()
    unfinished: int = 0
    moved: int = 0


def on_grid(
    bars: pl.DataFrame, stored: pl.Series, settings: GridSettings, *, now: datetime, asset_id: str | int
) -> GridBars:
    """Leave out what is not finished, and see that the rest lies on the grid of the stored bars, or move it there.

    Parameters
    ----------
    bars : polars.DataFrame, [N, 6 to 10]
        Clean, sorted, not empty.
    stored : polars.Series, [M]
        Times that the table holds, UTC, sorted; may be empty.
    settings : GridSettings
        The step, and what is allowed.
    now : datetime
        With a time zone.
    asset_id : str or int
        For messages.

    Raises
    ------
    ConfigError
        Where the step is another than that of the stored or named one, or bars begin at other times than the stored.
    DataQualityError
        Where bars lie off the grid and may not or cannot be moved, lie in the future, or none is finished.
    """
    step = agreed_step(bars["timestamp"], stored, settings.step, asset_id)
    bars, left_out, last_finished = _finished(bars, step, now, keep=settings.keep_unfinished)
    notes = [_left_out(left_out, now)] if len(left_out) else []
    if step is None:
        return GridBars(bars, None, last_finished, tuple(notes), len(left_out))
    phase = phase_of(stored if len(stored) else bars["timestamp"], step)
    _refuse_stored(stored, step, phase, asset_id)
    notes += _odd_distances(bars["timestamp"], stored, step)
    times = bars["timestamp"]
    off = _off(times, step, phase)
    if not off.any():
        return GridBars(bars, step, last_finished, tuple(notes), len(left_out))
    _refuse_other_grid(times, stored, step, phase, asset_id)
    if len(times) > 1 and off.sum() == 1 and off[-1] and not settings.keep_unfinished:
        if not settings.snap:
            raise _last_row(times, step)
        notes.append(
            f"the last bar, {_shown(times[-1])}, lies between two steps and is left out: the moment of a download"
        )
        last_finished = min(last_finished, times[-2])
        return GridBars(bars[:-1], step, last_finished, tuple(notes), len(left_out) + 1)
    _refuse_without_place(times, off, step, phase)
    if not settings.snap:
        raise _off_grid(times, off, step, phase)
    moved = _moved(times, step, phase)
    largest = max((moved - times).abs())
    notes.append(f"{off.sum()} of {len(times)} bars are moved to the grid of {step}, by {_length(largest)} at most")
    last_finished = moved.filter(times <= last_finished)[-1]
    bars = bars.with_columns(moved.alias("timestamp"))
    return GridBars(bars, step, last_finished, tuple(notes), len(left_out), int(off.sum()))


def _odd_distances(times: pl.Series, stored: pl.Series, step: Step) -> list[str]:
    """Return what to say where a few bars could be those of a longer step: nobody knows it of two."""
    return [
        f"no two of the {len(each)} bars {where} are {step} apart, as the others are: see that they are no longer ones"
        for each, where in ((times, "read"), (stored, "stored"))
        if len(stored) and len(each) > 1 and not (each.diff() <= step.length * (3 if step.working_days else 1)).any()
    ]


def _finished(
    bars: pl.DataFrame, step: Step | None, now: datetime, *, keep: bool
) -> tuple[pl.DataFrame, pl.Series, datetime]:
    """Return the bars to take, the times of those left out, and the last time of a bar that has ended."""
    times = bars["timestamp"]
    latest = now + (_SLOW_CLOCK if step is not None and step.length < _DAY else _EARLIEST_TOMORROW)
    future = times.filter(times > latest)
    if len(future):
        raise DataQualityError(
            f"may be missing or wrong: {len(future)} of {len(times)} bars begin in the future, the first at "
            f"{_shown(future[0])}, while it is {_shown(now.replace(microsecond=0))}: name the zone that they are in, "
            "or correct them",
            "time_zone",
        )
    # Of a single bar nobody knows when it ends.
    ended = times + (timedelta(0) if step is None else step.length) <= now
    if not ended.any() and not keep:
        raise DataQualityError(
            f"is needed: none of the bars is finished yet, the first begins at {_shown(times[0])}; "
            "or try again when it is",
            "keep_unfinished",
        )
    last = times.filter(ended)[-1] if ended.any() else times[-1]
    return (bars, times[:0], last) if keep else (bars.filter(ended), times.filter(~ended), last)


def _off(times: pl.Series, step: Step, phase: int) -> pl.Series:
    off = phases_of(times, step) != phase
    return off | (times.dt.weekday() >= _SATURDAY) if step.working_days else off


def _refuse_stored(stored: pl.Series, step: Step, phase: int, asset_id: str | int) -> None:
    strays = stored.filter(_off(stored, step, phase))
    if len(strays):
        raise ConfigError(
            f"{str(asset_id)!r} holds {len(strays)} of {len(stored)} bars between the steps of {step}, the first at "
            f"{_shown(strays[0])}: remove them from the table, or choose another",
            "asset_id",
        )


def _refuse_other_grid(times: pl.Series, stored: pl.Series, step: Step, phase: int, asset_id: str | int) -> None:
    """Refuse bars that are regular in themselves, but begin at other times than the stored ones."""
    phases = phases_of(times, step)
    if not len(stored) or phases.n_unique() > 1:
        return
    apart = timedelta(microseconds=int(phases[0]) - phase)
    if apart:
        raise ConfigError(
            f"{str(asset_id)!r} holds bars that begin {_length(abs(apart))} "
            f"{'before' if apart > timedelta(0) else 'after'} those of this file, of which the first is "
            f"{_shown(times[0])}: name the time zone of the file's times, choose another, or another table",
            "asset_id",
        )


def _refuse_without_place(times: pl.Series, off: pl.Series, step: Step, phase: int) -> None:
    """Refuse bars of which some have no place on the grid that is theirs alone."""
    strays = times.filter(off)
    many = f"{len(strays)} of {len(times)} bars"
    if step.working_days and (strays.dt.weekday() >= _SATURDAY).any():
        raise DataQualityError(
            f"must be another: {many} lie off the working days, the first at {_shown(strays[0])}", "frequency"
        )
    moved = _moved(times, step, phase)
    if ((moved - times).abs() * 2 >= step.length).any() or moved.is_duplicated().any():
        raise DataQualityError(
            f"{many} lie between the steps of {step}, the first at {_shown(strays[0])}, and not each is nearest to a "
            "step of its own: remove them, or bring bars of one length"
        )


def _off_grid(times: pl.Series, off: pl.Series, step: Step, phase: int) -> DataQualityError:
    strays = times.filter(off)
    apart = _distances(strays, step, phase)
    first = f"the first at {_shown(strays[0])}"
    many = f"{len(strays)} of {len(times)} bars"
    if step.length >= _DAY and (apart.abs() == _SUMMER_TIME).all():
        return DataQualityError(
            f"is needed: {many} begin 1 hour {_side(apart[0])} (UTC), {first}, as days of a place with summer time do: "
            "name it, as in Europe/Berlin",
            "time_zone",
        )
    late = f"begin {_length(abs(apart[0]))} {_side(apart[0])}"
    late += "" if (apart == apart[0]).all() else f" or the like, {_length(max(apart.abs()))} at most"
    return DataQualityError(
        f"is needed: {many} {late}, {first}, where there is one every {step}; it moves them to the grid", "snap"
    )


def _last_row(times: pl.Series, step: Step) -> DataQualityError:
    return DataQualityError(
        f"is needed: the last bar, {_shown(times[-1])}, lies off the grid of {step} that all others are on, and looks "
        "like the moment of a download; it leaves out that bar, which was not finished",
        "snap",
    )


def _moved(times: pl.Series, step: Step, phase: int) -> pl.Series:
    return times - _distances(times, step, phase)


def _distances(times: pl.Series, step: Step, phase: int) -> pl.Series:
    """Return how far each time lies after the nearest of the grid, before it where negative."""
    length = step.length // _MICROSECOND
    after = (phases_of(times, step) - phase) % length
    nearest = pl.select(pl.when(pl.lit(after) * 2 > length).then(pl.lit(after) - length).otherwise(pl.lit(after)))
    return nearest.to_series().cast(pl.Duration("us"))


def _left_out(times: pl.Series, now: datetime) -> str:
    at = _shown(now.replace(microsecond=0))
    if len(times) == 1:
        return f"the bar of {_shown(times[0])} is not finished at {at} and is left out"
    return f"{len(times)} bars from {_shown(times[0])} on are not finished at {at} and are left out"


def _side(apart: timedelta) -> str:
    return "late" if apart > timedelta(0) else "early"


def _length(apart: timedelta) -> str:
    """Return a distance in words, exact: 14.789 s, 28 min 14.789 s, 1 hour."""
    minutes, rest = divmod(apart, timedelta(minutes=1))
    seconds = f"{rest / timedelta(seconds=1):.9g} s"
    if not minutes:
        return seconds
    if rest:
        return f"{minutes} min {seconds}" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min {seconds}"
    return step_in_words(apart)


def _shown(time: datetime) -> str:
    text = str(time).replace("+00:00", "")
    return text.removesuffix("000") if "." in text else text.removesuffix(" 00:00:00")

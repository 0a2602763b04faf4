"""The regular grid: one row a step, UTC, nothing missing, and nothing filled from the future."""

import logging
from datetime import datetime, timedelta

import polars as pl

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from ..steps import step_in_words

logger = logging.getLogger(__name__)


def regularise(frame: pl.DataFrame, *, max_gap: int = 7, frequency: timedelta | None = None) -> pl.DataFrame:
    """Put a feature frame on a regular grid, filling forward only.

    Leading rows in which some column has no value yet (an indicator that is warming up) are dropped, and so are columns
    without any value; both are logged, and so is what is filled.

    Parameters
    ----------
    frame : polars.DataFrame, [N, 1 + F]
        ``timestamp`` (any time zone; without one it is UTC) in any order, and numeric columns. NaN is missing.
    max_gap : int, default 7
        Longest run of missing values, in steps, that is filled with the last value before it.
    frequency : timedelta, optional
        Step of the grid; the most common difference between neighbouring times where left out.

    Returns
    -------
    polars.DataFrame, [T, 1 + F]
        ``timestamp`` in UTC, strictly regular, and the columns as finite Float64.

    Raises
    ------
    MissingColumnsError
        Where there is no column ``timestamp``.
    ConfigError
        Where ``max_gap`` is negative or ``frequency`` not positive.
    DataQualityError
        For a missing, duplicated or off-grid time, a value that is infinite or no number, a run of missing values
        longer than ``max_gap``, or where there is no value at all.
    """
    if max_gap < 0:
        raise ConfigError(f"must be 0 or more, not {max_gap}", "max_gap")
    if frequency is not None and frequency <= timedelta(0):
        raise ConfigError(f"must be more than 0, not {frequency}", "frequency")
    frame = _sorted_utc(frame)
    _refuse_infinities(frame)
    frame = _without_empty_columns(frame)
    step = frequency or frame_frequency(frame)
    steps = _steps(frame["timestamp"], step)
    first = _warm_up(frame)
    # Of the rows that are dropped, the last few may still hold what the first row is filled with.
    near = frame.filter(steps >= steps[first] - max_gap)
    _refuse_missing_rows(near, step, max_gap)
    grid = pl.datetime_range(near["timestamp"][0], near["timestamp"][-1], step, eager=True).alias("timestamp")
    with_holes = grid.to_frame().join(near, on="timestamp", how="left", maintain_order="left")
    fill = pl.exclude("timestamp").fill_null(strategy="forward", limit=min(max_gap, len(grid)))
    after_warm_up = pl.col("timestamp") >= frame["timestamp"][first]
    filled = with_holes.with_columns(fill).filter(after_warm_up)
    _refuse_long_gaps(frame, filled, step, max_gap)
    _log_filled(with_holes.filter(after_warm_up))
    return filled


def frame_frequency(frame: pl.DataFrame) -> timedelta:
    """Return the most common difference between neighbouring times, the smaller one of equally common.

    Parameters
    ----------
    frame : polars.DataFrame, [N, ...]
        With a sorted column ``timestamp``.

    Raises
    ------
    DataQualityError
        Where there are fewer than two rows.
    """
    steps = frame["timestamp"].diff().drop_nulls().alias("step")
    if steps.is_empty():
        raise DataQualityError(
            f"the frequency shows in 2 rows or more, not in {len(frame)}: load a longer history, or name the frequency"
        )
    return steps.value_counts().sort("count", "step", descending=[True, False])["step"][0]


def _sorted_utc(frame: pl.DataFrame) -> pl.DataFrame:
    if "timestamp" not in frame.columns:
        raise MissingColumnsError(["timestamp"], frame.columns)
    if frame.is_empty():
        raise DataQualityError("the frame has no row: load a history")
    for name, kind in frame.drop("timestamp").schema.items():
        if not (kind.is_numeric() or isinstance(kind, (pl.Boolean, pl.Null))):
            raise DataQualityError(f"column {name!r} holds {kind}, not numbers: convert it, or leave it out")
    numbers = pl.exclude("timestamp").cast(pl.Float64).fill_nan(None)
    frame = frame.select(_utc(frame["timestamp"]), numbers).sort("timestamp")
    if missing := frame["timestamp"].null_count():
        raise DataQualityError(f"the timestamp is missing in {missing} rows: remove them")
    twice = frame.filter(pl.col("timestamp").is_duplicated())["timestamp"].unique(maintain_order=True)
    if len(twice):
        raise DataQualityError(
            f"{len(twice)} timestamps stand in several rows, first {_shown(twice[0])}: keep one row for each step"
        )
    return frame


def _utc(time: pl.Series) -> pl.Series:
    if time.dtype != pl.Date and not isinstance(time.dtype, pl.Datetime):
        raise DataQualityError(f"column 'timestamp' holds {time.dtype}, not times: convert it to Datetime first")
    zone = time.dtype.time_zone if isinstance(time.dtype, pl.Datetime) else None
    time = time.cast(pl.Datetime("us", zone))
    return time.dt.convert_time_zone("UTC") if zone else time.dt.replace_time_zone("UTC")


def _refuse_infinities(frame: pl.DataFrame) -> None:
    # One look at all columns at once; at each alone, only where something is wrong.
    if not frame.select(pl.any_horizontal(pl.exclude("timestamp").is_infinite().any())).item():
        return
    for name in frame.columns[1:]:
        infinite = frame.filter(pl.col(name).is_infinite())
        if len(infinite):
            raise DataQualityError(
                f"column {name!r} is infinite in {len(infinite)} rows, first at {_shown(infinite['timestamp'][0])}: "
                "correct the values at their source"
            )


def _steps(times: pl.Series, step: timedelta) -> pl.Series:
    """Return how many steps each time lies after the first."""
    microseconds = (times - times[0]).dt.total_microseconds()
    length = step // timedelta(microseconds=1)
    strays = times.filter(microseconds % length != 0)
    if len(strays):
        raise DataQualityError(
            f"{len(strays)} timestamps lie between the steps of {step_in_words(step)}, first {_shown(strays[0])}: "
            "resample the data, or name the right frequency"
        )
    return microseconds // length


def _refuse_missing_rows(frame: pl.DataFrame, step: timedelta, max_gap: int) -> None:
    """Refuse a hole in time before the grid is laid: one wrong time could make it larger than the memory."""
    times = frame["timestamp"]
    missing = _steps(times, step).diff().fill_null(1) - 1
    too_long = missing > max_gap
    if too_long.any():
        after = int(too_long.arg_max() or 0)
        raise DataQualityError(_gap("every column", missing[after], times[after - 1] + step, max_gap))


def _without_empty_columns(frame: pl.DataFrame) -> pl.DataFrame:
    nulls = frame.null_count().row(0, named=True)
    empty = [name for name in frame.columns[1:] if nulls[name] == len(frame)]
    if empty and len(empty) == frame.width - 1:
        raise DataQualityError(f"no column holds any value: {', '.join(map(repr, empty))}")
    if empty:
        logger.info("columns without any value are left out: %s", ", ".join(empty))
    return frame.drop(empty)


def _warm_up(frame: pl.DataFrame) -> int:
    """Return the first row by which every column has had a value."""
    first_values: dict[str, int] = frame.select(pl.exclude("timestamp").is_not_null().arg_max()).row(0, named=True)
    start = max(first_values.values(), default=0)
    if start:
        late = [name for name, row in first_values.items() if row == start]
        logger.info(
            "the first %d of %d rows are dropped, since %s has no value before %s",
            start,
            len(frame),
            ", ".join(late),
            _shown(frame["timestamp"][start]),
        )
    return start


def _refuse_long_gaps(frame: pl.DataFrame, filled: pl.DataFrame, step: timedelta, max_gap: int) -> None:
    nulls = filled.null_count().row(0, named=True)
    for name in (each for each in filled.columns[1:] if nulls[each]):
        within = filled["timestamp"][int(filled[name].is_null().arg_max() or 0)]
        known = frame.filter(pl.col(name).is_not_null())["timestamp"]
        begin = known.filter(known < within)[-1] + step
        later = known.filter(known > within)
        end = later[0] if len(later) else filled["timestamp"][-1] + step
        raise DataQualityError(_gap(f"column {name!r}", (end - begin) // step, begin, max_gap))


def _log_filled(with_holes: pl.DataFrame) -> None:
    holes = with_holes.filter(pl.any_horizontal(pl.exclude("timestamp").is_null()))["timestamp"]
    if len(holes):
        logger.warning(
            "%d of %d steps lack a value and are filled with the last one before, first at %s",
            len(holes),
            len(with_holes),
            _shown(holes[0]),
        )


def _gap(what: str, length: int, begin: datetime, max_gap: int) -> str:
    return (
        f"{what} has no value for {length} steps from {_shown(begin)}, and no more than {max_gap} are filled: "
        "supply the values at their source, start after them, or raise the size of gaps that are filled"
    )


def _shown(time: object) -> str:
    return str(time).replace("+00:00", "Z")

"""The regular grid: one row a step, UTC, nothing missing, and nothing filled from the future."""

import logging
from collections import Counter
from datetime import timedelta

import polars as pl

from .errors import DataQualityError, MissingColumnsError

logger = logging.getLogger(__name__)


def regularise(frame: pl.DataFrame, *, max_gap: int = 7, frequency: timedelta | None = None) -> pl.DataFrame:
    """Put a feature frame on a regular grid, filling forward only.

    Leading rows in which some column has no value yet (an indicator that is warming up) are dropped, and so are columns
    without any value; both are logged.

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
    DataQualityError
        For a missing, duplicated or off-grid time, an infinite value, a run of missing values longer than ``max_gap``,
        or where no row is left.
    """
    frame = _sorted_utc(frame)
    _refuse_infinities(frame)
    step = frequency or frame_frequency(frame)
    frame = _without_empty_columns(_on_grid(frame, step))
    frame = _without_warm_up(frame)
    filled = frame.with_columns(pl.exclude("timestamp").fill_null(strategy="forward", limit=max_gap))
    _refuse_long_gaps(frame, filled, max_gap)
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
    steps = frame["timestamp"].diff().drop_nulls().to_list()
    if not steps:
        raise DataQualityError(f"{len(frame)} rows tell no frequency: load more history, or name the frequency")
    counts = Counter(steps)
    return min(counts, key=lambda step: (-counts[step], step))


def _sorted_utc(frame: pl.DataFrame) -> pl.DataFrame:
    if "timestamp" not in frame.columns:
        raise MissingColumnsError(["timestamp"], frame.columns)
    utc = _utc(frame["timestamp"])
    frame = frame.with_columns(utc, pl.exclude("timestamp").cast(pl.Float64).fill_nan(None)).sort("timestamp")
    if frame["timestamp"].null_count():
        raise DataQualityError(f"{frame['timestamp'].null_count()} rows have no timestamp: remove them")
    twice = frame.filter(pl.col("timestamp").is_duplicated())["timestamp"].unique(maintain_order=True)
    if len(twice):
        raise DataQualityError(
            f"{len(twice)} timestamps stand more than once, the first is {_shown(twice[0])}: keep one row a step"
        )
    return frame


def _utc(time: pl.Series) -> pl.Series:
    zone = time.dtype.time_zone if isinstance(time.dtype, pl.Datetime) else None
    time = time.cast(pl.Datetime("us", zone))
    return time.dt.convert_time_zone("UTC") if zone else time.dt.replace_time_zone("UTC")


def _refuse_infinities(frame: pl.DataFrame) -> None:
    for name in frame.columns[1:]:
        infinite = frame.filter(pl.col(name).is_infinite())
        if len(infinite):
            raise DataQualityError(
                f"column {name!r} is infinite in {len(infinite)} rows, first at {_shown(infinite['timestamp'][0])}: "
                "correct the values at their source"
            )


def _on_grid(frame: pl.DataFrame, step: timedelta) -> pl.DataFrame:
    first, last = frame["timestamp"][0], frame["timestamp"][-1]
    grid = pl.datetime_range(first, last, step, eager=True).alias("timestamp").to_frame()
    strays = frame.join(grid, on="timestamp", how="anti")
    if len(strays):
        raise DataQualityError(
            f"{len(strays)} timestamps lie between the steps of {step}, the first is {_shown(strays['timestamp'][0])}: "
            "resample the data, or name the right frequency"
        )
    return grid.join(frame, on="timestamp", how="left", maintain_order="left")


def _without_empty_columns(frame: pl.DataFrame) -> pl.DataFrame:
    empty = [name for name in frame.columns[1:] if frame[name].null_count() == len(frame)]
    if empty:
        logger.warning("left out, without any value: %s", ", ".join(empty))
    return frame.drop(empty)


def _without_warm_up(frame: pl.DataFrame) -> pl.DataFrame:
    first_values = {name: int(frame[name].is_not_null().arg_max() or 0) for name in frame.columns[1:]}
    start = max(first_values.values(), default=0)
    if start:
        late = [name for name, row in first_values.items() if row == start]
        logger.info(
            "the first %d of %d rows are dropped: %s has no value before %s",
            start,
            len(frame),
            ", ".join(late),
            _shown(frame["timestamp"][start]),
        )
    return frame[start:]


def _refuse_long_gaps(frame: pl.DataFrame, filled: pl.DataFrame, max_gap: int) -> None:
    for name in filled.columns[1:]:
        if not filled[name].null_count():
            continue
        beyond = int(filled[name].is_null().arg_max() or 0)
        before = beyond - max_gap
        length = int(frame[name][before:].is_not_null().arg_max() or len(frame) - before)
        raise DataQualityError(
            f"column {name!r} has no value for {length} steps from {_shown(frame['timestamp'][before])}, more than "
            f"max_gap={max_gap}: fill them at their source, begin after them, or allow a longer gap"
        )


def _shown(time: object) -> str:
    return str(time).replace("+00:00", "Z")

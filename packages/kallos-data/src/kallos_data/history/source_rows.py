"""Rows as they come from a source: sorted, each time once, finite numbers, and columns that have some."""

import polars as pl

from ..errors import DataQualityError, MissingColumnsError
from ..frames import as_polars


def sorted_utc(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame sorted by its times in UTC, its other columns as Float64, NaN as null."""
    if "timestamp" not in frame.columns:
        raise MissingColumnsError(["timestamp"], frame.columns)
    if frame.is_empty():
        raise DataQualityError("the frame has no row: load a history")
    for name, kind in frame.drop("timestamp").schema.items():
        if not (kind.is_numeric() or isinstance(kind, (pl.Boolean, pl.Null))):
            raise DataQualityError(f"column {name!r} holds {kind}, not numbers: convert it, or leave it out")
    numbers = pl.exclude("timestamp").cast(pl.Float64).fill_nan(None)
    frame = as_polars(frame).with_columns(numbers).sort("timestamp")
    if missing := frame["timestamp"].null_count():
        raise DataQualityError(f"the timestamp is missing in {missing} rows: remove them")
    twice = frame.filter(pl.col("timestamp").is_duplicated())["timestamp"].unique(maintain_order=True)
    if len(twice):
        raise DataQualityError(
            f"{len(twice)} timestamps stand in several rows, first {shown(twice[0])}: keep one row for each step"
        )
    return frame


def refuse_infinities(frame: pl.DataFrame) -> None:
    """Refuse a value that is infinite."""
    # One look at all columns at once; at each alone, only where something is wrong.
    if not frame.select(pl.any_horizontal(pl.exclude("timestamp").is_infinite().any())).item():
        return
    for name in frame.columns[1:]:
        infinite = frame.filter(pl.col(name).is_infinite())
        if len(infinite):
            raise DataQualityError(
                f"column {name!r} is infinite in {len(infinite)} rows, first at {shown(infinite['timestamp'][0])}: "
                "correct the values at their source"
            )


def joined(market: pl.DataFrame, *others: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the market's table with what other tables have at their times."""
    for more in others:
        market = market.join(more, on="timestamp", how="left", maintain_order="left")
    return market


def null_counts(frame: pl.DataFrame) -> dict[str, int]:
    """Return for each column of Float64 the number of rows without a value; NaN is none."""
    values = frame.drop("timestamp").select(pl.all().fill_nan(None).null_count())
    return values.row(0, named=True) if values.width else {}


def empty_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """Return the columns of Float64 that have no value."""
    return tuple(name for name, nulls in null_counts(frame).items() if nulls == len(frame))


def without_empty_columns(frame: pl.DataFrame, target_col: str | None) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return a frame without the columns that have no value, and these; the target must have some."""
    empty = empty_columns(frame)
    if empty and len(empty) == frame.width - 1:
        raise DataQualityError(f"no column holds any value: {', '.join(map(repr, empty))}")
    if target_col in empty:
        raise DataQualityError(f"column {target_col!r}, the target, has no value in {len(frame)} rows: choose another")
    return frame.drop(empty), empty


def shown(time: object) -> str:
    """Return a time as messages show it."""
    return str(time).replace("+00:00", "Z")

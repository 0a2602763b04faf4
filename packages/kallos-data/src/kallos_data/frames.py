"""Frames of polars and pandas as one: a pandas frame may keep its times in a ``DatetimeIndex``, named or not."""

from typing import Any, Final, TypeGuard

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame

from .errors import DataQualityError, MissingColumnsError

TIMESTAMP: Final = "timestamp"

_TIME: Final = pl.Datetime("us", "UTC")


def times_of(frame: IntoDataFrame, *, by_clock: bool = False) -> pl.Series:
    """Return the times of a frame, ``[T]`` in UTC, from its column ``timestamp`` or its ``DatetimeIndex``.

    Times without a zone are UTC.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame, [T, ...]
    by_clock : bool, default False
        Take what the clocks of the frame's zone show as if it were UTC: days then are days in spite of summer time.

    Raises
    ------
    MissingColumnsError
        Where it has neither.
    DataQualityError
        Where the column holds no times.
    """
    if isinstance(frame, pl.DataFrame) and TIMESTAMP in frame.columns:
        return _in_utc(frame[TIMESTAMP], by_clock=by_clock)
    rows = nw.from_native(frame, eager_only=True)
    if TIMESTAMP in rows.columns:
        return _in_utc(_as_series(rows[TIMESTAMP], by_clock=by_clock), by_clock=by_clock)
    if not has_time_index(frame):
        raise MissingColumnsError([TIMESTAMP], rows.columns, where="the frame (whose index holds no times either)")
    index: Any = frame.index  # pyright: ignore[reportAttributeAccessIssue]
    return _of_index(index, by_clock=by_clock)


def is_frame(rows: object) -> TypeGuard[IntoDataFrame]:
    """Return whether rows are a frame of polars or pandas, and not an array or a list."""
    return isinstance(rows, pl.DataFrame) or nw.dependencies.is_pandas_dataframe(rows)


def times_of_rows(rows: object) -> pl.Series | None:
    """Return the times of whatever has some, ``[T]``, None where it has none.

    Of a frame those of :func:`times_of`; of anything else of pandas its index, where that holds times, days or periods,
    or has a level of them.
    """
    if is_frame(rows) and has_times(rows):
        return times_of(rows)
    if not (nw.dependencies.is_pandas_dataframe(rows) or nw.dependencies.is_pandas_series(rows)):
        return None
    import pandas as pd  # noqa: PLC0415 - it is loaded

    index: Any = rows.index
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    for level in levels:
        if isinstance(level, pd.PeriodIndex):
            return _of_index(level.to_timestamp())
        if isinstance(level, pd.DatetimeIndex) or pd.api.types.infer_dtype(level) in ("date", "datetime"):
            return _of_index(pd.DatetimeIndex(level))
    return None


def has_times(frame: IntoDataFrame) -> bool:
    """Return whether a frame has times, in a column ``timestamp`` or as its index."""
    return TIMESTAMP in frame.columns or has_time_index(frame)


def has_time_index(frame: IntoDataFrame) -> bool:
    """Return whether a frame is of pandas, and its times are its index."""
    if not nw.dependencies.is_pandas_dataframe(frame) or TIMESTAMP in frame.columns:
        return False
    import pandas as pd  # noqa: PLC0415 - whoever gives a pandas frame has it, and no one else needs it

    return isinstance(frame.index, pd.DatetimeIndex)


def as_polars(frame: IntoDataFrame) -> pl.DataFrame:
    """Return a frame as polars, its times in a first column ``timestamp`` (UTC) and its other columns as they are.

    Raises
    ------
    MissingColumnsError, DataQualityError
        As in :func:`times_of`.
    """
    times = times_of(frame)
    if isinstance(frame, pl.DataFrame):
        return frame.select(times, pl.exclude(TIMESTAMP))
    rows = nw.from_native(frame, eager_only=True)
    if nameless := [name for name in rows.columns if not isinstance(name, str)]:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataQualityError(f"a column is named by {nameless[0]!r}, which is no text: name the columns by texts")
    return pl.DataFrame([times, *(_as_series(rows[name]) for name in rows.columns if name != TIMESTAMP)])


def like(frame: pl.DataFrame, original: IntoDataFrame) -> Any:  # noqa: ANN401 - whatever the original was
    """Return a polars frame with ``timestamp`` in the form of another: polars, or pandas, its times likewise.

    The zone of a pandas index is that of the original, also where it has none.
    """
    if not nw.dependencies.is_pandas_dataframe(original):
        return frame
    if has_time_index(original):
        index: Any = original.index
        return to_pandas(frame, zone=index.tz, name=index.name)
    return to_pandas(frame).reset_index()


def to_pandas(frame: pl.DataFrame, *, zone: Any = "UTC", name: Any = TIMESTAMP) -> Any:  # noqa: ANN401 - pandas has no types here
    """Return a frame as pandas with a ``DatetimeIndex`` in place of its column ``timestamp``.

    Parameters
    ----------
    frame : polars.DataFrame, [T, 1 + F]
    zone : str, tzinfo or None, default "UTC"
        Of the index; None for UTC that does not say so.
    name : str or None, default "timestamp"
        Of the index.
    """
    import pandas as pd  # noqa: PLC0415 - an extra

    since_1970 = frame[TIMESTAMP].dt.epoch("us").to_numpy()
    index = pd.DatetimeIndex(since_1970.astype("datetime64[us]"), name=name)
    if zone is not None:
        index = index.tz_localize("UTC").tz_convert(zone)
    columns = {each: frame[each].to_numpy() for each in frame.columns if each != TIMESTAMP}
    return pd.DataFrame(columns, index=index)


def _as_series(column: nw.Series[Any], *, by_clock: bool = False) -> pl.Series:
    """Return a column of any library; times of pandas without the help of pyarrow."""
    if column.implementation.is_pandas() and isinstance(column.dtype, nw.Datetime):
        import pandas as pd  # noqa: PLC0415 - it is loaded

        return _of_index(pd.DatetimeIndex(column.to_native()), by_clock=by_clock).alias(column.name)
    if column.dtype == nw.Boolean and column.null_count():
        column = column.cast(nw.Float64)
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return pl.Series(column.name, column.to_numpy())
    return pl.Series(column.name, column.to_list())


def _of_index(index: Any, *, by_clock: bool = False) -> pl.Series:  # noqa: ANN401 - a DatetimeIndex
    moments = index if index.tz is None or by_clock else index.tz_convert("UTC")
    values = moments.tz_localize(None).to_numpy("datetime64[us]")
    return pl.Series(TIMESTAMP, values, dtype=pl.Datetime("us")).cast(_TIME)


def _in_utc(times: pl.Series, *, by_clock: bool = False) -> pl.Series:
    if times.dtype != pl.Date and not isinstance(times.dtype, pl.Datetime):
        raise DataQualityError(f"column 'timestamp' holds {times.dtype}, not times: convert it to Datetime first")
    zone = times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None
    times = times.cast(pl.Datetime("us", zone)).alias(TIMESTAMP)
    return times.dt.replace_time_zone("UTC") if zone is None or by_clock else times.dt.convert_time_zone("UTC")

"""Frames of other libraries as polars, with the index of pandas as a column."""

from typing import Any

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame

from ..errors import DataQualityError


def as_polars(frame: IntoDataFrame) -> pl.DataFrame:
    """Return a frame as polars; an index of pandas that is more than a count of rows becomes its first column."""
    if isinstance(frame, pl.DataFrame):
        return frame
    other = nw.from_native(frame, eager_only=True, pass_through=False)
    native = other.to_native()
    columns: dict[str, pl.Series] = {}
    if nw.dependencies.is_pandas_dataframe(native):
        columns = _index(native.index)
        names = _flat(native.columns)
        for place, name in enumerate(names):
            if name in columns:
                raise DataQualityError(f"the frame has two columns named {name!r}: rename or remove one")
            columns[name] = _series(native.iloc[:, place])
        return pl.DataFrame([column.alias(name) for name, column in columns.items()])
    return pl.DataFrame({str(name): other[name].to_list() for name in other.columns}, strict=False)


def _index(index: Any) -> dict[str, pl.Series]:  # noqa: ANN401 - an index of pandas, which need not be installed
    levels = [index.get_level_values(place) for place in range(index.nlevels)]
    # Periods are known by their beginnings.
    levels = [level.to_timestamp() if hasattr(level, "to_timestamp") else level for level in levels]
    counts = index.nlevels == 1 and index.dtype.kind in "iu" and index.name is None
    if counts or not len(index):
        return {}
    # What Parquet files of pandas call an index without a name.
    names = [
        f"__index_level_{place}__" if level.name is None else str(level.name) for place, level in enumerate(levels)
    ]
    return {name: _series(level.to_series()) for name, level in zip(names, levels, strict=True)}


def _flat(columns: Any) -> list[str]:  # noqa: ANN401 - as above
    """Return names; of two levels, of which one has a single value, the other one."""
    if columns.nlevels == 1:
        return [str(name) for name in columns]
    levels = [place for place in range(columns.nlevels) if columns.get_level_values(place).nunique() > 1]
    if len(levels) <= 1:
        return [str(name) for name in columns.get_level_values(levels[0] if levels else 0)]
    return [" ".join(map(str, name)) for name in columns]


def _series(values: Any) -> pl.Series:  # noqa: ANN401 - as above
    if values.dtype.kind in "iufbM" and str(values.dtype).startswith(
        ("int", "uint", "float", "bool", "datetime64[ns]")
    ):
        return pl.Series(values.to_numpy())
    if getattr(values.dtype, "tz", None) is not None:
        return _zoned(values)
    missing = values.isna()
    return pl.Series(
        [None if gone else value for value, gone in zip(values.tolist(), missing, strict=True)], strict=False
    )


def _zoned(values: Any) -> pl.Series:  # noqa: ANN401 - as above
    zone = getattr(values.dtype.tz, "key", None) or getattr(values.dtype.tz, "zone", None)
    in_utc = pl.Series(values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()).dt.replace_time_zone("UTC")
    if zone is not None:
        return in_utc.dt.convert_time_zone(str(zone))
    written = values.map(lambda value: None if value is None or value != value else value.isoformat())  # noqa: PLR0124 - NaT
    return pl.Series(written.tolist(), dtype=pl.String)

"""Forecasts of a frame as the rows of a table: every column there, of its type, and none of them looking ahead."""

from typing import Final

import narwhals as nw
import polars as pl
from narwhals.typing import IntoDataFrame

from ..errors import ConfigError, DataQualityError, MissingColumnsError
from ..frames import TIMESTAMP, as_polars

KEY: Final = ("model", "asset", "time")
TIMES: Final = ("time", "made_at", "known_until")
NUMBERS: Final = ("forecast", "spread", "low", "high", "price")
COLUMNS: Final = (*KEY, "made_at", "known_until", *NUMBERS)

_NULLABLE: Final = ("spread", "low", "high", "price")
_TIME: Final = pl.Datetime("us", "UTC")


def forecast_rows(frame: IntoDataFrame) -> pl.DataFrame:
    """Return forecasts with all columns of their table, in its order, sorted by key.

    Parameters
    ----------
    frame : polars.DataFrame or pandas.DataFrame, [N, C]
        As :func:`.store_forecasts` takes it.

    Raises
    ------
    MissingColumnsError, ConfigError, DataQualityError
        As :func:`.store_forecasts`.
    """
    found = _as_polars(frame)
    optional = [name for name in _NULLABLE if name not in found.columns]
    found = found.with_columns(pl.lit(None, pl.Float64).alias(name) for name in optional)
    rows = found.select(
        *(_text(found[name]) for name in ("model", "asset")),
        *(_time(found[name]) for name in TIMES),
        *(_number(found[name]) for name in NUMBERS),
    )
    _refuse_missing(rows)
    _refuse_looking_ahead(rows)
    rows = rows.sort(KEY)
    if (again := rows.filter(rows.select(KEY).is_duplicated())).height:
        raise DataQualityError(f"there are two forecasts {_of(again)}: leave one of them out")
    return rows


def _as_polars(frame: IntoDataFrame) -> pl.DataFrame:
    columns = nw.from_native(frame, eager_only=True).columns
    if missing := [name for name in COLUMNS if name not in columns and name not in _NULLABLE]:
        raise MissingColumnsError(missing, columns, where="the frame of forecasts")
    if other := [name for name in columns if name not in COLUMNS]:
        raise ConfigError(
            f"has columns that a table of forecasts does not have, {', '.join(map(repr, other))}: leave them out, "
            f"or name them as one of {', '.join(COLUMNS)}",
            "frame",
        )
    if isinstance(frame, pl.DataFrame):
        return frame
    named = nw.from_native(frame, eager_only=True).rename({"time": TIMESTAMP}).to_native()
    return as_polars(named).rename({TIMESTAMP: "time"})


def _text(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String and not column.dtype.is_integer():
        raise DataQualityError(
            f"column {column.name!r} of the forecasts holds {column.dtype}, not texts: write the names as texts"
        )
    texts = column.cast(pl.String)
    return pl.select(pl.when(texts.str.strip_chars() == "").then(None).otherwise(texts).alias(column.name)).to_series()


def _time(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if not isinstance(kind, pl.Date | pl.Datetime):
        raise DataQualityError(
            f"column {column.name!r} of the forecasts holds {kind}, not times: convert it to Datetime first"
        )
    zone = kind.time_zone if isinstance(kind, pl.Datetime) else None
    times = column.cast(pl.Datetime("us", zone))
    return times.dt.replace_time_zone("UTC") if zone is None else times.dt.convert_time_zone("UTC")


def _number(column: pl.Series) -> pl.Series:
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise DataQualityError(f"column {column.name!r} of the forecasts holds {column.dtype}, not numbers")
    return column.cast(pl.Float64).fill_nan(None)


def _refuse_missing(rows: pl.DataFrame) -> None:
    for name in COLUMNS:
        if name not in _NULLABLE and rows[name].has_nulls():
            bad = rows.filter(pl.col(name).is_null())
            raise DataQualityError(f"the forecast {_of(bad)} has no {name!r} ({bad.height} of {rows.height}): set it")
    for name in NUMBERS:
        if (bad := rows.filter(pl.col(name).is_infinite())).height:
            raise DataQualityError(f"the forecast {_of(bad)} has {bad[name][0]} as {name!r}: no number is infinite")


def _refuse_looking_ahead(rows: pl.DataFrame) -> None:
    if (bad := rows.filter(pl.col("known_until") >= pl.col("time"))).height:
        raise DataQualityError(
            f"the forecast {_of(bad)} knew the steps until {bad['known_until'][0]:%Y-%m-%d %H:%MZ}: "
            "a forecast is for a time after the last step that it read"
        )


def _of(rows: pl.DataFrame) -> str:
    """Return which forecast the first row is, in words."""
    row = rows.row(0, named=True)
    time = "no time" if row["time"] is None else f"{row['time']:%Y-%m-%d %H:%MZ}"
    return f"of model {row['model']!r} and asset {row['asset']!r} for {time}"

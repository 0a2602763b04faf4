"""Rows of bars without names: which layouts are certain."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from ..errors import DataQualityError
from .columns import BINANCE_COLUMNS
from .written_times import written_times

_BAR: Final = ("timestamp", "open", "high", "low", "close", "volume")
# Of a wrong layout next to no row is a bar, of the right one nearly all are.
_MOST_ROWS: Final = 0.9


def with_names(frame: pl.DataFrame, *, where: str) -> pl.DataFrame:
    """Return rows with the names of their columns, where these are certain.

    They are in the 12 columns of Binance, and in six, or seven with the quote volume, whose second to fifth are bars by
    their values (the third is the highest, the fourth the lowest, and opens follow the closes before them).

    Parameters
    ----------
    frame : polars.DataFrame, [N, ...]
        Columns by number.
    where : str
        What messages call it.

    Raises
    ------
    DataQualityError
        Where they are not; the message shows the columns of the first row.
    """
    if frame.width == len(BINANCE_COLUMNS):
        return frame.rename(dict(zip(frame.columns, BINANCE_COLUMNS, strict=True)))
    if frame.width in (len(_BAR), len(_BAR) + 1) and _are_bars(frame) and _opens_follow_closes(frame):
        names = [*_BAR, "quote_asset_volume"][: frame.width]
        return frame.rename(dict(zip(frame.columns, names, strict=True)))
    first = frame.row(0) if len(frame) else ()
    raise no_header(first, where=where)


def no_header(first: Sequence[object], *, where: str) -> DataQualityError:
    """Return the error for rows whose columns nobody names."""
    shown = ", ".join(map(str, first[:12]))
    return DataQualityError(
        f"{where} has no names for its {len(first)} columns, and which is which is not certain: the first row is "
        f"{shown}; name them, as in a header timestamp,open,high,low,close,volume"
    )


def _are_bars(frame: pl.DataFrame) -> bool:
    numbers = frame.select(pl.all().exclude(frame.columns[0]).cast(pl.Float64, strict=False))
    if numbers.is_empty() or sum(numbers.null_count().row(0)):
        return False
    open_, high, low, close, volume = (pl.col(name) for name in numbers.columns[:5])
    moved = high > low
    bars = (high >= pl.max_horizontal(open_, close)) & (low <= pl.min_horizontal(open_, close)) & (low > 0)
    weighted_price = volume.is_between(low, high)
    checks = [moved.any(), bars.mean() >= _MOST_ROWS, (volume >= 0).all(), ~weighted_price.all()]
    if numbers.width > len(_BAR) - 1:
        quote = pl.col(numbers.columns[5])
        near = (quote / volume).is_between(low * 0.999, high * 1.001)
        # Where nothing was traded, a count of trades looks like a turnover.
        checks.append(near.filter(volume > 0).mean() >= _MOST_ROWS)
    return all(numbers.select(pl.all_horizontal(*checks)).row(0))


def _opens_follow_closes(frame: pl.DataFrame) -> bool:
    """Whether the second column is the open and the fifth the close: the other way round, they make bars as well."""
    times, opens, closes = frame.to_series(0), *(frame.to_series(place).cast(pl.Float64) for place in (1, 4))
    order = times.cast(pl.Float64, strict=False)
    if order.has_nulls() and times.dtype == pl.String:
        order = written_times(times).local.to_physical()
    if order.has_nulls():
        return False
    rows = pl.DataFrame([order.alias("order"), opens.alias("open"), closes.alias("close")]).sort("order")
    after_close, after_open = rows.select(
        (pl.col("open") - pl.col("close").shift()).abs().sum().alias("after close"),
        (pl.col("close") - pl.col("open").shift()).abs().sum().alias("after open"),
    ).row(0)
    return after_close < after_open or bool((opens == closes).all())

"""What bars must be: prices there and positive, the high the highest and the low the lowest, one bar a time."""

import logging
from collections.abc import Sequence
from typing import Final

import polars as pl

from ..errors import DataQualityError
from .columns import MARKET_COLUMNS, PRICES
from .markets import telling_apart, values_of
from .origin import Origin

logger = logging.getLogger(__name__)

ROW: Final = "row in the source"
_RELATIVE: Final = 1e-9
_MOST_ROUNDING: Final = 1e-3
_MOST_DECIMALS: Final = 16


def refuse_contradictions(bars: pl.DataFrame, origin: Origin) -> None:
    """Refuse bars with a missing or impossible price or volume.

    Raises
    ------
    DataQualityError
        Where there is one; the message names its row and value.
    """
    volumes = [name for name in MARKET_COLUMNS[4:] if name in bars.columns]
    checks: Sequence[tuple[str, pl.Expr, str]] = (
        *((name, pl.col(name).is_null(), "is missing") for name in PRICES),
        *((name, pl.col(name) <= 0, "is not positive") for name in PRICES),
        *((name, pl.col(name) < 0, "is negative") for name in volumes),
        ("high", pl.col("high") < pl.col("low"), "is under the low"),
    )
    found = bars.select(broken.any().alias(str(place)) for place, (_, broken, _) in enumerate(checks)).row(0)
    for (name, broken, problem), there in zip(checks, found, strict=True):
        if there:
            bad = bars.filter(broken).sort(ROW)
            value = "" if bad[name][0] is None else f" {bad[name][0]}"
            raise DataQualityError(
                f"{origin.at(bad[ROW][0])}: {name}{value} {problem}{_more(len(bad))}: correct or remove the row"
            )


def holding_open_and_close(bars: pl.DataFrame, origin: Origin, *, repair: bool) -> pl.DataFrame:
    """Return bars whose high and low hold open and close, widened where ``repair`` says so.

    Where a column has fewer decimals than another, one unit of its last digit is no contradiction.

    Raises
    ------
    DataQualityError
        Where an open or close lies beyond the high or the low, and is not to be repaired.
    """
    outside = bars.filter(
        (pl.max_horizontal("open", "close") > pl.col("high")) | (pl.min_horizontal("open", "close") < pl.col("low"))
    )
    if outside.is_empty():
        return bars
    if not repair:
        _refuse_outside(bars, outside, origin)
        return bars
    logger.warning("%s: rows whose high and low were widened to hold open and close: %d", origin.where, len(outside))
    return bars.with_columns(
        pl.max_horizontal("open", "high", "close").alias("high"), pl.min_horizontal("open", "low", "close").alias("low")
    )


def _refuse_outside(bars: pl.DataFrame, outside: pl.DataFrame, origin: Origin) -> None:
    units = {name: 10.0 ** -_decimals(bars[name]) for name in PRICES}
    found: list[tuple[int, str]] = []
    count = pl.Series([False] * len(outside))
    for price in ("close", "open"):
        for bound, sign, relation in (("high", 1, "above"), ("low", -1, "under")):
            coarser = 0.0 if units[price] == units[bound] else max(units[price], units[bound])
            rounding = pl.min_horizontal(pl.col(price) * _MOST_ROUNDING, pl.lit(coarser))
            beyond = sign * (pl.col(price) - pl.col(bound)) > pl.max_horizontal(pl.col(price) * _RELATIVE, rounding)
            bad = outside.select(beyond).to_series()
            count |= bad
            found += [
                (row[ROW], f"{price} {row[price]} is {relation} the {bound} {row[bound]}")
                for row in outside.filter(bad).sort(ROW).head(1).iter_rows(named=True)
            ]
    if found:
        row, problem = min(found, key=lambda each: each[0])
        raise DataQualityError(
            f"is needed, or a correction: {origin.at(row)}: {problem}{_more(int(count.sum()))}; "
            "it widens high and low to hold open and close",
            "repair",
        )


def one_bar_a_time(bars: pl.DataFrame, raw: pl.DataFrame, used: Sequence[int], origin: Origin) -> pl.DataFrame:
    """Return bars, sorted by time, without those that stand there a second time with the same values.

    Parameters
    ----------
    bars : polars.DataFrame, [N, ...]
        Sorted, with the row in the source.
    raw : polars.DataFrame
        The source, row 1 first.
    used : sequence of int
        Places of columns of the source that became columns of the bars.
    origin : Origin
        How messages name it and its rows.

    Raises
    ------
    DataQualityError
        Where two rows of one time differ.
    """
    again = ~bars["timestamp"].is_first_distinct()
    if not again.any():
        return bars
    unique = bars.unique(pl.exclude(ROW), keep="first", maintain_order=True)
    if unique["timestamp"].is_duplicated().any():
        _refuse_same_times(unique, raw, used, origin)
    logger.warning("%s: exact repeats of other rows are dropped: %d", origin.where, len(bars) - len(unique))
    return unique


def _refuse_same_times(bars: pl.DataFrame, raw: pl.DataFrame, used: Sequence[int], origin: Origin) -> None:
    groups = (
        bars.filter(pl.col("timestamp").is_duplicated())
        .group_by("timestamp", maintain_order=True)
        .agg(ROW)
        .sort("timestamp")
    )
    rows = groups[ROW][0].sort()
    time = f"{groups['timestamp'][0]:%Y-%m-%d %H:%M:%S}"
    same = f"{origin.where}, {origin.rows(*rows[:2])} are both of {time} UTC and differ{_more(len(groups), 'times')}"
    column = telling_apart(raw, [group - 1 for group in groups[ROW].head(1000)], used)
    if column is None:
        raise DataQualityError(f"{same}: remove one of them")
    value, listed = values_of(raw[column].gather(groups[ROW].explode() - 1))
    raise DataQualityError(
        f"{column}={value} (or another) keeps one of several: {same}; the column {column!r} tells them apart: {listed}",
        "where",
    )


def _decimals(column: pl.Series) -> int:
    """Return with how many decimals a column was printed, as far as its numbers tell."""
    for decimals in range(_MOST_DECIMALS):
        if (column.round(decimals) == column).all():
            return decimals
    return _MOST_DECIMALS


def _more(count: int, what: str = "") -> str:
    return f" (and in {count - 1} more{' ' + what if what else ''})" if count > 1 else ""

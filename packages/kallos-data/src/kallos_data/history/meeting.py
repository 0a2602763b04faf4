"""Whether two tables speak of the same times: rows that never meet would leave columns of nothing but filled values."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl
import sqlalchemy
from sqlalchemy import Connection, types

from ..database.feature_tables import FeatureTables
from ..database.tables import SourceTable
from ..errors import DataQualityError
from ..steps import find_step, step_in_words

logger = logging.getLogger(__name__)

_LEAST_SHARE: Final = 0.5
_MOST_ALIKE: Final = 5


def require_meeting(
    prices: pl.DataFrame, others: pl.DataFrame, *, market: str, other: str, alike: Callable[[], list[str]] = list
) -> None:
    """Refuse a table whose times are not those of the prices, as far as it reaches.

    A table may begin later or end earlier than the prices, and lack rows: what counts is the share of the rows of
    prices between its first and its last time that it has a row for.

    Parameters
    ----------
    prices, others : polars.DataFrame
        With ``timestamp`` in UTC, of one asset, in any order.
    market, other : str
        Names of the two tables.
    alike : function, optional
        Returns ids of the other table that look like the asset's; asked where little or nothing meets.

    Raises
    ------
    DataQualityError
        Where less than half of them have one, or the other table's rows are further apart: what it says of a longer
        step is not known within it. Or where there is none at all and an id that looks like the asset's.
    """
    if prices["timestamp"].equals(others["timestamp"]):
        return
    mine, theirs = (frame["timestamp"].drop_nulls().sort() for frame in (prices, others))
    common = mine.filter(mine.is_between(theirs[0], theirs[-1])) if len(theirs) else mine.clear()
    alone = common.filter(~_is_in(common, theirs))
    if len(common) and not len(alone):
        return
    stray = theirs.filter(theirs.is_between(mine[0], mine[-1]))
    stray = stray.filter(~_is_in(stray, mine))
    if not len(common) and not len(stray):
        _refuse_ids(alike(), other)
        logger.warning("table %s has no row of this asset at the times of %s: its columns are left out", other, market)
        return
    met = len(common) - len(alone)
    if met < max(1, _LEAST_SHARE * len(common)) or _coarser(mine, theirs):
        away = _nearest(alone if len(alone) else mine, theirs)
        ids = alike()
        hint = f" ({other} also has the id {', '.join(map(repr, ids))})" if ids else ""
        raise DataQualityError(
            f"{met} of {len(common if met else mine)} rows of {market} have a time of {other}; "
            f"{_why(mine, theirs, away)}: write both tables at the same times{hint}"
        )
    if len(alone) and len(stray):
        logger.warning(
            "%d of %d rows of %s have no row in %s, which has %d rows at other times, first %s",
            len(alone),
            len(common),
            market,
            other,
            len(stray),
            str(stray[0]).replace("+00:00", "Z"),
        )


def _refuse_ids(alike: list[str], other: str) -> None:
    if alike:
        raise DataQualityError(
            f"table {other!r} has no row of this asset, but of {', '.join(map(repr, alike))}: "
            "write the id alike in both tables"
        )


def ids_that_look_alike(
    connection: Connection, tables: FeatureTables, table: SourceTable, asset_id: str | int
) -> list[str]:
    """Return ids of a table that differ from an asset's in capitals or blanks alone."""
    if isinstance(table.types[tables.id_column], types.Integer):
        return []
    column = table.clause.c[tables.id_column]
    text = sqlalchemy.cast(column, types.Text)
    alike = sqlalchemy.func.lower(sqlalchemy.func.trim(text)) == str(asset_id).strip().lower()
    query = sqlalchemy.select(text).where(alike, text != str(asset_id)).distinct().limit(_MOST_ALIKE)
    return sorted(connection.execute(query).scalars())


def _is_in(times: pl.Series, others: pl.Series) -> pl.Series:
    """Return which times are among others; both are sorted, which spares a table of millions of them."""
    left, right = (each.to_physical().to_numpy() for each in (times, others))
    if not len(right):
        return pl.repeat(value=False, n=len(left), eager=True)
    place = np.minimum(np.searchsorted(right, left), len(right) - 1)
    return pl.Series(right[place] == left)


def _coarser(mine: pl.Series, theirs: pl.Series) -> bool:
    """Return whether the others are mostly further apart; a history of two rows shows no step."""
    mine, theirs = (times.unique(maintain_order=True) for times in (mine, theirs))
    return min(len(mine), len(theirs)) > 2 and find_step(theirs).length > find_step(mine).length


def _nearest(mine: pl.Series, theirs: pl.Series) -> timedelta:
    """Return the smallest distance between times of which none are equal."""
    left, right = (times.alias("timestamp").to_frame() for times in (mine, theirs))
    pairs = left.join_asof(right.with_columns(theirs.alias("other")), on="timestamp", strategy="nearest")
    return (pairs["timestamp"] - pairs["other"]).abs().min()  # pyright: ignore[reportReturnType]


def _why(mine: pl.Series, theirs: pl.Series, nearest: timedelta) -> str:
    single = [times.unique(maintain_order=True) for times in (mine, theirs)]
    if min(map(len, single)) > 1:
        step, other = map(find_step, single)
        if step.length != other.length:
            return f"the rows of the one are {step} apart, of the other {other}"
    return f"the nearest differ by {step_in_words(nearest)}"

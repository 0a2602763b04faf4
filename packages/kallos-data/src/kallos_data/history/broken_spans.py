"""Returns and rates of change that no bar can have, since a step of their span is missing."""

from collections.abc import Collection

import polars as pl

from ..known_columns import SPANS


def fill_broken_spans(
    filled: pl.DataFrame, times: pl.Series, positions: pl.Series, changes: Collection[str]
) -> pl.DataFrame:
    """Fill with 0 the known changes over n steps that are missing where the row n rows before is not n steps before.

    After a hole of one step a change over seven is unknown for seven bars more: it is the hole that counts against the
    longest run that is filled, and not what follows from it.

    Parameters
    ----------
    filled : polars.DataFrame, [T, 1 + F]
        On the grid, filled as far as the longest run allows.
    times : polars.Series, [N]
        Of the rows that there are, sorted.
    positions : polars.Series, [N]
        How many steps each lies after the first.
    changes : collection of str
        Columns that say what happened within a step.
    """
    changed = [name for name in SPANS if name in changes and name in filled.columns and filled[name].null_count()]
    broken = {
        name: ~pl.col("timestamp").is_in(times.filter(positions.diff(SPANS[name]) == SPANS[name]).implode())
        for name in changed
    }
    return filled.with_columns(
        pl.when(pl.col(name).is_null() & broken[name]).then(0.0).otherwise(pl.col(name)).alias(name) for name in changed
    )

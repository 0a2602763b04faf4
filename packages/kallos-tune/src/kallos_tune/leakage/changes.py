"""The rows of an asset with everything after a date made into something else."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from kallos_data import AssetRows, KallosError, compute_indicators

_PRICES = ("open", "high", "low", "close")
_SPREAD = 0.5
_REMOVED = 1 / 3


@dataclass(frozen=True, slots=True)
class Changer:
    """Changes rows of an asset after a date.

    Parameters
    ----------
    rows : AssetRows
        As they are stored; where ingest made the indicators, with those computed anew.
    recomputed : bool
        Whether it did, so that they are computed anew from changed prices, too.
    """

    rows: AssetRows
    recomputed: bool

    @classmethod
    def of(cls, rows: AssetRows) -> "Changer":
        """Find out whether the indicators are those that ingest computes."""
        computed = _computed(rows)
        return cls(rows, recomputed=False) if computed is None else cls(computed, recomputed=True)

    def after(self, date: datetime, seed: int, *, also_rows: bool) -> AssetRows:
        """Return the rows with every number after a date times a random factor.

        Parameters
        ----------
        date : datetime
            The last step that stays as it is.
        seed : int
        also_rows : bool
            Whether a third of the rows after it go, and one column has no value after it, too.
        """
        rng = np.random.default_rng(seed)
        market = _changed(self.rows.market, date, rng, also_rows=also_rows)
        indicators = self.rows.indicators
        if indicators is not None:
            indicators = _changed(indicators, date, rng, also_rows=also_rows)
        changed = replace(self.rows, market=market, indicators=indicators)
        if self.recomputed and not also_rows:
            return _computed(changed, compare=False) or changed
        return changed


def _changed(frame: pl.DataFrame, date: datetime, rng: np.random.Generator, *, also_rows: bool) -> pl.DataFrame:
    after = pl.col("timestamp") > date
    names = [name for name in frame.columns if name != "timestamp"]
    factors = {name: pl.Series(np.exp(_SPREAD * rng.standard_normal(len(frame)))) for name in names}
    changed = frame.with_columns(
        pl.when(after).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name)
        for name, factor in factors.items()
    )
    if not also_rows:
        return changed
    kept = pl.Series(rng.random(len(frame)) > _REMOVED)
    emptied = pl.when(after).then(None).otherwise(pl.col(names[-1])).alias(names[-1])
    return changed.with_columns(emptied).filter(~after | kept)


def _computed(rows: AssetRows, *, compare: bool = True) -> AssetRows | None:
    """Return the rows with indicators computed from their prices; None where those are not of ingest's making."""
    if rows.indicators is None or not {*_PRICES, "volume"} <= {*rows.market.columns}:
        return None
    try:
        computed = compute_indicators(rows.market.drop_nulls(_PRICES))
    except KallosError:
        # What it does not take, ingest did not write.
        return None
    known = [name for name in computed.columns if name in rows.indicators.columns]
    if len(known) < 2:
        return None
    renewed = rows.indicators.select(pl.exclude(known[1:])).join(
        computed.select(known), on="timestamp", how="left", maintain_order="left"
    )
    if compare and not _alike(rows.indicators.select(known[1:]), renewed.select(known[1:])):
        return None
    return replace(rows, indicators=renewed.select(rows.indicators.columns))


def _alike(stored: pl.DataFrame, computed: pl.DataFrame) -> bool:
    pairs = ((stored[name].to_numpy(), computed[name].to_numpy()) for name in stored.columns)
    return all(np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True) for one, other in pairs)

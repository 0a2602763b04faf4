"""Which assets there are, and what the history of one looks like: its step, its holes, its jumps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import polars as pl
from sqlalchemy import Connection

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables
from ..errors import ConfigError
from ..history.reader import AssetHistory
from ..history.source_rows import empty_columns, joined, null_counts
from ..jumps import Jump, find_jumps
from ..known_columns import brought
from ..steps import Step, find_step
from .price_tables import PriceTables

_LATEST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hole:
    """Steps without a row.

    Attributes
    ----------
    first, last : datetime
        The first and the last missing step, UTC.
    steps : int
        How many there are.
    """

    first: datetime
    last: datetime
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSummary:
    """The history of one asset in the market's table.

    Attributes
    ----------
    asset_id : str or int
        As the table has it.
    step : Step or None
        From one row to the next, None where there are not two.
    rows, indicator_rows : int
        In the market's table and in that of indicators.
    first, last : datetime
        Its first and last time, UTC.
    holes, missing, filled : int
        Runs of missing steps, the steps in them, and those of them that a load fills: in holes of ``max_gap`` at most.
    off_grid, doubled : int
        Rows that lie between two steps, and rows whose time stands in another row too; a load refuses either.
    outliers : int
        Closes that lie far from the one before, see :func:`list_assets`.
    """

    asset_id: str | int
    step: Step | None
    rows: int
    indicator_rows: int
    first: datetime
    last: datetime
    holes: int
    missing: int
    filled: int
    off_grid: int
    doubled: int
    outliers: int


@dataclass(frozen=True, slots=True)
class AssetDetails:
    """What there is to know of one asset.

    Attributes
    ----------
    summary : AssetSummary
    holes : list of Hole
        Oldest first.
    jumps : list of Jump
        Closes that lie far from the one before.
    columns : dict of str to dict of str to int
        For each table its columns of numbers, each with the number of rows that lack a value.
    left_out : dict of str to dict of str to str
        For each table the columns that hold no numbers, each with its type.
    loaded : tuple of str
        The columns that a load of the whole history reads: of those in ``columns``, the ones with a value at a time of
        the market's table.
    empty : tuple of str
        Those without one, which a load leaves out, but for those that ingest makes in every table.
    """

    summary: AssetSummary
    holes: list[Hole]
    jumps: list[Jump]
    columns: dict[str, dict[str, int]]
    left_out: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    loaded: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def list_assets(
    db: Mapping[str, object] | str | DatabaseConfig | None, *, tables: FeatureTables | None = None, max_gap: int = 7
) -> list[AssetSummary]:
    """Return what the assets of a database look like, sorted by id.

    One asset's times and closes are in memory at a time. Outliers are closes whose log return is above 1 in size and
    above 20 robust deviations of the asset's own.

    Parameters
    ----------
    db : mapping, str, DatabaseConfig or None
        See :meth:`DatabaseConfig.of`.
    tables : FeatureTables, optional
        Its defaults where left out; the default table of indicators may be missing.
    max_gap : int, default 7
        Longest hole, in steps, that a load fills.

    Raises
    ------
    ConfigError
        Where a table does not exist, or ``max_gap`` is negative.
    MissingColumnsError, DataQualityError, DatabaseError
        As in :func:`load_features_from_db`.
    """
    _check_max_gap(max_gap)
    with DatabaseConfig.of(db).connect(one_state=True) as connection:
        found = PriceTables.of(connection, tables or FeatureTables())
        return list(_summaries(connection, found, max_gap))


def describe_asset(
    db: Mapping[str, object] | str | DatabaseConfig | None,
    asset_id: str | int,
    *,
    tables: FeatureTables | None = None,
    max_gap: int = 7,
) -> AssetDetails:
    """Return what the history of one asset looks like, with every hole, jump and column.

    Parameters
    ----------
    db, tables, max_gap
        As of :func:`list_assets`.
    asset_id : str or int
        The asset.

    Raises
    ------
    AssetNotFoundError
        Where the market's table has no row of it.
    ConfigError, MissingColumnsError, DataQualityError, DatabaseError
        As in :func:`list_assets`.
    """
    _check_max_gap(max_gap)
    with DatabaseConfig.of(db).connect(one_state=True) as connection:
        found = PriceTables.of(connection, tables or FeatureTables())
        key = found.require_asset(connection, asset_id)
        history = _closes(connection, found, key)
        n_indicators = 0
        columns: dict[str, dict[str, int]] = {}
        left_out: dict[str, dict[str, str]] = {}
        frames: list[pl.DataFrame] = []
        for name, table in ((found.names.market, found.market), (found.names.indicators, found.indicators)):
            if name is None or table is None:
                continue
            frame = AssetHistory(connection, found.names, table, key).read(None, _LATEST)
            n_indicators = len(frame)
            frames.append(frame)
            columns[name] = null_counts(frame)
            left_out[name] = dict(table.left_out)
    summary = _summary(key, history, n_indicators if found.indicators else 0, max_gap)
    holes = _holes(history["timestamp"], summary.step)
    together = joined(*frames)
    empty = empty_columns(together)
    loaded = tuple(name for name in together.columns[1:] if name not in empty)
    return AssetDetails(summary, holes, _jumps(history), columns, left_out, loaded, brought(empty, loaded))


def _summaries(connection: Connection, found: PriceTables, max_gap: int) -> Iterator[AssetSummary]:
    with_indicators = found.known_assets(connection, found.indicators) if found.indicators else {}
    by_text = {str(key): count for key, count in with_indicators.items()}
    for key in found.known_assets(connection, found.market):
        yield _summary(key, _closes(connection, found, key), by_text.get(str(key), 0), max_gap)


def _summary(key: str | int, history: pl.DataFrame, indicator_rows: int, max_gap: int) -> AssetSummary:
    times = history["timestamp"].unique(maintain_order=True)
    step = find_step(times) if len(times) > 1 else None
    holes = _holes(times, step)
    return AssetSummary(
        asset_id=key,
        step=step,
        rows=len(history),
        indicator_rows=indicator_rows,
        first=times[0],
        last=times[-1],
        holes=len(holes),
        missing=sum(hole.steps for hole in holes),
        filled=sum(hole.steps for hole in holes if hole.steps <= max_gap),
        off_grid=step.positions(times).null_count() if step else 0,
        doubled=len(history) - len(times),
        outliers=len(_jumps(history)),
    )


def _closes(connection: Connection, found: PriceTables, key: str | int) -> pl.DataFrame:
    """Return the times of an asset, sorted, and its closes where the table has such a column."""
    features = [name for name in found.market.features if name.lower() == "close"][:1]
    history = AssetHistory(connection, found.names, replace(found.market, features=features), key)
    return history.read(None, _LATEST).sort("timestamp")


def _holes(times: pl.Series, step: Step | None) -> list[Hole]:
    if step is None:
        return []
    # What lies between two steps belongs to no grid: the holes are those of the others.
    on_grid = (
        times.unique(maintain_order=True)
        .to_frame("timestamp")
        .with_columns(step.positions(times.unique(maintain_order=True)).alias("position"))
    )
    on_grid = on_grid.drop_nulls()
    wide = on_grid.with_columns(
        pl.col("timestamp").shift().alias("before"), (pl.col("position").diff() - 1).alias("steps")
    ).filter(pl.col("steps") > 0)
    return [
        Hole(*(step.grid(before, time)[place] for place in (1, -2)), steps=steps)
        for time, before, steps in wide.select("timestamp", "before", "steps").iter_rows()
    ]


def _jumps(history: pl.DataFrame) -> list[Jump]:
    if history.width == 1:
        return []
    # A price of zero or less has no logarithm; a load refuses it in words of its own.
    positive = history.filter(history.to_series(1) > 0)
    return find_jumps(positive["timestamp"], positive.to_series(1))


def _check_max_gap(max_gap: int) -> None:
    if max_gap < 0:
        raise ConfigError(f"must be 0 or more, not {max_gap}", "max_gap")

"""An asset, or a part of its history, taken out of both tables in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy
from sqlalchemy import Connection

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables
from ..database.locks import WAIT_SECONDS, advisory_key, check_wait_seconds, hold_in_transaction
from ..database.tables import SourceTable
from ..errors import ConfigError
from ..history.reader import AssetHistory
from ..prices.recompute import recompute_indicators
from ..timestamps import Moment, first_moment, last_moment
from .price_tables import PriceTables

_LATEST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed, or would be.

    Attributes
    ----------
    asset_id : str or int
        As the table has it.
    rows, indicator_rows : int
        Rows of the market's table and of that of indicators.
    rows_left : int
        Rows of the asset that stay in the market's table.
    recomputed : int
        Rows of indicators that are others now, since rows before them are gone; 0 where nothing was removed yet.
    """

    asset_id: str | int
    rows: int
    indicator_rows: int
    rows_left: int
    recomputed: int = 0


def remove_asset(
    db: Mapping[str, object] | str | DatabaseConfig | None,
    asset_id: str | int,
    *,
    tables: FeatureTables | None = None,
    from_date: Moment | None = None,
    to_date: Moment | None = None,
    dry_run: bool = False,
    wait_seconds: float = WAIT_SECONDS,
) -> Removal:
    """Remove the rows of an asset from the tables of prices and of indicators, in one transaction.

    Where rows stay, their indicators are computed anew: the tables are then as if the remaining rows alone had been
    ingested.

    Parameters
    ----------
    db : mapping, str, DatabaseConfig or None
        See :meth:`DatabaseConfig.of`.
    asset_id : str or int
        The asset.
    tables : FeatureTables, optional
        Its defaults where left out; the default table of indicators may be missing.
    from_date, to_date : str, date or datetime, optional
        First and last step to remove, both inclusive; a day without a time is the whole day, UTC. Without either, the
        asset is removed whole.
    dry_run : bool, default False
        Count the rows and remove none.
    wait_seconds : float, default 600
        How long another process that writes prices to the same database is waited for.

    Raises
    ------
    AssetNotFoundError
        Where neither table has a row of the asset.
    ConfigError
        Where a date cannot be read, the first lies after the last, a table does not exist or is a view, or rows stay
        and a table has no key over asset and time.
    MissingColumnsError, DataQualityError
        As in :func:`load_features_from_db` and :func:`ingest_frame`.
    DatabaseError
        Where the database cannot be reached or refuses, or another process writes prices for longer than
        ``wait_seconds``; nothing is removed then.
    """
    check_wait_seconds(wait_seconds)
    start = None if from_date is None else first_moment(from_date, name="from_date")
    end = None if to_date is None else last_moment(to_date, name="to_date")
    if start is not None and end is not None and start > end:
        raise ConfigError(f"must not lie after {to_date}, as {from_date} does", "from_date")
    config = DatabaseConfig.of(db)
    with config.connect(one_state=dry_run) as connection:
        if not dry_run:
            key = advisory_key("write prices", schema=None)
            hold_in_transaction(connection, key, f"writing prices to {config}", wait_seconds)
        found = PriceTables.of(connection, tables or FeatureTables())
        found.require_tables(connection)
        return _removed(connection, found, asset_id, start, end, dry_run=dry_run)


def _removed(
    connection: Connection,
    found: PriceTables,
    asset_id: str | int,
    start: datetime | None,
    end: datetime | None,
    *,
    dry_run: bool,
) -> Removal:
    key = found.require_asset(connection, asset_id, also_indicators=True)
    before = found.known_assets(connection, found.market).get(key, 0)
    rows, indicator_rows = (
        0 if table is None else _remove_rows(connection, found, table, key, start, end, dry_run=dry_run)
        for table in (found.market, found.indicators)
    )
    recomputed = 0
    if not dry_run and rows and before > rows:
        recomputed = recompute_indicators(connection, key, found.names)
    return Removal(key, rows, indicator_rows, before - rows, recomputed)


def _remove_rows(  # noqa: PLR0917 - as above
    connection: Connection,
    found: PriceTables,
    table: SourceTable,
    key: str | int,
    start: datetime | None,
    end: datetime | None,
    *,
    dry_run: bool,
) -> int:
    history = AssetHistory(connection, found.names, table, key)
    count = sqlalchemy.select(sqlalchemy.func.count()).select_from(table.clause)
    whole = start is None and end is None
    n_rows = 0
    for condition in [history.is_asset] if whole else history.exactly(start, end or _LATEST):
        n_rows += connection.execute(count.where(condition)).scalar_one()
        if not dry_run:
            connection.execute(sqlalchemy.delete(table.clause).where(condition))
    return n_rows

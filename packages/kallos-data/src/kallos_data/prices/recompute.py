"""Indicators of an asset anew, from the rows that the market's table has of it now."""

from sqlalchemy import Connection

from ..bars.columns import MARKET_COLUMNS, REQUIRED
from ..database.feature_tables import FeatureTables
from ..known_columns import PRICES
from .asset_step import agreed_step
from .indicators import INDICATORS, compute_indicators
from .writer import AssetRows


def recompute_indicators(connection: Connection, asset_id: str | int, tables: FeatureTables) -> int:
    """Write the indicators that an ingest of the stored rows would write, and return how many rows that changes.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that no other writer of prices shares.
    asset_id : str or int
    tables : FeatureTables
        Without a table of indicators there is nothing to do.

    Raises
    ------
    ConfigError, MissingColumnsError, DataQualityError
        As of :func:`ingest_frame`.
    """
    if not tables.indicators:
        return 0
    rows = AssetRows(connection, tables.indicators, tables, asset_id, columns=INDICATORS)
    if not rows.columns:
        return 0
    market = AssetRows(connection, tables.market, tables, asset_id, columns=MARKET_COLUMNS, required=REQUIRED)
    history = market.read().drop_nulls(PRICES)
    step = agreed_step(history["timestamp"][:0], history["timestamp"], None, asset_id)
    written = rows.upsert(compute_indicators(history, step=step), rows.read(), by_column=True)
    return written.inserted + written.updated

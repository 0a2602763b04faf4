"""How many rows of an asset lie after a date: what is left to test a model on that no study has seen."""

from collections.abc import Mapping
from datetime import timedelta

from ..database.config import DatabaseConfig
from ..database.feature_tables import FeatureTables
from ..database.tables import source_tables
from ..timestamps import LATEST, Moment, last_moment
from .reader import AssetHistory


def count_later_rows(
    asset_id: str | int,
    end_date: Moment,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    tables: FeatureTables | None = None,
) -> int:
    """Return how many rows of an asset the market's table has after an end date; no value of them is read.

    Parameters
    ----------
    asset_id, end_date, db_kwargs, tables
        As of :func:`kallos_data.load_features_from_db`.

    Raises
    ------
    ConfigError, MissingColumnsError, DataQualityError, DatabaseError
        As in :func:`kallos_data.load_features_from_db`.
    """
    tables = tables or FeatureTables()
    end = last_moment(end_date, name="end_date")
    if end >= LATEST:
        return 0
    with DatabaseConfig.of(db_kwargs).connect(one_state=True) as connection:
        market = source_tables(connection, tables)[0]
        return AssetHistory(connection, tables, market, asset_id).count(end + timedelta(microseconds=1), LATEST)

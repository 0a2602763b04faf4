"""The names of the tables and columns that a history is made of; light, for whoever only passes them on."""

from dataclasses import dataclass

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class FeatureTables:
    """Where a history lies: one table or view, or two joined on their keys.

    A table is looked for by its whole name first, in ``schema`` or the database's default schema. On PostgreSQL one
    that is not there is then ``SCHEMA.TABLE``, split at the first dot: ``market.Daily Prices`` needs no quotes, though
    either part may be written in double ones. So each table may lie in another schema.

    Attributes
    ----------
    market : str, default "daily_market_data"
        Table, view or materialized view with one row for each asset and step.
    indicators : str or None, default "daily_technical_indicators"
        Left-joined on both keys; None reads ``market`` alone.
    id_column, timestamp_column : str, defaults "id" and "timestamp"
        The keys, in both tables. A primary key over the two halves the time of a read.
    schema : str or None, default None
        PostgreSQL schema of those that name none.
    """

    market: str = "daily_market_data"
    indicators: str | None = "daily_technical_indicators"
    id_column: str = "id"
    timestamp_column: str = "timestamp"
    schema: str | None = None

    @property
    def keys(self) -> tuple[str, str]:
        """The two key columns."""
        return self.id_column, self.timestamp_column


def tables_named(
    tables: FeatureTables | None,
    market_table: str,
    indicators_table: str | None,
    id_column: str,
    timestamp_column: str,
) -> FeatureTables:
    """Return tables that are given as a whole, or by their names.

    Raises
    ------
    ConfigError
        Where both are: a name that is not the default, beside ``tables``.
    """
    named = FeatureTables(market_table, indicators_table, id_column, timestamp_column)
    if tables is not None and named != FeatureTables():
        raise ConfigError(
            "names the tables and their keys already: leave out market_table, indicators_table, id_column and "
            "timestamp_column, or it",
            "tables",
        )
    return tables or named

"""The names of the tables and columns that a history is made of; light, for whoever only passes them on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureTables:
    """Where a history lies: one table or view, or two joined on their keys.

    Attributes
    ----------
    market : str, default "daily_market_data"
        Table or view with one row for each asset and step.
    indicators : str or None, default "daily_technical_indicators"
        Left-joined on both keys; None reads ``market`` alone.
    id_column, timestamp_column : str, defaults "id" and "timestamp"
        The keys, in both tables. A primary key over the two halves the time of a read.
    schema : str or None, default None
        PostgreSQL schema of both.
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

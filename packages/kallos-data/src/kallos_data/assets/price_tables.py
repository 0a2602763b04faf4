"""The two tables that assets lie in, as a database has them."""

from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy
from sqlalchemy import Connection, func

from ..database.feature_tables import FeatureTables
from ..database.table_places import place_of_table
from ..database.tables import SourceTable, source_tables
from ..errors import AssetNotFoundError, ConfigError

_DEFAULTS: Final = FeatureTables()


@dataclass(frozen=True, slots=True)
class PriceTables:
    """The tables of a database that hold assets, as found there.

    Attributes
    ----------
    names : FeatureTables
        As asked for; without indicators where their default table is not there.
    market : SourceTable
    indicators : SourceTable or None
    """

    names: FeatureTables
    market: SourceTable
    indicators: SourceTable | None

    @classmethod
    def of(cls, connection: Connection, tables: FeatureTables) -> "PriceTables":
        """Find the tables; nobody needs to have indicators, but who names a table is told that there is none."""
        if tables.indicators == _DEFAULTS.indicators and not _exists(connection, tables.indicators, tables.schema):
            tables = replace(tables, indicators=None)
        market, *others = source_tables(connection, tables)
        return cls(tables, market, others[0] if others else None)

    def require_tables(self, connection: Connection) -> None:
        """Refuse views: what is removed from one would be gone from a table that nobody named.

        Raises
        ------
        ConfigError
            Where one of the two is no table.
        """
        for parameter, source in (("market", self.market), ("indicators", self.indicators)):
            if source is None:
                continue
            there = sqlalchemy.inspect(connection).get_table_names(source.clause.schema)
            if source.clause.name not in there:
                raise ConfigError(f"{source.clause.name!r} is a view: name the table that it reads", parameter)

    def known_assets(self, connection: Connection, table: SourceTable) -> dict[str | int, int]:
        """Return the assets of a table, each with its number of rows, sorted."""
        column = table.clause.c[self.names.id_column]
        query = sqlalchemy.select(column, func.count()).where(column.is_not(None)).group_by(column)
        counts = {key: count for key, count in connection.execute(query)}  # noqa: C416 - a row is no pair to the checker
        return dict(sorted(counts.items(), key=lambda item: str(item[0])))

    def require_asset(self, connection: Connection, asset_id: str | int, *, also_indicators: bool = False) -> str | int:
        """Return an asset's id as the market's table has it, or that of the indicators where that counts.

        Raises
        ------
        AssetNotFoundError
            Where there is none.
        """
        known = self.known_assets(connection, self.market)
        if also_indicators and self.indicators:
            known = self.known_assets(connection, self.indicators) | known
        found = next((key for key in known if str(key) == str(asset_id)), None)
        if found is None:
            raise AssetNotFoundError(str(asset_id), list(map(str, known)), table=self.names.market)
        return found


def _exists(connection: Connection, name: str | None, schema: str | None) -> bool:
    if name is None:
        return False
    place = place_of_table(connection, name, schema)
    return sqlalchemy.inspect(connection).has_table(place.name, schema=place.schema)

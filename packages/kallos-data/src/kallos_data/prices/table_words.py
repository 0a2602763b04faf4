"""What is wrong with a table of prices, in words that name the column, its type and the statement that mends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy
from sqlalchemy import Dialect, types

from ..errors import ConfigError, DataQualityError
from .held_digits import Loss
from .key_format import KeyFormat


@dataclass(frozen=True, slots=True)
class TableWords:
    """The words for one table.

    Attributes
    ----------
    dialect : sqlalchemy.Dialect
        Of its database.
    table : sqlalchemy.TableClause
        The table.
    types : dict of str to sqlalchemy type
        Of its columns.
    parameter : str
        The argument that names it.
    """

    dialect: Dialect
    table: sqlalchemy.TableClause
    types: dict[str, types.TypeEngine[Any]]
    parameter: str

    def lost(self, losses: Sequence[Loss]) -> DataQualityError:
        """Return the error for digits that columns do not hold, about the first row that lost some."""
        loss = min(losses, key=lambda each: each.time)
        found = "nothing" if np.isnan(loss.found) else f"{loss.found:.12g}"
        wanted = "nothing" if np.isnan(loss.wanted) else f"{loss.wanted:.12g}"
        remedy = self._remedy(list(dict.fromkeys(each.column for each in losses)))
        return DataQualityError(
            f"{self._column(loss.column)}, which loses digits: {wanted} of {_shown(loss.time)} becomes "
            f"{found}; nothing was written: {remedy}"
        )

    def too_large(self, column: str, value: float, time: datetime) -> DataQualityError:
        """Return the error for a number that a column cannot hold at all."""
        return DataQualityError(
            f"{self._column(column)}, which cannot hold {value:.12g} of {_shown(time)}; nothing was written: "
            f"{self._remedy([column])}"
        )

    def too_coarse(self, column: str, key_format: KeyFormat, time: datetime) -> ConfigError:
        """Return the error for a key that does not tell all times apart."""
        held = {"typed": f"type {self._type(column)}", "number": "whole seconds or the like", "text": "dates alone"}
        return ConfigError(
            f"{self.table.name!r} has a key {column!r} of {held[key_format.way]}, which cannot tell "
            f"{key_format.told_apart} apart: there is a bar at {_shown(time)}; nothing was written: "
            f"{self._remedy([column], 'timestamptz')}, or name another table",
            self.parameter,
        )

    def _column(self, column: str) -> str:
        return f"column {column!r} of table {self.table.name!r} is {self._type(column)}"

    def _type(self, column: str) -> str:
        kind = self.types[column]
        return "of no type" if isinstance(kind, types.NullType) else str(kind.compile(self.dialect))

    def _remedy(self, columns: Sequence[str], kind: str = "double precision") -> str:
        if self.dialect.name == "sqlite":
            way = "in full" if kind == "timestamptz" else "as REAL"
            return f"copy the table to one that has {', '.join(columns)} {way}"
        quote = self.dialect.identifier_preparer
        changes = ", ".join(f"ALTER COLUMN {quote.quote(column)} TYPE {kind}" for column in columns)
        return f"ALTER TABLE {quote.format_table(self.table)} {changes}"


def _shown(time: datetime) -> str:
    return str(time).replace("+00:00", "Z")

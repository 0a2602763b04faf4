"""How a table writes the times of its key, and which times it can tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import polars as pl
import sqlalchemy
from sqlalchemy import Connection, TableClause, types

from ..database.feature_tables import FeatureTables
from ..errors import DataQualityError
from ..timestamps import epoch_unit, utc_times

_DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
_MICROSECONDS: Final = 10**6
_DATE_LENGTH: Final = len("2023-01-01")


@dataclass(frozen=True, slots=True)
class KeyFormat:
    """The way in which a key column holds times.

    Attributes
    ----------
    way : {"typed", "number", "text"}
        As the database's type for times, as a number since 1970, or as ISO 8601 text.
    finest : int
        Microseconds by which two times differ at least; 1 where it holds all of them.
    unit : int
        Of numbers: so many make a second.
    separator, zone : str
        Of texts: what stands between date and time (nothing where midnights are dates alone), and at the end.
    """

    way: Literal["typed", "number", "text"]
    finest: int = 1
    unit: int = 1
    separator: str = " "
    zone: str = "+00:00"

    @classmethod
    def of_type(cls, kind: types.TypeEngine[Any]) -> "KeyFormat | None":
        """Return the format of a column whose type is the database's own for times, None where it is none."""
        if isinstance(kind, types.Date):
            return cls("typed", _DAY)
        if isinstance(kind, types.DateTime):
            digits = getattr(kind, "precision", None)
            return cls("typed", 1 if digits is None else 10 ** (6 - digits))
        return None

    @classmethod
    def of_example(cls, example: object, *, all_dates: bool) -> "KeyFormat":
        """Return the format of a stored number or text.

        Parameters
        ----------
        example : object
            As stored.
        all_dates : bool
            Whether the column holds nothing but dates without time.
        """
        if isinstance(example, int | float):
            unit = epoch_unit(example)
            return cls("number", max(_MICROSECONDS // unit, 1), unit)
        text = str(example)
        zone = "Z" if text.endswith("Z") else "+00:00" if text.endswith(("+00:00", "+00")) else ""
        separator = text[_DATE_LENGTH : _DATE_LENGTH + 1]
        return cls("text", _DAY if all_dates else 1, separator=separator, zone=zone)

    @classmethod
    def of_empty_column(cls, kind: types.TypeEngine[Any]) -> "KeyFormat":
        """Return how times go into a column that has none yet: as text that sorts as they do, or in milliseconds."""
        if isinstance(kind, types.Integer):
            return cls("number", 1000, 1000)
        dates = isinstance(kind, types.Date) and not isinstance(kind, types.DateTime)
        return cls("text", _DAY, separator="", zone="") if dates else cls("text")

    def written(self, times: pl.Series) -> list[Any]:
        """Return ``times [N]`` (UTC, microseconds) as they go into the table."""
        if self.way == "typed":
            return times.to_list()
        if self.way == "number":
            microseconds = times.to_physical()
            if self.unit > _MICROSECONDS:
                return (microseconds * (self.unit // _MICROSECONDS)).to_list()
            return (microseconds // (_MICROSECONDS // self.unit)).to_list()
        date = "%Y-%m-%d"
        whole = pl.lit(times).dt.to_string(f"{date}{self.separator or ' '}%H:%M:%S{self.zone}")
        fraction = pl.lit(times).dt.to_string(f"{date}{self.separator or ' '}%H:%M:%S%.6f{self.zone}")
        text = pl.when(pl.lit(times).dt.microsecond() == 0).then(whole).otherwise(fraction)
        if not self.separator:
            at_midnight = pl.lit(times.to_physical() % _DAY == 0)
            text = pl.when(at_midnight).then(pl.lit(times).dt.to_string(date)).otherwise(text)
        return pl.select(text).to_series().to_list()

    def read(self, values: Sequence[Any]) -> pl.Series:
        """Return stored times in UTC.

        Raises
        ------
        DataQualityError
            Where one cannot be read.
        """
        if self.way == "text" and self.separator:
            try:
                texts = pl.Series(values, dtype=pl.String)
            except TypeError:
                return utc_times(values)
            zone = {"Z": "Z", "": ""}.get(self.zone, "%:z")
            times = texts.str.to_datetime(f"%Y-%m-%d{self.separator}%H:%M:%S{zone}", time_unit="us", strict=False)
            if not times.null_count():
                return times.dt.replace_time_zone("UTC") if times.dtype == pl.Datetime("us") else times
        return utc_times(values)

    def cannot_hold(self, times: pl.Series) -> datetime | None:
        """Return the first of ``times [N]`` that the column would shorten, None where it holds all."""
        short = times.filter(times.to_physical() % self.finest != 0)
        return short[0] if len(short) else None

    @property
    def told_apart(self) -> str:
        """What the column does not tell apart, in words."""
        if self.finest == _DAY:
            return "the hours of a day"
        return "the parts of a second"


def format_of(
    connection: Connection, table: TableClause, tables: FeatureTables, asset: str | int, kind: types.TypeEngine[Any]
) -> KeyFormat:
    """Return how a table writes times, judged by its type or by one that it holds, of the asset or of another.

    SQLite has no type for times, and tables of other databases may do without.
    """
    if connection.dialect.name != "sqlite" and (typed := KeyFormat.of_type(kind)) is not None:
        return typed
    column = table.c[tables.timestamp_column]
    for among in (sqlalchemy.select(column).where(table.c[tables.id_column] == asset), sqlalchemy.select(column)):
        example = connection.execute(among.limit(1)).scalar()
        if example is None:
            continue
        dates = isinstance(example, str) and len(example) == _DATE_LENGTH
        longer = among.where(sqlalchemy.func.length(column) > _DATE_LENGTH).limit(1)
        return KeyFormat.of_example(example, all_dates=dates and connection.execute(longer).scalar() is None)
    return KeyFormat.of_empty_column(kind)


def refuse_unclear(times: pl.Series, table: str, asset: str | int) -> None:
    """Refuse stored ``times [N]`` (sorted) of which one is missing, or there twice in two spellings.

    Raises
    ------
    DataQualityError
        Where one is.
    """
    if times.has_nulls():
        raise DataQualityError(
            f"table {table!r} holds rows of {str(asset)!r} without a time ({times.null_count()} of {len(times)}): "
            "remove them, or write their times"
        )
    again = times.filter(~times.is_first_distinct())
    if len(again):
        raise DataQualityError(
            f"table {table!r} holds {len(again)} times of {str(asset)!r} twice, written in two ways, the first "
            f"{again[0]:%Y-%m-%d %H:%M:%S} (UTC): remove one of the two rows"
        )

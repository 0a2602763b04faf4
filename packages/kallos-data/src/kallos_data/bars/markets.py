"""Tables that hold several markets: which rows to keep, and how to say that there are more than one."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from ..errors import ConfigError, DataQualityError
from .columns import identities

_SHOWN: Final = 10
# Of such columns numbers are names, too: 60 and 240 are intervals in minutes.
_NUMBERED: Final = re.compile(r"(?:id|interval|timeframe|resolution|granularity)$", re.IGNORECASE)
# More different values than this part of the rows are no names of markets.
_MOST_VALUES: Final = 0.5


def kept_rows(raw: pl.DataFrame, where_columns: Mapping[str, str], *, where: str) -> pl.Series:
    """Return which rows of a table have the values that its reader asks for.

    Raises
    ------
    ConfigError
        Where there is no such column, or no row has the value.
    """
    kept = pl.repeat(value=True, n=len(raw), eager=True)
    for name, value in where_columns.items():
        column = _as_text(raw[_named(raw.columns, name, where)])
        rows = (column == value.strip()).fill_null(value=False)
        if not rows.any():
            raise ConfigError(f"{name}={value} keeps no row of {where}: {name} is {_listed(column)}", "where")
        kept &= rows
    if len(kept) and not kept.any():
        asked = ", ".join(f"{name}={value}" for name, value in where_columns.items())
        raise ConfigError(f"{asked} keeps no row of {where}: each is there, but not in the same row", "where")
    return kept


def refuse_several_markets(raw: pl.DataFrame, *, where: str) -> None:
    """Refuse a table in which a column such as symbol, exchange or interval has several values.

    Raises
    ------
    DataQualityError
        Where there is one; the message names the column, its values and how to choose one.
    """
    for place in identities(raw.columns):
        column = _as_text(raw.to_series(place)).drop_nulls()
        different = column.n_unique()
        name = raw.columns[place]
        if different < 2 or (_are_numbers(column) and not _NUMBERED.search(name)):
            continue
        raise DataQualityError(
            f"{name}={column[0]} (or another) keeps one of several: "
            f"the column {name!r} of {where} is {_listed(column)}",
            "where",
        )


def telling_apart(raw: pl.DataFrame, groups: Sequence[pl.Series], used: Sequence[int]) -> str | None:
    """Return the first column, other than those used, that differs among all rows of each group; None for none.

    Parameters
    ----------
    raw : polars.DataFrame, [N, ...]
        The table.
    groups : sequence of polars.Series
        Positions of rows that have the same time.
    used : sequence of int
        Places of columns that hold the time and the numbers.
    """
    known = identities(raw.columns)
    others = [place for place in range(raw.width) if place not in known and place not in used]
    places = known + [place for place in others if _may_name_markets(_as_text(raw.to_series(place)))]
    for place in places:
        column = raw.to_series(place)
        if all(column.gather(group).n_unique() == len(group) for group in groups):
            return raw.columns[place]
    return None


def values_of(column: pl.Series) -> tuple[str, str]:
    """Return the first value of a column, and its different values in words."""
    text = _as_text(column).drop_nulls()
    return (text[0] if len(text) else ""), _listed(text)


def _named(names: Sequence[str], name: str, where: str) -> str:
    if name in names:
        return name
    alike = [each for each in names if each.strip().lower() == name.strip().lower()]
    if len(alike) == 1:
        return alike[0]
    listed = ", ".join(map(repr, names))
    raise ConfigError(f"names a column {name!r} that {where} does not have: it has {listed}", "where")


def _as_text(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Object | pl.List | pl.Struct | pl.Array):
        return pl.Series([str(value) for value in column.to_list()], dtype=pl.String)
    if column.dtype.is_float() and (column == column.floor()).all():
        column = column.cast(pl.Int64, strict=False)
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return text.set(text == "", None) if len(text) else text


def _may_name_markets(column: pl.Series) -> bool:
    column = column.drop_nulls()
    whole_numbers = column.str.contains(r"^\d+$").all()
    return column.n_unique() <= max(2, _MOST_VALUES * len(column)) and (whole_numbers or not _are_numbers(column))


def _are_numbers(column: pl.Series) -> bool:
    return not column.cast(pl.Float64, strict=False).has_nulls()


def _listed(column: pl.Series) -> str:
    values = column.drop_nulls().unique(maintain_order=True)
    shown = ", ".join(values.head(_SHOWN).to_list())
    return f"{shown}, … ({len(values)} values)" if len(values) > _SHOWN else shown or "empty"

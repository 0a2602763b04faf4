"""Numbers of a price table, whatever stands before their decimals and between their thousands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from ..errors import DataQualityError
from ..known_columns import PRICES
from .origin import Origin
from .reading_settings import ReadingSettings

MISSING: Final = ("", "null", "none", "nan", "nat", "n/a", "na", "-", "--", "\N{EM DASH}", "\N{EN DASH}")
_SPACES: Final = "[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]"
_APOSTROPHES: Final = "['\N{RIGHT SINGLE QUOTATION MARK}]"
_BLANKS: Final = f"{_SPACES}|{_APOSTROPHES}"
_CLASSES: Final = {".": r"\.", ",": ",", " ": _SPACES, "'": _APOSTROPHES}
_END: Final = r"(?:[eE][+-]?\d+)?$"
# What only a decimal point can be: no digit or a zero before it, more than three, or not exactly three after it.
_CERTAIN: Final = r"^[+-]?(?:\d*{0}\d{{0,2}}|\d*{0}\d{{4,}}|0\d*{0}\d{{3}}|\d{{4,}}{0}\d{{3}}|{0}\d{{3}})" + _END
_CERTAIN_BY_EXPONENT: Final = r"^[+-]?\d+{0}\d+[eE][+-]?\d+$"
_BOTH: Final = r"^[+-]?\d{{1,3}}(?:{1}\d{{3}})+{0}\d*$"
_MANY_GROUPS: Final = r"^[+-]?[1-9]\d{{0,2}}(?:{0}\d{{3}}){{2,}}$"
_OPEN: Final = r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$"
_HEAD: Final = 1000
# What some sites write behind large volumes: 12.3K is 12300.
_SUFFIXED: Final = r"^([+-]?\d[\d.,]*) ?([KMBT])$"
_SUFFIXES: Final = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_OTHER: Final[Mapping[str, Literal[".", ","]]] = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class _Table:
    """How messages name the table and its rows, and the numbers of these."""

    origin: Origin
    rows: pl.Series

    def row(self, place: int) -> str:
        return self.origin.at(self.rows[place])


@dataclass(frozen=True, slots=True)
class Notation:
    """How a table writes numbers.

    Attributes
    ----------
    decimal : {".", ","}
        What stands before decimals.
    thousands : str
        The character class of what may stand between thousands.
    """

    decimal: Literal[".", ","]
    thousands: str

    def numbers(self, texts: pl.Series) -> pl.Series:
        """Return texts as Float64; null where one is not written so."""
        other = "," if self.decimal == "." else "."
        if not texts.str.contains(f"{self.thousands}|[{other}]").any():
            bare = texts.str.replace(",", ".", literal=True) if self.decimal == "," else texts
            return bare.cast(pl.Float64, strict=False)
        point = _CLASSES[self.decimal]
        plain = rf"^[+-]?(?:\d+(?:{point}\d*)?|{point}\d+){_END}"
        grouped = rf"^[+-]?\d{{1,3}}(?:{self.thousands}\d{{3}})+(?:{point}\d*)?$"
        fits = texts.str.contains(f"{plain}|{grouped}")
        bare = texts.str.replace_all(self.thousands, "")
        if self.decimal == ",":
            bare = bare.str.replace(",", ".", literal=True)
        return bare.set(~fits.fill_null(value=False), None).cast(pl.Float64, strict=False)


def read_numbers(
    columns: Mapping[str, pl.Series], settings: ReadingSettings, *, origin: Origin, rows: pl.Series, commas: bool
) -> list[pl.Series]:
    """Return columns as finite Float64, null where there is no number.

    Parameters
    ----------
    columns : mapping of str to polars.Series, [N]
        Texts or numbers, by the name that messages call them.
    settings : ReadingSettings
        Of its fields ``decimal`` and ``thousands``.
    origin : Origin
        How messages name the table and its rows.
    rows : polars.Series, [N]
        The number of each row in the source.
    commas : bool
        Whether commas before decimals are taken where they are certain, as in files that commas do not separate.

    Raises
    ------
    DataQualityError
        Where a text is no number, or the numbers could be read in two ways.
    """
    bare = {name: _bare(column) for name, column in columns.items()}
    texts = {name: column for name, column in bare.items() if column.dtype == pl.String}
    sizes: dict[str, pl.Series] = {}
    for name, column in texts.items():
        if name not in PRICES and column.str.contains(_SUFFIXED).any():
            texts[name], sizes[name] = _without_suffix(column)
    bare |= texts
    notation = _notation(texts, settings, _Table(origin, rows), commas=commas) if texts else None
    numbers = [_finite(column, name, _Table(origin, rows), notation) for name, column in bare.items()]
    return [column * sizes[column.name] if column.name in sizes else column for column in numbers]


def certain_points(head: Mapping[str, pl.Series]) -> bool:
    """Whether texts are numbers that can only have decimal points, as most files have."""
    return all(_plain(column) is not None for column in head.values()) and any(
        _first(column, _CERTAIN.format(r"\.")) is not None for column in head.values()
    )


def _bare(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        return column
    text = column.str.strip_chars()
    short = text.str.len_bytes() <= 4
    return text.set(short & text.str.to_lowercase().is_in(MISSING), None) if short.any() else text


def _without_suffix(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return texts without K, M, B and T behind them, and by how much these multiply."""
    size = column.str.extract(_SUFFIXED, 2).replace_strict(_SUFFIXES, default=1.0, return_dtype=pl.Float64)
    return column.str.replace(_SUFFIXED, "$1"), size


def _notation(
    texts: Mapping[str, pl.Series], settings: ReadingSettings, table: _Table, *, commas: bool
) -> Notation | None:
    """Return how the numbers are written, None where as everywhere: with points, and nothing between thousands."""
    decimal = settings.decimal or _OTHER.get(settings.thousands or "")
    if decimal is None:
        heads = {name: column.head(_HEAD) for name, column in texts.items()}
        plain = all(_plain(column) is not None for column in texts.values())
        if plain and certain_points(heads):
            return None
        decimal = _found(texts, table, commas=commas, plain=plain)
    if decimal == "." and settings.thousands is None and all(_plain(column) is not None for column in texts.values()):
        return None
    other = "," if decimal == "." else "."
    marks = [settings.thousands] if settings.thousands else [other, " ", "'"]
    return Notation(decimal, "(?:" + "|".join(_CLASSES[mark] for mark in marks) + ")")


def _found(texts: Mapping[str, pl.Series], table: _Table, *, commas: bool, plain: bool) -> Literal[".", ","]:
    points = _evidence(texts, ".")
    with_commas = None if plain else _evidence(texts, ",")
    if points and with_commas:
        raise DataQualityError(
            f"{table.row(points[1])} has {points[0]} {points[2]!r} with a decimal point, "
            f"{table.origin.row(table.rows[with_commas[1]])} {with_commas[0]} {with_commas[2]!r} with a decimal comma: "
            "write all alike"
        )
    if with_commas:
        if not commas:
            name, row, value = with_commas
            raise DataQualityError(
                f", reads {name} {value!r} of {table.row(row)} with a decimal comma: name it to have it read so",
                "decimal",
            )
        return ","
    if not points:
        _refuse_open(texts, table)
    return "."


def _evidence(texts: Mapping[str, pl.Series], mark: Literal[".", ","]) -> tuple[str, int, str] | None:
    """Return column, row and text of the first value in which a mark can only stand before decimals."""
    point, group = _CLASSES[mark], _CLASSES["," if mark == "." else "."]
    groups = _MANY_GROUPS.format(group)
    marked = (_CERTAIN.format(point), _CERTAIN_BY_EXPONENT.format(point), _BOTH.format(point, f"(?:{group}|{_BLANKS})"))
    for name, column in texts.items():
        there = column.str.contains(mark, literal=True).any()
        place = _first(column, "|".join((*marked, groups)) if there else groups)
        if place is not None:
            return name, place, column[place]
    return None


def _refuse_open(texts: Mapping[str, pl.Series], table: _Table) -> None:
    for name, column in texts.items():
        place = _first(column, _OPEN)
        if place is not None:
            value = column[place]
            mark = "." if "." in value else ","
            whole, short = re.sub("[.,]", "", value), value.replace(",", ".")
            raise DataQualityError(
                f"{mark} reads {name} {value!r} as {whole}, decimal {mark} as {float(short):g}: {table.row(place)}; "
                "no number of the table tells which it is, so name one of the two (decimal, thousands)",
                "thousands",
            )


def _plain(column: pl.Series) -> pl.Series | None:
    """Return texts as numbers with points and nothing between thousands; None where one is no such number."""
    numbers = column.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == column.null_count() else None


def _first(column: pl.Series, pattern: str) -> int | None:
    fits = column.str.contains(pattern)
    return int(fits.arg_max() or 0) if fits.any() else None


def _finite(column: pl.Series, name: str, table: _Table, notation: Notation | None) -> pl.Series:
    if not (column.dtype == pl.String or column.dtype.is_numeric() or column.dtype == pl.Null):
        raise DataQualityError(
            f"{table.origin.where}: {name} holds values of type {column.dtype}, which are no numbers"
        )
    if column.dtype == pl.String and notation is not None:
        numbers = notation.numbers(column)
    else:
        numbers = column.cast(pl.Float64, strict=False)
    unread = numbers.is_null() & column.is_not_null()
    if column.dtype.is_float() or numbers.is_nan().any():
        numbers = numbers.fill_nan(None)
    unread |= numbers.is_infinite().fill_null(value=False)
    if unread.any():
        row = int(unread.arg_max() or 0)
        raise DataQualityError(
            f"{table.row(row)}: {name} is {column[row]!r}, which is not a finite number: write it as 1234.5, "
            "without units, or name the decimal and thousands characters (decimal, thousands)"
        )
    return numbers.alias(name)

"""Where in a CSV file the table lies: its separator, the names of its columns, its first row."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from ..errors import DataQualityError
from .columns import BINANCE_COLUMNS, PRICES, recognised

_SEPARATORS: Final = ";\t|,"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
# Above their header some files carry an address or a title, below it the second and third level of names.
_MOST_TITLE_LINES: Final = 5
_MOST_HEADER_LINES: Final = 2
_NUMBER: Final = re.compile(r"[+-]?[\d.,' ]*\d([eE][+-]?\d+)?")
_LEAST_NUMBERS: Final = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """A table in a CSV file.

    Attributes
    ----------
    separator : str
        Between two cells.
    names : list of str
        Of the columns, as far as there are any.
    first_row : int
        The byte at which the first row begins.
    lines_before : int
        How many lines lie before it.
    tickers : list of str
        Where the header has a second row, for every column what stands there.
    width : int
        How many columns there are.
    header : int, optional
        The line with the names, from 1.
    """

    separator: str
    names: list[str]
    first_row: int
    lines_before: int
    tickers: Sequence[str] = ()
    width: int = 0
    header: int | None = None


def find_layout(head: bytes, path: Path) -> Layout:
    """Return the layout that the first lines of a file show.

    Parameters
    ----------
    head : bytes
        The beginning of the file, as UTF-8.
    path : Path
        What messages call it.

    Raises
    ------
    DataQualityError
        Where there is neither a header nor a row of numbers, or the file is empty.
    """
    lines = first_lines(head)
    for place, (line, start, end) in enumerate(lines[: _MOST_TITLE_LINES + 1]):
        separator = separator_of(line)
        cells = cells_of(line, separator)
        if len(cells) < 2:
            continue
        if _is_row(cells):
            names = [*BINANCE_COLUMNS] if len(cells) == len(BINANCE_COLUMNS) else []
            return Layout(separator, names, start, place, width=len(cells))
        if len(recognised(cells)) > 1:
            above = cells_of(lines[place - 1][0], separator) if place else []
            tickers = above if len(above) == len(cells) and _are_tickers(cells, above) else []
            layout = Layout(separator, cells, end, place + 1, tickers, len(cells), place + 1)
            return _with_lower_rows(layout, lines[place + 1 :])
    if not head.strip():
        raise DataQualityError(f"{path} is empty")
    raise DataQualityError(
        f"{path} is not a table of prices: its first line {lines[0][0].strip()[:60]!r} is neither a header with a time "
        "and open, high, low, close, volume nor a row of Binance's 12 kline columns"
    )


def chosen_ticker(layout: Layout, where: Mapping[str, str], path: Path) -> tuple[list[int], dict[str, str]]:
    """Return the places of columns to read, and what is left to choose rows by.

    Raises
    ------
    DataQualityError
        Where the header names several tickers, and none of them is chosen.
    """
    names = list(range(len(layout.names)))
    of_columns = [layout.tickers[place] for place in names[1:]] if layout.tickers else []
    tickers = list(dict.fromkeys(ticker for ticker in of_columns if ticker))
    asked = next((key for key in where if key.strip().lower() in ("ticker", "symbol", "symbols")), None)
    if not tickers or (asked is None and len(tickers) == 1):
        return names, dict(where)
    if asked is None or where[asked] not in tickers:
        shown = ", ".join(tickers[:10])
        raise DataQualityError(f"Ticker={tickers[0]} (or another) keeps one of several: {path} holds {shown}", "where")
    kept = [place for place in names if place == 0 or layout.tickers[place] in ("", where[asked])]
    return kept, {key: value for key, value in where.items() if key != asked}


def first_lines(head: bytes) -> list[tuple[str, int, int]]:
    """Return the lines that may be a title or a header, without their ends, and from which byte to which each goes.

    A line ends at a line feed, a carriage return or both, and at nothing else that Unicode calls a line's end.
    """
    lines: list[tuple[str, int, int]] = []
    start = 0
    most = _MOST_TITLE_LINES + _MOST_HEADER_LINES + 1
    for end in islice(_LINE_END.finditer(head), most):
        lines.append((head[start : end.start()].decode(errors="ignore"), start, end.end()))
        start = end.end()
    if len(lines) < most:
        lines.append((head[start:].decode(errors="ignore"), start, len(head)))
    return lines


def separator_of(line: str) -> str:
    """Return what separates cells: a comma only where nothing else does."""
    best = max(_SEPARATORS[:3], key=line.count)
    return best if line.count(best) > 3 or line.count(best) > line.count(",") else ","


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of a line."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _is_row(cells: Sequence[str]) -> bool:
    """Whether cells are a row of values: a time, and numbers after it."""
    numbers = sum(_NUMBER.fullmatch(cell) is not None for cell in cells[1:])
    return bool(cells[0][:1].isdigit()) and numbers >= _LEAST_NUMBERS


def _with_lower_rows(layout: Layout, below: Sequence[tuple[str, int, int]]) -> Layout:
    """Return a layout whose header goes on: with tickers under its names, and the name of the index under these."""
    tickers = layout.tickers
    names, first_row, lines_before = layout.names, layout.first_row, layout.lines_before
    for line, _, end in below[:_MOST_HEADER_LINES]:
        cells = cells_of(line, layout.separator)
        if len(cells) != layout.width:
            break
        if not tickers and _are_tickers(layout.names, cells):
            tickers = cells
        elif cells[0] and not any(cells[1:]) and not cells[0][0].isdigit():
            names = [cells[0], *names[1:]]
        else:
            break
        first_row, lines_before = end, lines_before + 1
    return Layout(layout.separator, names, first_row, lines_before, tickers, layout.width, layout.header)


def _are_tickers(names: Sequence[str], cells: Sequence[str]) -> bool:
    places = recognised(names)
    under_prices = [cells[places[name]] for name in PRICES if name in places]
    return len(under_prices) > 1 and all(cell and not cell[0].isdigit() and _is_word(cell) for cell in under_prices)


def _is_word(cell: str) -> bool:
    return any(character.isalpha() for character in cell) and cell.lower() not in ("nan", "null", "none", "n/a", "na")

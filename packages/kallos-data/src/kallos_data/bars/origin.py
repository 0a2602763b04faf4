"""Where a table of prices came from, and how messages name its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .archives import Source

_QUOTE: Final = b'"'


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a table came from.

    Attributes
    ----------
    where : str
        What messages call it.
    line_of : callable, optional
        Returns the line of the file, from 1, on which a row, from 1, begins; left out where there are no lines.
    header : int, optional
        The line of the file that names the columns.
    """

    where: str
    line_of: Callable[[int], int] | None = None
    header: int | None = None

    def row(self, number: int) -> str:
        """Return how a row is named: row 3, or the line of the file on which it begins."""
        return f"row {number}" if self.line_of is None else f"line {self.line_of(number)}"

    def rows(self, first: int, second: int) -> str:
        """Return how two rows are named: rows 2 and 4, or lines 3 and 5."""
        if self.line_of is None:
            return f"rows {first} and {second}"
        return f"lines {self.line_of(first)} and {self.line_of(second)}"

    def at(self, number: int) -> str:
        """Return the table and the row in it."""
        return f"{self.where}, {self.row(number)}"


def line_of_row(source: Source, row: int, *, lines_before: int) -> int:
    """Return the line of a CSV file, from 1, on which a row begins, though cells of rows above it hold line ends.

    Parameters
    ----------
    source : Source
        The file.
    row : int
        From 1, without what stands above the first row.
    lines_before : int
        How many lines stand above the first row.
    """
    begun = quotes = 0
    for line, text in enumerate(source.lines(), 1):
        if line <= lines_before:
            continue
        begun += quotes % 2 == 0
        if begun == row:
            return line
        quotes += text.count(_QUOTE)
    return lines_before + row

"""What a report says, as plain data that HTML and Markdown render alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph.

    Attributes
    ----------
    text : str
    kind : {"plain", "verdict", "note"}
        What it is: one among others, the sentence that counts, or what the reader is to beware of.
    """

    text: str
    kind: Literal["plain", "verdict", "note"] = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; numbers stand to the right.

    Attributes
    ----------
    header : tuple of str
    rows : tuple of tuple
        As long as the header; None is a dash.
    title : str
        What it shows.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str

    def is_numeric(self, column: int) -> bool:
        """Return whether a column holds numbers and nothing else."""
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and all(isinstance(cell, int | float) for cell in cells)


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values.

    Attributes
    ----------
    rows : tuple of (str, value)
    title : str
    """

    rows: tuple[tuple[str, Cell], ...]
    title: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that is drawn when the report is written.

    Attributes
    ----------
    name : str
        Lower-case letters, digits and ``-``; of its file, and of the ids within it. No other figure has it.
    title : str
    alt : str
        What is to be seen, for those who cannot.
    draw : callable
        Returns the figure; is called within :func:`kallos_tune.study_report.figures.style.drawing`.
    """

    name: str
    title: str
    alt: str
    draw: "Callable[[], Figure]"


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be copied.

    Attributes
    ----------
    text : str
    language : {"sh", "python", "toml"}
    title : str
    """

    text: str
    language: Literal["sh", "python", "toml"]
    title: str


Part = Words | Table | Facts | Picture | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter.

    Attributes
    ----------
    key : str
        Lower-case letters and ``-``: where links to it lead.
    title : str
    parts : tuple of Part
        In their order.
    """

    key: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """A whole report.

    Attributes
    ----------
    title : str
    subtitle : str
        What the study is about, in a line.
    conclusion : str
        Of the verdict: "beats", "no evidence", "worse" or "not judged".
    sections : tuple of Section
    """

    title: str
    subtitle: str
    conclusion: str
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> list[Picture]:
        """All figures, in their order."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Picture)]


def cell_text(cell: Cell) -> str:
    """Return what stands in a table: floats with four significant digits, None as a dash."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)

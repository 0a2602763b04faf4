"""Lines that fit: what matters least is said shorter, then left out, and nothing is ever broken into a second line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

from .glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line.

    Attributes
    ----------
    text : str
    rank : int, default 0
        What goes first where there is no room: the highest. Rank 0 stays.
    short : str or None
        Says the same in fewer characters.
    style : str, default ""
    """

    text: str
    rank: int = 0
    short: str | None = None
    style: str = ""


def fitted(parts: Sequence[Part], width: int, glyphs: Glyphs, *, between: str = "  ") -> Text:
    """Return a line of at most ``width`` cells: parts shortened from the highest rank on, then left out, then cut."""
    kept = [part for part in parts if part.text]
    by_rank = sorted(kept, key=lambda part: -part.rank)
    for part in by_rank:
        if _length(kept, between) > width and part.short is not None:
            kept[kept.index(part)] = replace(part, text=part.short)
    for part in sorted(kept, key=lambda part: -part.rank):
        if _length(kept, between) > width and part.rank > 0:
            kept.remove(part)
    line = Text(no_wrap=True, overflow="crop", end="")
    for number, part in enumerate(kept):
        line.append(between if number else "")
        line.append(part.text, style=part.style)
    return line if line.cell_len <= width else cut(line.plain, width, glyphs)


def fit_at_all(parts: Sequence[Part], width: int, *, between: str = "  ") -> bool:
    """Return whether a line of so many cells has room for all parts, if only said shortly."""
    return _length([replace(part, text=part.short or part.text) for part in parts], between) <= width


def cut(text: str, width: int, glyphs: Glyphs) -> Text:
    """Return a text of at most ``width`` cells, with an ellipsis where it is longer."""
    line = Text(text, no_wrap=True, end="")
    if line.cell_len > width:
        mark = glyphs.ellipsis if width > 2 * len(glyphs.ellipsis) else ""
        line.truncate(max(0, width - len(mark)))
        line.append(mark)
    return line


def wrapped(text: str, width: int, glyphs: Glyphs, *, most: int) -> list[Text]:
    """Return a text in at most so many lines of ``width`` cells, broken between words."""
    lines = wrap(text, max(1, width), break_on_hyphens=False) or [""]
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [cut(line, width, glyphs) for line in lines]


def _length(parts: Sequence[Part], between: str) -> int:
    return sum(cell_len(part.text) for part in parts) + len(between) * max(0, len(parts) - 1)

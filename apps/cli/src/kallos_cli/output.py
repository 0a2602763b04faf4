"""The only printer: data on stdout, words on stderr."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from textwrap import wrap
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from .glyphs import Glyphs, glyphs_of

# Tables that go into a file or a pipe are not cut to the width of a terminal that is not there, but prose in them is
# broken, so that each row can be read.
_WIDTH_OF_A_PIPE = 200
_READABLE = 100
_NARROW = 24
_BETWEEN_COLUMNS = 2
# More make a sentence of it.
_MOST_BLANKS = 3


class _PatientConsole(Console):
    """A console whose reader may leave: what it no longer reads is dropped, the work goes on."""

    def on_broken_pipe(self) -> None:
        """Send what follows nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


@cache
def words() -> Console:
    """Return the console of stderr."""
    return _PatientConsole(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


@cache
def _data() -> Console:
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return _PatientConsole(markup=False, highlight=False, emoji=False, soft_wrap=True, width=width)


def say(text: str, *, style: str | None = None) -> None:
    """Print words for the user."""
    # The one character of ours that not every terminal has.
    text = text.replace("…", "...") if words().options.ascii_only else text
    words().print(_fitting(text, words()), style=style)


def say_commands(lead: str, *commands: str) -> None:
    """Print commands to type next, each on a line of its own below what they are for."""
    say(lead)
    for command in commands:
        # Whole, wherever the terminal breaks it: so it can be copied.
        words().print(f"  {command}")


def complain(lines: Iterable[str]) -> None:
    """Print what went wrong, and what to do about it."""
    for number, line in enumerate(lines):
        text = _fitting(f"error: {line}" if number == 0 else line, words())
        words().print(text, style="red" if number == 0 else None)


def show(text: str = "", *, style: str | None = None) -> None:
    """Print a line of the result."""
    _data().print(_fitting(text, _data()), style=style)


def show_json(value: Mapping[str, Any]) -> None:
    """Print the result as one JSON object."""
    _data().out(json.dumps(value, indent=2, allow_nan=False), highlight=False)


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table: numbers to the right, None as a dash, long names of columns broken at their ``_``."""
    rows = [list(row) for row in rows]
    if title is not None:
        # Of its own, since a table's title is broken at the width of the table.
        show(title, style="bold")
    cells = [[cell(value) for value in row] for row in rows]
    names = [name.replace("_", "\n") for name in header]
    most = {} if _data().is_terminal else _width_of_prose(names, cells)
    widths = [_widest_word(name, cells, index) + _BETWEEN_COLUMNS for index, name in enumerate(names)]
    for chosen in _side_by_side(widths, _data().width) if _data().is_terminal else [range(len(names))]:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.collapse_padding = True
        # One that is wider than the terminal is folded.
        unbroken = _data().is_terminal and sum(widths[each] for each in chosen) <= _data().width
        for index in chosen:
            numeric = any(isinstance(row[index], int | float) for row in rows)
            table.add_column(
                names[index],
                justify="right" if numeric else "left",
                overflow="fold",
                max_width=most.get(index),
                # What is one word gives no room to sentences beside it.
                no_wrap=unbroken and not any(" " in row[index] for row in cells),
            )
        for row in cells:
            table.add_row(*(row[index] for index in chosen))
        _data().print(table, soft_wrap=False)


def _side_by_side(widths: Sequence[int], width: int) -> list[list[int]]:
    """Return which columns of some widths stand side by side: as many as there is room for.

    Those that are left follow below, beside the first column again.
    """
    tables = [[0]]
    for index in range(1, len(widths)):
        if len(tables[-1]) > 1 and sum(widths[each] for each in tables[-1]) + widths[index] > width:
            tables.append([0])
        tables[-1].append(index)
    return tables


def _widest_word(name: str, cells: Sequence[Sequence[str]], index: int) -> int:
    return max(cell_len(word) for text in (name, *(row[index] for row in cells)) for word in text.split() or [""])


def _width_of_prose(names: Sequence[str], cells: Sequence[Sequence[str]]) -> dict[int, int]:
    """Return how wide columns of sentences may be, by their index, where the table is very wide."""
    widths = [
        max(map(cell_len, [*name.split("\n"), *(row[index] for row in cells)])) for index, name in enumerate(names)
    ]
    prose = {index for index in range(len(names)) if any(row[index].count(" ") > _MOST_BLANKS for row in cells)}
    while sum(widths) + 2 * len(widths) > _READABLE and prose:
        widest = max(prose, key=widths.__getitem__)
        if widths[widest] <= _NARROW:
            break
        widths[widest] -= 1
    return {index: widths[index] for index in prose}


def result_width() -> int:
    """Return how many characters a line of the result has room for."""
    return _data().width


def result_glyphs() -> Glyphs:
    """Return the characters that drawings of the result are made of."""
    return glyphs_of(_data())


def cell(value: object) -> str:
    """Return a value as text: floats with four significant digits, None as a dash."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line, aligned."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        _data().print(_fitting(f"{name:<{width}}  {cell(value)}", _data(), hang=width + 2))


def _fitting(text: str, console: Console, *, hang: int = 0) -> str:
    """Return a text whose lines a terminal has room for, broken between words; for a pipe or a file as it is.

    Only a word that is itself too long, a path maybe, is left to the terminal, so that it can be copied. Further lines
    are indented as the first one is, or by ``hang`` where there is room for that.
    """
    if not console.is_terminal:
        return text
    width = max(1, console.width)
    return "\n".join(_broken(line, width, hang if 2 * hang <= width else 0) for line in text.split("\n"))


def _broken(line: str, width: int, hang: int) -> str:
    if cell_len(line) <= width:
        return line
    indent = " " * (hang or len(line) - len(line.lstrip()))
    return "\n".join(wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))

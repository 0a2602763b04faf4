"""A report as Markdown, its pictures as PNG in a folder beside it."""

import re
from typing import Final
from urllib.parse import quote

from .contents import Cell, Code, Contents, Facts, Part, Picture, Table, Words, cell_text

_SPECIAL: Final = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
# What makes a heading, a list, a quotation or a rule of a line that begins with it.
_BEGINNING: Final = re.compile(r"^(?:(\s*\d+(?=[.)](?:\s|$)))|\s*(?=#+(?:\s|$)|[+-](?:[\s-]|$)|>|=))")
# Where & and < stand for more than themselves.
_ENTITY: Final = re.compile(r"&(?=[#A-Za-z])")
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])")
_LINES: Final = re.compile(r"\s*[\r\n]+\s*")


def markdown_of(contents: Contents, folder: str) -> str:
    """Return a report as Markdown (CommonMark with tables).

    Parameters
    ----------
    contents : Contents
    folder : str
        Name of the folder with the pictures, beside the file: ``NAME.png`` each.
    """
    blocks = [f"# {escaped(contents.title)}", escaped(contents.subtitle)]
    for section in contents.sections:
        blocks.append(f"## {escaped(section.title)}")
        blocks += [_block(part, folder) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Return text as Markdown shows it, whatever stands in it: on one line, no markup, no HTML."""
    text = _BEGINNING.sub(r"\1\\", _SPECIAL.sub(r"\\\g<0>", _LINES.sub(" ", text)))
    return _TAG.sub("&lt;", _ENTITY.sub("&amp;", text))


def _block(part: Part, folder: str) -> str:
    match part:
        case Words():
            text = escaped(part.text)
            return {"plain": text, "verdict": f"**{text}**", "note": f"> {text}"}[part.kind]
        case Table():
            return f"{escaped(part.title)}:\n\n{_table(part)}"
        case Facts():
            return f"{escaped(part.title)}:\n\n{_table(Table(('', ' '), part.rows, part.title))}"
        case Picture():
            return f"{escaped(part.title)}:\n\n![{escaped(part.alt)}]({quote(folder)}/{part.name}.png)"
        case Code():
            return f"{escaped(part.title)}:\n\n{_fenced(part)}"


def _table(table: Table) -> str:
    rule = ["---:" if table.is_numeric(column) else "---" for column in range(len(table.header))]
    rows = [_row(table.header), f"| {' | '.join(rule)} |", *map(_row, table.rows)]
    return "\n".join(rows)


def _row(cells: tuple[Cell, ...]) -> str:
    return f"| {' | '.join(escaped(cell_text(cell)) for cell in cells)} |"


def _fenced(code: Code) -> str:
    longest = max((len(found) for found in re.findall(r"`+", code.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{code.language}\n{code.text.rstrip()}\n{fence}"

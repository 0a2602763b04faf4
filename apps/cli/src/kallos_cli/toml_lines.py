"""Where the keys of a TOML document stand, which its parser does not tell."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

Path = tuple[str, ...]

# The parser's words are those of the grammar.
_OPEN: Final = "what begins here has no end: a quote or a bracket is missing"
_LEFT_OVER: Final = (
    "something is left over on the line: texts and dates with a time need quotes, numbers a decimal point"
)
_ESCAPE: Final = "a backslash in double quotes begins an escape: put the text into single quotes"
_IN_WORDS: Final = {
    "Illegal character '\\n'": "a text has no closing quote",
    "Illegal character '\\r'": "a text has no closing quote",
    "Illegal character": "a character is there that a file of settings cannot hold: remove it",
    "Expected ']": "the name of a section has no closing bracket",
    "Expected '='": "a key must be followed by = and its value",
    "Expected newline": _LEFT_OVER,
    "Invalid value": "there is no value that TOML knows: texts need quotes, and yes is true",
    "Invalid initial character": "a name must be of letters, digits, - and _, or stand in quotes",
    "Invalid statement": "neither a key nor a section begins here",
    "Invalid hex value": _ESCAPE,
    "Unescaped": _ESCAPE,
    "Unclosed": _OPEN,
    "Cannot overwrite": "a key is there twice",
    "Cannot declare": "a section is there twice",
}
_AT_LINE = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column \d+\)$", re.DOTALL)


def key_lines(text: str) -> dict[Path, int]:
    """Return the line of every key and table of a valid TOML document, counted from 1.

    Parameters
    ----------
    text : str
        What :func:`tomllib.loads` accepts.

    Returns
    -------
    dict of tuple of str to int
        By path: ``("search", "space", "dropout")``. Of what is set in several places, the first; of an array of tables,
        its table as if there were one.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for number, statement in _statements(text):
        found = tomllib.loads(statement)
        is_header = statement.lstrip().startswith("[")
        if is_header:
            table = _header_path(found)
        for path in [table] if is_header else [(*table, *path) for path in _paths(found)]:
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], number)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a key, or of the nearest table around it; None where neither is there."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)


def syntax_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """Return the line of what the parser refuses, counted from 1, and what is wrong there.

    No part of the text is told, which may be a password.
    """
    match = _AT_LINE.match(str(error))
    if match is None:
        return _last_begun(text), _OPEN
    words = next((words for begin, words in _IN_WORDS.items() if match["what"].startswith(begin)), match["what"])
    return int(match["line"]), words


def _last_begun(text: str) -> int:
    """Return the line at which the statement begins that the end of the document cuts off."""
    rows = text.replace("\r\n", "\n").split("\n")
    return 1 + next(end for end in range(len(rows), -1, -1) if _is_whole("\n".join(rows[:end])))


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield every header and assignment with its first line; a value may go over several."""
    # As TOML counts lines: other characters at which Python splits them are text there.
    rows = text.replace("\r\n", "\n").split("\n")
    begin = 0
    while begin < len(rows):
        if not rows[begin].strip() or rows[begin].lstrip().startswith("#"):
            begin += 1
            continue
        end = next(end for end in range(begin + 1, len(rows) + 1) if _is_whole("\n".join(rows[begin:end])))
        yield begin + 1, "\n".join(rows[begin:end])
        begin = end


def _is_whole(statement: str) -> bool:
    # No beginning of a statement is one itself.
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _header_path(found: Mapping[str, Any]) -> Path:
    path: list[str] = []
    inner: Any = found
    while inner:
        (name, inner) = next(iter(inner.items()))
        path.append(name)
        inner = inner[0] if isinstance(inner, list) else inner
    return tuple(path)


def _paths(found: Mapping[str, Any]) -> Iterator[Path]:
    for name, value in found.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *path) for path in _paths(cast("dict[str, Any]", value)))

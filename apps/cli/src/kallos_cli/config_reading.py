"""Reads a configuration file: every key is one there is, every value what its option takes."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .config_keys import FREE_SECTIONS, Key, key_of, keys, section_names
from .toml_lines import key_lines, line_of, syntax_error
from .user_error import UserError


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file whose keys and values are known to be right, but for columns and the search space.

    Attributes
    ----------
    path : Path
    lines : mapping of tuple of str to int
        Line of each key and table, by path.
    values : mapping of Key to object
        As the options take them.
    features : mapping of str to list of str
        Columns by group; empty where the file leaves the choice to Kallos.
    space : mapping
        Hyperparameters as they were written, see :func:`kallos_tune.read_space`; empty where the file names none.
    """

    path: Path
    lines: Mapping[tuple[str, ...], int]
    values: Mapping[Key, Any]
    features: Mapping[str, list[str]]
    space: Mapping[str, Any]

    def place(self, *path: str) -> str:
        """Return where a key stands: "kallos.toml, line 3"."""
        line = line_of(self.lines, path)
        return shown(self.path) if line is None else f"{shown(self.path)}, line {line}"


def read(path: Path) -> ConfigFile:
    """Read and check a file.

    Raises
    ------
    UserError
        As :func:`use`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(path)} is not UTF-8 text: byte {error.start} cannot be decoded") from error
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror}; name another file with --config") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = syntax_error(error, text)
        raise UserError(f"{shown(path)}, line {line}: no valid TOML: {what}") from error
    return _checked(path, key_lines(text), document)


def shown(path: Path) -> str:
    """Return a path as it is told: as short as it can be named from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _checked(path: Path, lines: Mapping[tuple[str, ...], int], document: Mapping[str, Any]) -> ConfigFile:
    empty = ConfigFile(path, lines, {}, {}, {})
    values = {key: _value(empty, key, value) for key, value in _keys(empty, document)}
    features, space = document.get("features", {}), document.get("search", {}).get("space", {})
    for group, columns in features.items():
        if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
            raise UserError(
                f"{empty.place('features', group)}: features.{group} must be a list of column names, not {columns!r}\n"
                f'write it like {group} = ["first_column", "second_column"]'
            )
    if not isinstance(space, dict):
        raise UserError(f"{empty.place('search', 'space')}: search.space must be a section: write it as [search.space]")
    return ConfigFile(path, lines, values, features, space)


def _keys(file: ConfigFile, document: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    """Yield every key of the file with its value, but for those of free sections; unknown ones are refused."""
    for section, content in document.items():
        if section not in section_names() or not isinstance(content, dict):
            raise UserError(f"{file.place(section)}: {_no_section(section, is_table=isinstance(content, dict))}")
        for name, value in content.items() if section not in FREE_SECTIONS else ():
            key = key_of(section, name)
            if key is not None:
                yield key, value
            elif f"{section}.{name}" not in FREE_SECTIONS:
                raise UserError(f"{file.place(section, name)}: {_no_key(section, name)}")


def _value(file: ConfigFile, key: Key, value: object) -> Any:  # noqa: ANN401 - of any setting
    try:
        return key.read(value)
    except ValueError as error:
        # What stands in the place of a URL may hold a password.
        problem = "must be text in quotes" if key.section == "database" and not isinstance(value, str) else error
        raise UserError(f"{file.place(key.section, key.name)}: {key} {problem}") from error


def _no_section(name: str, *, is_table: bool) -> str:
    if is_table:
        return f"no section [{name}]{_nearest(name, section_names(), '[{}]')}"
    if name in section_names():
        return f"{name} must be a section: write it as [{name}]"
    owners = [str(key) for key in keys() if key.name == name]
    below = f": it belongs below [{owners[0].partition('.')[0]}]" if owners else f"; sections are {_sections()}"
    return f"{name} stands in no section{below}"


def _no_key(section: str, name: str) -> str:
    names = [key.name for key in keys() if key.section == section]
    elsewhere = [key for key in keys() if key.name == name or key.flag == "--" + name.replace("_", "-")]
    if elsewhere:
        return f"no key {section}.{name}; did you mean {elsewhere[0]}?"
    return f"no key {section}.{name}{_nearest(name, names, section + '.{}')}"


def _nearest(name: str, known: list[str], spelled: str) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {spelled.format(close[0])}?"
    return f"; there are {', '.join(spelled.format(each) for each in known)}"


def _sections() -> str:
    return ", ".join(f"[{name}]" for name in section_names())

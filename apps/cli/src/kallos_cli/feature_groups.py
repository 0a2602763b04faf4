"""Feature groups from a TOML file."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from . import config_file
from .toml_lines import syntax_error
from .user_error import UserError

FeatureGroups = dict[str, list[str]]


def chosen_feature_groups(path: Path | None, target_col: str) -> FeatureGroups | None:
    """Return the groups of a file, else those of the configuration file; None where neither names any.

    Raises
    ------
    UserError
        As :func:`read_feature_groups`.
    """
    if path is not None:
        return read_feature_groups(path, target_col)
    config = config_file.current()
    if config is None or not config.features:
        return None
    from kallos_data import FeatureGroupError, check_feature_groups

    try:
        check_feature_groups(config.features, target_col=target_col)
    except FeatureGroupError as error:
        raise UserError(f"{config.place('features', error.group)}: features.{error.group} {error.problem}") from error
    return dict(config.features)


def read_feature_groups(path: Path, target_col: str) -> FeatureGroups:
    """Read feature groups from a TOML file: group names as keys, lists of columns as values.

    Raises
    ------
    UserError
        Where the file cannot be read, is not TOML, or its groups are not what the scalers know; with file and line.
    """
    text = _read_text(path)
    try:
        groups = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = syntax_error(error, text)
        raise UserError(
            f'{path}, line {line}: no valid TOML: {what}\nwrite lines like volume_features = ["volume"]'
        ) from error
    for group, columns in groups.items():
        if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
            raise UserError(
                f"{path}{_line_of(text, group)} {group} must be a list of column names, not {columns!r}\n"
                f'write it like {group} = ["first_column", "second_column"]'
            )
    _check(groups, target_col, path, text)
    return groups


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: byte {error.start} cannot be decoded") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _check(groups: Mapping[str, list[str]], target_col: str, path: Path, text: str) -> None:
    from kallos_data import FeatureGroupError, check_feature_groups

    try:
        check_feature_groups(groups, target_col=target_col)
    except FeatureGroupError as error:
        raise UserError(f"{path}{_line_of(text, error.group)} {error.problem}") from error


def _line_of(text: str, key: str) -> str:
    """Return where a key is set, as the end of a file's name; nothing where that is not plain to see."""
    pattern = re.compile(rf"""^\s*\[?["']?{re.escape(key)}["']?\s*[=\]]""")
    # As TOML counts lines: other characters at which Python splits them are text there.
    for number, line in enumerate(text.split("\n"), start=1):
        if pattern.match(line):
            return f", line {number}:"
    return ":"

"""Feature groups from a TOML file, or chosen from the columns that there are."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError

if TYPE_CHECKING:
    from kallos_data import DatabaseConfig
    from kallos_tune import TuningSettings

FeatureGroups = dict[str, list[str]]


def read_feature_groups(path: Path, target_col: str) -> FeatureGroups:
    """Read feature groups from a TOML file: group names as keys, lists of columns as values.

    Raises
    ------
    UserError
        Where the file cannot be read, is no TOML, or its groups are not what the scalers know; with file and line.
    """
    text = _read_text(path)
    try:
        groups = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f'{path} is no TOML: {error}\nwrite lines like volume_features = ["volume"]') from error
    for group, columns in groups.items():
        if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
            raise UserError(
                f"{path}{_line_of(text, group)}: {group} must be a list of column names, not {columns!r}\n"
                f'write it like {group} = ["first_column", "second_column"]'
            )
    _check(groups, target_col, path, text)
    return groups


def choose_feature_groups(
    asset_id: str, end_date: str, config: "DatabaseConfig", target_col: str, settings: "TuningSettings"
) -> FeatureGroups:
    """Return the default groups for the columns that the asset's history really has.

    Raises
    ------
    kallos_data.KallosError
        As in :func:`kallos_data.load_features_from_db`.
    UserError
        Where the target or every known feature is missing.
    """
    from kallos_data import MissingColumnsError, default_feature_groups, load_features_from_db

    from . import logs

    with logs.silent("kallos_data"):
        frame = load_features_from_db(
            asset_id,
            end_date,
            config,
            start_date=settings.start_date,
            tables=settings.tables,
            max_gap=settings.max_gap,
        )
    columns = [column for column in frame.columns if column != "timestamp"]
    if target_col not in columns:
        raise MissingColumnsError([target_col], columns, where=f"the history of {asset_id}")
    groups = default_feature_groups(columns, target_col)
    if not groups:
        raise UserError(
            f"no feature is known among the columns of {asset_id}: {', '.join(columns)}\n"
            "say which to use and how to scale them with --features groups.toml"
        )
    return {group: list(names) for group, names in groups.items()}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8: byte {error.start} cannot be read") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _check(groups: Mapping[str, list[str]], target_col: str, path: Path, text: str) -> None:
    from kallos_data import ConfigError
    from kallos_data.folds.scaling import check_feature_groups

    try:
        check_feature_groups(groups, target_col=target_col)
    except ConfigError as error:
        named = next((group for group in groups if re.search(rf"\b{re.escape(group)}\b", str(error))), None)
        raise UserError(f"{path}{_line_of(text, named)}: {error}") from error


def _line_of(text: str, key: str | None) -> str:
    """Return where a key is set, as the end of a file's name; nothing where that is not plain to see."""
    if key is None:
        return ""
    pattern = re.compile(rf"""^\s*\[?["']?{re.escape(key)}["']?\s*[=\]]""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f", line {number}"
    return ""

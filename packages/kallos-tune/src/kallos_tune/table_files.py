"""Tables of a study in files, all of them or none."""

import errno
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from typing import Final, Literal

import polars as pl

from .errors import ConfigError
from .trial_export import TABLES, StudyTables

Format = Literal["csv", "parquet"]
_FORMATS: Final = ("csv", "parquet")
_TIMES: Final = "%Y-%m-%dT%H:%M:%SZ"


def write_study_tables(tables: StudyTables, path: str | Path, format: Format | None = None) -> list[Path]:  # noqa: A002
    """Write the tables to three files, all of them or none, and return these.

    Parameters
    ----------
    tables : StudyTables
    path : str or Path
        A folder, made where it is missing: it gets ``trials``, ``folds`` and ``forecasts`` in files of these names. Or
        a file that ends in ``.csv`` or ``.parquet``: ``study.csv`` gives ``study_trials.csv`` and so on. What is there
        is replaced.
    format : {"csv", "parquet"}, optional
        That of the file's name where left out, and CSV for a folder. Times in CSV are ISO 8601.

    Raises
    ------
    ConfigError
        Where the format is neither, contradicts the file's name, or a file cannot be written.
    """
    path = Path(path)
    kind, files = _format_of(path, format), study_table_files(path, format)
    folder = files[0].parent
    try:
        if folder == path:
            folder.mkdir(parents=True, exist_ok=True)
        _write_whole(dict(zip(files, tables.tables().values(), strict=True)), kind)
    except OSError as failure:
        raise ConfigError(f"cannot write to {folder}: {failure.strerror}; name another file or folder") from failure
    return files


def study_table_files(path: str | Path, format: Format | None = None) -> list[Path]:  # noqa: A002
    """Return the files that :func:`write_study_tables` writes, there or not.

    Parameters
    ----------
    path, format
        As of :func:`write_study_tables`.

    Raises
    ------
    ConfigError
        Where the format is neither, or contradicts the file's name.
    """
    path = Path(path)
    kind = _format_of(path, format)
    of_file = path.suffix.lower() in {f".{each}" for each in _FORMATS} and not path.is_dir()
    folder, prefix = (path.parent, f"{path.stem}_") if of_file else (path, "")
    return [folder / f"{prefix}{name}.{kind}" for name in TABLES]


def _format_of(path: Path, asked: str | None) -> str:
    named = path.suffix.lower().removeprefix(".") if not path.is_dir() else ""
    if asked is not None and asked not in _FORMATS:
        raise ConfigError(f"must be csv or parquet, not {asked!r}", "format")
    if asked is not None and named in _FORMATS and named != asked:
        raise ConfigError(f"is {asked}, and {path} is named as {named}: leave one out", "format")
    return asked or (named if named in _FORMATS else "csv")


def _write_whole(files: Mapping[Path, pl.DataFrame], kind: str) -> None:
    """Write all files beside their places, then move them there."""
    if taken := next((path for path in files if path.is_dir()), None):
        # Which would be noticed after others were moved.
        raise IsADirectoryError(errno.EISDIR, f"{taken.name} is a folder")
    with ExitStack() as stack:
        written: dict[Path, Path] = {}
        for path, table in files.items():
            beside = path.with_name(f".{path.name}.{token_hex(4)}")
            stack.callback(beside.unlink, missing_ok=True)
            with beside.open("xb") as file:
                if kind == "csv":
                    _with_written_times(table).write_csv(file)
                else:
                    table.write_parquet(file)
                file.flush()
                os.fsync(file.fileno())
            written[path] = beside
        for path, beside in written.items():
            beside.replace(path)


def _with_written_times(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with its times, which are in UTC, as texts that say so."""
    times = [name for name, kind in table.schema.items() if isinstance(kind, pl.Datetime)]
    return table.with_columns(pl.col(name).dt.strftime(_TIMES) for name in times)

"""Forecasts from a CSV file."""

import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Final

import polars as pl

from kallos_data import MissingColumnsError

from ..errors import ConfigError
from .quantile_columns import quantile_columns_in, with_median_as_forecast

_COLUMNS: Final = ("timestamp", "forecast")
_OTHER_SEPARATORS: Final = {";": "semicolons", "\t": "tabs"}
# A day in another order, as 04/01/2021, might be either of two: none is guessed at.
_YEAR_FIRST: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_forecasts(path: str | Path) -> pl.DataFrame:
    """Read a CSV file of forecasts: ``timestamp`` (ISO 8601, UTC where it names no zone), ``forecast``, quantiles.

    The columns are those that :func:`evaluate_forecasts` takes; others are left out.

    Raises
    ------
    ConfigError
        Where it cannot be read or lacks a column.
    """
    frame = with_median_as_forecast(_texts(path))
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise MissingColumnsError(missing, frame.columns, where=str(path))
    called = {"forecast": "forecast"} | quantile_columns_in(frame.columns)
    numbers = {name: frame[each].str.strip_chars().cast(pl.Float64, strict=False) for name, each in called.items()}
    times = [_moment(text) for text in frame["timestamp"]]
    read = pl.DataFrame({"timestamp": pl.Series(times, dtype=pl.Datetime("us", "UTC")), **numbers})
    for name, column in {"timestamp": "timestamp", **called}.items():
        wrong = read[name].is_null().arg_true()
        if len(wrong):
            line, text = int(wrong[0]) + 2, frame[column][int(wrong[0])]
            raise ConfigError(f"{path}, line {line}: {name} {_why_unread(name, text)}", "forecasts")
    return read


def _texts(path: str | Path) -> pl.DataFrame:
    """Return the columns of a file as it has them."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        return pl.read_csv(StringIO(_with_commas(text, path)), infer_schema=False)
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read {path}: it is no text in UTF-8", "forecasts") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}", "forecasts") from error
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"cannot read {path} as CSV: {str(error).splitlines()[0]}", "forecasts") from error


def _with_commas(text: str, path: str | Path) -> str:
    """Return the text as it is, unless its columns are separated by something else."""
    header = text.partition("\n")[0]
    found = [words for separator, words in _OTHER_SEPARATORS.items() if separator in header]
    if found and "," not in header:
        raise ConfigError(
            f"{path} has {found[0]} between its columns: write commas there, and a point in numbers", "forecasts"
        )
    return text


def _moment(text: str | None) -> datetime | None:
    """Return a time in UTC, whatever zone each names; None where it is none."""
    written = (text or "").strip()
    if not _YEAR_FIRST.match(written):
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _why_unread(name: str, text: str | None) -> str:
    if text is None:
        return "is missing"
    remedy = ": write it as 2023-01-31 or 2023-01-31T12:00Z" if name == "timestamp" else ""
    return f"is {text!r}, which cannot be read{remedy}"

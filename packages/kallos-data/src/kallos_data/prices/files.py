"""Price files: CSV, compressed or not, and Parquet."""

import codecs
import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..errors import ConfigError, DataQualityError
from .columns import BINANCE_COLUMNS, recognised
from .ohlcv import clean_ohlcv

_PARQUET = (".parquet", ".pq")
_GZIP_MAGIC = b"\x1f\x8b"
_SEPARATORS = ",;\t|"
# Above their header some files carry an address or a title.
_MOST_TITLE_LINES = 5


def read_ohlcv(path: str | Path) -> pl.DataFrame:
    """Read a price file: one row a step with time, open, high, low, close and volume.

    CSV (separated by comma, semicolon, tab or bar; also gzipped) or, where the name ends in ``.parquet`` or ``.pq``,
    Parquet. Columns are known by their usual spellings; Binance kline files are read with and without header, and lines
    of text above a header are skipped. Times are epoch seconds, milliseconds, microseconds or nanoseconds, or ISO 8601
    dates and times, in UTC where they name no zone. Rows may come in any order; a row without any price and volume is
    left out. Columns not known are left out; both are logged.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    polars.DataFrame, [N, 6 to 10]
        ``timestamp`` (UTC, sorted) and ``open, high, low, close, volume`` and, where the file has them,
        ``quote_asset_volume, trades, taker_buy_base_asset_volume, taker_buy_quote_asset_volume``, as Float64.

    Raises
    ------
    ConfigError
        Where there is no such file.
    MissingColumnsError
        Where the time, a price or the volume is missing.
    DataQualityError
        Where the file is empty or no table, and as in :func:`kallos_data.prices.ohlcv.clean_ohlcv`.
    """
    path = Path(path)
    if not path.is_file():
        problem = "is a folder: name a file in it" if path.is_dir() else "is no file that exists: check the path"
        raise ConfigError(f"{str(path)!r} {problem}", "path")
    frame = _parquet(path) if path.suffix.lower() in _PARQUET else _csv(path)
    return clean_ohlcv(frame, where=str(path))


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataQualityError(f"{path} cannot be read as Parquet: {error}") from error


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where in a CSV file the table lies: its columns, and how many lines stand above the first row."""

    separator: str
    names: list[str]
    skip: int


def _csv(path: Path) -> pl.DataFrame:
    data = _text(path)
    layout = _layout(path, data)
    try:
        frame = pl.read_csv(
            data,
            separator=layout.separator,
            has_header=False,
            skip_lines=layout.skip,
            schema=dict.fromkeys(map(str, range(len(layout.names))), pl.String),
            missing_columns="insert",
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise DataQualityError(f"{path} is no table of {len(layout.names)} columns: {reason}") from error
    # A name that stands twice would be refused as a column; the first of them is meant.
    places = {name: str(place) for place, name in reversed(list(enumerate(layout.names)))}
    return frame.select(pl.col(places[name]).alias(name) for name in dict.fromkeys(layout.names))


def _layout(path: Path, data: bytes) -> _Layout:
    lines = data.decode().splitlines()[: _MOST_TITLE_LINES + 1]
    for skip, line in enumerate(lines):
        separator = max(_SEPARATORS, key=line.count)
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
        if len(cells) < 2:
            continue
        if "timestamp" in recognised(cells):
            return _Layout(separator, cells, skip + 1)
        if len(cells) == len(BINANCE_COLUMNS) and cells[0].isdecimal():
            return _Layout(separator, list(BINANCE_COLUMNS), skip)
        if len(recognised(cells)) > 1:
            return _Layout(separator, cells, skip + 1)
    if not data.strip():
        raise DataQualityError(f"{path} is empty")
    raise DataQualityError(
        f"{path} is no table of prices: its first line {lines[0].strip()[:60]!r} is neither a header with a time and "
        "open, high, low, close, volume nor a row of Binance's 12 kline columns"
    )


def _text(path: Path) -> bytes:
    """Return the unpacked UTF-8 of a file, without a byte order mark."""
    data = path.read_bytes()
    try:
        if data.startswith(_GZIP_MAGIC):
            data = gzip.decompress(data)
        data.decode()
    except (UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
        raise DataQualityError(f"{path} is no text: expected a CSV (also gzipped) or a .parquet file") from error
    return data.removeprefix(codecs.BOM_UTF8)

"""Price files: CSV, compressed or not, and Parquet."""

import codecs
import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from ..errors import ConfigError, DataQualityError
from .columns import BINANCE_COLUMNS, recognised
from .ohlcv import clean_ohlcv
from .reading_settings import ReadingSettings

_PARQUET = (".parquet", ".pq")
_GZIP_MAGIC = b"\x1f\x8b"
_SEPARATORS = ",;\t|"
_LINE_END = re.compile(rb"\r\n|\n|\r")
# Above their header some files carry an address or a title.
_MOST_TITLE_LINES = 5
_HEAD_BYTES = 2**16


def read_ohlcv(path: str | Path, settings: ReadingSettings | None = None) -> pl.DataFrame:
    """Read a price file: one row a step with time, open, high, low, close and volume.

    CSV (separated by comma, semicolon, tab or bar; also gzipped) or, where the name ends in ``.parquet`` or ``.pq``,
    Parquet. Columns are known by their usual spellings; Binance kline files are read with and without header, and up to
    five lines of text above a header are skipped. Lines end with a line feed, a carriage return or both. Times are
    epoch seconds, milliseconds, microseconds or nanoseconds, or ISO 8601 dates and times, in UTC where they name no
    zone. Rows may come in any order; a row without any price and volume is left out. Columns not known are left out;
    both are logged.

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
        problem = "is a folder: name a file in it" if path.is_dir() else "does not exist: check the path"
        raise ConfigError(f"{str(path)!r} {problem}", "path")
    frame = _parquet(path) if path.suffix.lower() in _PARQUET else _csv(path)
    return clean_ohlcv(frame, where=str(path), settings=settings)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataQualityError(f"{path} cannot be read as Parquet: {error}") from error


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where in a CSV file the table lies: its columns, and at which byte its first row begins."""

    separator: str
    names: list[str]
    first_row: int


def _csv(path: Path) -> pl.DataFrame:
    data = _unpacked(path)
    layout = _layout(path, data)
    rows = data[layout.first_row :]
    try:
        frame = pl.read_csv(
            rows,
            separator=layout.separator,
            has_header=False,
            eol_char="\n" if b"\n" in rows else "\r",
            schema=dict.fromkeys(map(str, range(len(layout.names))), pl.String),
            missing_columns="insert",
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError as error:
        if not _is_text(rows):
            raise _no_text(path) from error
        reason = str(error).partition("\n")[0]
        raise DataQualityError(f"{path} is not a table of {len(layout.names)} columns: {reason}") from error
    # A name that stands twice would be refused as a column; the first of them is meant.
    places = {name: str(place) for place, name in reversed(list(enumerate(layout.names)))}
    return frame.select(pl.col(places[name]).alias(name) for name in dict.fromkeys(layout.names))


def _layout(path: Path, data: bytes) -> _Layout:
    lines = _first_lines(path, data)
    for line, start, end in lines:
        separator = max(_SEPARATORS, key=line.count)
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]
        if len(cells) < 2:
            continue
        if "timestamp" in recognised(cells):
            return _Layout(separator, cells, end)
        if len(cells) == len(BINANCE_COLUMNS) and cells[0].isdecimal():
            return _Layout(separator, list(BINANCE_COLUMNS), start)
        if len(recognised(cells)) > 1:
            return _Layout(separator, cells, end)
    if not data.strip():
        raise DataQualityError(f"{path} is empty")
    raise DataQualityError(
        f"{path} is not a table of prices: its first line {lines[0][0].strip()[:60]!r} is neither a header with a time "
        "and open, high, low, close, volume nor a row of Binance's 12 kline columns"
    )


def _first_lines(path: Path, data: bytes) -> list[tuple[str, int, int]]:
    """Return the lines that may be a title or a header, without their ends, and from which byte to which each goes.

    A line ends at a line feed, a carriage return or both, and at nothing else that Unicode calls a line's end.
    """
    head = data[:_HEAD_BYTES]
    try:
        # A character may be cut at the end of the head.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) == len(data))
    except UnicodeDecodeError as error:
        raise _no_text(path) from error
    lines: list[tuple[str, int, int]] = []
    start = 0
    for end in islice(_LINE_END.finditer(head), _MOST_TITLE_LINES + 1):
        lines.append((head[start : end.start()].decode(), start, end.end()))
        start = end.end()
    if len(lines) <= _MOST_TITLE_LINES:
        lines.append((head[start:].decode(errors="ignore"), start, len(head)))
    return lines


def _unpacked(path: Path) -> bytes:
    """Return the unpacked bytes of a file, without a byte order mark."""
    data = path.read_bytes()
    try:
        if data.startswith(_GZIP_MAGIC):
            data = gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise _no_text(path) from error
    return data.removeprefix(codecs.BOM_UTF8)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_text(path: Path) -> DataQualityError:
    return DataQualityError(f"{path} is not UTF-8 text: name a CSV file (also gzipped) or a .parquet file")

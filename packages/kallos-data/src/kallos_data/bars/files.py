"""Price files: CSV, JSON, Parquet and Arrow, as they are or in an archive."""

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from ..errors import DataQualityError
from .archives import Source, as_utf8, opened
from .csv_tables import CsvFile
from .klines import is_json, read_json
from .ohlcv import Table
from .origin import Origin
from .reading_settings import ReadingSettings

_PARQUET: Final = (".parquet", ".pq")
_ARROW: Final = (".feather", ".arrow", ".ipc")
_LEVELS: Final = re.compile(r"\('([^']*)', '([^']*)'\)")
_OLD_FEATHER: Final = b"FEA1"


def read_ohlcv(
    path: str | Path, settings: ReadingSettings | None = None, *, now: datetime | None = None
) -> pl.DataFrame:
    """Read a price file: one row a step with time, open, high, low, close and volume.

    CSV (separated by comma, semicolon, tab or bar; UTF-8, UTF-16 or Latin-1), Parquet, Arrow (Feather), or JSON arrays
    as exchanges return them; also gzipped, or as the only table in a zip archive. A ``.CHECKSUM`` beside the file is
    compared. Columns are known by their usual spellings; Binance kline files are read with and without header, and up
    to five lines of text above a header are skipped. Of several columns that may be the time the first that reads as
    one is taken, the beginning of a bar before its first trade; a date and a time of day are joined.

    Times are ISO 8601 dates and times, days with their month before or after them where the values tell the order,
    digits that form a date (20230131, also with hours, minutes, seconds), or seconds, milliseconds, microseconds or
    nanoseconds since 1970 from 2009 to tomorrow. They are in UTC where they name no zone, or in that of the settings;
    daily bars that begin at midnight of a zone, or with the session of an exchange, keep their local dates. A
    column has one meaning.

    Rows may come in any order; a row without any price and volume is left out, and so is one that stands there twice. A
    missing volume is null. What is taken from which column is logged, and what is left out.

    Parameters
    ----------
    path : str or Path
        The file.
    settings : ReadingSettings, optional
        What the values may leave open.
    now : datetime, optional
        Times after tomorrow are none; by the clock where left out.

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
        Where the file is empty, broken or no table, another one than its check sum is of, its columns have no names and
        could be several things, and as in :func:`kallos_data.bars.ohlcv.clean_ohlcv`.
    """
    settings = settings or ReadingSettings()
    source = opened(Path(path))
    head, name = source.head(6), source.name.lower()
    if name.endswith(_PARQUET) or head.startswith(b"PAR1"):
        return Table(_parquet(source), Origin(str(path))).bars(settings, now)
    if name.endswith(_ARROW) or head.startswith(b"ARROW1"):
        return Table(_arrow(source, head), Origin(str(path))).bars(settings, now)
    if is_json(source):
        # Programs write JSON, and none writes decimal commas.
        settings = settings if settings.decimal or settings.thousands else replace(settings, decimal=".")
        return Table(read_json(source), Origin(str(path))).bars(settings, now)
    return CsvFile.of(as_utf8(source)).bars(settings, now)


def _parquet(source: Source) -> pl.DataFrame:
    try:
        frame = pl.scan_parquet(source.content, glob=False).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataQualityError(f"{source.path} cannot be read as Parquet: {error}") from error
    return frame.rename(_names_of_levels(frame.columns))


def _names_of_levels(names: Sequence[str]) -> dict[str, str]:
    """Return other names for columns of two levels, which pandas writes as ``('Close', 'BTC-USD')``.

    Of the levels of one ticker alone that with the different names counts.
    """
    spelt = {name: match.groups() for name in names if (match := _LEVELS.fullmatch(name))}
    tickers = [len({levels[place] for levels in spelt.values() if all(levels)}) for place in (0, 1)]
    if not spelt or min(tickers) > 1:
        return {}
    place = tickers.index(max(tickers))
    renamed = {name: levels[place] or levels[1 - place] for name, levels in spelt.items()}
    return renamed if len({*renamed.values(), *names}) == len(renamed) + len(names) else {}


def _arrow(source: Source, head: bytes) -> pl.DataFrame:
    if head.startswith(_OLD_FEATHER):
        raise DataQualityError(f"{source.path} is Feather of version 1: write it again as version 2, or as Parquet")
    try:
        return pl.read_ipc(io.BytesIO(source.data()))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataQualityError(f"{source.path} cannot be read as Arrow: {error}") from error

"""From a raw table of prices to clean bars: numbers, UTC times, sorted, without contradictions."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from narwhals.typing import IntoDataFrame

from ..errors import DataQualityError, MissingColumnsError
from .columns import MARKET_COLUMNS, REQUIRED, required, time_candidates
from .contradictions import ROW, holding_open_and_close, one_bar_a_time, refuse_contradictions
from .foreign_frames import as_polars
from .markets import kept_rows, refuse_several_markets
from .numbers import read_numbers
from .origin import Origin
from .reading_settings import ReadingSettings
from .split_times import joined
from .times import TimeReader, latest_time

logger = logging.getLogger(__name__)


def clean_ohlcv(
    frame: IntoDataFrame,
    *,
    where: str = "the frame",
    settings: ReadingSettings | None = None,
    now: datetime | None = None,
) -> pl.DataFrame:
    """Bring a table of prices to known names, numbers and UTC times, in order, and refuse contradictions.

    What is taken from which column is logged, and so is all that is left out. Rows that stand there twice with the same
    values are dropped. Daily bars that begin at midnight of another zone than UTC keep their local dates.

    Parameters
    ----------
    frame : polars or pandas DataFrame, [N, ...]
        Columns in the usual spellings, texts or numbers; times as in :func:`kallos_data.read_ohlcv`, also as the index
        of a pandas frame.
    where : str, default "the frame"
        What messages call it.
    settings : ReadingSettings, optional
        What the values may leave open.
    now : datetime, optional
        Times after tomorrow are none; by the clock where left out.

    Returns
    -------
    polars.DataFrame, [N, 6 to 10]
        As of :func:`kallos_data.read_ohlcv`.

    Raises
    ------
    MissingColumnsError
        Where the time, a price or the volume is missing as a column.
    ConfigError
        Where the rows to keep are chosen by a column or value that is not there.
    DataQualityError
        Where there is no row, a time or number cannot be read, or in two ways, a price is missing, infinite or not
        positive, a volume or count negative, open or close beyond high or low, two rows of one time differ, or a column
        such as symbol or exchange has several values. The message names the first such row, counted from 1.
    """
    return Table(as_polars(frame), Origin(where), is_file=False).bars(settings or ReadingSettings(), now)


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table of prices.

    Attributes
    ----------
    frame : polars.DataFrame, [N, ...]
        As it was found.
    origin : Origin
        How messages name it and its rows.
    commas : bool, default False
        Whether decimal commas are taken where they are certain.
    left_out : sequence of str
        Names of columns that the source has beside those of the frame.
    is_file : bool, default True
        Whether it was read from a file, of which is said what was taken even where that was to be expected.
    """

    frame: pl.DataFrame
    origin: Origin
    commas: bool = False
    left_out: Sequence[str] = ()
    is_file: bool = True

    def bars(self, settings: ReadingSettings, now: datetime | None) -> pl.DataFrame:
        """Return the bars; see :func:`clean_ohlcv`."""
        where, names = self.origin.where, self.frame.columns
        places = required(names, self.origin)
        raw = self.frame.with_columns(pl.int_range(1, pl.len() + 1).alias(ROW))
        if settings.where:
            raw = raw.filter(kept_rows(self.frame, settings.where, where=where))
        columns = {name: raw.to_series(places[name]) for name in MARKET_COLUMNS if name in places}
        numbers = read_numbers(columns, settings, origin=self.origin, rows=raw[ROW], commas=self.commas)
        cleaned = pl.DataFrame([raw[ROW], *numbers])
        blank = cleaned.select(pl.all_horizontal(pl.col(REQUIRED).is_null())).to_series()
        if blank.any():
            logger.warning("%s: rows without any price are left out: %d", where, blank.sum())
            raw, cleaned = raw.filter(~blank), cleaned.filter(~blank)
        if cleaned.is_empty():
            raise DataQualityError(f"{where} has no row with prices: name one that has")
        refuse_several_markets(raw.drop(ROW), where=where)
        reader = TimeReader(settings=settings, latest=latest_time(now), origin=self.origin, rows=raw[ROW])
        times, taken = _read_first(reader, raw, names)
        used = [*taken, *places.values()]
        cleaned = cleaned.with_columns(times)
        if not times.is_sorted():
            cleaned = cleaned.sort("timestamp", ROW)
        refuse_contradictions(cleaned, self.origin)
        cleaned = one_bar_a_time(cleaned, self.frame, used, self.origin)
        cleaned = holding_open_and_close(cleaned, self.origin, repair=settings.repair)
        if without := [name for name in places if cleaned[name].null_count() == len(cleaned)]:
            logger.info("%s: columns without any value: %s", where, ", ".join(without))
        self._say_columns([taken, *([place] for place in places.values())], ["timestamp", *places])
        return cleaned.select("timestamp", *places)

    def _say_columns(self, taken: Sequence[Sequence[int]], columns: Sequence[str]) -> None:
        names = self.frame.columns
        used = {place for places in taken for place in places}
        left_out = [name or '""' for place, name in enumerate(names) if place not in used] + list(self.left_out)
        plain = not left_out and [names[place] for places in taken for place in places] == list(columns)
        level = logging.DEBUG if plain and not self.is_file else logging.INFO
        parts = [
            f"{column} = {' and '.join(chr(34) + names[place] + chr(34) for place in places)}"
            for column, places in zip(columns, taken, strict=True)
        ]
        ending = f"; left out: {', '.join(left_out)}" if left_out else ""
        logger.log(level, "%s: columns: %s%s", self.origin.where, ", ".join(parts), ending)


def _read_first(reader: TimeReader, raw: pl.DataFrame, names: Sequence[str]) -> tuple[pl.Series, tuple[int, ...]]:
    """Return the first column, or date and time of day, that reads as time, and its places."""
    first_error: DataQualityError | None = None
    named = False
    for places in time_candidates(names):
        named = named or names[places[0]] not in ("", "index", "__index_level_0__")
        columns = [raw.to_series(place) for place in places]
        try:
            times, note = reader.read(columns[0] if len(columns) == 1 else joined(reader, *columns))
        except DataQualityError as error:
            first_error = first_error or error
            continue
        if note:
            logger.info("%s: %s", reader.origin.where, note)
        return times, places
    if first_error is None or not named:
        raise MissingColumnsError(["timestamp"], names, where=reader.origin.where)
    raise first_error

"""CSV files: read by polars in one go where they are as usual, and as texts where they are not."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from ..errors import DataQualityError, KallosError
from .archives import Source, from_latin_1
from .columns import MARKET_COLUMNS, identities, required, time_candidates
from .csv_layout import Layout, chosen_ticker, find_layout
from .headerless import with_names
from .numbers import MISSING, certain_points
from .ohlcv import Table
from .origin import Origin, line_of_row
from .reading_settings import ReadingSettings

logger = logging.getLogger(__name__)

_HEAD_ROWS: Final = 1000
_OPEN_QUOTE: Final = 'a quotation mark (") opens a cell that goes on'
_NULLS: Final = [word for text in MISSING for word in dict.fromkeys((text, text.upper(), text.title()))]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file and its layout.

    Attributes
    ----------
    source : Source
        UTF-8.
    layout : Layout
        Where the table lies in it.
    """

    source: Source
    layout: Layout

    @classmethod
    def of(cls, source: Source) -> "CsvFile":
        """Find the layout.

        Raises
        ------
        DataQualityError
            Where there is none.
        """
        return cls(source, find_layout(source.head(), source.path))

    @property
    def origin(self) -> Origin:
        """How messages name the file and its rows."""
        line_of = partial(line_of_row, self.source, lines_before=self.layout.lines_before)
        return Origin(str(self.source.path), line_of, self.layout.header)

    def bars(self, settings: ReadingSettings, now: datetime | None) -> pl.DataFrame:
        """Return the bars; see :func:`kallos_data.read_ohlcv`."""
        where, layout = str(self.source.path), self.layout
        self._refuse_cut_row()
        places: Sequence[int] = ()
        if layout.names:
            places, rows = chosen_ticker(layout, settings.where, self.source.path)
            settings = replace(settings, where=rows)
            required([layout.names[place] for place in places], self.origin)
            if not (rows or settings.decimal or settings.thousands):
                try:
                    usual = self._usual(places)
                    if usual is not None:
                        return usual.bars(settings, now)
                except (KallosError, pl.exceptions.PolarsError):
                    # What is wrong is found again, and named, on the texts as they stand there.
                    logger.debug("%s is read again as texts", where)
        frame = self._texts()
        if layout.names:
            frame = frame.select(pl.nth(place).alias(name) for place, name in self._names(places).items())
        else:
            frame = with_names(frame, where=where)
        return Table(frame, self.origin, commas=layout.separator != ",").bars(settings, now)

    def _names(self, places: Sequence[int]) -> dict[int, str]:
        """Return a name for each place, another one where it stands there twice."""
        names: dict[int, str] = {}
        for place in places:
            name = self.layout.names[place]
            names[place] = name if name not in names.values() else f"{name} ({place + 1})"
        return names

    def _usual(self, places: Sequence[int]) -> Table | None:
        """Return the columns that are needed, numbers as such, where the first rows say that this is safe."""
        names = self._names(places)
        listed, by_order = list(names.values()), list(names)
        found = required(listed, self.origin)
        numbers = {by_order[place] for name, place in found.items() if name in MARKET_COLUMNS}
        head = self._read(dict.fromkeys(range(self.layout.width), pl.String), sorted(numbers), n_rows=_HEAD_ROWS)
        if not certain_points({name: head[name] for name in head.columns}):
            return None
        texts = {by_order[place] for candidate in time_candidates(listed) for place in candidate}
        texts |= {by_order[place] for place in identities(listed)}
        wanted = sorted(numbers | texts)
        types = {place: pl.Float64 if place in numbers else pl.String for place in range(self.layout.width)}
        frame = self._read(types, wanted)
        if self.source.has_quotes() and self.source.line_count() - self.layout.lines_before > len(frame):
            # A cell goes over several lines.
            return None
        left_out = [name for place, name in names.items() if place not in wanted]
        return Table(frame.rename({str(place): names[place] for place in wanted}), self.origin, left_out=left_out)

    def _texts(self) -> pl.DataFrame:
        schema = dict.fromkeys(range(self.layout.width), pl.String)
        try:
            frame = self._read(schema, list(schema))
        except pl.exceptions.PolarsError as error:
            data = self.source.data()
            try:
                data.decode()
            except UnicodeDecodeError:
                again = CsvFile.of(from_latin_1(self.source))
                return again._texts()  # noqa: SLF001 - of the same class
            raise self._no_table(error) from error
        self._refuse_rows_in_cells(frame)
        return frame

    def _refuse_rows_in_cells(self, frame: pl.DataFrame) -> None:
        """Refuse a cell that holds a whole row: its quotation mark was never closed, or much too late."""
        between = re.escape(self.layout.separator)
        row = rf"\n[^\n]*(?:{between}[^\n]*){{{self.layout.width - 1}}}\n"
        for column in frame:
            several = column.str.contains("[\r\n]").fill_null(value=False)
            lines = (column.filter(several) + "\n").str.replace_all("\r\n?", "\n").str.contains(row)
            if lines.any():
                place = int(several.arg_true()[int(lines.arg_max() or 0)])
                raise DataQualityError(
                    f"{self.origin.at(place + 1)}: {_OPEN_QUOTE} over the rows below, {column[place][:40]!r}…: "
                    "close or remove it"
                )

    def _no_table(self, error: Exception | str) -> DataQualityError:
        reason = str(error).partition("\n")[0]
        if "not specified in schema" in reason or "more fields" in reason:
            reason = "a row has more cells; if commas stand before decimals, separate cells by semicolons or quote them"
        elif (opened := reason.partition("could not parse `")[2]).startswith('"'):
            reason = f"{_OPEN_QUOTE} to the end, {opened[:40]!r}…: close or remove it, or fetch the file again"
        return DataQualityError(f"{self.source.path} is not a table of {self.layout.width} columns: {reason}")

    def _refuse_cut_row(self) -> None:
        """Refuse a file that ends within a row: the next to last has all cells, the last one has not."""
        tail = self.source.tail().decode(errors="ignore").splitlines()
        rows = [line for line in tail[1:] if line.strip()]
        if len(rows) > 1 and '"' not in "".join(rows[-2:]):
            whole, last = (line.count(self.layout.separator) + 1 for line in rows[-2:])
            if 1 < last < whole == self.layout.width:
                raise DataQualityError(
                    f"{self.source.path} ends within a row: the last, {rows[-1][:60]!r}, has {last} of {whole} cells; "
                    "fetch the file again, or complete or remove the row"
                )

    def _read(self, types: Mapping[int, Any], wanted: Sequence[int], *, n_rows: int | None = None) -> pl.DataFrame:
        content, skip = self.source.content, self.layout.lines_before
        eol = "\n"
        if not isinstance(content, Path) or b"\n" not in self.source.head():
            content, skip = self.source.data()[self.layout.first_row :], 0
            eol = "\n" if b"\n" in content else "\r"
        # Of columns that nobody asks for polars counts no cells: one after the last shows rows that have more.
        beyond = str(self.layout.width)
        frame = (
            pl.scan_csv(
                content,
                separator=self.layout.separator,
                has_header=False,
                skip_lines=skip,
                eol_char=eol,
                schema={**{str(place): kind for place, kind in types.items()}, beyond: pl.String},
                null_values=_NULLS,
                missing_columns="insert",
                raise_if_empty=False,
                n_rows=n_rows,
                glob=False,
            )
            .select([*map(str, wanted), beyond])
            .collect()
        )
        if frame[beyond].null_count() < len(frame):
            raise self._no_table("more fields")
        return frame.drop(beyond)

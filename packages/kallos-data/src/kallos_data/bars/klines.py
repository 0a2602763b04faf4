"""Bars as exchanges return them: JSON arrays of lists or objects."""

import codecs
import json
import re
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from ..errors import DataQualityError
from .archives import Source
from .columns import recognised
from .headerless import with_names

_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
_BEGINNING: Final = re.compile(rb'\s*(\[\s*[\[{]|\{\s*")')
_DEEPEST: Final = 4
_LARGE: Final = 1e6


@dataclass(frozen=True, slots=True)
class _Names:
    """Names of columns, and what stands beside the rows as their index."""

    columns: list[str]
    index: list[Any] | None


def is_json(source: Source) -> bool:
    """Whether a file is JSON by its name, or by how it begins."""
    return source.name.lower().endswith(_SUFFIXES) or _BEGINNING.match(source.head()) is not None


def read_json(source: Source) -> pl.DataFrame:
    """Return the table in a JSON file: an array of arrays or objects, alone or within an answer, or objects by line.

    Raises
    ------
    DataQualityError
        Where there is no such table, or no names and no layout that is certain.
    """
    where = str(source.path)
    document = _document(source)
    if isinstance(document, dict):
        columns = {str(name): values for name, values in document.items() if _is_flat_list(values)}
        if len(recognised(list(columns))) > 1 and len({len(values) for values in columns.values()}) == 1:
            return pl.DataFrame([_column(name, values) for name, values in columns.items()])
    arrays = _arrays(document, 0)
    if len(arrays) != 1:
        found = f"{len(arrays)} arrays of them" if arrays else "none"
        raise DataQualityError(f"{where} must hold one array of bars, as exchanges return them, and holds {found}")
    rows, beside = arrays[0]
    if all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        return pl.DataFrame([_column(str(name), [row.get(name) for row in rows]) for name in names])
    first = rows[0] if isinstance(rows[0], list) else []
    if beside is None and all(isinstance(name, str) for name in first) and len(recognised(first)) > 1:
        rows, beside = rows[1:], _Names(first, None)
        if not rows:
            raise DataQualityError(f"{where} has no row with prices: name one that has")
    widths = {len(row) if isinstance(row, list) else 0 for row in rows}
    if len(widths) > 1 or 0 in widths:
        raise DataQualityError(f"{where} holds rows of different lengths or kinds: write all bars alike")
    columns_by_place = zip(*rows, strict=True)
    frame = pl.DataFrame([_column(str(place), list(values)) for place, values in enumerate(columns_by_place)])
    return with_names(frame, where=where) if beside is None else _named(frame, beside, where)


def _named(frame: pl.DataFrame, beside: _Names, where: str) -> pl.DataFrame:
    if len(beside.columns) != frame.width:
        raise DataQualityError(f"{where} names {len(beside.columns)} columns, and its rows have {frame.width}")
    columns = [column.alias(name) for name, column in zip(beside.columns, frame, strict=True)]
    if beside.index is not None:
        columns.insert(0, _column("index", beside.index))
    if len({column.name for column in columns}) < len(columns):
        raise DataQualityError(f"{where} names a column twice: {', '.join(beside.columns)}; rename or remove one")
    return pl.DataFrame(columns)


def _document(source: Source) -> Any:  # noqa: ANN401 - whatever JSON holds
    data = source.data().removeprefix(codecs.BOM_UTF8)
    try:
        return json.loads(data, parse_float=_number)
    except ValueError as error:
        try:
            rows = [json.loads(line, parse_float=_number) for line in data.splitlines() if line.strip()]
        except ValueError:
            rows = []
        if len(rows) > 1:
            return rows
        raise DataQualityError(
            f"{source.path} cannot be read as JSON: {error}; it may be cut short, fetch it again"
        ) from error


def _number(text: str) -> float | str:
    """Return a number, but large ones with an exponent as they stand there, in case that they are times."""
    return text if "e" in text.lower() and float(text) >= _LARGE else float(text)


def _arrays(document: Any, depth: int) -> list[tuple[list[Any], _Names | None]]:  # noqa: ANN401 - whatever JSON holds
    """Return every array of rows in a document, also within objects, and the names beside it."""
    if _is_array(document):
        return [(document, None)]
    if not isinstance(document, dict) or depth >= _DEEPEST:
        return []
    found: list[tuple[list[Any], _Names | None]] = []
    for value in document.values():
        found += [(value, _names_beside(value, document))] if _is_array(value) else _arrays(value, depth + 1)
    return found


def _is_array(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    return isinstance(value, list) and bool(value) and all(isinstance(row, list | dict) for row in value)


def _names_beside(rows: list[Any], around: dict[str, Any]) -> _Names | None:
    """Return the names that stand beside rows of lists: ``columns``, as pandas writes them, or called otherwise."""
    if not isinstance(rows[0], list):
        return None
    lists = [values for values in around.values() if isinstance(values, list) and len(values) == len(rows[0])]
    names = [values for values in lists if all(isinstance(value, str) for value in values)]
    if len(names) != 1:
        return None
    index = around.get("index")
    beside = isinstance(index, list) and index is not names[0] and len(index) == len(rows)
    return _Names(names[0], index if beside else None)


def _is_flat_list(values: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    return isinstance(values, list) and not any(isinstance(value, list | dict) for value in values)


def _column(name: str, values: list[Any]) -> pl.Series:
    plain = [value if value is None or isinstance(value, int | float | str) else json.dumps(value) for value in values]
    if any(isinstance(value, str) for value in plain):
        plain = [value if value is None else str(value) for value in plain]
    return pl.Series(name, plain, strict=False)

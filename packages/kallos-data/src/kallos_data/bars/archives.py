"""Files as they lie on the disk: their check sums, what archives hold, and text in other encodings."""

import codecs
import gzip
import hashlib
import io
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import ConfigError, DataQualityError

logger = logging.getLogger(__name__)

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_TABLES: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".pq", ".feather", ".arrow", ".ipc", ".gz")
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_HEAD_BYTES: Final = 2**16
_PART_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Source:
    """A table's bytes, in memory or still on the disk.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        What it is called, which inside an archive is another name.
    unpacked : bytes or None
        What the file holds, where that is not the file as it is.
    """

    path: Path
    name: str
    unpacked: bytes | None = None

    @property
    def content(self) -> Path | bytes:
        """What polars is to read."""
        return self.path if self.unpacked is None else self.unpacked

    def head(self, count: int = _HEAD_BYTES) -> bytes:
        """Return the first bytes."""
        if self.unpacked is not None:
            return self.unpacked[:count]
        with self.path.open("rb") as file:
            return file.read(count)

    def tail(self) -> bytes:
        """Return the last bytes."""
        if self.unpacked is not None:
            return self.unpacked[-_HEAD_BYTES:]
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _HEAD_BYTES))
            return file.read()

    def has_quotes(self) -> bool:
        """Whether there is a quotation mark."""
        return any(b'"' in part for part in self._parts())

    def line_count(self) -> int:
        """Return how many lines there are, the last one with or without an end."""
        ends, last = {b"\n": 0, b"\r": 0}, b""
        for part in self._parts():
            ends = {end: count + part.count(end) for end, count in ends.items()}
            last = part[-1:]
        return (ends[b"\n"] or ends[b"\r"]) + (last not in ends)

    def lines(self) -> Iterator[bytes]:
        """Return one line after the other, without their ends."""
        end, rest = (b"\n" if b"\n" in self.head() else b"\r"), b""
        for part in self._parts():
            *whole, rest = (rest + part).split(end)
            yield from whole
        yield rest

    def _parts(self) -> Iterator[bytes]:
        if self.unpacked is not None:
            yield self.unpacked
            return
        with self.path.open("rb") as file:
            while part := file.read(_PART_BYTES):
                yield part

    def data(self) -> bytes:
        """Return all bytes."""
        return self.path.read_bytes() if self.unpacked is None else self.unpacked

    def replaced(self, unpacked: bytes) -> "Source":
        """Return the same with other bytes."""
        return Source(self.path, self.name, unpacked)


def opened(path: Path) -> Source:
    """Return what a file holds, unpacked where it is a gzip or zip archive.

    Raises
    ------
    ConfigError
        Where there is no such file.
    DataQualityError
        Where an archive is broken or holds not exactly one table, or the check sum beside the file is another one.
    """
    if not path.is_file():
        problem = "is a folder: name a file in it" if path.is_dir() else "does not exist: check the path"
        raise ConfigError(f"{str(path)!r} {problem}", "path")
    _check_sum(path)
    source = Source(path, path.name)
    head = source.head(4)
    if head.startswith(_ZIP):
        source = _of_zip(path)
        head = source.head(4)
    if head.startswith(_GZIP):
        try:
            source = Source(path, source.name.removesuffix(".gz"), gzip.decompress(source.data()))
        except (EOFError, OSError, zlib.error) as error:
            raise DataQualityError(f"{path} is a gzip archive that is cut short or broken: fetch it again") from error
    return source


def as_utf8(source: Source) -> Source:
    """Return text as UTF-8 without a byte order mark; Latin-1 is taken with a warning.

    Raises
    ------
    DataQualityError
        Where it is no text.
    """
    head = source.head()
    if head.startswith(_UTF_32):
        raise no_text(source.path)
    if head.startswith(_UTF_16):
        try:
            return source.replaced(source.data().decode("utf-16").encode())
        except UnicodeDecodeError as error:
            raise no_text(source.path) from error
    if head.startswith(codecs.BOM_UTF8):
        source = source.replaced(source.data().removeprefix(codecs.BOM_UTF8))
        head = source.head()
    try:
        # A character may be cut at the end of the head.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < _HEAD_BYTES)
    except UnicodeDecodeError:
        return from_latin_1(source)
    if b"\x00" in head:
        raise no_text(source.path)
    return source


def from_latin_1(source: Source) -> Source:
    """Return Latin-1, in the form that Windows gives it, as UTF-8, with a warning.

    Raises
    ------
    DataQualityError
        Where it is no text.
    """
    data = source.data()
    if _NO_TEXT.search(data):
        raise no_text(source.path)
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise no_text(source.path) from error
    logger.warning("%s is not UTF-8: read as Latin-1, check that its names look right", source.path)
    return source.replaced(text.encode())


def no_text(path: Path) -> DataQualityError:
    """Return the error for a file that is neither text nor a known kind of table."""
    return DataQualityError(
        f"{path} is not text: name a CSV file (UTF-8, UTF-16 or Latin-1, also in gzip or zip), a JSON array, a Parquet "
        "or an Arrow (Feather) file"
    )


def _of_zip(path: Path) -> Source:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and not _is_hidden(name)]
            if "[Content_Types].xml" in names:
                raise DataQualityError(f"{path} is a spreadsheet: export the sheet as CSV")
            tables = names if len(names) == 1 else [name for name in names if name.lower().endswith(_TABLES)]
            if len(tables) != 1:
                held = ", ".join(map(repr, sorted(names)[:10])) or "nothing"
                raise DataQualityError(f"{path} must hold one table, and holds {held}: unpack it and name one file")
            data = io.BytesIO(archive.read(tables[0])).getvalue()
    except (zipfile.BadZipFile, EOFError, zlib.error, OSError) as error:
        raise DataQualityError(f"{path} is a zip archive that is cut short or broken: fetch it again") from error
    except NotImplementedError as error:
        # A sound archive of a newer program: zipfile knows neither every compression nor every version.
        raise DataQualityError(
            f"{path} is a zip archive that cannot be read here ({error}): unpack it first"
        ) from error
    except RuntimeError as error:
        raise DataQualityError(f"{path} is a zip archive with a password: unpack it first") from error
    return Source(path, tables[0], data)


def _is_hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or Path(name).name.startswith(".") or name.upper().endswith(".CHECKSUM")


def _check_sum(path: Path) -> None:
    """Compare a file with the SHA-256 in ``NAME.CHECKSUM`` beside it, where there is one."""
    beside = path.with_name(f"{path.name}.CHECKSUM")
    if not beside.is_file():
        return
    lines = beside.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [match.group().lower() for line in lines if (match := re.search(r"\b[0-9a-fA-F]{64}\b", line))]
    of_file = [
        match.group().lower()
        for line in lines
        if path.name in line and (match := re.search(r"\b[0-9a-fA-F]{64}\b", line))
    ]
    sums = of_file or (found if len(found) == 1 else [])
    if not sums:
        raise DataQualityError(f"{beside} holds no SHA-256 of {path.name}: fetch it again, or remove it")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual not in sums:
        raise DataQualityError(
            f"{path} does not match the checksum in {beside.name} (SHA-256 {actual[:12]}…, not {sums[0][:12]}…): "
            "fetch both again"
        )
    logger.info("%s: SHA-256 as in %s", path, beside.name)

"""Files of a saved forecaster are read as what they are: no links, no devices, no more than is expected."""

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..accepted_values import shown
from ..errors import ModelFileError

AGAIN: Final = "copy the folder again from where it was saved, or save the forecaster anew"
_MOST_DIGITS: Final = 20


def damaged(path: Path, what: str) -> ModelFileError:
    """Return the error of a file that is not what was saved."""
    return ModelFileError(f"{path} is damaged: {what}; {AGAIN}")


def open_ordinary(path: Path) -> BinaryIO:
    """Open a file for reading that is itself in its folder.

    Raises
    ------
    ModelFileError
        Where it is a link, a folder or a device.
    OSError
        Where it cannot be opened.
    """
    try:
        # A pipe would otherwise wait for somebody to write.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ModelFileError(f"{path} is a link: copy the file itself into the folder") from error
        raise
    file = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if file is None:
        os.close(descriptor)
        raise damaged(path, "it is no ordinary file")
    return file


def size_of(file: BinaryIO) -> int:
    """Return how many bytes an open file has."""
    return os.fstat(file.fileno()).st_size


def read_json(content: bytes) -> Any:  # noqa: ANN401 - what JSON holds
    """Read JSON as its standard has it: UTF-8, finite numbers, each name once.

    Raises
    ------
    ValueError
        Where it is anything else.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("it is no text in UTF-8") from error
    try:
        return json.loads(
            text,
            object_pairs_hook=_each_name_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_short_integer,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON ({error})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen = set[str]()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise ValueError(f"it names {shown(twice)} twice")
    return values


def _refuse_constant(name: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:80]} is no finite number")
    return number


def _short_integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a whole number has {len(text)} digits")
    return int(text)

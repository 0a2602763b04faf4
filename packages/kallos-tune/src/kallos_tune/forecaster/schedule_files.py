"""Which forecasters a folder holds: one, or those of a schedule in subfolders, named in ``schedule.json``."""

import json
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from kallos_models import ModelFileError

_FORMAT: Final = 1
_FILE: Final = "schedule.json"


def is_schedule(folder: str | Path) -> bool:
    """Return whether a folder holds forecasters on a schedule rather than one."""
    return (Path(folder) / _FILE).is_file()


def forecaster_folders(folder: str | Path) -> list[Path]:
    """Return the folders of the forecasters that a folder holds, oldest first; itself where it holds one.

    Raises
    ------
    kallos_models.ModelFileError
        Where the list of a schedule is damaged or of a newer format.
    """
    folder = Path(folder).absolute()
    return read_schedule(folder)[1] if is_schedule(folder) else [folder]


def read_schedule(folder: Path) -> tuple[str, list[Path]]:
    """Return from one training to the next, and the folders of the forecasters, oldest first.

    Raises
    ------
    kallos_models.ModelFileError
        Where the list is missing, damaged or of a newer format.
    """
    path = folder / _FILE
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
        every, names = str(facts["every"]), [str(name) for name in facts["models"]]
        newer = facts["format"] != _FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} cannot be read ({error}): train the schedule again") from error
    if newer:
        raise ModelFileError(f"{path} has format {facts['format']!r}, and {_FORMAT} is read: use a newer kallos-tune")
    if not names or any(Path(name).name != name for name in names):
        raise ModelFileError(f"{path} names no forecasters beside it: train the schedule again")
    return every, [folder / name for name in names]


def write_schedule(folder: Path, every: str, names: Sequence[str]) -> None:
    """Write the list anew, in one step."""
    path = folder / _FILE
    beside = path.with_name(f".{path.name}.{token_hex(4)}")
    text = json.dumps({"format": _FORMAT, "every": every, "models": list(names)}, indent=2) + "\n"
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)

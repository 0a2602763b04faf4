"""A folder is read as one forecaster, although another may be put in its place meanwhile; its card without torch."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import ModelFileError
from .card import CARD, WEIGHTS, Card, read_card
from .folder import is_moved_aside, put_back
from .ordinary_files import AGAIN

_Read = TypeVar("_Read")


def read_forecaster_card(folder: str | Path) -> Card:
    """Read the card of a forecaster alone, which takes no time: neither torch is imported nor a weight looked at.

    Parameters
    ----------
    folder : str or Path
        As of :func:`kallos_models.load_forecaster`.

    Raises
    ------
    ModelFileError
        Where no forecaster is there, or its card is damaged or of a newer format.
    """
    return read_whole(folder, card_in)


def card_in(folder: Path) -> Card:
    """Return the card in a folder.

    Raises
    ------
    ModelFileError
        Where it is no folder, or the card is damaged.
    OSError
        Where it is not there, or cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise ModelFileError(f"{folder} is no folder: give the folder that a forecaster was saved in")
    return read_card(folder / CARD)


def read_whole(folder: str | Path, read: Callable[[Path], _Read]) -> _Read:
    """Return what is read from a folder, all of it from the same forecaster.

    Raises
    ------
    ModelFileError
        As ``read`` does, and where a file is not there or cannot be read.
    """
    folder = Path(folder).resolve()
    while True:
        try:
            put_back(folder)
            before = _identity(folder)
            try:
                return read(folder)
            except (ModelFileError, FileNotFoundError):
                # It may have been replaced since its card was read, or be about to be.
                if _identity(folder) == before and not is_moved_aside(folder):
                    raise
        except ModelFileError:
            raise
        except OSError as error:
            raise ModelFileError(f"no forecaster in {folder}: {_why(folder, error)}") from error


def _why(folder: Path, error: OSError) -> str:
    if not folder.exists():
        return "there is no such folder; give the one that a forecaster was saved in"
    for name, remedy in ((CARD, "give a folder that a forecaster was saved in"), (WEIGHTS, AGAIN)):
        if not (folder / name).exists():
            return f"it holds no {name}; {remedy}"
    return f"{error.filename or folder} cannot be read ({error.strerror or error})"


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        facts = folder.stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_ctime_ns

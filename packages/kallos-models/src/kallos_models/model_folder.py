"""The folder of a saved forecaster, which holds one whole forecaster at every moment.

Its layout::

    forecaster.json        the card: names the content in force, with checksums, scalers and notes
    content-0123456789ab/  model.pt and model.pt.ckpt

A save writes a new content, then replaces the card in one step, then removes the old content. Whoever is killed before
that step leaves the old forecaster, and whoever is killed after it the new one; what lies around is removed by a later
save.
"""

import hashlib
import json
import logging
import math
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

from .errors import ModelFileError

logger = logging.getLogger(__name__)

FORMAT: Final = 1
_CARD: Final = "forecaster.json"
_CONTENT: Final = re.compile(r"content-[0-9a-f]{12}")
_OURS: Final = re.compile(rf"{_CONTENT.pattern}|{re.escape(_CARD)}(\.[0-9a-f]{{12}})?")
# A save takes seconds: what is older was left by one that was killed, not by one at work at the same time.
_LEFT_BEHIND_AFTER: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Card:
    """What the card says.

    Attributes
    ----------
    content : str
        Name of the subfolder in force.
    files : Mapping[str, str]
        SHA-256 of each file in it.
    versions : Mapping[str, str]
        Packages that it was saved with.
    scalers, about : Mapping[str, Any]
        As they were handed to :func:`kallos_models.save_forecaster`.
    format : int
        Of this layout.
    """

    content: str
    files: Mapping[str, str]
    versions: Mapping[str, str]
    scalers: Mapping[str, Any]
    about: Mapping[str, Any]
    format: int = FORMAT


def refuse_occupied(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder of something else, and without ``overwrite`` one of a forecaster.

    Raises
    ------
    ModelFileError
        In these cases. What a killed save left behind is nothing else.
    """
    if not folder.exists():
        return
    if not folder.is_dir() or not (_is_card(folder) or all(_OURS.fullmatch(each.name) for each in folder.iterdir())):
        raise ModelFileError(f"{folder} exists and holds no forecaster: choose another folder")
    if _is_card(folder) and not overwrite:
        raise ModelFileError(
            f"{folder} holds a forecaster already: choose another folder, or ask for the old one to be overwritten"
        )


def new_content(folder: Path) -> Path:
    """Make and return an empty subfolder for a content, with its parents."""
    content = folder / f"content-{uuid4().hex[:12]}"
    content.mkdir(parents=True)
    return content


def publish(
    content: Path, *, versions: Mapping[str, str], scalers: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Put a written content in force, and remove the one before."""
    folder = content.parent
    files = sorted(content.iterdir())
    card = Card(content.name, {path.name: digest(path) for path in files}, versions, scalers, about)
    beside = _card_beside(content)
    beside.write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")
    # A power cut must not leave a card on the disk whose content is not.
    for path in (*files, content, beside):
        _sync(path)
    before = _content_in_force(folder)
    beside.replace(folder / _CARD)
    try:
        _sync(folder)
        _remove_superseded(folder, before, content.name)
    except OSError as error:
        logger.warning("the forecaster is saved in %s, but the one before it cannot be removed: %s", folder, error)


def discard(content: Path) -> None:
    """Remove what a failed save wrote, unless it is in force already."""
    folder = content.parent
    if _content_in_force(folder) == content.name:
        return
    _card_beside(content).unlink(missing_ok=True)
    _remove(content)
    if not any(folder.iterdir()):
        folder.rmdir()


def read_card(folder: Path) -> Card:
    """Return what a folder's card says.

    Raises
    ------
    ModelFileError
        Where it cannot be read, is damaged or has another format.
    """
    path = folder / _CARD
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFileError(f"no forecaster in {folder}: cannot read {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: {error}; save the forecaster again") from error
    if not isinstance(read, dict) or "format" not in read:
        raise ModelFileError(f"{path} is damaged: it names no format; save the forecaster again")
    card = cast("dict[str, Any]", read)
    if card["format"] != FORMAT:
        raise ModelFileError(
            f"{path} has format {card['format']} and kallos-models {version('kallos-models')} reads {FORMAT}: "
            "use a newer kallos-models"
        )
    missing = [name for name in ("versions", "files", "scalers", "about") if not isinstance(card.get(name), dict)]
    missing += [] if _CONTENT.fullmatch(str(card.get("content"))) else ["content"]
    if missing:
        raise ModelFileError(f"{path} is damaged: it lacks {', '.join(missing)}; save the forecaster again")
    return Card(**{name: card[name] for name in Card.__slots__})


def check_content(folder: Path, card: Card) -> Path:
    """Return the content in force, every file of which is what was saved.

    Raises
    ------
    ModelFileError
        Where a file is missing or damaged.
    """
    content = folder / card.content
    for name, expected in card.files.items():
        path = content / name
        if not path.is_file():
            raise ModelFileError(f"{path} is missing: save the forecaster again")
        if digest(path) != expected:
            raise ModelFileError(f"{path} is damaged: its content is not what was saved; save the forecaster again")
    return content


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_card(folder: Path) -> bool:
    return (folder / _CARD).is_file()


def _content_in_force(folder: Path) -> str | None:
    try:
        return read_card(folder).content
    except ModelFileError:
        # There is none, or it cannot be told: what it had is then removed as left behind.
        return None


def _remove_superseded(folder: Path, before: str | None, in_force: str) -> None:
    """Remove the content in force before, and what killed saves left behind."""
    long_ago = time.time() - _LEFT_BEHIND_AFTER
    for path in list(folder.iterdir()):
        if path.name in (in_force, _CARD) or not _OURS.fullmatch(path.name):
            continue
        if path.name == before or _modified(path) < long_ago:
            _remove(path)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        # Another save removes the same at the same time.
        return math.inf


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except FileNotFoundError:
        # Another save removes the same at the same time.
        return


def _card_beside(content: Path) -> Path:
    return content.with_name(content.name.replace("content-", f"{_CARD}."))


def _sync(path: Path) -> None:
    if os.name != "posix":
        # Elsewhere folders cannot be opened, nor can what is open for reading be flushed.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A folder is replaced as a whole: whoever kills a save, and whenever, leaves the old forecaster or the new one.

A folder cannot be renamed over one that holds files, so that a save goes by these steps::

    .NAME.<hex>    the new forecaster is written beside, and flushed to the disk
    NAME           is renamed to .NAME.before
    .NAME.<hex>    is renamed to NAME
    .NAME.before   is renamed to .NAME.<hex>, and removed

Killed between the second and the third, it leaves no NAME: whoever saves or loads next puts .NAME.before back. The
renames have a lock on the folder above, so that nobody puts back what is only being replaced.
"""

import fcntl
import logging
import os
import re
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from ..errors import ModelFileError
from .card import CARD, WEIGHTS, is_card

logger = logging.getLogger(__name__)

PAGE: Final = "model-card.md"
_FILES: Final = frozenset((CARD, WEIGHTS, PAGE))
# A save takes seconds: what is older was left by one that was killed, not by one at work at the same time.
_LEFT_BEHIND_AFTER: Final = 3600.0


def refuse_occupied(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder of something else, and without ``overwrite`` one of a forecaster.

    Raises
    ------
    ModelFileError
        In these cases. An empty folder is not occupied.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise ModelFileError(f"{folder} is no folder: choose another one to save the forecaster in")
    found = {path.name for path in folder.iterdir()}
    if others := sorted(found - _FILES):
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise ModelFileError(f"{folder} holds {others[0]!r}{more}, which is no forecaster's: choose another folder")
    if found and not is_card(folder / CARD):
        raise ModelFileError(f"{folder} holds no whole forecaster ({CARD} is none): choose another folder or remove it")
    if found and not overwrite:
        raise ModelFileError(
            f"must be asked for: {folder} holds a forecaster already; choose another folder or have this one replaced",
            "overwrite",
        )


def write_beside(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files to a new folder beside another, flush them to the disk, and return where they are."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(folder)
    beside.mkdir()
    try:
        for name, content in files.items():
            (beside / name).write_bytes(content)
            _sync(beside / name)
        _sync(beside)
    except BaseException:
        discard(beside)
        raise
    return beside


def put_in_place(written: Path, folder: Path, *, overwrite: bool) -> None:
    """Let a written folder take the place of the forecaster that is there, if one is.

    Raises
    ------
    ModelFileError
        As :func:`refuse_occupied`.
    OSError
        Where it cannot be renamed; the one before is then still in place.
    """
    with _alone_in(folder.parent):
        _put_back(folder)
        refuse_occupied(folder, overwrite=overwrite)
        superseded = _aside(folder)
        _move_out_of_the_way(superseded)
        if folder.is_dir() and any(folder.iterdir()):
            folder.rename(superseded)
        try:
            written.rename(folder)
        except BaseException:
            _put_back(folder)
            raise
        try:
            _sync(folder.parent)
            _move_out_of_the_way(superseded)
            _remove_left_behind(folder)
        except OSError as error:
            logger.warning("the forecaster is saved in %s, but the one before it cannot be removed: %s", folder, error)


def put_back(folder: Path) -> None:
    """Put back the forecaster that a killed save had moved aside, where nothing is in its place.

    Raises
    ------
    OSError
        Where it cannot be renamed.
    """
    if is_moved_aside(folder):
        with _alone_in(folder.parent):
            _put_back(folder)


def is_moved_aside(folder: Path) -> bool:
    """Return whether a forecaster is being replaced, or was when its save was killed: nothing is in its place."""
    return not os.path.lexists(folder) and _aside(folder).is_dir()


def discard(written: Path) -> None:
    """Remove a folder that was written beside, as far as it is there."""
    shutil.rmtree(written, ignore_errors=True)


def _put_back(folder: Path) -> None:
    if is_moved_aside(folder):
        _aside(folder).rename(folder)
        logger.warning("a save to %s was cut short: the forecaster from before it is put back", folder)


def _move_out_of_the_way(superseded: Path) -> None:
    """Remove the forecaster from before, in one step for whoever would put it back."""
    if superseded.is_dir():
        beside = superseded.with_name(superseded.name.removesuffix("before") + _tag())
        superseded.rename(beside)
        shutil.rmtree(beside)


def _remove_left_behind(folder: Path) -> None:
    long_ago = time.time() - _LEFT_BEHIND_AFTER
    ours = re.compile(rf"\.{re.escape(folder.name)}\.[0-9a-f]{{12}}")
    for path in list(folder.parent.iterdir()):
        if ours.fullmatch(path.name) and path.is_dir() and path.stat().st_mtime < long_ago:
            shutil.rmtree(path)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.before")


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{_tag()}")


def _tag() -> str:
    return uuid4().hex[:12]


@contextmanager
def _alone_in(parent: Path) -> Generator[None]:
    """Hold the lock of a folder, which goes with the process that holds it."""
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            logger.debug("%s cannot be locked, as on some network drives: %s", parent, error)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

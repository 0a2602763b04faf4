"""Files and folders that a command will write, checked before the long work begins."""

import re
import tempfile
from pathlib import Path

from .user_error import UserError


def require_writable(path: Path, *, option: str) -> None:
    """Make sure that a file can be written; nothing is left behind.

    Raises
    ------
    UserError
        Where it is a folder, its folder is missing, or nothing can be written there.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file in it with {option}")
    if not path.parent.is_dir():
        raise UserError(
            f"there is no folder {path.parent} to write {path.name} into: create it, or choose another with {option}"
        )
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.exists():
            path.open("ab").close()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; set {option} to another file") from error


def file_name_of(study_name: str) -> str:
    """Return a study's name as a file's: other than letters, digits and ``.-_`` it has none."""
    return re.sub(r"[^\w.-]+", "_", study_name).strip("._") or "study"


def make_folder(folder: Path, *, option: str) -> None:
    """Make a folder, with its parents, where it is missing.

    Raises
    ------
    UserError
        Where it cannot be made, or something else has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the folder {folder}: {error.strerror}; choose another with {option}") from error

"""SQLite files that may be read and not written, in a folder where nothing can be put beside them."""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Engine, event

_FORMAT: Final = slice(18, 20)
_WRITE_AHEAD: Final = b"\2\2"


def let_read_without_writing(engine: Engine) -> None:
    """Let an engine of SQLite read a file in write-ahead mode although its log cannot be put beside it.

    SQLite makes that log for readers too, and fails where it may not. Where there is none yet, all is in the file,
    which is then opened as one that nobody changes.
    """

    def on_connect(*given: Any) -> None:  # noqa: ANN401 - dialect, record, arguments, keywords
        arguments, keywords = given[2:]
        if arguments and not keywords.get("uri") and _needs_log(file := Path(arguments[0]).absolute()):
            arguments[0] = f"file:{quote(str(file))}?mode=ro&immutable=1"
            keywords["uri"] = True

    event.listen(engine, "do_connect", on_connect)


def _needs_log(file: Path) -> bool:
    """Return whether SQLite would fail to read a file for want of a log."""
    effective = os.access in os.supports_effective_ids
    if os.access(file.parent, os.W_OK, effective_ids=effective) or not os.access(
        file, os.R_OK, effective_ids=effective
    ):
        return False
    with file.open("rb") as opened:
        return opened.read(_FORMAT.stop)[_FORMAT] == _WRITE_AHEAD and not Path(f"{file}-wal").exists()

"""SIGINT and SIGTERM end a command in order, whatever it is doing."""

import signal
from types import FrameType

from .errors import EXIT_CTRL_C, EXIT_SIGTERM

_received: list[int] = []


def install() -> None:
    """Turn SIGINT into KeyboardInterrupt and SIGTERM into SystemExit(143), and remember them.

    Some imports in C turn an interrupt into another error: what is remembered tells the two apart.
    """
    _received.clear()
    signal.signal(signal.SIGINT, _on_signal)
    signal.signal(signal.SIGTERM, _on_signal)


def exit_code_received() -> int | None:
    """Return 130 or 143 where such a signal has come, else None."""
    if not _received:
        return None
    return EXIT_CTRL_C if _received[0] == signal.SIGINT else EXIT_SIGTERM


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(EXIT_SIGTERM)

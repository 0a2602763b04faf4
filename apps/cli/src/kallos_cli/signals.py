"""SIGINT and SIGTERM end a command in order, whatever it is doing."""

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from .errors import EXIT_CTRL_C, EXIT_SIGTERM

_AGAIN_SECONDS = 0.05
_received: list[int] = []
_held: list[int] = []


def install() -> None:
    """Turn SIGINT into KeyboardInterrupt and SIGTERM into SystemExit(143), and remember them.

    Some imports in C turn an interrupt into another error: what is remembered tells the two apart. And what is raised
    while garbage is collected goes no further: it is raised again a moment later.
    """
    _received.clear()
    signal.signal(signal.SIGINT, _on_signal)
    signal.signal(signal.SIGTERM, _on_signal)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, lambda *_: _end())
        sys.unraisablehook = _insist


def exit_code_received() -> int | None:
    """Return 130 or 143 where such a signal has come, else None."""
    if not _received:
        return None
    return EXIT_CTRL_C if _received[0] == signal.SIGINT else EXIT_SIGTERM


@contextmanager
def held_back() -> Generator[None]:
    """Let no signal interrupt the block, which is a short one; what came meanwhile ends the command right after."""
    n_before = len(_received)
    _held.append(1)
    try:
        yield
    finally:
        _held.pop()
    if len(_received) > n_before:
        _end()


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    if not _held:
        _end()


def _end() -> None:
    if _received[-1] == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(EXIT_SIGTERM)


def _insist(unraisable: "sys.UnraisableHookArgs") -> None:
    if _received and isinstance(unraisable.exc_value, KeyboardInterrupt | SystemExit):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
    else:
        sys.__unraisablehook__(unraisable)

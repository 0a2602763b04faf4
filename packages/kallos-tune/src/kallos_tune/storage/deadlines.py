"""How long an attempt may take: limits are deadlines, which no connection and no lock outlasts by a timeout of its own.

A deadline holds in the thread that set it, for everything that is called inside the ``with`` block.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

# An attempt that is begun at all gets so long: less would fail on a database that is merely busy.
LEAST_SECONDS: Final = 1.0

_end: ContextVar[float | None] = ContextVar("kallos_deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Generator[float]:
    """Set a deadline for the ``with`` block and give the seconds until it; of two deadlines the earlier one counts."""
    now, outer = time.monotonic(), _end.get()
    if outer is not None and outer < now + seconds:
        seconds = max(0.0, outer - now)
    token = _end.set(now + seconds)
    try:
        yield seconds
    finally:
        _end.reset(token)


def is_over() -> bool:
    """Return whether the deadline has passed."""
    end = _end.get()
    return end is not None and time.monotonic() >= end


def seconds_left(most: float, *, least: float = LEAST_SECONDS) -> float:
    """Return how long the next attempt may take: until the deadline, with these bounds."""
    end = _end.get()
    return most if end is None else min(most, max(least, end - time.monotonic()))

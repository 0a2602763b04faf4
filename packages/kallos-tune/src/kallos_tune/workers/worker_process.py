"""What a worker process does: it takes an assignment from its parent, does it, and outlives neither.

It holds one end of a pipe, its lifeline, whose other end nobody but its parent has.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from .job import Assignment
from .protocol import Teller, do_and_tell
from .signals import CTRL_C, EXIT_OF_SIGTERM, end_at

STOP_SECONDS: Final = 8.0
GROUP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Done:
    """The last word of a worker that came to the end of its assignment."""


def work(events: Connection, lifeline: Connection, levels: Mapping[str, int]) -> None:
    """Take an assignment from the lifeline, do it, and tell everything through ``events``."""
    # Ctrl-C reaches the whole group of processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_at(signal.SIGTERM, CTRL_C)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
    try:
        assignment: Assignment = lifeline.recv()
    except (EOFError, OSError):
        sys.exit(EXIT_OF_SIGTERM)
    threading.Thread(target=_die_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()

    def send(message: object) -> None:
        # Nobody listens once the parent is gone: the lifeline ends this worker, with its trial recorded.
        with suppress(BrokenPipeError):
            events.send(message)

    teller = Teller(send)
    if not do_and_tell(assignment, teller, levels):
        sys.exit(1)
    teller.tell(Done())


def _die_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        # With nobody left to insist, this thread does.
        time.sleep(STOP_SECONDS)
        os._exit(EXIT_OF_SIGTERM)

"""Let Ctrl-C and a termination request out of Lightning's trainer as what they are."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

from pytorch_lightning.utilities.exceptions import SIGTERMException

_EXIT_OF_SIGTERM = 128 + signal.SIGTERM


@contextmanager
def interrupts_reach_caller() -> Generator[None]:
    """Undo what Lightning's trainer does with signals.

    On Ctrl-C it ignores SIGINT from then on and exits with status 1: here the ``KeyboardInterrupt`` reaches the caller,
    and the handler is put back. On SIGTERM it exits with status 0, as if all were well: here with 143.

    Raises
    ------
    KeyboardInterrupt
        Where the trainer was interrupted.
    SystemExit
        With code 143 where it was terminated.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SIGTERMException as stop:
        raise SystemExit(_EXIT_OF_SIGTERM) from stop
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise stop.__context__ from None
        raise
    finally:
        # A handler set from C reads as None and cannot be put back.
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)

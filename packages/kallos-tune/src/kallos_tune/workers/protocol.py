"""What workers tell the process that watches them, whatever carries it: events, log lines, an error that ended one."""

import logging
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from ..errors import DatabaseUnavailableError, LockTimeoutError, WorkerError
from ..events import Event, Listener, TrialFinished
from .failures import FailureLimit
from .job import Assignment

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """The error that ended a worker, in a line and in full.

    Attributes
    ----------
    words, traceback : str
    waited : DatabaseUnavailableError, LockTimeoutError or None
        The error itself where it is no fault of the worker's.
    """

    words: str
    traceback: str
    waited: DatabaseUnavailableError | LockTimeoutError | None


class Teller(logging.Handler):
    """Sends events and log lines to the watching process; threads take turns.

    Parameters
    ----------
    send : callable
        Takes whatever can be pickled.
    """

    def __init__(self, send: Callable[[object], None]) -> None:
        super().__init__()
        self._send = send
        self._turn = threading.Lock()

    def tell(self, message: object) -> None:
        """Send a message."""
        with self._turn:
            self._send(message)

    def emit(self, record: logging.LogRecord) -> None:
        """Send a log line."""
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        self.tell(record)


def log_levels(names: Iterable[str]) -> dict[str, int]:
    """Return from which level on this, the watching process shows the log lines of some loggers."""
    return {name: logging.getLogger(name).getEffectiveLevel() for name in names}


def do_and_tell(assignment: Assignment, teller: Teller, levels: Mapping[str, int]) -> bool:
    """Do an assignment in a process of its own, telling everything; False where an error ended it."""
    logging.basicConfig(handlers=[teller], level=logging.INFO, force=True)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        assignment.do(teller.tell)
    except Exception as error:  # noqa: BLE001 - told to the watching process, which raises it
        waited = error if isinstance(error, DatabaseUnavailableError | LockTimeoutError) else None
        teller.tell(WorkerFailure(f"{type(error).__name__}: {error}", traceback.format_exc(), waited))
        return False
    return True


def hear(message: object, limit: FailureLimit, on_event: Listener) -> None:
    """Handle what a worker tells.

    Raises
    ------
    DatabaseUnavailableError, LockTimeoutError
        Where the worker waited for the database or for a lock for too long.
    WorkerError
        Where it tells another error that ended it.
    TooManyFailuresError
        See :class:`kallos_tune.workers.failures.FailureLimit`.
    """
    match message:
        case logging.LogRecord():
            pass_on(message)
        case WorkerFailure():
            logger.debug("a worker failed:\n%s", message.traceback)
            raise message.waited or WorkerError(f"a worker ended with {message.words}")
        case _:
            on_event(cast("Event", message))
            if isinstance(message, TrialFinished):
                limit.see(message)


def pass_on(record: logging.LogRecord) -> None:
    """Log what a worker has logged, where it would be shown had it been logged here."""
    log = logging.getLogger(record.name)
    if log.isEnabledFor(record.levelno):
        log.handle(record)

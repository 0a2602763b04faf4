"""Retry what failed because the database cannot be reached, and nothing else.

A restart, a fail-over or a lost line is transient: the same step is tried again, with growing pauses, up to a limit. A
wrong password, a missing database or a mistake in a statement is not.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError, PendingRollbackError

from ..errors import DatabaseUnavailableError, LockTimeoutError
from .deadlines import deadline, is_over, seconds_left

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
# Of PostgreSQL's SQLSTATE: lost connections, too many of them, shutting down or starting, deadlocks, a row that stayed
# locked, a transaction that stood still. A dropped database (57P04) stays dropped.
_TRANSIENT_STATES: Final = ("08", "53300", "55P03", "57P01", "57P02", "57P03", "57P05", "40001", "40P01", "25P03")
# While connecting, and when the line breaks, the driver gives words only.
_TRANSIENT_WORDS: Final = (
    "connection refused",
    "starting up",
    "not yet accepting connections",
    "shutting down",
    "recovery mode",
    "closed the connection",
    "connection already closed",
    "no connection to the server",
    "eof detected",
    "ssl connection has been closed",
    "error response during ssl exchange",
    "timeout expired",
    "could not receive data",
    "could not send data",
    "connection reset",
    "terminating connection",
    "too many clients",
    "too many connections",
    "connection slots are reserved",
    "temporary failure in name resolution",
    "no route to host",
    "network is unreachable",
    "database is locked",
    "database table is locked",
)
# These end it, even where the server was tried at several addresses and another refused for now.
_LASTING_WORDS: Final = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")


def is_transient(error: BaseException) -> bool:
    """Return whether an error, or what caused it, says that the database cannot be reached or is busy for a while."""
    return any(_says_so(each) for each in _chain(error))


def patiently(step: Callable[[], T], *, limit_seconds: float) -> T:
    """Call a step until it succeeds or fails for a reason that waiting does not cure.

    That the database cannot be reached, and that it can be again, is logged once each.

    Parameters
    ----------
    step : callable
        May be called several times; a call whose answer was lost may have had its effect.
    limit_seconds : float
        From this call on. It holds for each attempt too: connecting and waiting for a lock end with it, to the second.

    Raises
    ------
    DatabaseUnavailableError
        Where the database cannot be reached until then.
    LockTimeoutError
        Where the step waits for a lock until then.
    Exception
        Whatever else the step raises.
    """
    failed_at, pause = None, _FIRST_PAUSE_SECONDS
    with deadline(limit_seconds) as limit:
        while True:
            try:
                result = step()
            except (DatabaseUnavailableError, LockTimeoutError):
                raise
            except Exception as error:
                if not is_transient(error):
                    raise
                if is_over():
                    raise DatabaseUnavailableError(limit, reason(error)) from error
                if failed_at is None:
                    failed_at = time.monotonic()
                    logger.warning("the database cannot be reached, retrying for %.0f s: %s", limit, reason(error))
            else:
                if failed_at is not None:
                    logger.info("the database can be reached again after %.1f s", time.monotonic() - failed_at)
                return result
            time.sleep(seconds_left(pause * random.uniform(0.5, 1.0), least=0.0))  # noqa: S311 - spreads workers
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def reason(error: BaseException) -> str:
    """Return the driver's first line about a failure."""
    *_, cause = (each for each in _chain(error) if isinstance(each, DBAPIError) or each is error)
    text = str(cause.orig if isinstance(cause, DBAPIError) else cause)
    return (text.strip().splitlines() or [type(cause).__name__])[0]


def _says_so(error: BaseException) -> bool:
    if isinstance(error, PendingRollbackError):
        # The connection broke earlier in the transaction, and Optuna, which tries some steps again, hid that error.
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "pgcode", None)
    if state is not None:
        return str(state).startswith(_TRANSIENT_STATES)
    text = str(error.orig).lower()
    if any(words in text for words in _LASTING_WORDS):
        return False
    return error.connection_invalidated or any(words in text for words in _TRANSIENT_WORDS)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__

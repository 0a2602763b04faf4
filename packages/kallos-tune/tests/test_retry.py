"""What fails because the database cannot be reached is retried; anything else is not."""

import sqlite3
import time

import pytest
from sqlalchemy.exc import OperationalError, PendingRollbackError

from kallos_tune.errors import DatabaseUnavailableError
from kallos_tune.storage.retry import is_transient, patiently, reason


def said(words, pgcode=None):
    cause = sqlite3.OperationalError(words)
    if pgcode:
        cause.pgcode = pgcode
    return OperationalError("SELECT 1", {}, cause)


def failing(*errors):
    """Return a step that fails with each of these in turn, and then succeeds."""
    left = list(errors)

    def step():
        step.calls += 1
        if left:
            raise left.pop(0)
        return "done"

    step.calls = 0
    return step


@pytest.mark.parametrize(
    "words",
    [
        'connection to server at "h" (::1), port 5432 failed: Connection refused',
        "FATAL:  the database system is starting up",
        "FATAL:  the database system is not yet accepting connections",
        "server closed the connection unexpectedly",
        "SSL SYSCALL error: EOF detected",
        'connection to server at "db", port 5432 failed: server sent an error response during SSL exchange',
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        'could not translate host name "db" to address: Temporary failure in name resolution',
        "database is locked",
    ],
)
def test_these_words_say_that_it_comes_back(words):
    assert is_transient(said(words))


@pytest.mark.parametrize(
    "words",
    [
        'FATAL:  password authentication failed for user "kallos"',
        "(::1), port 5432 failed: Connection refused\n(127.0.0.1) failed: FATAL:  password authentication failed",
        'FATAL:  database "x" does not exist',
        "no such table: trials",
        "UNIQUE constraint failed",
    ],
)
def test_these_words_say_that_it_does_not(words):
    assert not is_transient(said(words))


@pytest.mark.parametrize(
    ("code", "comes_back"),
    [
        *[(code, True) for code in ("08006", "25P03", "40P01", "53300", "57P01", "57P03")],
        *[(code, False) for code in ("28P01", "42P01", "57014", "57P04")],
    ],
)
def test_a_code_weighs_more_than_words(code, comes_back):
    assert is_transient(said("connection refused" if not comes_back else "anything", code)) is comes_back


def test_what_led_to_an_error_counts():
    error = UnboundLocalError("somewhere in a library")
    assert not is_transient(error)
    error.__context__ = said("server closed the connection unexpectedly")
    assert is_transient(error)


def test_a_transaction_whose_connection_broke_is_tried_again():
    assert is_transient(PendingRollbackError("Can't reconnect until invalid transaction is rolled back."))


def test_waiting_is_said_once_and_so_is_its_end(caplog):
    caplog.set_level("INFO")
    step = failing(*[said("database is locked\nsecond line")] * 3)
    assert patiently(step, limit_seconds=60) == "done"
    assert step.calls == 4
    first, second = caplog.messages
    assert first == "the database cannot be reached, retrying for 60 s: database is locked"
    assert second.startswith("the database can be reached again after ")


def test_without_trouble_nothing_is_said(caplog):
    caplog.set_level("INFO")
    assert patiently(failing(), limit_seconds=60) == "done"
    assert caplog.messages == []


def test_other_errors_are_not_retried():
    step = failing(said("no such table: trials"))
    with pytest.raises(OperationalError, match="no such table"):
        patiently(step, limit_seconds=60)
    assert step.calls == 1


def test_patience_ends():
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailableError) as error:
        patiently(failing(*[said("Connection refused")] * 99), limit_seconds=0.2)
    assert 0.2 <= time.monotonic() - started < 5
    assert str(error.value) == (
        "the database could not be reached for 0 s (Connection refused): finished trials are kept; "
        "run the same again once it is back"
    )
    assert error.value.seconds == 0.2


def test_the_reason_is_the_first_line_of_the_driver():
    error = RuntimeError("in a library")
    error.__cause__ = said("Connection refused\n\tIs the server running?")
    assert reason(error) == "Connection refused"
    assert reason(ValueError()) == "ValueError"

"""Log lines of workers: what all of them say is printed once, and only warnings sound an alarm."""

import logging

import pytest

from kallos_cli import logs


@pytest.fixture(autouse=True)
def _fresh_logs():
    logs.start()
    yield
    logs.start()


def say(words: str, process: int, *, level: int = logging.WARNING, shared: str | None = None) -> None:
    record = logging.LogRecord("kallos_tune.study_worker", level, "x.py", 1, words, None, None)
    record.process, record.shared = process, shared
    if logging.getLogger(record.name).isEnabledFor(level):  # as the process that hears of it asks
        logging.getLogger(record.name).handle(record)


def test_a_line_of_all_workers_is_printed_once_and_again_when_one_repeats_it(capsys):
    for process in (1, 2, 3, 1):
        say("the disk is nearly full", process)
    assert capsys.readouterr().err == 2 * "warning: the disk is nearly full\n"
    say("the disk is nearly full", 2)
    assert capsys.readouterr().err == ""


def test_workers_need_not_agree_on_what_they_tell_of_the_database(capsys):
    for process in (1, 2):
        say(f"no database: reason {process}", process, shared="unreachable")
    for process in (1, 2):
        say(f"a database again after {process}.0 s", process, level=logging.INFO, shared="reachable")
    assert capsys.readouterr().err == "warning: no database: reason 1\na database again after 1.0 s\n"


def test_quiet_keeps_back_what_is_no_warning(capsys):
    say("gru: dropout is not used", 1, level=logging.INFO)
    assert capsys.readouterr().err == "gru: dropout is not used\n"
    logs.only_warnings()
    say("lstm: dropout is not used", 1, level=logging.INFO)
    say("something is wrong", 1)
    assert capsys.readouterr().err == "warning: something is wrong\n"

"""Log lines of workers: what all of them say is printed once, and notes sound no alarm."""

import logging

import pytest

from kallos_cli import logs


@pytest.fixture(autouse=True)
def _fresh_logs():
    logs.start()
    yield
    logs.start()


def say(words: str, process: int, name: str = "kallos_tune.study_worker", level: int = logging.WARNING) -> None:
    record = logging.LogRecord(name, level, "x.py", 1, words, None, None)
    record.process = process
    logging.getLogger(name).handle(record)


def test_a_line_of_all_workers_is_printed_once_and_again_when_one_repeats_it(capsys):
    for process in (1, 2, 3, 1):
        say("the disk is nearly full", process)
    assert capsys.readouterr().err == 2 * "warning: the disk is nearly full\n"
    say("the disk is nearly full", 2)
    assert capsys.readouterr().err == ""


def test_workers_need_not_agree_on_how_long_the_database_was_away(capsys):
    for process in (1, 2):
        say(f"the database is away: reason {process}", process, "kallos_tune.storage.retry")
    for process in (1, 2):
        say(f"the database is back after {process}.0 s", process, "kallos_tune.storage.retry", logging.INFO)
    assert capsys.readouterr().err == "warning: the database is away: reason 1\nthe database is back after 1.0 s\n"


def test_notes_of_models_are_no_warnings_and_quiet_keeps_them_back(capsys):
    say("gru: dropout is not used", 1, "kallos_models.registry")
    assert capsys.readouterr().err == "note: gru: dropout is not used\n"
    logs.only_warnings()
    say("lstm: dropout is not used", 1, "kallos_models.registry")
    say("something is wrong", 1)
    assert capsys.readouterr().err == "warning: something is wrong\n"

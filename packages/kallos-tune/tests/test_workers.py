"""Worker processes: heard, replaced, stopped in time, and never left behind."""

import itertools
import logging
import multiprocessing
import sys

import pytest

from kallos_tune.errors import TooManyFailuresError, WorkerError
from kallos_tune.events import TrialFinished, ignore
from kallos_tune.workers.job import Assignment
from kallos_tune.workers.processes import run_assignment

ERRANDS = """
import logging, os, signal, time
from pathlib import Path
from kallos_tune.events import TrialFinished

def finished(number, reason=None):
    state = "COMPLETE" if reason is None else "FAIL"
    return TrialFinished(number, state, None, None, reason, 0.0, None, 0, 0)

def tell(listener):
    logging.getLogger("kallos_tune.errand").warning("from %s", "a worker")
    listener(finished(os.getpid()))

def fail(listener):
    raise ValueError("beyond repair")

def fail_trials(listener):
    for number in range(9):
        listener(finished(number, f"reason {number}"))

def die(folder, listener):
    (Path(folder) / str(os.getpid())).touch()
    os.kill(os.getpid(), signal.SIGKILL)

def wait_to_be_stopped(folder, listener):
    try:
        listener(finished(os.getpid()))
        while True:
            time.sleep(60)
    except SystemExit:
        (Path(folder) / str(os.getpid())).touch()
        raise
"""


@pytest.fixture
def errand(tmp_path, monkeypatch):
    """Return a function that gives worker processes something to do, and checks that none is left."""
    (tmp_path / "errands.py").write_text(ERRANDS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def run(work, *arguments, on_event=ignore, on_death=None, n_workers=2):
        try:
            run_assignment(Assignment(f"errands:{work}", arguments), n_workers, on_event, on_death)
        finally:
            assert [each for each in multiprocessing.active_children() if each.name.startswith("kallos")] == []

    return run


def test_events_and_log_lines_of_all_workers_arrive(errand, caplog):
    events = []
    errand("tell", on_event=events.append, n_workers=3)
    assert len({event.trial for event in events if isinstance(event, TrialFinished)}) == 3
    assert caplog.messages.count("from a worker") == 3


def test_an_error_reaches_the_caller_and_its_traceback_the_log(errand, caplog):
    caplog.set_level(logging.DEBUG, "kallos_tune")
    with pytest.raises(WorkerError, match="a worker ended with ValueError: beyond repair"):
        errand("fail")
    assert 'in fail\n    raise ValueError("beyond repair")' in caplog.text


def test_failures_of_all_workers_count(errand):
    with pytest.raises(TooManyFailuresError, match="3 trials failed in a row, the last one with: reason"):
        errand("fail_trials")


def test_a_worker_that_is_killed_is_replaced_a_few_times(errand, tmp_path, caplog):
    folder = tmp_path / "deaths"
    folder.mkdir()
    with pytest.raises(WorkerError, match=r"worker \d was killed by signal 9, after 3 replacements: giving up"):
        errand("die", str(folder))
    assert 4 <= len(list(folder.iterdir())) <= 8
    assert "was killed by signal 9: replaced" in caplog.text


def test_each_death_is_told_before_the_replacement(errand, tmp_path):
    folder = tmp_path / "deaths"
    folder.mkdir()
    told = []

    def on_death(pid):
        told.append(str(pid))
        # Another worker may have died meanwhile, a replacement of this one not.
        assert len(list(folder.iterdir())) <= len(told) + 1

    with pytest.raises(WorkerError, match="after 3 replacements"):
        errand("die", str(folder), on_death=on_death)
    assert len(set(told)) == len(told) >= 4
    assert set(told) <= {file.name for file in folder.iterdir()}


def test_a_worker_that_is_killed_for_memory_says_so(errand, tmp_path, monkeypatch):
    """The system's own count of such kills, which rises here each time that it is looked at."""
    counts = itertools.count()
    monkeypatch.setattr("kallos_tune.workers.processes._out_of_memory_kills", lambda: next(counts))
    folder = tmp_path / "deaths"
    folder.mkdir()
    with pytest.raises(WorkerError, match=r"killed by signal 9 \(the system is out of memory: use fewer --workers"):
        errand("die", str(folder))


def test_workers_are_stopped_with_time_to_record_it(errand, tmp_path):
    folder = tmp_path / "stopped"
    folder.mkdir()
    pids = set()

    def stop_once_both_work(event):
        pids.add(str(event.trial))
        if len(pids) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        errand("wait_to_be_stopped", str(folder), on_event=stop_once_both_work)
    assert {file.name for file in folder.iterdir()} == pids

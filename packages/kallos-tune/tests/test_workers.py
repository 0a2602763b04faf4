"""Worker processes: heard, replaced, stopped in time, and never left behind."""

import itertools
import logging
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver

import pytest

from kallos_tune.errors import TooManyFailuresError, WorkerError
from kallos_tune.events import TrialFinished, ignore
from kallos_tune.workers import processes
from kallos_tune.workers.fork_server import start_worker
from kallos_tune.workers.job import Assignment
from kallos_tune.workers.processes import run_assignment

ERRANDS = """
import gc, logging, os, signal, time
from pathlib import Path
from kallos_tune.events import TrialFinished

LOADED_WITH_GARBAGE_COLLECTION = gc.isenabled()

def finished(number, reason=None):
    state = "COMPLETE" if reason is None else "FAIL"
    return TrialFinished(number, state, None, None, reason, 0.0, None, 0, 0)

def tell(listener):
    logging.getLogger("kallos_tune.errand").warning("from %s", "a worker")
    listener(finished(os.getpid()))

def tell_of_garbage_collection(listener):
    listener(finished(0, f"{LOADED_WITH_GARBAGE_COLLECTION} then {gc.isenabled()}"))

def fail(listener):
    raise ValueError("beyond repair")

def fail_trials(listener):
    for number in range(9):
        listener(finished(number, f"reason {number}"))

def die(folder, listener):
    (Path(folder) / str(os.getpid())).touch()
    os.kill(os.getpid(), signal.SIGKILL)

def die_after_a_success(folder, n, listener):
    if len(list(Path(folder).iterdir())) < n:
        (Path(folder) / str(os.getpid())).touch()
        listener(finished(0))
        os.kill(os.getpid(), signal.SIGKILL)

def die_once_told(folder, listener):
    # The first two wait to be killed or let go; those that come later have nothing to do.
    if len(list(Path(folder).glob("worker-*"))) < 2:
        (Path(folder) / f"worker-{os.getpid()}").touch()
        listener(finished(os.getpid()))
        while not (Path(folder) / "go").exists():
            time.sleep(0.01)
    listener(finished(-1))

def wait_to_be_stopped(folder, listener):
    try:
        listener(finished(os.getpid()))
        while True:
            time.sleep(60)
    except SystemExit:
        (Path(folder) / str(os.getpid())).touch()
        raise
"""


pytestmark = pytest.mark.usefixtures("own_fork_server")


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
    with pytest.raises(WorkerError, match=r"worker \d was killed by signal 9: it is the 4th in a row to die"):
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

    with pytest.raises(WorkerError, match="the 4th in a row to die"):
        errand("die", str(folder), on_death=on_death)
    assert len(set(told)) == len(told) >= 4
    assert set(told) <= {file.name for file in folder.iterdir()}


def test_a_worker_that_is_killed_for_memory_says_so(errand, tmp_path, monkeypatch):
    """The system's own count of such kills, which rises here each time that it is looked at."""
    counts = itertools.count()
    monkeypatch.setattr("kallos_tune.workers.fork_server.out_of_memory_kills", lambda: next(counts))
    folder = tmp_path / "deaths"
    folder.mkdir()
    with pytest.raises(WorkerError, match=r"killed by signal 9 \(the system is out of memory: run fewer workers"):
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


def test_deaths_are_forgiven_once_a_trial_succeeds(errand, tmp_path):
    folder = tmp_path / "deaths"
    folder.mkdir()
    errand("die_after_a_success", str(folder), 9)
    assert len(list(folder.iterdir())) >= 9


def test_workers_that_run_are_stopped_where_another_cannot_be_started(errand, tmp_path, monkeypatch):
    started = []

    def start(number, assignment):
        if number == 2:
            raise WorkerError("no worker can be started")
        started.append(start_worker(number, assignment))
        return started[-1]

    monkeypatch.setattr(processes, "start_worker", start)
    with pytest.raises(WorkerError, match="no worker can be started"):
        errand("wait_to_be_stopped", str(tmp_path), n_workers=3)
    assert [worker.process.exitcode is None for worker in started] == [False, False]


def kill_fork_server():
    """Kill the process that workers come from, and leave it for whoever looks after it to notice."""
    pid = forkserver._forkserver._forkserver_pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_only_what_is_loaded_in_advance_is_spared_the_search_for_garbage(errand, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    errand("tell")
    kill_fork_server()
    events = []
    errand("tell_of_garbage_collection", on_event=events.append)
    assert [event.reason for event in events] == ["False then True"] * 2


def test_a_fork_server_that_is_killed_as_it_starts_a_worker_is_replaced(errand, monkeypatch, caplog):
    connect, asked = forkserver.connect_to_new_process, []

    def connect_and_kill(fds):
        asked.append(fds)
        if len(asked) != 2:
            return connect(fds)
        # It never gets to answer.
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGSTOP)
        pipes = connect(fds)
        kill_fork_server()
        return pipes

    monkeypatch.setattr(forkserver, "connect_to_new_process", connect_and_kill)
    events = []
    errand("tell", on_event=events.append, n_workers=3)
    assert len({event.trial for event in events}) == 3
    assert len(asked) == 4
    assert [line for line in caplog.messages if line.startswith("the process that starts workers died (")]


def test_workers_outlive_their_fork_server_and_are_replaced_by_another(errand, tmp_path, caplog):
    pids = []

    def see(event):
        if event.trial > 0:
            pids.append(event.trial)
        if event.trial > 0 and len(pids) == 2:
            kill_fork_server()
            os.kill(pids[0], signal.SIGKILL)
            (tmp_path / "go").touch()

    dead = []
    errand("die_once_told", str(tmp_path), on_event=see, on_death=dead.append)
    assert dead == pids[:1]
    assert [line.split(maxsplit=2)[2] for line in caplog.messages] == ["died: replaced"]


def test_workers_without_a_fork_server_are_stopped_with_time_to_record_it(errand, tmp_path):
    folder = tmp_path / "stopped"
    folder.mkdir()
    pids = set()

    def stop_once_both_work(event):
        pids.add(str(event.trial))
        if len(pids) == 2:
            kill_fork_server()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        errand("wait_to_be_stopped", str(folder), on_event=stop_once_both_work)
    assert {file.name for file in folder.iterdir()} == pids

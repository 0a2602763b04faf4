"""Several workers on one machine: started, watched, replaced and stopped by this process.

Workers come from a fork server that has torch loaded already. Each claims trials by itself; this process only listens
and keeps order. A worker outlives neither Ctrl-C here nor the death of this process: it holds one end of a pipe whose
other end nobody else has.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from ..errors import WorkerError
from ..events import Event, Listener, TrialFinished
from .failures import FailureLimit
from .job import Assignment, count_replacement
from .protocol import Teller, do_and_tell, hear, log_levels, pass_on
from .signals import EXIT_OF_SIGTERM, end_at

logger = logging.getLogger(__name__)

_STOP_SECONDS: Final = 8.0
_LISTEN_SECONDS: Final = 1.0
_GROUP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def _out_of_memory_kills() -> int:
    """Return how many processes the system has killed for memory since it started, 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@dataclass(slots=True)
class _Worker:
    number: int
    process: BaseProcess
    events: Connection
    lifeline: Connection
    replacements: int = 0
    out_of_memory_kills: int = field(default_factory=_out_of_memory_kills)


def run_assignment(
    assignment: Assignment, n_workers: int, on_event: Listener, on_death: Callable[[int], None] | None = None
) -> None:
    """Run an assignment: in this process for one worker, in processes of their own for more.

    Parameters
    ----------
    assignment : Assignment
    n_workers : int
    on_event : callable
        Is told what the workers tell.
    on_death : callable, optional
        Is told the process id of each worker that ended before its time, before another takes its place.

    Raises
    ------
    TooManyFailuresError
        See :class:`kallos_tune.workers.failures.FailureLimit`; the failures of all workers count.
    WorkerError
        Where a worker process ends with an error, or is killed too often.
    KeyboardInterrupt, SystemExit
        Where this process is stopped, after running trials have been recorded as failed.
    """
    if n_workers > 1:
        _run_workers(assignment, n_workers, on_event, on_death)
        return
    limit = FailureLimit()

    def listen(event: Event) -> None:
        on_event(event)
        if isinstance(event, TrialFinished):
            limit.see(event)

    assignment.do(listen)


def _run_workers(
    assignment: Assignment, n_workers: int, on_event: Listener, on_death: Callable[[int], None] | None
) -> None:
    """Run an assignment in several processes until all have come to its end."""
    limit = FailureLimit()
    workers = [_start(number, assignment) for number in range(n_workers)]
    try:
        while workers:
            for ready in wait([worker.events for worker in workers], timeout=_LISTEN_SECONDS):
                worker = next(each for each in workers if each.events is ready)
                if _listen(worker, limit, on_event):
                    continue
                workers.remove(worker)
                replacement = _after_end(worker, assignment, on_death)
                if replacement is not None:
                    workers.append(replacement)
    finally:
        _stop(workers)


def _start(number: int, assignment: Assignment, replacements: int = 0) -> _Worker:
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([assignment.work.partition(":")[0]])
    _ensure_fork_server()
    listening, telling = context.Pipe(duplex=False)
    held_by_worker, lifeline = context.Pipe(duplex=False)
    arguments = (telling, held_by_worker, log_levels())
    process = context.Process(target=_work, args=arguments, name=f"kallos-worker-{number}", daemon=True)
    assert isinstance(listening, Connection)
    assert isinstance(lifeline, Connection)
    try:
        process.start()
        # Apart from the start: a worker whose parent is gone before it has read it all must end without a word.
        lifeline.send(assignment)
    except (OSError, EOFError) as error:
        raise WorkerError(f"no worker can be started ({type(error).__name__}: {error})") from error
    # The ends that the worker has now: were they open here too, its death would not be noticed.
    telling.close()
    held_by_worker.close()
    return _Worker(number, process, listening, lifeline, replacements)


def _ensure_fork_server() -> None:
    """Start the process that workers come from, unless it runs.

    It is deaf to signals that reach the whole group of processes, and blind to modules in the current folder: it ends
    with this process. Workers inherit that, and listen again once they know what to do about a signal.
    """
    # Started here, since its start ends with these signals let through again.
    resource_tracker.ensure_running()
    safe_path = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _GROUP_SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if safe_path is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe_path


def _listen(worker: _Worker, limit: FailureLimit, on_event: Listener) -> bool:
    """Handle what a worker tells; False where it has ended."""
    try:
        message = worker.events.recv()
    except (EOFError, OSError):
        return False
    hear(message, limit, on_event)
    return True


def _after_end(worker: _Worker, assignment: Assignment, on_death: Callable[[int], None] | None) -> _Worker | None:
    """Return the replacement of a worker that was killed, None for one that had no more to do."""
    worker.process.join()
    worker.lifeline.close()
    code = worker.process.exitcode
    if code == 0:
        return None
    if on_death is not None and worker.process.pid is not None:
        on_death(worker.process.pid)
    why = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    if _out_of_memory_kills() > worker.out_of_memory_kills:
        why += " (the system is out of memory: use fewer --workers or smaller models)"
    return _start(worker.number, assignment, count_replacement(worker.number, why, worker.replacements))


def _stop(workers: list[_Worker]) -> None:
    """End the workers: with time to record their trials first, at once where the user insists."""
    try:
        for worker in workers:
            worker.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in workers:
            _drain(worker, deadline)
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.join()
            worker.lifeline.close()


def _drain(worker: _Worker, deadline: float) -> None:
    """Wait for a worker's end, reading on: a full pipe would keep it from ending."""
    while worker.process.is_alive() and time.monotonic() < deadline:
        if worker.events.poll(0.05):
            try:
                message = worker.events.recv()
            except (EOFError, OSError):
                worker.process.join(max(0.0, deadline - time.monotonic()))
                return
            if isinstance(message, logging.LogRecord):
                pass_on(message)


def _work(events: Connection, lifeline: Connection, levels: Mapping[str, int]) -> None:
    """Take an assignment from the parent and do it, in a worker process."""
    # Ctrl-C reaches the whole group of processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_at(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _GROUP_SIGNALS)
    try:
        assignment: Assignment = lifeline.recv()
    except (EOFError, OSError):
        sys.exit(EXIT_OF_SIGTERM)
    threading.Thread(target=_die_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()

    def send(message: object) -> None:
        # Nobody listens once the parent is gone: the lifeline ends this worker, with its trial recorded.
        with suppress(BrokenPipeError):
            events.send(message)

    if not do_and_tell(assignment, Teller(send), levels):
        sys.exit(1)


def _die_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        # With nobody left to insist, this thread does.
        time.sleep(_STOP_SECONDS)
        os._exit(EXIT_OF_SIGTERM)

"""Several workers on one machine: started, watched, replaced and stopped by this process.

Each claims trials by itself; this process only listens and keeps order. A worker outlives neither Ctrl-C here nor the
death of this process.
"""

import logging
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Final

from ..events import Event, Listener, TrialFinished
from .failures import FailureLimit
from .fork_server import Worker, start_worker
from .job import Assignment
from .protocol import hear, pass_on
from .signals import CTRL_C
from .worker_process import STOP_SECONDS, Done

_LISTEN_SECONDS: Final = 1.0


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
        Is told the process id of each worker that died, before another takes its place.

    Raises
    ------
    TooManyFailuresError
        See :class:`kallos_tune.workers.failures.FailureLimit`; the failures of all workers count.
    DatabaseUnavailableError, LockTimeoutError
        Where a worker waited for the database or for a lock for too long.
    WorkerError
        Where a worker process ends with another error, or several in its place die in a row.
    KeyboardInterrupt, SystemExit
        Where this process is stopped, after running trials have been recorded as interrupted.
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
    workers: list[Worker] = []
    try:
        for number in range(n_workers):
            workers.append(start_worker(number, assignment))  # noqa: PERF401 - those that run are stopped if one fails
        while workers:
            for ready in wait([worker.events for worker in workers], timeout=_LISTEN_SECONDS):
                worker = next(each for each in workers if each.events is ready)
                if _listen(worker, limit, on_event):
                    continue
                workers.remove(worker)
                worker.bury()
                if not worker.done:
                    _see_death(worker, limit, on_death)
                    workers.append(start_worker(worker.number, assignment))
    finally:
        _stop(workers)


def _listen(worker: Worker, limit: FailureLimit, on_event: Listener) -> bool:
    """Handle what a worker tells; False where it has ended."""
    try:
        message = worker.events.recv()
    except (EOFError, OSError):
        return False
    if isinstance(message, Done):
        worker.done = True
    else:
        hear(message, limit, on_event)
    return True


def _see_death(worker: Worker, limit: FailureLimit, on_death: Callable[[int], None] | None) -> None:
    if on_death is not None and worker.process.pid is not None:
        on_death(worker.process.pid)
    limit.see_death(worker.number, worker.why_dead())


def _stop(workers: list[Worker]) -> None:
    """End the workers: with time to record their trials first, at once where the user insists."""
    try:
        number = CTRL_C if isinstance(sys.exception(), KeyboardInterrupt) else signal.SIGTERM
        for worker in workers:
            worker.send_signal(number)
        deadline = time.monotonic() + STOP_SECONDS
        for worker in workers:
            _hear_out(worker, deadline)
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
        for worker in workers:
            worker.bury()


def _hear_out(worker: Worker, deadline: float) -> None:
    """Wait for a worker's end, reading on: a full pipe would keep it from ending."""
    while worker.events.poll(max(0.0, deadline - time.monotonic())):
        try:
            message = worker.events.recv()
        except (EOFError, OSError):
            return
        if isinstance(message, logging.LogRecord):
            pass_on(message)

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
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final, NoReturn

from .errors import WorkerError
from .failures import FailureLimit
from .progress import Event, Listener, TrialFinished

logger = logging.getLogger(__name__)

_MOST_REPLACEMENTS: Final = 3
_STOP_SECONDS: Final = 8.0
_LISTEN_SECONDS: Final = 1.0
_EXIT_OF_SIGTERM: Final = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Assignment:
    """What every worker does.

    Attributes
    ----------
    work : str
        Function as ``"module:name"``: imported only where it runs, so that the watching process need not load torch.
        It is called with ``arguments`` and a listener.
    arguments : tuple
        Anything that can be pickled.
    """

    work: str
    arguments: tuple[Any, ...]

    def do(self, listener: Listener) -> None:
        """Do the work in this process."""
        resolve_name(self.work)(*self.arguments, listener)


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


def run_assignment(assignment: Assignment, n_workers: int, on_event: Listener) -> None:
    """Run an assignment: in this process for one worker, in processes of their own for more.

    Raises
    ------
    TooManyFailuresError
        See :class:`kallos_tune.failures.FailureLimit`; the failures of all workers count.
    WorkerError
        Where a worker process ends with an error, or is killed too often.
    KeyboardInterrupt, SystemExit
        Where this process is stopped, after running trials have been recorded as failed.
    """
    if n_workers > 1:
        _run_workers(assignment, n_workers, on_event)
        return
    limit = FailureLimit()

    def listen(event: Event) -> None:
        on_event(event)
        if isinstance(event, TrialFinished):
            limit.see(event)

    assignment.do(listen)


def _run_workers(assignment: Assignment, n_workers: int, on_event: Listener) -> None:
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
                replacement = _after_end(worker, assignment)
                if replacement is not None:
                    workers.append(replacement)
    finally:
        _stop(workers)


def _start(number: int, assignment: Assignment, replacements: int = 0) -> _Worker:
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([assignment.work.partition(":")[0]])
    listening, telling = context.Pipe(duplex=False)
    held_by_worker, lifeline = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(assignment, telling, held_by_worker), name=f"kallos-worker-{number}", daemon=True
    )
    process.start()
    # The ends that the worker has now: were they open here too, its death would not be noticed.
    telling.close()
    held_by_worker.close()
    assert isinstance(listening, Connection)
    assert isinstance(lifeline, Connection)
    return _Worker(number, process, listening, lifeline, replacements)


def _listen(worker: _Worker, limit: FailureLimit, on_event: Listener) -> bool:
    """Handle what a worker tells; False where it has ended."""
    try:
        message = worker.events.recv()
    except (EOFError, OSError):
        return False
    match message:
        case logging.LogRecord():
            logging.getLogger(message.name).handle(message)
        case _WorkerFailure():
            logger.debug("worker %d failed:\n%s", worker.number, message.traceback)
            raise WorkerError(f"a worker ended with {message.words}")
        case _:
            on_event(message)
            if isinstance(message, TrialFinished):
                limit.see(message)
    return True


def _after_end(worker: _Worker, assignment: Assignment) -> _Worker | None:
    """Return the replacement of a worker that was killed, None for one that had no more to do."""
    worker.process.join()
    worker.lifeline.close()
    code = worker.process.exitcode
    if code == 0:
        return None
    why = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    if _out_of_memory_kills() > worker.out_of_memory_kills:
        why += " (the system is out of memory: use fewer --workers or smaller models)"
    if worker.replacements >= _MOST_REPLACEMENTS:
        raise WorkerError(f"worker {worker.number} {why}, after {worker.replacements} replacements: giving up")
    logger.warning("worker %d %s: replaced", worker.number, why)
    return _start(worker.number, assignment, worker.replacements + 1)


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
                logging.getLogger(message.name).handle(message)


@dataclass(frozen=True, slots=True)
class _WorkerFailure:
    words: str
    traceback: str


class _Teller(logging.Handler):
    """Sends events and log lines to the parent; threads take turns."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._turn = threading.Lock()

    def tell(self, message: object) -> None:
        with self._turn:
            self._connection.send(message)

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        self.tell(record)


def _work(assignment: Assignment, events: Connection, lifeline: Connection) -> None:
    """Do an assignment in a worker process."""
    # Ctrl-C reaches the whole group of processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)
    threading.Thread(target=_die_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()
    teller = _Teller(events)
    logging.basicConfig(handlers=[teller], level=logging.INFO, force=True)

    try:
        assignment.do(teller.tell)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - told to the parent, who raises it
        teller.tell(_WorkerFailure(f"{type(error).__name__}: {error}", traceback.format_exc()))
        sys.exit(1)


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(_EXIT_OF_SIGTERM)


def _die_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)

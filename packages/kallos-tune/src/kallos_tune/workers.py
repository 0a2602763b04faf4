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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
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
_INSIST_SECONDS: Final = 0.05
_EXIT_OF_SIGTERM: Final = 128 + signal.SIGTERM
_GROUP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_OURS: Final = ("kallos_data", "kallos_models", "kallos_tune")


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
        See :class:`kallos_tune.failures.FailureLimit`; the failures of all workers count.
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
    levels = {name: logging.getLogger(name).getEffectiveLevel() for name in _OURS}
    process = context.Process(
        target=_work, args=(telling, held_by_worker, levels), name=f"kallos-worker-{number}", daemon=True
    )
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


def _pass_on(record: logging.LogRecord) -> None:
    """Log what a worker has logged, where it would be shown had it been logged here."""
    log = logging.getLogger(record.name)
    if log.isEnabledFor(record.levelno):
        log.handle(record)


def _listen(worker: _Worker, limit: FailureLimit, on_event: Listener) -> bool:
    """Handle what a worker tells; False where it has ended."""
    try:
        message = worker.events.recv()
    except (EOFError, OSError):
        return False
    match message:
        case logging.LogRecord():
            _pass_on(message)
        case _WorkerFailure():
            logger.debug("worker %d failed:\n%s", worker.number, message.traceback)
            raise WorkerError(f"a worker ended with {message.words}")
        case _:
            on_event(message)
            if isinstance(message, TrialFinished):
                limit.see(message)
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
                _pass_on(message)


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
        # Nobody listens once the parent is gone: the lifeline ends this worker, with its trial recorded.
        with self._turn, suppress(BrokenPipeError):
            self._connection.send(message)

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        self.tell(record)


def _work(events: Connection, lifeline: Connection, levels: Mapping[str, int]) -> None:
    """Take an assignment from the parent and do it, in a worker process."""
    # Ctrl-C reaches the whole group of processes; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGALRM, _terminate)
    sys.unraisablehook = _insist
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _GROUP_SIGNALS)
    try:
        assignment: Assignment = lifeline.recv()
    except (EOFError, OSError):
        sys.exit(_EXIT_OF_SIGTERM)
    threading.Thread(target=_die_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()
    teller = _Teller(events)
    logging.basicConfig(handlers=[teller], level=logging.INFO, force=True)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)

    try:
        assignment.do(teller.tell)
    except Exception as error:  # noqa: BLE001 - told to the parent, who raises it
        teller.tell(_WorkerFailure(f"{type(error).__name__}: {error}", traceback.format_exc()))
        sys.exit(1)


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(_EXIT_OF_SIGTERM)


def _insist(unraisable: "sys.UnraisableHookArgs") -> None:
    """Come back to an end that was swallowed: whatever is raised while garbage is collected goes no further."""
    if isinstance(unraisable.exc_value, SystemExit):
        signal.setitimer(signal.ITIMER_REAL, _INSIST_SECONDS)
    else:
        sys.__unraisablehook__(unraisable)


def _die_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        # With nobody left to insist, this thread does.
        time.sleep(_STOP_SECONDS)
        os._exit(_EXIT_OF_SIGTERM)

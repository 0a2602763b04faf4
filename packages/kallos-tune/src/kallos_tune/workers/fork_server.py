"""Worker processes, born of a fork server that has loaded what they need already.

The fork server may be killed as any process may: another one then takes its place. Its workers live on, but only it
learns how they end, so that the end of a worker is known by its pipe, which closes with the process.
"""

import logging
import multiprocessing
import os
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from ..errors import WorkerError
from .job import Assignment
from .protocol import log_levels
from .worker_process import GROUP_SIGNALS, work

logger = logging.getLogger(__name__)

_LOADED_FIRST: Final = f"{__package__}.garbage_collection_off"
_LOADED_LAST: Final = f"{__package__}.garbage_collection_on"
_MOST_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.1
_LAST_SECONDS: Final = 5.0


@dataclass(slots=True)
class Worker:
    """A worker process as its parent sees it.

    Attributes
    ----------
    number : int
        The same for a worker and those that replace it.
    process : multiprocessing process
    events : Connection
        What it tells; at its end where the process has ended.
    lifeline : Connection
        Closing it ends the worker.
    done : bool
        Whether it said that it came to the end of its assignment.
    kills_before : int
        How many processes the system had killed for memory when it was started.
    """

    number: int
    process: BaseProcess
    events: Connection
    lifeline: Connection
    done: bool = False
    kills_before: int = 0

    def send_signal(self, number: int) -> None:
        """Send the process a signal, unless it is gone."""
        # Not through the process object: without its fork server it takes the process for ended.
        if self.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    def bury(self) -> None:
        """Wait for the end of a process that has ended or was killed, and let go of it."""
        self.process.join()
        deadline = time.monotonic() + _LAST_SECONDS
        with suppress(EOFError, OSError):
            while self.events.poll(max(0.0, deadline - time.monotonic())):
                self.events.recv_bytes()
        self.events.close()
        self.lifeline.close()

    def why_dead(self) -> str:
        """Return how the process ended, in words."""
        self.process.join()
        code = self.process.exitcode
        if code is None or code == _EXIT_UNKNOWN:
            why = "died"
        else:
            why = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if out_of_memory_kills() > self.kills_before:
            why += " (the system is out of memory: run fewer workers or smaller models)"
        return why


# What the process object says where the fork server died first.
_EXIT_UNKNOWN: Final = 255


def out_of_memory_kills() -> int:
    """Return how many processes the system has killed for memory since it started, 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def start_worker(number: int, assignment: Assignment) -> Worker:
    """Start a worker process with an assignment.

    Raises
    ------
    WorkerError
        Where no process can be started, by several fork servers in turn.
    """
    for tries in range(1, _MOST_TRIES + 1):
        try:
            return _start_worker(number, assignment)
        except (OSError, EOFError) as error:
            reason = f"{type(error).__name__}: {error}"
            if tries == _MOST_TRIES:
                raise WorkerError(f"no worker can be started ({reason})") from error
            logger.warning("the process that starts workers died (%s): starting another", reason)
            # Until it is really gone, the dead one would be asked again.
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError


def _start_worker(number: int, assignment: Assignment) -> Worker:
    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_LOADED_FIRST, assignment.work.partition(":")[0], _LOADED_LAST])
    _ensure_fork_server()
    with ExitStack() as on_failure, ExitStack() as for_worker:
        listening, telling = context.Pipe(duplex=False)
        held_by_worker, lifeline = context.Pipe(duplex=False)
        # The ends that the worker has: were they open here too, its death would not be noticed.
        for_worker.callback(telling.close)
        for_worker.callback(held_by_worker.close)
        # A worker that came into being nevertheless reads the end of its lifeline, and ends without a word.
        on_failure.callback(listening.close)
        on_failure.callback(lifeline.close)
        arguments = (telling, held_by_worker, log_levels(assignment.loggers))
        process = context.Process(target=work, args=arguments, name=f"kallos-worker-{number}", daemon=True)
        process.start()
        # Apart from the start: a worker whose parent is gone before it has read it all must end without a word.
        lifeline.send(assignment)
        assert isinstance(listening, Connection)
        assert isinstance(lifeline, Connection)
        on_failure.pop_all()
        return Worker(number, process, listening, lifeline, kills_before=out_of_memory_kills())


def _ensure_fork_server() -> None:
    """Start the process that workers come from, unless it runs.

    It is deaf to signals that reach the whole group of processes, and blind to modules in the current folder: it ends
    with this process. Workers inherit that, and listen again once they know what to do about a signal.
    """
    # Started here, since its start ends with these signals let through again.
    resource_tracker.ensure_running()
    safe_path = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if safe_path is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe_path

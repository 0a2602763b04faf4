"""Workers as tasks on a Ray cluster: placed, moved and carried by Ray, heard, replaced and stopped by this process.

Each is one task in a process of its own and claims trials by itself, as everywhere. Ray never runs one again by its own
decision: a worker that is lost is replaced here, and what its trial becomes is up to the claims.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from signal import SIGINT, SIGTERM
from typing import Any, Final

import ray
from ray import ObjectRef
from ray.actor import ActorHandle
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)

from ..errors import WorkerError
from ..events import Listener
from .failures import FailureLimit
from .job import Assignment
from .protocol import Teller, do_and_tell, hear, log_levels, pass_on
from .ray_cluster import Needs, free_resources, room_for
from .ray_inbox import Inbox, hand_in
from .signals import end_at

logger = logging.getLogger(__name__)

_STOP_SECONDS: Final = 7.0
_PATIENCE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class _Begun:
    """A worker has found its place."""

    number: int


@dataclass(slots=True)
class _Worker:
    number: int
    task: "ObjectRef[bool]"


@dataclass(slots=True)
class _Crew:
    """The workers that are at work, and which of them have found their place."""

    assignment: "ObjectRef[Assignment]"
    needs: Needs
    levels: Mapping[str, int]
    inbox: Inbox = field(default_factory=Inbox)
    workers: list[_Worker] = field(default_factory=list[_Worker])
    begun: set[int] = field(default_factory=set[int])

    def add(self, number: int) -> None:
        # A process that ends with its task: it leaves no threads, models or handlers to another.
        work = ray.remote(
            num_cpus=self.needs.cpus,
            num_gpus=self.needs.gpus,
            max_retries=0,
            max_calls=1,
        )(_work)
        task = work.options(name=f"kallos-worker-{number}").remote(
            self.assignment, number, self.inbox.door, self.levels
        )
        self.workers.append(_Worker(number, task))


def run_on_ray(assignment: Assignment, n_workers: int, needs: Needs, on_event: Listener) -> None:
    """Run an assignment on the connected cluster until all workers have come to its end.

    Raises
    ------
    ClusterError
        Where no node has room for a worker.
    TooManyFailuresError
        See :class:`kallos_tune.workers.failures.FailureLimit`; the failures of all workers count.
    DatabaseUnavailableError, LockTimeoutError
        Where a worker waited for the database or for a lock for too long.
    WorkerError
        Where a worker ends with another error, or several in its place are lost in a row.
    KeyboardInterrupt, SystemExit
        Where this process is stopped, after running trials have been recorded as interrupted.
    """
    room_for(needs)
    limit = FailureLimit()
    crew = _Crew(ray.put(assignment), needs, log_levels(assignment.loggers))
    try:
        for number in range(n_workers):
            crew.add(number)
        _watch(crew, n_workers, limit, on_event)
        for message in crew.inbox.rest():
            _hear(crew, message, limit, on_event)
    except RayError as error:
        raise WorkerError(f"the Ray cluster is gone ({type(error).__name__})") from error
    finally:
        _stop(crew)


def _watch(crew: _Crew, n_workers: int, limit: FailureLimit, on_event: Listener) -> None:
    """Listen and keep the crew at its strength until all have come to their end."""
    complaint_due: float | None = time.monotonic() + _PATIENCE_SECONDS
    while crew.workers:
        # The messages last: were they first, a talkative worker would hide the end of another.
        refs = [*(worker.task for worker in crew.workers), crew.inbox.next]
        ready, _ = ray.wait(refs, timeout=1.0)
        if crew.inbox.next in ready:
            _hear(crew, crew.inbox.take(), limit, on_event)
        elif ready:
            _after_end(crew, next(worker for worker in crew.workers if worker.task in ready), limit)
        if complaint_due is not None and time.monotonic() > complaint_due:
            complaint_due = None
            waiting = n_workers - len(crew.begun)
            if waiting > 0:
                words = "%d of %d workers wait for room in the Ray cluster: each asks for %s, free are %s"
                logger.warning(words, waiting, n_workers, crew.needs, free_resources())


def _hear(crew: _Crew, message: object, limit: FailureLimit, on_event: Listener) -> None:
    if isinstance(message, _Begun):
        crew.begun.add(message.number)
    else:
        hear(message, limit, on_event)


def _after_end(crew: _Crew, worker: _Worker, limit: FailureLimit) -> None:
    """Replace a worker that was lost; where one had no more to do, those that have not begun have nothing either."""
    crew.workers.remove(worker)
    why = _why_lost(worker)
    if why is not None:
        limit.see_death(worker.number, why)
        crew.add(worker.number)
        return
    for other in crew.workers:
        if other.number not in crew.begun:
            ray.cancel(other.task, recursive=False)


def _why_lost(worker: _Worker) -> str | None:
    """Return how a worker was lost, None where it came to its end.

    Raises
    ------
    WorkerError
        Where it could not even begin: its node lacks Kallos, say.
    """
    try:
        return None if ray.get(worker.task) else "was terminated"
    except TaskCancelledError:
        return None
    except RayTaskError as error:
        logger.debug("worker %d failed:\n%s", worker.number, error)
        cause = error.cause
        raise WorkerError(
            f"a worker ended with {type(cause).__name__}: {cause}; every node needs the same Kallos as this one"
        ) from error
    except OutOfMemoryError:
        return "was killed (its node is out of memory: run fewer workers or smaller models)"
    except NodeDiedError:
        return "was lost with its node"
    except WorkerCrashedError:
        return "was killed"


def _stop(crew: _Crew) -> None:
    """End the workers: with time to record their trials first, at once where the user insists."""
    try:
        for worker in crew.workers:
            ray.cancel(worker.task, recursive=False)
        deadline = time.monotonic() + _STOP_SECONDS
        tasks = [worker.task for worker in crew.workers]
        while tasks and (left := deadline - time.monotonic()) > 0:
            ready, _ = ray.wait([*tasks, crew.inbox.next], timeout=left)
            if crew.inbox.next in ready:
                _hear_last(crew.inbox.take())
            tasks = [task for task in tasks if task not in ready]
        if crew.workers:
            for message in crew.inbox.rest():
                _hear_last(message)
    except RayError as error:
        logger.debug("the Ray cluster is gone: %s", error)
    finally:
        with suppress(RayError):
            for worker in crew.workers:
                ray.cancel(worker.task, force=True, recursive=False)
            crew.inbox.close()


def _hear_last(message: object) -> None:
    if isinstance(message, logging.LogRecord):
        pass_on(message)


def _work(assignment: Assignment, number: int, door: ActorHandle[Any], levels: Mapping[str, int]) -> bool:
    """Do an assignment, in a worker process of Ray; False where it is told to end before."""
    end_at(SIGINT, SIGTERM)
    teller = Teller(partial(hand_in, door))
    try:
        teller.tell(_Begun(number))
        do_and_tell(assignment, teller, levels)
    except SystemExit:
        return False
    return True

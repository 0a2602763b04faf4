"""How messages of Ray workers reach the watching process: through an inbox that holds so many and no more.

Where it is full, because the watching process is slower than its workers or stands still, epochs are dropped first:
they are for displays alone. Whatever else a worker tells waits for room, and its trial with it.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

import ray
from ray import ObjectRef
from ray.actor import ActorHandle
from ray.exceptions import RayError, RayTaskError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..events import EpochFinished

MOST_MESSAGES: Final = 10_000
_REST_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = (0.02, 1.0)


class _Last:
    """What the watching process tells itself, to know that it has heard all that was told before."""


class Inbox:
    """What the workers tell, in its order; a message that is being fetched when this process is interrupted stays."""

    def __init__(self) -> None:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._queue = Queue(MOST_MESSAGES, actor_options={"num_cpus": 0, "scheduling_strategy": here})
        actor = self._queue.actor
        assert isinstance(actor, ActorHandle)
        self.door: ActorHandle[Any] = actor
        self.next: ObjectRef[object] = self.door.get.remote()

    def take(self) -> object:
        """Return the next message, waiting for it."""
        message = ray.get(self.next)
        self.next = self.door.get.remote()
        return message

    def rest(self) -> Iterator[object]:
        """Return what has been told up to now and not been taken."""
        # Lost where the inbox is full; then its being empty says the same a second later.
        self.door.put_nowait.remote(_Last())
        while ray.wait([self.next], timeout=_REST_SECONDS)[0]:
            message = self.take()
            if isinstance(message, _Last):
                return
            yield message

    def close(self) -> None:
        """Hear no more."""
        self._queue.shutdown(force=True)


def hand_in(door: ActorHandle[Any], message: object) -> None:
    """Put a worker's message into the inbox behind a door; where nobody listens any more, it is lost.

    Parameters
    ----------
    door : ActorHandle
        Of an :class:`Inbox`.
    message : object
        An epoch is dropped where the inbox is full, anything else waits for room.
    """
    pause, longest = _PAUSE_SECONDS
    while True:
        try:
            # Waited for, since Ray does not promise to run the calls of an asynchronous actor in their order.
            ray.get(door.put_nowait.remote(message))
        except RayTaskError as error:
            if not isinstance(error.cause, asyncio.QueueFull):
                raise
        except RayError:
            # The watching process is gone: the cluster ends this one too.
            return
        else:
            return
        if isinstance(message, EpochFinished):
            return
        time.sleep(pause)
        pause = min(2 * pause, longest)

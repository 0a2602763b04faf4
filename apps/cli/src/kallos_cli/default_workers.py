"""How many workers there is room for."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kallos_tune import TuningSettings


def usable_cores() -> int:
    """Return the cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def room_for_workers(settings: "TuningSettings") -> int:
    """Return how many workers this machine, or the Ray cluster that the settings ask for, has room for.

    Raises
    ------
    kallos_tune.errors.ClusterError, kallos_tune.errors.MissingRayError
        Where there is no such cluster, or it cannot hold a single one.
    """
    if settings.engine == "processes":
        return usable_cores()
    from kallos_tune.workers.ray_cluster import Needs, connected, room_for

    with connected(settings.ray_address):
        return room_for(Needs(settings.cpus_per_worker, settings.gpus_per_worker))

"""How many workers there is room for."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kallos_tune import RunSettings


def usable_cores() -> int:
    """Return the cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def room_for_workers(settings: "RunSettings") -> int:
    """Return how many workers this machine, or the Ray cluster that the settings ask for, has room for.

    Raises
    ------
    kallos_tune.ClusterError, kallos_tune.MissingRayError
        Where there is no such cluster, or it cannot hold a single one.
    """
    if settings.engine == "processes":
        return usable_cores()
    from kallos_tune import room_on_ray

    return room_on_ray(settings)

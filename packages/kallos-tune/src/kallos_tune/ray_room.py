"""How many workers of a study a Ray cluster has room for."""

from .settings import RunSettings
from .workers.ray_cluster import Needs, connected, room_for


def room_on_ray(settings: RunSettings) -> int:
    """Return how many workers the cluster holds when nothing else runs on it.

    Parameters
    ----------
    settings : RunSettings
        Address of the cluster, and what each worker needs.

    Raises
    ------
    MissingRayError
        Where Ray is not installed.
    ClusterError
        Where there is no cluster, or none of its nodes has room for a worker.
    """
    with connected(settings.ray_address):
        return room_for(Needs(settings.cpus_per_worker, settings.gpus_per_worker))

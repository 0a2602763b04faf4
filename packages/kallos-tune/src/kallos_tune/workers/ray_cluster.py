"""The Ray cluster that workers run on: reached, measured, and refused where it cannot serve a study.

Ray itself is imported only where somebody connects.
"""

import os
import signal
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..errors import ClusterError, MissingRayError

if TYPE_CHECKING:
    from types import ModuleType

_ANSWER_SECONDS: Final = 5.0
_REMEDY: Final = "start one with `ray start --head` on this machine, or join one with `ray start --address=HOST:PORT`"


@dataclass(frozen=True, slots=True)
class Needs:
    """What Ray reserves for one worker.

    Attributes
    ----------
    cpus, gpus : float
        Not both 0.
    """

    cpus: float
    gpus: float

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU"

    def fit_into(self, resources: Mapping[str, float]) -> int:
        """Return how many workers find room in the resources of one node."""
        asked = {"CPU": self.cpus, "GPU": self.gpus}
        # A quarter of a GPU is reserved as a multiple of 1/10000: so is a tenth, which floats miss.
        return min(int(resources.get(name, 0.0) / amount + 1e-6) for name, amount in asked.items() if amount)


@contextmanager
def connected(address: str | None) -> Generator[None]:
    """Be connected to an existing cluster in the ``with`` block; a connection that there is already is used, and stays.

    Parameters
    ----------
    address : str or None
        ``"HOST:PORT"``. None is what the environment variable ``RAY_ADDRESS`` says, else the cluster that this machine
        is a node of.

    Raises
    ------
    MissingRayError
        Where Ray is not installed.
    ClusterError
        Where there is no cluster, or one that this Ray cannot speak to.
    """
    ray = _import_ray()
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    if address != "auto":
        _require_answer(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        # Log lines of workers come by another way, in order and at their levels.
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "on this machine" if address == "auto" else f"at {address}"
        found = isinstance(error, RuntimeError)
        what = f"the Ray cluster {where} cannot be used" if found else f"no Ray cluster {where}"
        remedy = " ".join(str(error).split()) if found else _REMEDY
        raise ClusterError(f"{what}: {remedy}") from error
    finally:
        # Ray has put a handler of its own there, which exits with a number of its own.
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


def room_for(needs: Needs) -> int:
    """Return how many workers the connected cluster holds when nothing else runs on it.

    Raises
    ------
    ClusterError
        Where no node has room for one, with what the largest have.
    """
    nodes = [node["Resources"] for node in _nodes()]
    room = sum(needs.fit_into(resources) for resources in nodes)
    if room == 0:
        most = {name: max((node.get(name, 0.0) for node in nodes), default=0.0) for name in ("CPU", "GPU")}
        raise ClusterError(
            f"no node of the Ray cluster has room for a worker of {needs}: none has more than {most['CPU']:g} CPU "
            f"or {most['GPU']:g} GPU; ask for less per worker"
        )
    return room


def free_resources() -> str:
    """Return what is free in the connected cluster, and what it has, as words."""
    ray = _import_ray()
    free, there = ray.available_resources(), ray.cluster_resources()
    return " and ".join(f"{free.get(name, 0.0):g} of {there.get(name, 0.0):g} {name}" for name in ("CPU", "GPU"))


def n_nodes() -> int:
    """Return how many nodes the connected cluster has."""
    return len(_nodes())


def _nodes() -> list[dict[str, Any]]:
    return [node for node in _import_ray().nodes() if node["Alive"]]


def _import_ray() -> "ModuleType":
    try:
        import ray  # noqa: PLC0415 - an extra, and half a second
    except ImportError as error:
        raise MissingRayError from error
    return ray


def _require_answer(address: str) -> None:
    """Refuse an address where nobody listens: Ray would try for two minutes, and end the process then."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and "/" not in host):
        raise ClusterError(f"must be HOST:PORT, as `ray start` says it, not {address!r}", "ray_address")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster at {address} ({error}): {_REMEDY}") from error

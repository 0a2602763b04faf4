"""Ray that is missing or away is said with the remedy; how many workers fit needs no Ray at all."""

import sys

import pytest

from kallos_tune.errors import ClusterError, MissingRayError
from kallos_tune.workers.ray_cluster import Needs, connected


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    message = r"engine 'ray' needs Ray, which is not installed: pip install 'kallos-tune\[ray\]'"
    with pytest.raises(MissingRayError, match=message), connected(None):
        pass


@pytest.mark.parametrize("address", ["nonsense", "ray://head:10001", "head:"])
def test_what_is_no_address_of_a_cluster(address):
    pytest.importorskip("ray")
    with (
        pytest.raises(ClusterError, match="ray_address must be HOST:PORT, as `ray start` says it, not"),
        connected(address),
    ):
        pass


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers"), [(1, 0, 8), (0.1, 0, 80), (2, 0.25, 4), (0, 0.1, 20), (1, 1, 2), (9, 0, 0), (1, 3, 0)]
)
def test_how_many_workers_a_node_holds(cpus, gpus, workers):
    assert Needs(cpus, gpus).fit_into({"CPU": 8.0, "GPU": 2.0}) == workers
    assert gpus == 0 or Needs(cpus, gpus).fit_into({"CPU": 8.0}) == 0

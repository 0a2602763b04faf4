"""What the tests of several members share."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

import pytest
from warm_commands import WarmCommands

# Before anything loads NumPy or torch: test processes run side by side, a core each, and a pool of threads in each of
# them has all of them wait. The same goes for the processes that tests start.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

_EXAMPLES: Final = 30
_LONGEST: Final = {"test_ray.py", "test_storm.py", "test_readme.py", "test_pages.py"}


@pytest.fixture(scope="session")
def warm_commands() -> Iterator[WarmCommands]:
    """Run ``kallos-run`` as processes without loading the models again for each command."""
    with WarmCommands() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Choose on how many examples laws are tried (tests/law_sizes.py), and let none fail for being slow.

    What takes how long says nothing on a machine that others use, too.
    """
    if find_spec("hypothesis") is not None:
        from hypothesis import settings  # noqa: PLC0415 - some environments lack it

        settings.register_profile("each change", deadline=None, max_examples=_EXAMPLES)
        settings.register_profile("nightly", deadline=None, max_examples=_EXAMPLES * 10)
        settings.load_profile("nightly" if _is_nightly(config) else "each change")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one at the end.

    Of a law the nightly run is the same one with more examples.
    """
    items.sort(key=lambda item: item.path.name not in _LONGEST)
    if _is_nightly(config):
        for item in items:
            if hasattr(getattr(item, "obj", None), "hypothesis"):
                item.add_marker("nightly")


def _is_nightly(config: pytest.Config) -> bool:
    return config.option.markexpr == "nightly"


def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores: half of what tests of processes do is wait."""
    return (os.cpu_count() or 1) + 1

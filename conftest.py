"""What the tests of several members share."""

import functools
import gc
import importlib.metadata
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from warm_commands import WarmCommands

# Read when NumPy, SciPy and torch are loaded, here and in each process that tests start. Threads of OpenBLAS wait for
# each other by spinning: where processes share cores, two of them take twenty times as long for a ridge as one.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

# Next to nothing of what is imported and collected is garbage, and looking for some takes a quarter of that time.
gc.disable()
# Each trainer of Lightning asks anew for the plug-ins of all installed packages; a small model is trained as fast.
importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)

_EXAMPLES: Final = 30
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
_ROOM: Final = 2 * 2**30
_TEMPORARY: Final = "PYTEST_DEBUG_TEMPROOT"
_LONGEST: Final = {"test_ray.py", "test_storm.py", "test_readme.py", "test_pages.py"}


@pytest.fixture(scope="session")
def warm_commands() -> Iterator[WarmCommands]:
    """Run ``kallos-run`` as processes without loading the models again for each command."""
    with WarmCommands() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Put the folders of tests into memory, and choose on how many examples laws are tried (tests/law_sizes.py).

    SQLite waits for the disk at each commit, of which a small study has a hundred. No law fails for being slow: what
    takes how long says nothing on a machine that others use, too.
    """
    if _has_room_in_memory():
        os.environ.setdefault(_TEMPORARY, str(_IN_MEMORY))
    if find_spec("hypothesis") is not None:
        from hypothesis import settings  # noqa: PLC0415 - some environments lack it

        settings.register_profile("each change", deadline=None, max_examples=_EXAMPLES)
        settings.register_profile("nightly", deadline=None, max_examples=_EXAMPLES * 10)
        settings.load_profile("nightly" if _is_nightly(config) else "each change")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage from now on, but seldom among all objects: there are a million, and that takes a second."""
    gc.set_threshold(700, 10, 100)
    gc.enable()


def _has_room_in_memory() -> bool:
    """Return whether there is a file system in memory that is large, ours to write to, and runs programs."""
    if not os.access(_IN_MEMORY, os.W_OK) or os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(_IN_MEMORY).free > _ROOM


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

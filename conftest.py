"""What the tests of several members share."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from warm_commands import WarmCommands

# Read when NumPy and SciPy are loaded, here and in each process that tests start. Threads of OpenBLAS wait for each
# other by spinning: where processes share cores, two of them take twenty times as long for a ridge as one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
_ROOM: Final = 2 * 2**30
_TEMPORARY: Final = "PYTEST_DEBUG_TEMPROOT"
_LONGEST: Final = {"test_ray.py", "test_storm.py", "test_readme.py", "test_pages.py"}


@pytest.fixture(scope="session")
def warm_commands() -> Iterator[WarmCommands]:
    """Run ``kallos-run`` as processes without loading the models again for each command."""
    with WarmCommands() as server:
        yield server


def pytest_configure() -> None:
    """Put the folders of tests into memory, and let no test of a law fail for being slow.

    SQLite waits for the disk at each commit, of which a small study has a hundred. What takes how long says nothing on
    a machine that others use, too.
    """
    if _has_room_in_memory():
        os.environ.setdefault(_TEMPORARY, str(_IN_MEMORY))
    if find_spec("hypothesis") is not None:
        from hypothesis import settings  # noqa: PLC0415 - some environments lack it

        settings.register_profile("kallos", deadline=None)
        settings.load_profile("kallos")


def _has_room_in_memory() -> bool:
    """Return whether there is a file system in memory that is large, ours to write to, and runs programs."""
    if not os.access(_IN_MEMORY, os.W_OK) or os.statvfs(_IN_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(_IN_MEMORY).free > _ROOM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores: half of what tests of processes do is wait."""
    return (os.cpu_count() or 1) + 1

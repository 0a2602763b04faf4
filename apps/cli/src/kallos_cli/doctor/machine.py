"""Checks of the machine: versions, cores, devices, room on its disks."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from .check import Check, broken, ok, warning

_MEMBERS = ("kallos-cli", "kallos-data", "kallos-models", "kallos-tune")
_SHOWN = ("torch", "darts", "pytorch-lightning", "optuna", "polars", "sqlalchemy")
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?")
_GIB = 2**30
_LITTLE_ROOM = _GIB
_NO_ROOM = _GIB // 20
_FEW_FILES = 256
_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def versions() -> Check:
    """Check that what is installed lies within the bounds that the packages declare."""
    faults: list[str] = []
    for member in _MEMBERS:
        for name, bounds, extra in _requirements(member):
            found = _installed(name)
            if found is None and not extra:
                faults.append(f"{name} is missing")
            elif found is not None and not fits(found, bounds):
                faults.append(f"{name} is {found}, {member} needs {bounds}")
    python = ".".join(map(str, sys.version_info[:3]))
    if not fits(python, metadata.metadata("kallos-cli")["Requires-Python"] or ""):
        faults.append(f"Python is {python}, kallos-cli needs {metadata.metadata('kallos-cli')['Requires-Python']}")
    if faults:
        return broken(
            "versions", "; ".join(dict.fromkeys(faults)), "install kallos-cli anew, in an environment of its own"
        )
    shown = ", ".join(f"{name} {_installed(name)}" for name in ("kallos-cli", *_SHOWN))
    return ok("versions", f"Python {python}, {shown}")


def fits(version: str, bounds: str) -> bool:
    """Return whether a version lies within bounds such as ``>=2.13,<2.14``."""
    numbers = _numbers(version)
    for bound in filter(None, bounds.split(",")):
        operator, limit = bound.strip()[:2], _numbers(bound.strip().lstrip("<>=!~"))
        wide = max(len(numbers), len(limit))
        left, right = (each + (0,) * (wide - len(each)) for each in (numbers, limit))
        if (operator == ">=" and left < right) or (operator.startswith("<") and operator != "<=" and left >= right):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    parts: list[int] = []
    for part in version.partition("+")[0].split("."):
        digits = "".join(character for character in part if character.isdigit()) if part[:1].isdigit() else ""
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)


def _requirements(member: str) -> Iterator[tuple[str, str, bool]]:
    """Yield name and bounds of what a member needs, and whether that is for an extra."""
    for requirement in metadata.requires(member) or ():
        if found := _REQUIREMENT.match(requirement):
            yield found[1], found[2].strip(), "extra" in (found[3] or "")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def cores() -> Check:
    """Check how many cores workers may use, and whether a container limits them further."""
    there = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    limit = cpu_limit()
    words = f"{usable} of {there} cores, by default as many workers with one thread each"
    if limit is not None and limit < usable:
        whole = max(1, int(limit))
        return warning("cores", f"{words}, but the container may use {limit:g}", f"set --workers {whole}")
    return ok("cores", words)


def cpu_limit(file: Path = _CPU_LIMIT) -> float | None:
    """Return how many cores the control group may use at a time; None where it has no limit."""
    try:
        quota, period = file.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def devices() -> Check:
    """Check which devices torch can train on."""
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        return ok("devices", f"cuda ({names}), with --device cuda")
    if torch.backends.mps.is_available():
        return ok("devices", "mps, with --device mps")
    return ok("devices", "cpu; torch sees no GPU")


def disk(name: str, folder: Path) -> Check:
    """Check the room beside a file."""
    free = shutil.disk_usage(folder).free
    words = f"{free / _GIB:.1f} GiB free in {folder}"
    if free < _NO_ROOM:
        return broken(name, words, "free some space")
    return warning(name, words, "free some space soon") if free < _LITTLE_ROOM else ok(name, words)


def temporary_folder() -> Check:
    """Check that temporary files can be written."""
    folder = Path(tempfile.gettempdir())
    with tempfile.TemporaryFile(dir=folder):
        pass
    return disk("temporary files", folder)


def open_files() -> list[Check]:
    """Check the limit of open files, which matters only where it is very low."""
    try:
        import resource
    except ImportError:  # not on Windows
        return []
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FEW_FILES:
        return []
    return [warning("open files", f"a process may open {soft}", f"raise it: ulimit -n {4 * _FEW_FILES}")]

"""What several benchmarks share: medians over alternating runs, tables, and the facts of the machine."""

import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def alternate(runs: Mapping[str, Callable[[], Any]], n_rounds: int) -> dict[str, list[float]]:
    """Time each run once a round, in turn, so that a busy minute of the machine hits all alike; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(n_rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - started))
    return times


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: round(statistics.median(each), 2) for name, each in times.items()}


def print_table(title: str, columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Print rows by name; a column lacks some of them where it does not know them."""
    print(f"\n{title}")
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    width = max(map(len, rows))
    widths = {name: max(14, len(name) + 2) for name in columns}
    print(" " * width, *(f"{name:>{widths[name]}}" for name in columns))
    for row in rows:
        print(f"{row:<{width}}", *(f"{column.get(row, ''):>{widths[name]}}" for name, column in columns.items()))


def write_results(file: Path, results: Mapping[str, Any], packages: Sequence[str]) -> None:
    """Write results with what they depend on: the day, the machine, and the releases of the packages that are there."""
    versions: dict[str, str] = {"python": platform.python_version()}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "load": os.getloadavg()}
    facts = {"date": datetime.now(UTC).date().isoformat(), "machine": machine, "versions": versions}
    file.write_text(json.dumps({**results, **facts}, indent=2) + "\n")

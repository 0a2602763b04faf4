"""How long ``ingest_file`` takes for five years of minutes, beside reading and writing the same frames bare.

A simulated market of 2.6 million bars as a CSV file, into PostgreSQL and SQLite. Kallos checks it, computes 17
indicators, writes both tables and reads back what it wrote. Beside it ``polars.read_csv`` and ``write_database`` of the
bars alone. Each run is a process of its own, whose most memory is told.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy
from postgres_server import PostgresServer, find_binaries

from kallos_data import DatabaseConfig, ingest_file, simulate_market

from ._measuring import print_table, write_results

FIVE_YEARS = 5 * 365 * 1440
LONG = 1_000_000  # so many rows take minutes, beside which the noise of a machine is small
RUNS = ("kallos", "kallos again", "bars bare")
PACKAGES = ("numpy", "pandas", "polars", "psycopg2-binary", "pyarrow", "sqlalchemy", "ta-lib")
MOST_TIMES = 3.0
MOST_MEBIBYTES = 2048


def main(results_file: Path, quick: bool, steps: int | None = None) -> None:  # noqa: FBT001 - called by name
    n_rows = 5_000 if quick else steps or FIVE_YEARS
    n_rounds = 1 if quick or n_rows > LONG else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_file(folder, n_rows)
        found = {backend: measure(backend, folder, n_rounds) for backend in ("sqlite", "postgresql")}
    for backend, runs in found.items():
        print_table(f"{n_rows} bars into {backend}: seconds, and most memory in MiB", runs)
    write_results(results_file, {"rows": n_rows, "rounds": n_rounds, "runs": found}, PACKAGES)


def write_file(folder: Path, n_rows: int) -> None:
    market = simulate_market(n_rows, frequency=timedelta(minutes=1), start="2019-01-01", seed=1)
    market.write_csv(folder / "bars.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")


def measure(backend: str, folder: Path, n_rounds: int) -> dict[str, dict[str, Any]]:
    """Return median and spread of the seconds of each run, its most memory, and how many times longer Kallos takes."""
    seconds: dict[str, list[float]] = {run: [] for run in RUNS}
    memory = dict.fromkeys(RUNS, 0.0)
    for _ in range(n_rounds):
        with database(backend, folder) as url:
            for run in RUNS:
                took = child(run, url, folder)
                seconds[run].append(took["seconds"])
                memory[run] = max(memory[run], took["mebibytes"])
    middle = {run: sorted(each)[len(each) // 2] for run, each in seconds.items()}
    columns: dict[str, dict[str, Any]] = {
        run: {
            "median": round(middle[run], 2),
            "least": round(min(seconds[run]), 2),
            "most": round(max(seconds[run]), 2),
            "memory": round(memory[run]),
        }
        for run in RUNS
    }
    columns["kallos"]["times bare"] = round(middle["kallos"] / middle["bars bare"], 2)
    columns["kallos"]["within bounds"] = str(
        middle["kallos"] <= MOST_TIMES * middle["bars bare"] and memory["kallos"] < MOST_MEBIBYTES
    )
    return columns


@contextmanager
def database(backend: str, folder: Path) -> Iterator[str]:
    """Make an empty database, and remove it."""
    if backend == "sqlite":
        file = folder / "prices.db"
        yield f"sqlite:///{file}"
        file.unlink()
        return
    server = PostgresServer(find_binaries())
    try:
        server.create()
        yield server.url()
    finally:
        server.remove()


def child(run: str, url: str, folder: Path) -> dict[str, float]:
    """Run one of :data:`RUNS` in a process of its own, from a CSV file to the end of its last transaction."""
    root = Path(__file__).parents[1]
    code = (
        f"import sys; sys.path[:0] = {[str(root), str(root / 'tests')]!r}; from benchmarks.ingest import work; work()"
    )
    command = [sys.executable, "-c", code, run, url, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    return json.loads(done.stdout.splitlines()[-1])


def work() -> None:
    """Do what the arguments of the process say, and print its seconds and its most memory."""
    run, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    started = time.perf_counter()
    if run.startswith("kallos"):
        ingest_file(folder / "bars.csv", "A", url)
    else:
        bare(url, folder)
    seconds = time.perf_counter() - started
    # Linux counts in KiB.
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mebibytes": mebibytes}))


def bare(url: str, folder: Path) -> None:
    engine = sqlalchemy.create_engine(DatabaseConfig.of(url).url, poolclass=sqlalchemy.NullPool)
    bars = pl.read_csv(folder / "bars.csv", try_parse_dates=True).select(pl.lit("A").alias("id"), pl.all())
    bars.write_database("bare_bars", engine, if_table_exists="replace")

"""The console script as a process, its main function within this one, and a small database."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kallos_cli import app, logs

SCRIPT = Path(sys.executable).parent / "kallos-run"
LAST_DAY = "2019-12-31"
N_DAYS = 365
TINY = ("--max-epochs", "1", "--folds", "2")


def environment() -> dict[str, str]:
    """Return this environment without what would change the command line."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("KALLOS_")}
    return ours | {"COLUMNS": "100", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def kallos_run(tmp_path):
    """Return a function that runs ``kallos-run`` in a folder of its own until it ends."""

    def run(*arguments: object, timeout: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *map(str, arguments)],
            cwd=tmp_path,
            env=environment() | variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def start_kallos_run(tmp_path):
    """Return a function that starts ``kallos-run`` and returns its process; what still runs at the end is killed."""
    started = []

    def start(*arguments: object, **streams: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [SCRIPT, *map(str, arguments)],
            cwd=tmp_path,
            env=environment() | {"TERM": "xterm-256color"},
            text=True,
            **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def main_within(tmp_path, monkeypatch, capsys):
    """Return a function that runs ``main`` in this process and returns exit code, stdout and stderr."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KALLOS_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kallos-run", *map(str, arguments)])
        code = app.main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logs.start()


@pytest.fixture(scope="session")
def market_csv(tmp_path_factory):
    """Return a CSV file of a simulated market of one year."""
    from kallos_data import simulate_market

    path = tmp_path_factory.mktemp("market") / "market.csv"
    simulate_market(N_DAYS, seed=1).write_csv(path)
    return path


@pytest.fixture(scope="session")
def _ingested(market_csv, tmp_path_factory):
    from kallos_data import ingest_file

    path = tmp_path_factory.mktemp("database") / "kallos.db"
    ingest_file(market_csv, "BTC", f"sqlite:///{path}")
    return path


@pytest.fixture
def database(_ingested, tmp_path):
    """Put a database with one asset where the command line looks for it, and return its file."""
    path = tmp_path / "kallos.db"
    shutil.copyfile(_ingested, path)
    return path


@pytest.fixture
def tune_arguments():
    """Return the arguments of a tiny study."""
    return ("tune", "--asset-id", "BTC", "--end-date", LAST_DAY, "--study-name", "small", *TINY)

"""The console script as a process, its main function within this one, and a small database."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from warm_commands import SCRIPT, WarmCommand

from kallos_cli import app, logs

LAST_DAY = "2019-12-31"
N_DAYS = 365
# The first trials of this seed are small.
TINY = ("--max-epochs", "1", "--folds", "2", "--seed", "10")


def environment() -> dict[str, str]:
    """Return this environment without what would change the command line."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("KALLOS_")}
    return ours | {"COLUMNS": "100", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(autouse=True)
def called_by_its_name(monkeypatch):
    """Let the commands of tests that are run by ``./run`` read as everywhere."""
    monkeypatch.delenv("KALLOS_PROGRAM", raising=False)


@pytest.fixture
def sessions():
    """Return the ids of the sessions that this test's commands lead; all their processes belong to them."""
    return set()


@pytest.fixture
def left_over(sessions):
    """Return a function that waits for the end of every process of this test and returns those that stay."""

    def stays(process: Path) -> bool:
        try:
            state, _parent, _group, session, *_ = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            return False
        return int(session) in sessions and state != "Z"

    def wait(seconds: float = 20) -> list[str]:
        deadline = time.monotonic() + seconds
        while True:
            found = [each.name for each in Path("/proc").iterdir() if each.name.isdecimal() and stays(each)]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    return wait


@pytest.fixture
def start_kallos_run(tmp_path, warm_commands, sessions):
    """Return a function that starts ``kallos-run`` and returns its process; what still runs at the end is killed.

    Each leads a session, as one that was typed into a shell leads a group. They come from a process that has loaded the
    models already; with ``cold=True`` the console script itself is started. ``variables`` are those of its environment.
    """
    started = []

    def start(
        *arguments: object, cold: bool = False, variables=None, **streams: int
    ) -> subprocess.Popen[str] | WarmCommand:
        settings = {"cwd": tmp_path, "env": environment() | {"TERM": "xterm-256color"} | (variables or {})}
        settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        if cold:
            command = [SCRIPT, *map(str, arguments)]
            process = subprocess.Popen(command, text=True, start_new_session=True, **settings)
        else:
            process = warm_commands.start(arguments, **settings)
        started.append(process)
        sessions.add(process.pid)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def main_within(tmp_path, monkeypatch, capsys):
    """Return a function that runs ``main`` in this process and returns exit code, stdout and stderr."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
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

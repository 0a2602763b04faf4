"""Locks on SQLite: one holder at a time in all processes, and none once the holder is dead."""

import subprocess
import sys

import pytest
from sqlalchemy.exc import OperationalError

from kallos_data import DatabaseConfig
from kallos_tune.storage.locks import StudyLock, creation_lock

HOLD = {"study": "StudyLock(config, 's').hold()", "creation": "creation_lock(config)"}
CODE = """
import sys
from pathlib import Path
from kallos_data import DatabaseConfig
from kallos_tune.storage.locks import StudyLock, creation_lock

config, count = DatabaseConfig.of(sys.argv[1]), Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    with {hold}:
        count.write_text(str(int(count.read_text()) + 1))
with {hold}:
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def config(tmp_path):
    config = DatabaseConfig.of(f"sqlite:///{tmp_path / 'studies.db'}")
    with config.connect(create=True) as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    return config


@pytest.fixture
def start(config, tmp_path):
    """Return a function that starts a process which counts up under a lock and then holds it."""
    started = []
    (tmp_path / "count").write_text("0")

    def run(kind, n):
        arguments = [config.url.render_as_string(), str(tmp_path / "count"), str(n)]
        command = [sys.executable, "-c", CODE.format(hold=HOLD[kind]), *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("kind", list(HOLD))
def test_one_holder_at_a_time(kind, start, tmp_path):
    processes = [start(kind, 20) for _ in range(3)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0] * 3
    assert (tmp_path / "count").read_text() == "60"


@pytest.mark.parametrize("kind", list(HOLD))
def test_a_lock_dies_with_its_holder(kind, start, config):
    holder = start(kind, 0)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    with StudyLock(config, "s").hold() if kind == "study" else creation_lock(config):
        pass


def test_what_is_written_under_a_lock_is_written_as_a_whole(config):
    lock = StudyLock(config, "s")
    with lock.hold() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x integer)")
    with pytest.raises(OperationalError, match="no such table"), lock.hold() as connection:  # noqa: PT012
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        connection.exec_driver_sql("INSERT INTO missing VALUES (1)")
    with lock.hold() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0


def test_tables_may_be_created_under_the_creation_lock(config):
    with creation_lock(config), config.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x integer)")

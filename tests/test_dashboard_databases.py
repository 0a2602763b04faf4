"""The dashboard of a PostgreSQL database: its password is seen by nobody who looks at processes, lines or pages."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from kallos_tune import open_storage

SCRIPT = Path(sys.executable).parent / "kallos-run"


@pytest.fixture
def secrets(postgres_url):
    """The password of the database, as it is and as URLs have it."""
    password = sqlalchemy.make_url(postgres_url).password
    assert password
    return {password, urllib.parse.quote(password, safe="")}


@pytest.fixture
def start(postgres_url, tmp_path):
    """Return a function that starts the dashboard of a study in a schema, as a shell does."""
    study = optuna.create_study(study_name="small", storage=open_storage(postgres_url, "lab notes"))
    study.add_trial(optuna.create_trial(value=0.5))
    started = []

    def start(*options, variable="KALLOS_STUDIES_URL"):
        env = {name: value for name, value in os.environ.items() if not name.startswith("KALLOS_")}
        process = subprocess.Popen(
            [SCRIPT, "dashboard", "--port", "0", "--optuna-schema", "lab notes", *options],
            cwd=tmp_path,
            env=env | {variable: postgres_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def family(pid):
    """Return a process and all that it has started, directly or not."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of a program stands in brackets and may hold anything.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def words_of(pid):
    """Return what a list of processes shows of one: its words, and the names of its threads."""
    names = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/comm")]
    return [*Path(f"/proc/{pid}/cmdline").read_text().split("\0"), *names]


def fetch(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no list of processes in /proc")
@pytest.mark.parametrize(
    ("variable", "options"),
    [
        pytest.param("KALLOS_STUDIES_URL", (), id="studies", marks=pytest.mark.nightly),
        pytest.param("KALLOS_DB_URL", ("--debug",), id="debug"),
    ],
)
def test_the_password_is_seen_nowhere(start, secrets, variable, options):
    process = start(*options, variable=variable)
    said = []
    while not (found := re.search(r"http://127.0.0.1:(\d+)/dashboard", said[-1] if said else "")):
        line = process.stderr.readline()
        assert line, said
        said.append(line)
    base = f"http://127.0.0.1:{found[1]}"
    pages = [fetch(f"{base}/{path}") for path in ("dashboard", "api/studies", "api/meta", "api/studies/99", "none")]
    pages.append(fetch(f"{base}/dashboard", Host="evil.example"))
    assert [each["study_name"] for each in json.loads(pages[1])["study_summaries"]] == ["small"]

    listed = {pid: words_of(pid) for pid in family(process.pid)}
    assert any("dashboard" in words for words in listed.values())
    assert not any("postgresql" in word for words in listed.values() for word in words)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    told = "".join([*said, out, err])
    assert re.search(r"studies of postgresql\S*://\S+:\*\*\*@", told)
    for secret in secrets:
        assert not any(secret in word for words in listed.values() for word in words)
        assert secret not in told
        assert not any(secret in page for page in pages)

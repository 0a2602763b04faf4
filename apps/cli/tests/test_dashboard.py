"""The dashboard as a process: what it serves, to whom, and how it ends."""

import json
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import optuna
import pytest

from kallos_tune import open_storage


@pytest.fixture
def study(tmp_path):
    study = optuna.create_study(study_name="small", storage=open_storage(f"sqlite:///{tmp_path / 'kallos.db'}"))
    study.add_trial(optuna.create_trial(value=0.5))
    return study


def fetch(url, seconds=20, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=seconds) as answer:
        return answer.read()


def test_studies_are_served_until_ctrl_c(study, start_kallos_run):
    process = start_kallos_run("dashboard", "--port", "0")
    assert process.stderr.readline() == "starting the dashboard…\n"
    line = process.stderr.readline()
    (port,) = re.findall(r"^studies of sqlite:///kallos.db: http://127.0.0.1:(\d+)/dashboard \(Ctrl-C ends it\)$", line)
    base = f"http://127.0.0.1:{port}"
    # The address is told by who has had an answer there.
    assert b"<html" in fetch(f"{base}/dashboard", seconds=1).lower()
    found = json.loads(fetch(f"{base}/api/studies"))
    assert "small" in json.dumps(found)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(f"{base}/api/studies", Host="evil.example")
    # A connection that says nothing holds nobody up.
    with socket.create_connection(("127.0.0.1", int(port))):
        fetch(f"{base}/api/studies")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def test_another_host_is_warned_of(study, start_kallos_run):
    process = start_kallos_run("dashboard", "--port", "0", "--host", "0.0.0.0")
    assert process.stderr.readline() == "starting the dashboard…\n"
    assert process.stderr.readline() == (
        "warning: the dashboard has no login: whoever reaches 0.0.0.0 can look at studies and delete them\n"
    )
    process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143


def test_what_cannot_be_served_is_said(study, main_within, monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = main_within("dashboard", "--port", port)
    assert (code, out) == (2, "")
    words = "Address already in use; choose another with --port, or --host"
    assert err == f"error: cannot listen on 127.0.0.1, port {port}: {words}\n"
    Path(tmp_path / "empty.db").touch()
    code, _, err = main_within("dashboard", "--db-url", "sqlite:///empty.db")
    assert (code, err) == (2, "error: there is no study in sqlite:///empty.db: create one with kallos-run tune\n")
    code, _, err = main_within("dashboard", "--db-url", "sqlite:///none.db")
    assert code == 2
    assert "there is no SQLite database 'none.db'" in err
    assert not (tmp_path / "none.db").exists()
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    code, _, err = main_within("dashboard")
    assert code == 2
    assert err == (
        "error: the dashboard needs optuna-dashboard, which is not installed: pip install 'kallos-cli[dashboard]'\n"
    )

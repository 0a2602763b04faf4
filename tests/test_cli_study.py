"""The main way through the command line, as processes, on both databases."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from kallos_cli import app, logs
from kallos_data import simulate_market
from kallos_tune import open_storage
from kallos_tune.trial_states import COUNTED


@dataclass
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command_line(database_url, tmp_path, monkeypatch, capsys, warm_commands, small_models):
    """Return functions that run ``kallos-run`` on the database as a process and within this one, and the schema."""
    schema = "lab notes" if database_url.startswith("postgresql") else None
    for name in [name for name in os.environ if name.startswith("KALLOS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KALLOS_DB_URL", database_url)
    monkeypatch.setenv("KALLOS_CONFIG", small_models)
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)

    def process(*arguments: object) -> Done:
        started = warm_commands.start(arguments, cwd=tmp_path, env=os.environ)
        out, err = started.communicate(timeout=120)
        return Done(started.wait(), out, err)

    def within(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["kallos-run", *map(str, arguments)])
        return Done(app.main(), *capsys.readouterr())

    yield process, within, schema
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logs.start()


def test_ingest_tune_resume_and_look(command_line, database_url, tmp_path):
    process, within, schema = command_line
    password = sqlalchemy.make_url(database_url).password or "no password"
    in_schema = ["--optuna-schema", schema] if schema else []
    simulate_market(365, seed=1).write_csv(tmp_path / "btc.csv")
    said = []

    def expect(code: int, *arguments: object, run: Callable[..., Done] = within) -> Done:
        done = run(*arguments)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        said.append(done.stdout + done.stderr)
        return done

    expect(0, "ingest", "btc.csv", "--asset-id", "BTC")
    study = ["--asset-id", "BTC", "--end-date", "2019-12-31", "--study-name", "small", "--max-epochs", "1"]
    tune = ["tune", *study, "--folds", "2", "--seed", "10", "--pruner", "none", *in_schema]

    first = expect(0, *tune, "--n-trials", "1", run=process)
    assert "features, chosen from the columns of the history:" in first.stderr
    assert "trial 0, fold 2 of 2: error" in first.stderr
    assert "\nverdict: " in first.stdout
    assert "kallos-run study report small" in first.stderr

    full = expect(0, *tune, "--n-trials", "1")
    assert "1 finished trial of 1 asked for: nothing to run" in full.stderr
    assert "loading the models" not in full.stderr

    more = expect(0, *tune, "--n-trials", "2", "--json", "--quiet")
    assert [line for line in more.stderr.splitlines() if not line.startswith("warning: left out")] == []
    result = json.loads(more.stdout)
    assert result["n_run"] == 1
    assert result["n_trials"] == dict.fromkeys(COUNTED, 0) | {"complete": 2}
    written = json.loads((tmp_path / "small_best_params.json").read_text())
    assert Path(result["output"]) == tmp_path / "small_best_params.json"
    assert {name: result[name] for name in written} == written

    other = expect(2, *tune, "--n-trials", "3", "--seed", "5")
    assert other.stdout == ""
    assert "--seed was 10, now 5" in other.stderr
    assert "--resume force" in other.stderr
    never = expect(2, *tune, "--resume", "never")
    assert "study 'small' exists already" in never.stderr

    optuna.create_study(storage=open_storage(database_url, schema), study_name="foreign")
    listed = json.loads(expect(0, "study", "list", "--json", *in_schema).stdout)["studies"]
    assert [(row["study_name"], row["by_kallos"]) for row in listed] == [("foreign", False), ("small", True)]
    assert listed[1]["best_score"] == result["best_score"]
    table = expect(0, "study", "list", *in_schema).stdout
    assert "(other)" in table
    shown = expect(0, "study", "show", "small", *in_schema).stdout
    for words in ("log_return", "Folds of the best trial", "Best parameters", "verdict:", "volume_features"):
        assert words in shown
    facts = json.loads(expect(0, "study", "show", "small", "--json", *in_schema).stdout)
    assert len(facts["trials"]) == 2
    assert facts["best_params"] == result["best_params"]
    for trial in ("0", "1"):
        again = json.loads(expect(0, "study", "rerun", "small", "--trial", trial, "--json", *in_schema).stdout)
        assert (again["equal"], len(again["folds"]), again["data"]) == (True, 2, None)
    for command in ("show", "rerun"):
        foreign = expect(2, "study", command, "foreign", *in_schema)
        assert "was not made by Kallos" in foreign.stderr
    unknown = expect(2, "study", "show", "smal", *in_schema)
    assert "did you mean 'small'?" in unknown.stderr
    assert not any(password in text for text in said)

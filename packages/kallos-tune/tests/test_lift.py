"""The core alone: any objective, two workers that are killed, an exact budget, and nothing of forecasting loaded."""

import subprocess
import sys

MODULE = """
import os, signal, sys
from dataclasses import dataclass
from pathlib import Path

import optuna
import sqlalchemy
from sqlalchemy.pool import NullPool

from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.storage.creation import create_study
from kallos_tune.storage.open import create_storage
from kallos_tune.workers.job import Assignment
from kallos_tune.workers.processes import run_assignment
from kallos_tune.workers.worker_loop import run_trials

TIMES = ClaimSettings(heartbeat_seconds=1, grace_seconds=60, database_wait_seconds=60)


@dataclass(frozen=True)
class File:
    path: str
    backend = "sqlite"

    @property
    def url(self):
        return sqlalchemy.URL.create("sqlite", database=self.path)

    def engine(self, *, create=False, standstill_seconds=None):
        return sqlalchemy.create_engine(self.url, poolclass=NullPool)

    def prepare_engine(self, engine, standstill_seconds):
        pass


def work(path, listener):
    def objective(trial):
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", -1, 1)
        # Each third trial kills its worker, in the middle of what it does; its repetition does not.
        if trial.number % 3 == 1 and "retries" not in trial.user_attrs:
            os.kill(os.getpid(), signal.SIGKILL)
        return x**2 + y**2

    claims = join_study(File(path), "s", 12, TIMES, ("x", "y"), "crew")
    run_trials(claims, objective, lambda draw: optuna.samplers.RandomSampler(seed=draw), listener)
    foreign = {"kallos_data", "kallos_models", "darts", "torch"} & set(sys.modules)
    (Path(path).parent / f"foreign-{os.getpid()}").write_text(" ".join(foreign))
"""
SCRIPT = """
import sys
from pathlib import Path

from lifted import *

if __name__ == "__main__":
    path = sys.argv[1]
    storage = create_storage(File(path))
    assert create_study(File(path), "s", queued=[{"x": 0.5, "y": 0.5}])
    claims = join_study(File(path), "s", 12, TIMES, ("x", "y"), "crew")
    deaths, told = [], []

    def on_death(pid):
        deaths.append(pid)
        claims.abandon_worker(pid, limit_seconds=60)

    run_assignment(Assignment("lifted:work", (path,)), 2, told.append, on_death)
    states = [trial.state.name for trial in claims.study.get_trials()]
    assert states.count("COMPLETE") == 12 == len(told), states
    assert states.count("FAIL") == len(deaths) >= 4, states
    assert {"COMPLETE", "FAIL"} == set(states), states
    assert all(trial.value == trial.params["x"] ** 2 + trial.params["y"] ** 2 for trial in claims.study.trials
               if trial.state.name == "COMPLETE")
    assert claims.study.trials[0].params == {"x": 0.5, "y": 0.5}
    words = {file.read_text() for file in Path(path).parent.glob("foreign-*")}
    assert words == {""}, words
    assert not {"kallos_data", "kallos_models", "darts", "torch"} & set(sys.modules)
"""


def test_another_objective_runs_on_the_core_alone(tmp_path):
    (tmp_path / "lifted.py").write_text(MODULE)
    (tmp_path / "main.py").write_text(SCRIPT)
    command = [sys.executable, tmp_path / "main.py", tmp_path / "studies.db"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr

"""Workers on a real Ray cluster: exact budget, replaced when killed, stopped in time, refused with the remedy."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from documented_commands import command_lines
from ray_cluster import VARIABLES, RayCluster
from storm_worker import StormStudy, check, score_of

from kallos_data import ingest_frame, simulate_market
from kallos_tune import load_study
from kallos_tune.errors import ClusterError, ConfigError, TooManyFailuresError, WorkerError
from kallos_tune.evaluation.sampling import sampler_of_draw
from kallos_tune.events import EpochFinished, TrialFinished, ignore
from kallos_tune.settings import TuningSettings
from kallos_tune.studies import seen_by_workers
from kallos_tune.trial_states import COUNTED
from kallos_tune.workers.job import Assignment
from kallos_tune.workers.ray_cluster import Needs, room_for
from kallos_tune.workers.worker_loop import run_trials

ONE_CPU = Needs(1.0, 0.0)


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two CPUs that lives as long as these tests."""
    cluster = RayCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="module")
def connection(cluster):
    """Be connected to the cluster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        import ray

        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
        yield ray
        ray.shutdown()


@pytest.fixture
def run_on_ray(connection):
    from kallos_tune.workers.ray_workers import run_on_ray

    return run_on_ray


def run_storm(study: StormStudy, folder: str, on_event) -> None:
    """What a worker does: trials that train nothing; the first waits to be killed."""

    def run(trial):
        x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
        hold = Path(folder) / "hold"
        if hold.exists() and trial.number == 0:
            hold.write_text(str(os.getpid()))
            time.sleep(60)
        return score_of(x, y)

    settings = TuningSettings.of(sampler="random")
    run_trials(
        study.claims(),
        run,
        lambda draw: sampler_of_draw(draw, settings.training.seed, settings.search.sampler),
        on_event,
    )


def errand(work, *arguments, module="ray_errands"):
    return Assignment(f"{module}:{work}", arguments)


@pytest.mark.parametrize(
    "database_url", [pytest.param("sqlite", marks=pytest.mark.nightly), "postgresql"], indirect=True
)
def test_two_workers_finish_exactly_the_budget(run_on_ray, database_url, tmp_path):
    study = StormStudy(url=database_url, n_trials=20).create()
    told = []
    run_on_ray(errand("run_storm", study, str(tmp_path), module="test_ray"), 2, ONE_CPU, told.append)
    check(study, {event.trial: event.score for event in told})
    assert len(told) == 20


def test_a_worker_killed_in_a_trial_is_replaced_and_its_parameters_are_kept(run_on_ray, tmp_path, caplog):
    study = StormStudy(url=f"sqlite:///{tmp_path / 'test.db'}", n_trials=6).create()
    hold = tmp_path / "hold"
    hold.touch()

    def kill():
        while not (pid := hold.read_text()):
            time.sleep(0.05)
        hold.unlink()
        os.kill(int(pid), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run_on_ray(errand("run_storm", study, str(tmp_path), module="test_ray"), 2, ONE_CPU, ignore)
    killer.join()
    trials = check(study)
    assert trials[0].state.name == "FAIL"
    assert any("was killed: replaced" in message for message in caplog.messages)


def test_errors_and_failures_reach_the_caller(run_on_ray, caplog):
    with pytest.raises(WorkerError, match="a worker ended with ValueError: beyond repair"):
        run_on_ray(errand("fail"), 1, ONE_CPU, ignore)
    with pytest.raises(TooManyFailuresError, match="3 trials failed in a row, the last one with: reason"):
        run_on_ray(errand("fail_trials"), 1, ONE_CPU, ignore)
    with pytest.raises(WorkerError, match="worker 0 was killed: it is the 4th in a row to die"):
        run_on_ray(errand("die"), 1, ONE_CPU, ignore)


def test_where_the_inbox_is_full_epochs_are_dropped_and_all_else_waits(run_on_ray, tmp_path, monkeypatch):
    from kallos_tune.workers import ray_inbox

    monkeypatch.setattr(ray_inbox, "MOST_MESSAGES", 10)
    told = []

    def listen(event):
        while not (tmp_path / "flooded").exists():
            time.sleep(0.01)
        told.append(event)

    run_on_ray(errand("flood", str(tmp_path)), 1, ONE_CPU, listen)
    epochs = [event.epoch for event in told if isinstance(event, EpochFinished)]
    assert epochs == sorted(epochs)
    # Ten lay in the inbox, one was being listened to and one fetched.
    assert 0 < len(epochs) <= 12
    assert [event.trial for event in told if isinstance(event, TrialFinished)] == list(range(20))


def test_what_the_cluster_cannot_hold_is_refused(run_on_ray):
    assert room_for(ONE_CPU) == 2
    assert room_for(Needs(0.1, 0.0)) == 20
    with pytest.raises(ClusterError, match="no node of the Ray cluster has room for a worker of 3 CPU and 0 GPU: none"):
        room_for(Needs(3.0, 0.0))
    with pytest.raises(ClusterError, match=r"1 CPU and 0.5 GPU: none has more than 2 CPU or 0 GPU; ask for less"):
        run_on_ray(errand("fail"), 1, Needs(1.0, 0.5), ignore)


def test_sqlite_serves_one_node_by_its_full_path(connection, monkeypatch, tmp_path):
    from kallos_data import DatabaseConfig

    monkeypatch.chdir(tmp_path)
    config = DatabaseConfig.of("sqlite:///kallos.db")
    assert seen_by_workers(config).url.database == str(tmp_path / "kallos.db")
    nodes = connection.nodes()
    monkeypatch.setattr("ray.nodes", lambda: nodes * 2)
    with pytest.raises(ConfigError, match="serves one machine and the Ray cluster has 2 nodes: use PostgreSQL"):
        seen_by_workers(config)


@pytest.fixture
def start_tune(cluster, tmp_path, small_models, warm_commands):
    """Return a function that starts a tiny study on the cluster as a process."""
    ingest_frame(simulate_market(365, seed=1), "BTC", f"sqlite:///{tmp_path / 'kallos.db'}")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("KALLOS_", "RAY_"))}
    (command_of_the_guide,) = command_lines("docs/ray.md")
    assert command_of_the_guide[-2:] == ["--engine", "ray"]
    study = ["--end-date", "2019-12-31", "--study-name", "small", "--folds", "2", "--seed", "10"]
    started = []

    def start(*arguments, **variables):
        process = warm_commands.start(
            [*command_of_the_guide, *study, *arguments],
            cwd=tmp_path,
            env=ours
            | VARIABLES
            | {"RAY_ADDRESS": cluster.address, "KALLOS_CONFIG": small_models, "PYTHONUNBUFFERED": "1"}
            | variables,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


# With every change a command begins on Ray and is interrupted (below), and budgets are met on it (above).
@pytest.mark.nightly
def test_the_command_line_runs_a_study_on_ray(start_tune):
    process = start_tune("--n-trials", "1", "--max-epochs", "1", "--pruner", "none", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["n_trials"] == dict.fromkeys(COUNTED, 0) | {"complete": 1}
    assert "1 of 1 finished" in err


def test_ctrl_c_records_the_running_trials(start_tune, tmp_path):
    process = start_tune("--n-trials", "2", "--workers", "1", "--max-epochs", "400", "--patience", "400")
    said = []
    for line in process.stderr:
        said.append(line)
        if "begins" in line:
            break
    assert process.poll() is None, said
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, ""), err
    assert "interrupted: trial 0 is recorded as interrupted, 0 of 2 finished trials are kept" in err
    assert "Traceback" not in err
    trial = load_study(f"sqlite:///{tmp_path / 'kallos.db'}", "small").trials[0]
    assert (trial.state.name, trial.user_attrs["failure"]) == ("FAIL", "Ctrl-C or SIGTERM")


def test_without_a_cluster_the_remedy_is_said(start_tune):
    process = start_tune("--n-trials", "2", RAY_ADDRESS="127.0.0.1:1")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "error: no Ray cluster at 127.0.0.1:1" in err
    assert "ray start --head" in err
    assert "Traceback" not in err

"""What becomes of a study in a storm, and what a claim costs when many workers share a long one.

Part 1: 4 workers, 200 trials and 20 SIGKILLs at random moments, on SQLite and PostgreSQL; checked as the tests do.
Part 2: 64 workers on PostgreSQL claim and tell trials of a study that has 10 000 finished ones; the time in which each
transaction holds the study's lock, how long it waited for the lock before, and how many connections there were.
"""

import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.trial import TrialState, create_trial
from postgres_server import PostgresServer, find_binaries
from storm_worker import Storm, StormStudy, check, random_kills, score_of, start_worker

from kallos_data import DatabaseConfig
from kallos_tune.claims.transactions import Claim
from kallos_tune.storage.locks import StudyLock
from kallos_tune.trial_attributes import CLAIM, DRAW, WORKER

from ._measuring import print_table, write_results

CONTEXT = multiprocessing.get_context("forkserver")


def main(results_file: Path, quick: bool) -> None:  # noqa: FBT001 - called by name
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storm_size = {"n_trials": 20, "n_kills": 3} if quick else {"n_trials": 200, "n_kills": 20}
    claim_size = {"n_finished": 500, "n_workers": 8, "seconds": 5.0} if quick else {"n_finished": 10_000}
    server = PostgresServer(find_binaries())
    with tempfile.TemporaryDirectory() as folder:
        try:
            server.create()
            urls = {"sqlite": f"sqlite:///{folder}/storm.db", "postgresql": server.url()}
            storms = {backend: run_storm(url, **storm_size) for backend, url in urls.items()}
            print_table("Storm: 4 workers", storms)
            claims = {f"{seconds:g} s trials": run_claims(server.url(), work_seconds=seconds, **claim_size)
                      for seconds in ((1.0,) if quick else (30.0, 3.0))}  # fmt: skip
            print_table("Claims of many workers on PostgreSQL", claims)
        finally:
            server.remove()
    write_results(results_file, {"storm": storms, "claims": claims}, ("optuna", "sqlalchemy", "psycopg2-binary"))


def run_storm(url: str, n_trials: int, n_kills: int) -> dict[str, Any]:
    study = StormStudy(url=url, n_trials=n_trials).create()
    started = time.monotonic()
    storm = Storm(study, [start_worker(study) for _ in range(4)])
    storm.run(random_kills(seed=7, n_kills=n_kills, within=2 * n_trials))
    seconds = time.monotonic() - started
    trials = check(study, storm.told)
    return {
        "finished": sum(trial.state == TrialState.COMPLETE for trial in trials),
        "kills": n_kills,
        "trials abandoned": sum(trial.state == TrialState.FAIL for trial in trials),
        "seconds": round(seconds, 1),
    }


class TimedLock(StudyLock):
    """A lock that notes how long it was waited for and how long it was held, in milliseconds."""

    def __init__(self, study: StormStudy) -> None:
        super().__init__(study.config(), study.name)
        self.times: list[tuple[float, float]] = []

    @contextmanager
    def hold(self) -> Generator[sqlalchemy.Connection]:
        """Hold the lock as usual."""
        asked = time.perf_counter()
        with super().hold() as connection:
            given = time.perf_counter()
            yield connection
        self.times.append((1000 * (given - asked), 1000 * (time.perf_counter() - given)))


def run_claims(url: str, *, n_finished: int, work_seconds: float, n_workers: int = 64, seconds: float = 60.0) -> dict:
    study = StormStudy(url=url, n_trials=10**6, name=f"claims{work_seconds}", grace_seconds=60.0, standstill_seconds=10)
    fill(study.create(), n_finished)
    pipes = [CONTEXT.Pipe() for _ in range(n_workers)]
    processes = [
        CONTEXT.Process(target=claim_on, args=(study, theirs, work_seconds, number), daemon=True)
        for number, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    ours = [pipe for pipe, _ in pipes]
    for pipe in ours:
        assert pipe.recv() == "ready"
    with count_connections(url) as counts:
        for pipe in ours:
            pipe.send(seconds)
        reports = [pipe.recv() for pipe in ours]
    for process in processes:
        process.join()
    claims = [times for report in reports for times in report[0]]
    tells = [times for report in reports for times in report[1]]
    return {
        "workers": n_workers,
        "finished before": n_finished,
        "claims": len(claims),
        "claim held, median ms": median(held for _, held in claims),
        "claim held, 95 % ms": percentile(held for _, held in claims),
        "claim waited, median ms": median(waited for waited, _ in claims),
        "claim waited, 95 % ms": percentile(waited for waited, _ in claims),
        "tell held, median ms": median(held for _, held in tells),
        "connections, most": max(counts),
    }


def fill(study: StormStudy, n_finished: int) -> None:
    """Write finished trials as a study leaves them."""
    distribution = optuna.distributions.FloatDistribution(0.0, 1.0)
    storage = optuna.storages.RDBStorage(study.config().url.render_as_string(hide_password=False))
    study_id = storage.get_study_id_from_name(study.name)
    template = create_trial(
        params={"x": 0.5, "y": 0.5},
        distributions={"x": distribution, "y": distribution},
        value=score_of(0.5, 0.5),
        user_attrs={CLAIM: "mark", WORKER: "host:1", DRAW: 0, "fold_scores": [0.1] * 5, "fold_epochs": [9] * 5},
    )
    # One as Optuna writes it, the others as its copies.
    first = storage.create_new_trial(study_id, template)
    columns = {
        "trial_values": "objective, value, value_type",
        "trial_params": "param_name, param_value, distribution_json",
        "trial_user_attributes": "key, value_json",
    }
    copy_trial = (
        "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) SELECT n, study_id, state, "
        "datetime_start, datetime_complete FROM trials, generate_series(1, :n - 1) n WHERE trial_id = :first"
    )
    copy_rows = [
        f"INSERT INTO {table} (trial_id, {copied}) SELECT t.trial_id, {copied} FROM {table} o, trials t "  # noqa: S608
        "WHERE o.trial_id = :first AND t.study_id = :study AND t.trial_id <> :first"
        for table, copied in columns.items()
    ]
    with storage.engine.begin() as connection:
        connection.execute(sqlalchemy.text(copy_trial), {"n": n_finished, "first": first})
        for statement in copy_rows:
            connection.execute(sqlalchemy.text(statement), {"first": first, "study": study_id})
    with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def claim_on(study: StormStudy, pipe: Connection, work_seconds: float, number: int) -> None:
    """Claim and tell for a while; the work in between is to wait."""
    claims = study.claims()
    lock = claims.transactions.lock = TimedLock(study)
    pipe.send("ready")
    end = time.monotonic() + pipe.recv()
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    # Workers do not march in step.
    time.sleep(work_seconds * number / 64)
    while time.monotonic() < end:
        claim = claims.claim()
        assert isinstance(claim, Claim)
        times[0].append(lock.times[-1])
        with claims.beating(claim):
            time.sleep(work_seconds)
        claims.tell(claim, 1.0, TrialState.COMPLETE)
        times[1].append(lock.times[-1])
    pipe.send(times)


@contextmanager
def count_connections(url: str) -> Iterator[list[int]]:
    """Count a server's client connections, this one not, ten times a second."""
    counts: list[int] = [0]
    done = threading.Event()
    engine = sqlalchemy.create_engine(DatabaseConfig.of(url).url)
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"

    def watch() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done.wait(0.1):
                counts.append(connection.exec_driver_sql(query).scalar_one())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield counts
    finally:
        done.set()
        thread.join()
        engine.dispose()


def median(values: Iterator[float]) -> float:
    return round(statistics.median(values), 1)


def percentile(values: Iterator[float]) -> float:
    return round(statistics.quantiles(values, n=20)[-1], 1)

"""Storms: workers killed, frozen and cut off from the database finish the budget exactly; none is twice, none lost."""

import signal

import pytest
import sqlalchemy
from lossy_proxy import LossyProxy
from optuna.trial import TrialState
from postgres_server import PostgresServer, find_binaries
from sqlalchemy.exc import DBAPIError
from storm_worker import Orders, Storm, StormStudy, check, kill_left_over, random_kills, start_worker

from kallos_data import DatabaseConfig
from kallos_tune.storage.optuna_tables.trials import survey
from kallos_tune.trial_attributes import FINISHED

# A study in a SQLite file has kills at any step with every change, and these at night.
SERVER_FIRST = pytest.mark.parametrize(
    "study_database_url", [pytest.param("sqlite", marks=pytest.mark.nightly), "postgresql"], indirect=True
)


@pytest.fixture
def own_server():
    """A server that may be stopped: no other test uses it."""
    server = PostgresServer(find_binaries())
    try:
        server.create()
        yield server
    finally:
        server.remove()


@pytest.fixture(autouse=True)
def no_left_over():
    yield
    kill_left_over()


def crew(study, n):
    return [start_worker(study) for _ in range(n)]


def kill_at_random(url, seed, n_trials, n_kills, n_workers):
    study = StormStudy(url=url, n_trials=n_trials).create()
    storm = Storm(study, crew(study, n_workers))
    storm.run(random_kills(seed=seed, n_kills=n_kills, within=2 * n_trials - n_kills))
    check(study, storm.told)


@SERVER_FIRST
def test_kills_at_random_moments(study_database_url):
    kill_at_random(study_database_url, seed=1, n_trials=8, n_kills=3, n_workers=3)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 7))
def test_ten_kills_at_random_moments(study_database_url, seed):
    kill_at_random(study_database_url, seed, n_trials=40, n_kills=10, n_workers=4)


@pytest.mark.parametrize(
    ("moments", "n_trials", "n_workers"),
    [((4, 10, 16), 12, 3), pytest.param((8, 30, 50), 40, 4, marks=pytest.mark.nightly)],
)
def test_restarts_of_the_server(own_server, moments, n_trials, n_workers):
    study = StormStudy(url=own_server.url(), n_trials=n_trials).create()
    storm = Storm(study, crew(study, n_workers))

    def crash(_):
        own_server.kill()
        own_server.start()

    restarts = [lambda _: own_server.restart("fast"), lambda _: own_server.restart("immediate"), crash]
    storm.run(dict(zip(moments, restarts, strict=True)))
    check(study, storm.told)
    away = [words for words in storm.words if words.startswith("the database cannot be reached, retrying for 60 s")]
    assert away


@SERVER_FIRST
def test_a_frozen_worker_drops_its_result(study_database_url):
    study = StormStudy(url=study_database_url, n_trials=6, grace_seconds=1.0).create()
    frozen = start_worker(study, Orders(hold_trials=True))
    _, number = frozen.until("running")
    frozen.signal(signal.SIGSTOP)
    rescuer = start_worker(study)
    assert rescuer.finish() == 0
    assert rescuer.words[0].startswith(f"trial {number} is abandoned: no heartbeat for")
    before = check(study)
    frozen.let_go()
    frozen.signal(signal.SIGCONT)
    assert frozen.finish() == 0
    assert frozen.words == [f"trial {number} was abandoned meanwhile: its result is dropped"]
    assert check(study) == before


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT t.trial_id, t.number", marks=pytest.mark.nightly),
        "INSERT INTO trials ",
        pytest.param("INSERT INTO trial_heartbeats ", marks=pytest.mark.nightly),
    ],
)
def test_a_worker_frozen_in_the_middle_of_a_claim_loses_it(study_postgres_url, statement):
    study = StormStudy(url=study_postgres_url, n_trials=4, grace_seconds=1.0).create()
    frozen = start_worker(study, Orders(signal_at=statement, signal=signal.SIGSTOP))
    frozen.until("signal")
    assert start_worker(study).finish() == 0
    before = check(study)
    assert len(before) == study.n_trials
    frozen.signal(signal.SIGCONT)
    assert frozen.finish() == 0
    assert [words.split(",")[0] for words in frozen.words] == ["the database cannot be reached"]
    assert check(study) == before


def test_nobody_else_numbers_a_trial_during_a_claim(study_postgres_url):
    """Optuna, which knows nothing of our lock, waits for the end of the claim and counts the new trial."""
    study = StormStudy(url=study_postgres_url, n_trials=2).create()
    claims = study.claims()
    options = {"url": f"{study_postgres_url}?options=-clock_timeout%3D200ms"}
    impatient = sqlalchemy.create_engine(DatabaseConfig.of(options).url, poolclass=sqlalchemy.NullPool)
    with claims.transactions.lock.hold() as connection:
        survey(connection, claims.transactions.study_id)
        with pytest.raises(DBAPIError, match="lock timeout"), impatient.begin() as other:
            other.exec_driver_sql("SELECT study_id FROM studies FOR UPDATE")
        with impatient.begin() as other:
            other.exec_driver_sql("INSERT INTO study_user_attributes (study_id, key) SELECT study_id, 'k' FROM studies")
    claims.claim()
    claims.study.ask()
    assert [trial.number for trial in study.trials()] == [0, 1]


def test_answers_of_commits_are_lost(study_postgres_url):
    """What was done and not answered is recognised: nothing is done again."""
    direct = StormStudy(url=study_postgres_url, n_trials=6).create()
    with LossyProxy(study_postgres_url) as proxy:
        study = StormStudy(url=proxy.url, n_trials=6)
        storm = Storm(study, [start_worker(study, Orders(hold_trials=True)) for _ in range(2)])
        for worker in storm.crew:
            worker.until("running")
        proxy.lose_every = 3
        for worker in storm.crew * 6:
            worker.let_go()
        storm.run({})
    assert proxy.n_lost > 5
    assert len(check(direct, storm.told)) == len(storm.told) == 6
    assert {words.split(",")[0] for words in storm.words} == {"the database cannot be reached"}


@pytest.mark.parametrize(
    ("every", "last", "n_trials"), [(17, 54, 6), pytest.param(5, 110, 20, marks=pytest.mark.nightly)]
)
def test_killed_at_any_step(study_database_url, every, last, n_trials):
    """A worker dies at its first step, another some steps later, and so on through claims, trials and tells."""
    study = StormStudy(url=study_database_url, n_trials=n_trials, grace_seconds=0.5).create()
    steps = range(1, last, every)
    deaths = [start_worker(study, Orders(signal_at=step)).finish() for step in steps]
    assert deaths == [-signal.SIGKILL] * len(steps)
    assert start_worker(study).finish() == 0
    assert len(check(study)) > n_trials


def test_a_full_study_gets_nothing_more(study_database_url):
    study = StormStudy(url=study_database_url, n_trials=2).create()
    assert start_worker(study).finish() == 0
    before = study.trials()
    assert [worker.finish() for worker in crew(study, 3)] == [0] * 3
    assert study.trials() == before
    check(study)


def test_a_budget_of_one(study_database_url):
    study = StormStudy(url=study_database_url, n_trials=1).create()
    workers = crew(study, 4)
    assert [worker.finish() for worker in workers] == [0] * 4
    assert [trial.state for trial in check(study)] == [TrialState.COMPLETE]
    assert not [words for worker in workers for words in worker.words]


def test_schemas_and_names_do_not_mix(postgres_url):
    budgets = {("one", "a"): 2, ("one", "b"): 4, ("two", "a"): 3, ("two", "b"): 5}
    studies = [
        StormStudy(url=postgres_url, schema=schema, name=name, n_trials=n) for (schema, name), n in budgets.items()
    ]
    for study in studies:
        study.create()
    workers = [start_worker(study) for study in studies]
    assert [worker.finish() for worker in workers] == [0] * len(workers)
    for study in studies:
        assert len(check(study)) == study.n_trials


def test_studies_of_one_schema_do_not_wait_for_each_other(postgres_url):
    """One worker is frozen while it holds its study's lock; the other study of that schema is run to its end."""
    held = StormStudy(url=postgres_url, schema="lab", name="held", n_trials=3, grace_seconds=60, standstill_seconds=60)
    other = StormStudy(url=postgres_url, schema="lab", name="other", n_trials=4)
    held.create()
    other.create()
    frozen = start_worker(held, Orders(signal_at="INSERT INTO trial_heartbeats ", signal=signal.SIGSTOP))
    frozen.until("signal")
    assert start_worker(other).finish() == 0
    assert len(check(other)) == 4
    assert held.trials() == []
    frozen.signal(signal.SIGCONT)
    assert frozen.finish() == 0
    assert frozen.words == []
    assert len(check(held)) == 3


@pytest.mark.nightly
def test_eight_workers_on_one_sqlite_file(tmp_path):
    study = StormStudy(url=f"sqlite:///{tmp_path / 'storm.db'}", n_trials=60).create()
    storm = Storm(study, crew(study, 8))
    storm.run({})
    assert len(check(study, storm.told)) == 60
    assert storm.words == []
    assert sorted(storm.told) == [trial.number for trial in study.trials() if trial.state in FINISHED]

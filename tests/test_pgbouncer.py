"""Behind PgBouncer in transaction mode every transaction may come upon another connection: nothing is lost by it."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import optuna
import polars as pl
import pytest
import sqlalchemy
from optuna.trial import TrialState
from pgbouncer import PgBouncer, find_pgbouncer
from postgres_server import PostgresServer, find_binaries
from storm_worker import Storm, StormStudy, check, kill_left_over, random_kills, start_worker

from kallos_data import DatabaseConfig, DatabaseError, FeatureTables, load_features_from_db
from kallos_tune import load_study, open_storage, study_names

# What making Optuna's tables takes, and fewer than workers: whoever waits for a connection while holding one shows.
POOL_SIZE = 3
OPTIONS = "options=-cstatement_timeout%3D7s"


def start_pgbouncer(server_url, **settings):
    program = find_pgbouncer()
    if program is None:
        reason = "no pgbouncer on PATH or in /usr/sbin: install it (apt-get install pgbouncer)"
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    return PgBouncer(program, server_url, default_pool_size=POOL_SIZE, max_client_conn=200, **settings)


@pytest.fixture(scope="module")
def strict(postgres_server_url):
    """A pooler as it comes: it refuses startup options."""
    with start_pgbouncer(postgres_server_url) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def lenient(postgres_server_url):
    """A pooler that takes startup options and loses them."""
    with start_pgbouncer(postgres_server_url, ignore_startup_parameters="options") as pooler:
        yield pooler


@pytest.fixture(params=["strict", "lenient"])
def pooled_url(request, postgres_url):
    """A fresh database through a pooler of either kind."""
    return request.getfixturevalue(request.param).url(postgres_url)


@pytest.fixture(autouse=True)
def no_left_over():
    yield
    kill_left_over()


def tables_in(url, schema):
    with DatabaseConfig.of(url).connect() as connection:
        return set(sqlalchemy.inspect(connection).get_table_names(schema))


@pytest.mark.parametrize("schema", ["studies", 'Two "Words" %s'])
def test_a_study_lands_in_its_schema(pooled_url, postgres_url, schema):
    study = optuna.create_study(study_name="s", storage=open_storage(pooled_url, schema))
    study.add_trial(optuna.create_trial(value=1.0))
    assert {"studies", "trials", "alembic_version"} <= tables_in(postgres_url, schema)
    assert tables_in(postgres_url, "public") == set()
    assert study_names(pooled_url) == []
    assert study_names(pooled_url, optuna_schema=schema) == study_names(postgres_url, optuna_schema=schema) == ["s"]
    assert len(load_study(pooled_url, "s", optuna_schema=schema).trials) == 1


@pytest.mark.parametrize(
    ("pooled_url", "n_trials", "n_kills", "n_workers"),
    [
        ("strict", (10, 8), 2, 2),
        pytest.param("strict", (30, 20), 5, 4, marks=pytest.mark.nightly),
        pytest.param("lenient", (30, 20), 5, 4, marks=pytest.mark.nightly),
    ],
    indirect=["pooled_url"],
)
def test_a_storm_in_two_schemas_through_one_pool(pooled_url, postgres_url, n_trials, n_kills, n_workers):
    studies = [
        StormStudy(url=pooled_url, schema=schema, n_trials=n).create()
        for schema, n in zip(("a", "b"), n_trials, strict=True)
    ]
    storms = [Storm(study, [start_worker(study) for _ in range(n_workers)]) for study in studies]
    with ThreadPoolExecutor(len(storms)) as threads:
        kills = [
            random_kills(seed=number, n_kills=n_kills, within=2 * study.n_trials - n_kills)
            for number, study in enumerate(studies)
        ]
        list(threads.map(Storm.run, storms, kills))
    for storm in storms:
        check(storm.study, storm.told)
    assert tables_in(postgres_url, "public") == set()


@pytest.mark.nightly
def test_eight_workers_begin_at_once(strict, postgres_url):
    study = StormStudy(url=strict.url(postgres_url), schema="studies", n_trials=40).create()
    storm = Storm(study, [start_worker(study) for _ in range(8)])
    storm.run(random_kills(seed=3, n_kills=8, within=70))
    check(study, storm.told)


def test_a_restart_of_the_server_behind_the_pooler():
    server = PostgresServer(find_binaries())
    with ExitStack() as stack:
        stack.callback(server.remove)
        server.create()
        pooler = stack.enter_context(start_pgbouncer(server.url(), server_login_retry=1))
        study = StormStudy(url=pooler.url(server.url()), schema="studies", n_trials=12).create()
        storm = Storm(study, [start_worker(study) for _ in range(3)])
        storm.run({5: lambda _: server.restart("fast"), 14: lambda _: server.restart("immediate")})
        assert {trial.state for trial in check(study, storm.told)} <= {TrialState.COMPLETE, TrialState.FAIL}


def test_history_is_read_in_the_schema_of_the_url(pooled_url, postgres_url):
    DatabaseConfig.of(postgres_url).create_schema("prices")
    config = DatabaseConfig.of(pooled_url).with_schema("prices")
    start = datetime(2023, 1, 1, tzinfo=UTC)
    with config.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE history (id text, timestamp timestamptz, x double precision)")
        rows = [{"t": start + timedelta(days=n), "x": float(n)} for n in range(5)]
        connection.execute(sqlalchemy.text("INSERT INTO history VALUES ('A', :t, :x)"), rows)
    assert tables_in(postgres_url, "prices") == {"history"}
    tables = FeatureTables(market="history", indicators=None)
    frame = load_features_from_db("A", "2023-01-04", config, tables=tables)
    assert frame["x"].to_list() == [0.0, 1.0, 2.0, 3.0]
    assert frame["timestamp"].dtype == pl.Datetime("us", "UTC")
    assert frame["timestamp"][0] == start


def test_nothing_is_left_set_for_other_clients(strict, postgres_url):
    names = ("search_path", "timezone", "idle_in_transaction_session_timeout")

    def settings():
        """Return what each connection of the pool has set."""
        engine = sqlalchemy.create_engine(
            DatabaseConfig.of(strict.url(postgres_url)).url, poolclass=sqlalchemy.NullPool
        )
        with ExitStack() as stack:
            clients = [stack.enter_context(engine.connect()) for _ in range(POOL_SIZE)]
            return [[each.exec_driver_sql(f"SHOW {name}").scalar() for name in names] for each in clients]

    admin = DatabaseConfig.of(postgres_url)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {admin.url.database} SET timezone = 'Asia/Tokyo'")
    before = settings()
    study = StormStudy(url=strict.url(postgres_url), schema="studies", n_trials=5).create()
    assert start_worker(study).finish() == 0
    assert settings() == before
    assert before[0] == ['"$user", public', "Asia/Tokyo", "0"]


def test_options_that_the_pooler_refuses_are_said_with_the_way_on(strict, lenient, postgres_url):
    url = strict.url(f"{postgres_url}?{OPTIONS}")
    with pytest.raises(DatabaseError, match="unsupported startup parameter: options: the pooler takes no") as error:
        open_storage(url, "studies")
    assert len(str(error.value).splitlines()) == 1
    assert "or set ignore_startup_parameters = options in pgbouncer.ini" in str(error.value)
    assert open_storage(lenient.url(f"{postgres_url}?{OPTIONS}"), "studies").get_all_studies() == []

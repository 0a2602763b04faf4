"""Studies on real databases: schemas on PostgreSQL kept apart, whatever they are called, and open to Optuna's tools."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import optuna
import polars as pl
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from kallos_data import ConfigError, DatabaseConfig, DatabaseError, FeatureTables
from kallos_tune import TuningSettings, load_study, open_storage, run_tuning, study_names, study_result

SETTINGS = TuningSettings.of(
    space={
        "hidden_dim": IntDistribution(4, 8),
        "n_rnn_layers": IntDistribution(1, 1),
        "dropout": FloatDistribution(0.0, 0.2),
        "batch_size": CategoricalDistribution([64]),
        "input_chunk_length": IntDistribution(4, 8),
        "learning_rate": FloatDistribution(1e-3, 1e-2, log=True),
    },
    max_epochs=1,
    target_folds=2,
    tables=FeatureTables(market="history", indicators=None),
)
ODD_NAMES = [
    "studies",
    "Two Words",
    'quo"te',
    "back\\slash",
    "percent%s",
    "a'b",
    "UPPER",
    "ünïcødé",
    "public",
    "x" * 63,
]


def write_history(url: str) -> None:
    rng = np.random.default_rng(0)
    start = datetime(2021, 1, 1, tzinfo=UTC)
    times = pl.datetime_range(start, start + timedelta(days=99), "1d", eager=True)
    with DatabaseConfig.of(url).connect(create=True) as connection:
        connection.exec_driver_sql(
            "CREATE TABLE history (id varchar(9), timestamp timestamp, ret double precision, x double precision)"
        )
        rows = [{"t": str(time.date()), "r": rng.normal(), "x": rng.normal()} for time in times]
        connection.execute(sqlalchemy.text("INSERT INTO history VALUES ('X', :t, :r, :x)"), rows)


def tune(url: str, n_trials: int, *, schema: str | None = None, name: str = "s") -> optuna.Study:
    groups = {"unbounded_features": ["x"]}
    return run_tuning("X", "2021-04-10", {"url": url}, schema, "gru", name, "ret", groups, n_trials, settings=SETTINGS)


def tables_in(url: str, schema: str | None = None) -> set[str]:
    with DatabaseConfig.of(url).connect() as connection:
        return set(sqlalchemy.inspect(connection).get_table_names(schema))


def test_the_same_study_on_either_database(database_url):
    write_history(database_url)
    assert len(tune(database_url, 1).trials) == 1
    study = tune(database_url, 2)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE"]
    assert study_result(load_study(database_url, "s")).best_score == study.best_value
    assert len(tune(database_url, 2).trials) == 2


def test_two_schemas_are_kept_apart(postgres_url):
    write_history(postgres_url)
    first = tune(postgres_url, 1, schema="one")
    second = tune(postgres_url, 2, schema="two")
    assert first.trials[0].params == second.trials[0].params
    assert study_names(postgres_url, optuna_schema="one") == study_names(postgres_url, optuna_schema="two") == ["s"]
    assert len(load_study(postgres_url, "s", optuna_schema="one").trials) == 1
    assert len(load_study(postgres_url, "s", optuna_schema="two").trials) == 2
    assert tables_in(postgres_url) == {"history"}
    assert "studies" in tables_in(postgres_url, "one") & tables_in(postgres_url, "two")


@pytest.mark.parametrize("schema", ODD_NAMES)
def test_any_legal_schema_name(postgres_url, schema):
    study = optuna.create_study(study_name="s", storage=open_storage(postgres_url, schema))
    study.add_trial(optuna.create_trial(value=1.0))
    assert study_names(postgres_url, optuna_schema=schema) == ["s"]
    assert len(load_study(postgres_url, "s", optuna_schema=schema).trials) == 1
    assert "trials" in tables_in(postgres_url, schema)
    if schema != "public":
        assert tables_in(postgres_url, "public") == set()


@pytest.mark.parametrize("schema", ["", "pg_mine", "$user", "x" * 64, "nul\0"])
def test_illegal_schema_names_are_refused(postgres_url, schema):
    with pytest.raises(ConfigError, match="schema"):
        open_storage(postgres_url, schema)


def test_listing_creates_nothing(postgres_url):
    assert study_names(postgres_url) == study_names(postgres_url, optuna_schema="nowhere") == []
    assert tables_in(postgres_url) == set()
    with DatabaseConfig.of(postgres_url).connect() as connection:
        assert "nowhere" not in sqlalchemy.inspect(connection).get_schema_names()


def test_optunas_own_command_line_opens_it(postgres_url):
    write_history(postgres_url)
    tune(postgres_url, 1, schema="Two Words")
    url = DatabaseConfig.of(postgres_url).with_schema("Two Words").url.render_as_string(hide_password=False)
    code = "import sys; from optuna.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "studies", "--storage", url, "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert '"name": "s"' in done.stdout


def test_a_wrong_password_is_said_without_showing_one(postgres_url):
    url = sqlalchemy.make_url(postgres_url).set(password="s3cret-and-wrong")
    with pytest.raises(DatabaseError) as error:
        tune(url.render_as_string(hide_password=False), 1)
    assert "password" in str(error.value)
    assert "s3cret" not in str(error.value)


def test_making_the_tables_may_stand_still_for_as_long_as_others_wait(postgres_url):
    limits = []

    def see(_connection, cursor, statement, *_):
        if "alembic_version" in statement and "INSERT" in statement:
            with cursor.connection.cursor() as other:
                other.execute("SELECT current_setting('idle_in_transaction_session_timeout')")
                limits.append(other.fetchone()[0])

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", see)
    try:
        open_storage(postgres_url, "studies", wait_seconds=90)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", see)
    assert limits == ["90s"]

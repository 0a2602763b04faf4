"""Studies renamed, copied and deleted on real databases, in schemas, beside workers."""

import threading

import optuna
import pytest
import sqlalchemy
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from test_study_databases import tune, write_history

from kallos_data import DatabaseConfig
from kallos_tune import (
    StudyExistsError,
    StudyInUseError,
    copy_study,
    delete_study,
    load_study,
    open_storage,
    rename_study,
    study_names,
)
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.storage.locks import StudyLock
from kallos_tune.study_definition import DEFINITION

TIMES = ClaimSettings(heartbeat_seconds=15, grace_seconds=120, database_wait_seconds=5)


@pytest.fixture
def schema(database_url):
    return "lab notes" if database_url.startswith("postgresql") else None


@pytest.fixture
def study(database_url, schema):
    """A study that says it is one of Kallos, with two trials that nobody had to train."""
    study = optuna.create_study(study_name="s", storage=open_storage(database_url, schema))
    study.set_user_attr(DEFINITION, {"search_space": {"x": "{}"}})
    for x in (0.25, 0.5):
        study.add_trial(optuna.create_trial(value=x, params={"x": x}, distributions={"x": FloatDistribution(0, 1)}))
    return study


def facts(trial):
    return trial.number, trial.state, trial.value, trial.params, trial.user_attrs, trial.intermediate_values


def test_a_study_is_renamed_copied_resumed_and_deleted(database_url, schema, tmp_path):
    write_history(database_url)
    study = tune(database_url, 2, schema=schema)
    where = {"optuna_schema": schema}
    before = [facts(trial) for trial in study.trials]
    rename_study(database_url, "s", "t", **where)
    copy_study(database_url, "t", "u", **where)
    for name in ("t", "u"):
        assert [facts(trial) for trial in load_study(database_url, name, **where).trials] == before
    resumed = tune(database_url, 3, schema=schema, name="u")
    assert [trial.state for trial in resumed.trials] == [TrialState.COMPLETE] * 3
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    moved = copy_study(database_url, "u", "s", to_db=elsewhere, **where)
    assert [facts(trial) for trial in moved.trials] == [facts(trial) for trial in resumed.trials]
    if schema:
        back = copy_study(elsewhere, "s", "s", to_db=database_url, to_schema="other")
        assert [facts(trial) for trial in back.trials] == [facts(trial) for trial in resumed.trials]
        assert study_names(database_url) == []
    with pytest.raises(StudyExistsError):
        rename_study(database_url, "t", "u", **where)
    delete_study(database_url, "t", **where)
    assert study_names(database_url, **where) == ["u"]


def test_whoever_claims_first_keeps_the_study(database_url, schema, study):
    config = DatabaseConfig.of(database_url)
    config = config.with_schema(schema) if schema else config
    claims = join_study(config, "s", 9, TIMES)
    claim = claims.claim()
    for change in (delete_study, lambda url, name, **where: rename_study(url, name, "t", **where)):
        with pytest.raises(StudyInUseError, match=f"trial {claim.number} is running"):
            change(database_url, "s", optuna_schema=schema)
    claims.tell(claim, 1.0, TrialState.COMPLETE)
    delete_study(database_url, "s", optuna_schema=schema)
    assert study_names(database_url, optuna_schema=schema) == []


def test_a_rename_waits_for_whoever_holds_the_lock_of_the_study(database_url, schema, study):
    config = DatabaseConfig.of(database_url)
    config = config.with_schema(schema) if schema else config
    renaming = threading.Thread(target=rename_study, args=(database_url, "s", "t"), kwargs={"optuna_schema": schema})
    with StudyLock(config, "s", standstill_seconds=60).hold():
        renaming.start()
        renaming.join(1)
        assert renaming.is_alive()
        assert study_names(database_url, optuna_schema=schema) == ["s"]
    renaming.join(30)
    assert study_names(database_url, optuna_schema=schema) == ["t"]


def test_only_one_of_many_gets_a_name(database_url, schema, study):
    for name in ("a", "b", "c"):
        copy_study(database_url, "s", name, optuna_schema=schema)
    refused = []

    def rename(name):
        try:
            rename_study(database_url, name, "wanted", optuna_schema=schema)
        except StudyExistsError:
            refused.append(name)

    threads = [threading.Thread(target=rename, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert study_names(database_url, optuna_schema=schema) == sorted([*refused, "s", "wanted"])
    assert len(refused) == 2


def test_nothing_of_a_study_is_left_in_any_table(database_url, schema, study):
    delete_study(database_url, "s", optuna_schema=schema)
    with DatabaseConfig.of(database_url).connect() as connection:
        for table in sqlalchemy.inspect(connection).get_table_names(schema):
            if table not in {"history", "version_info", "alembic_version"}:
                rows = sqlalchemy.select(sqlalchemy.func.count()).select_from(sqlalchemy.table(table, schema=schema))
                assert connection.execute(rows).scalar_one() == 0, table

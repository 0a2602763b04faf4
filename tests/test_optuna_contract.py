"""What the core takes for granted of Optuna's tables and storage: where a release breaks it, the sentence says what."""

import ast
import json
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import TrialState

import kallos_tune
from kallos_data import DatabaseConfig
from kallos_tune import open_storage
from kallos_tune.storage.engines import writing_engine
from kallos_tune.storage.locked_storage import LockedStorage
from kallos_tune.storage.optuna_tables import heartbeats, studies, trials
from kallos_tune.storage.patient_storage import PatientStorage
from kallos_tune.trial_states import COUNTED

pytestmark = pytest.mark.contract

COLUMNS = {
    "studies": {"study_id", "study_name"},
    "study_directions": {"study_id", "direction"},
    "study_user_attributes": {"study_id", "key", "value_json"},
    "trials": {"trial_id", "number", "study_id", "state", "datetime_start"},
    "trial_user_attributes": {"trial_id", "key", "value_json"},
    "trial_values": {"trial_id", "value", "value_type"},
    "trial_heartbeats": {"trial_id", "heartbeat"},
    "version_info": set(),
    "alembic_version": set(),
}
FLOAT = optuna.distributions.FloatDistribution(0.0, 1.0)


@pytest.fixture
def study(study_database_url):
    """A study as Optuna writes it: complete, pruned, failed, running and two waiting trials."""
    study = optuna.create_study(study_name="s", storage=open_storage(study_database_url), direction="minimize")
    study.set_user_attr("facts", {"asset": "BTC"})
    for state, value in ((TrialState.COMPLETE, 2.0), (TrialState.COMPLETE, 1.0), (TrialState.PRUNED, 0.5)):
        study.add_trial(optuna.create_trial(state=state, value=value))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL, user_attrs={"interrupted": True}))
    study.ask().set_user_attr("claim", "mark")
    study.enqueue_trial({"x": 0.25})
    study.enqueue_trial({"x": 0.75})
    return study


@pytest.fixture
def connection(study_database_url, study):
    with DatabaseConfig.of(study_database_url).connect() as connection:
        yield connection


@pytest.fixture
def study_id(study):
    return study._study_id


def test_the_tables_have_the_columns_that_we_name(connection):
    inspector = sqlalchemy.inspect(connection)
    for table, columns in COLUMNS.items():
        assert inspector.has_table(table), f"Optuna no longer has a table {table!r}"
        there = {column["name"] for column in inspector.get_columns(table)}
        assert columns <= there, f"Optuna's table {table!r} no longer has the columns {sorted(columns - there)}"


@pytest.mark.parametrize(
    ("table", "columns"), [("trial_user_attributes", {"trial_id", "key"}), ("trial_heartbeats", {"trial_id"})]
)
def test_what_we_upsert_is_unique(connection, table, columns):
    unique = [set(each["column_names"]) for each in sqlalchemy.inspect(connection).get_unique_constraints(table)]
    assert columns in unique, f"Optuna's table {table!r} is no longer unique over {sorted(columns)}: upserts fail"


def test_the_version_is_noted_last(connection):
    assert studies.tables_are_complete(connection), "Optuna no longer notes a version in 'alembic_version'"


def test_states_are_counted_by_their_names(connection, study_id):
    census = trials.take_census(connection, study_id)
    assert (census.n_trials, census.n_finished, census.n_running) == (7, 3, 1), (
        "Optuna no longer stores the states of trials by their names"
    )
    assert census.n_interrupted == 1, "Optuna no longer stores user attributes of trials as JSON"
    (running,) = trials.running_trials(connection, study_id)
    assert (running.number, running.claim, running.silence) == (4, json.dumps("mark"), None), (
        "Optuna no longer leaves beats to who asks for them, or stores attributes in another way"
    )


def test_the_queue_is_worked_off_in_the_order_of_ids(connection, study_id, study):
    waiting = trials.take_census(connection, study_id).waiting
    expected = study.get_trials(states=(TrialState.WAITING,))[0]
    assert waiting == expected._trial_id, "Optuna's ids of trials no longer rise in the order of its queue"
    assert expected.system_attrs["fixed_params"] == {"x": 0.25}, "queued parameters are no longer under 'fixed_params'"


def test_a_trial_that_we_start_is_one_to_optuna(study_database_url, study, study_id):
    with DatabaseConfig.of(study_database_url).connect() as connection:
        number = trials.take_census(connection, study_id).n_trials
        trial_id = trials.start_trial(connection, study_id, number)
        trials.write_attributes(connection, trial_id, {"claim": "ours", "draw": 3})
        heartbeats.beat(connection, trial_id)
        record = trials.read_trial(connection, trial_id, "draw")
    assert record == trials.TrialRecord(number, "RUNNING", 3)
    trial = study.trials[number]
    assert (trial._trial_id, trial.state, trial.number) == (trial_id, TrialState.RUNNING, number), (
        "Optuna no longer reads a trial that is inserted as it did itself"
    )
    assert trial.user_attrs == {"claim": "ours", "draw": 3}, "Optuna reads user attributes of trials in another way"
    assert abs(datetime.now() - trial.datetime_start) < timedelta(minutes=1), (  # noqa: DTZ005 - as Optuna has it
        "Optuna's times of trials are no longer local ones"
    )
    handle = optuna.Trial(study, trial_id)
    assert 0.0 <= handle.suggest_float("x", 0.0, 1.0) <= 1.0, "Optuna no longer draws for a trial that it did not start"


def test_summaries_say_what_optuna_says(connection, study):
    (summary,) = studies.read_summaries(connection)
    assert (summary.name, summary.user_attributes) == ("s", {"facts": {"asset": "BTC"}}), (
        "Optuna stores the user attributes of studies in another way"
    )
    assert summary.n_trials == dict.fromkeys(COUNTED, 0) | {"complete": 2, "pruned": 1, "interrupted": 1, "running": 1}
    assert summary.best_score == study.best_value == 1.0, "Optuna stores directions or values in another way"


def test_what_happens_inside_a_transaction_ends_with_it(study_database_url, study, study_id):
    config = DatabaseConfig.of(study_database_url)
    storage = LockedStorage(config)
    transaction = writing_engine(config).begin
    with pytest.raises(LookupError), transaction() as connection, storage.inside(connection):  # noqa: PT012
        storage.create_new_trial(study_id)
        storage.set_study_user_attr(study_id, "facts", {})
        raise LookupError
    assert len(study.trials) == 7, "Optuna's storage no longer works in the sessions that it is given: it commits"
    assert study.user_attrs == {"facts": {"asset": "BTC"}}


def test_the_calls_that_are_retried_exist():
    for name, method in vars(PatientStorage).items():
        if not name.startswith(("__", "_abc")):
            assert hasattr(RDBStorage, name), f"Optuna's storage no longer has {name!r}: nothing retries its successor"
            # Which tables this Optuna makes is read once, not retried.
            assert name == "get_head_version" or method.__wrapped__ is getattr(RDBStorage, name)


def test_no_other_module_names_optunas_tables_in_sql():
    root = Path(kallos_tune.__file__).parent
    words = [f"{verb} {table}" for verb in ("FROM", "JOIN", "INTO", "UPDATE") for table in COLUMNS]
    for path in root.rglob("*.py"):
        if path.parent.name == "optuna_tables":
            continue
        texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        found = [word for word in words if any(isinstance(text, str) and word in text for text in texts)]
        assert not found, f"{path.name} has SQL of its own about Optuna's tables: {found}"

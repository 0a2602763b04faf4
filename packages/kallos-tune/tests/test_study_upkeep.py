"""Studies renamed, copied and deleted on SQLite: what they keep, and what is refused."""

import optuna
import pytest
from optuna.trial import TrialState

from kallos_data import DatabaseConfig
from kallos_tune import (
    ConfigError,
    StudyExistsError,
    StudyInUseError,
    StudyNotFoundError,
    copy_study,
    count_look,
    delete_study,
    load_study,
    open_storage,
    rename_study,
    study_cost,
    study_names,
    study_once_called,
)
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.study_upkeep import FORMER_NAMES
from kallos_tune.trial_states import COUNTED

TIMES = ClaimSettings(heartbeat_seconds=15, grace_seconds=120, database_wait_seconds=5)


@pytest.fixture
def study(finished_study):
    return finished_study


@pytest.fixture
def claims(study, database):
    return join_study(DatabaseConfig.of(database), "s", 9, TIMES, list(study.trials[0].params))


def facts(trial):
    kept = (trial.number, trial.state, trial.value, trial.params, trial.distributions, trial.user_attrs)
    return (*kept, trial.system_attrs, trial.intermediate_values, trial.datetime_start, trial.datetime_complete)


def test_a_renamed_study_is_the_same_under_its_new_name(study, database):
    before, attributes = [facts(trial) for trial in study.trials], study.user_attrs
    rename_study(database, "s", "new name")
    assert study_names(database) == ["new name"]
    renamed = load_study(database, "new name")
    assert [facts(trial) for trial in renamed.trials] == before
    assert renamed.user_attrs == attributes | {FORMER_NAMES: ["s"]}


def test_a_renamed_study_is_resumed_and_not_begun_anew(study, database, tune):
    rename_study(database, "s", "t")
    again = tune(4, study_name="t", end_date="2021-03-31", pruner="none")
    assert [trial.state for trial in again.trials] == [TrialState.COMPLETE] * 4


def test_files_lead_to_the_study_by_the_name_that_it_had(study, database):
    rename_study(database, "s", "t")
    rename_study(database, "t", "u")
    for name in ("s", "t", "u"):
        assert study_once_called(database, name).study_name == "u"
    with pytest.raises(StudyNotFoundError, match="no study 'v'"):
        study_once_called(database, "v")
    rename_study(database, "u", "s")
    assert study_once_called(database, "t").user_attrs[FORMER_NAMES] == ["t", "u"]
    copy_study(database, "s", "w")
    assert FORMER_NAMES not in load_study(database, "w").user_attrs
    rename_study(database, "w", "t")
    rename_study(database, "t", "x")
    with pytest.raises(StudyNotFoundError, match="there are 's', 'x'"):
        study_once_called(database, "t")


def test_the_looks_of_a_renamed_study_go_on_being_counted(study, database):
    first, last = study.trials[0].datetime_start, study.trials[0].datetime_complete
    assert count_look(study, first, last, what="a") == 1
    rename_study(database, "s", "t")
    assert count_look(study_once_called(database, "s"), first, last, what="a") == 2
    copy_study(database, "t", "u")
    assert count_look(load_study(database, "u"), first, last, what="a") == 3


def test_a_copy_keeps_everything_and_is_resumed(study, database, tune, tmp_path):
    study.enqueue_trial(study.trials[0].params)
    copy = copy_study(database, "s", "c")
    assert study_names(database) == ["c", "s"]
    assert [facts(trial) for trial in copy.trials] == [facts(trial) for trial in load_study(database, "s").trials]
    assert copy.user_attrs == study.user_attrs
    again = tune(5, study_name="c", end_date="2021-03-31", pruner="none")
    assert [trial.state for trial in again.trials] == [TrialState.COMPLETE] * 5
    assert again.trials[3].params == study.trials[0].params
    assert len(load_study(database, "s").trials) == 4
    elsewhere = f"sqlite:///{tmp_path / 'other.db'}"
    there = copy_study(database, "s", "s", to_db=elsewhere)
    assert [facts(trial) for trial in there.trials] == [facts(trial) for trial in load_study(database, "s").trials]


def test_the_same_trials_come_next_in_the_study_and_in_its_copy(study, database, tune):
    copy_study(database, "s", "c")
    both = [tune(5, study_name=name, end_date="2021-03-31", pruner="none") for name in ("s", "c")]
    assert [trial.params for trial in both[0].trials] == [trial.params for trial in both[1].trials]
    assert [trial.value for trial in both[0].trials] == [trial.value for trial in both[1].trials]


def test_what_runs_goes_on_in_the_study_alone(study, database, claims):
    claim = claims.claim()
    claims.trial(claim, optuna.samplers.RandomSampler(seed=1)).suggest_float("dropout", 0.0, 0.2)
    copy = copy_study(database, "s", "c")
    *_, running, queued = copy.trials
    assert (running.number, running.state) == (claim.number, TrialState.FAIL)
    assert running.user_attrs["failure"] == "abandoned: it was running when the study was copied"
    assert (queued.state, queued.user_attrs["retry_of"]) == (TrialState.WAITING, [claim.number])
    assert queued.user_attrs["draw"] == claim.draw
    assert claims.tell(claim, 1.0, TrialState.COMPLETE) is not None
    with DatabaseConfig.of(database).connect() as connection:
        beats = "SELECT count(*) FROM trial_heartbeats h JOIN trials t USING (trial_id) JOIN studies s USING (study_id)"
        counted = connection.exec_driver_sql(f"{beats} WHERE s.study_name = 'c'").scalar_one()
    assert counted == 0


def test_deleted_is_deleted(study, database):
    copy_study(database, "s", "c")
    expected = study_cost(study)
    cost = delete_study(database, "s")
    assert cost == expected
    assert (cost.study_name, cost.by_kallos, cost.n_finished) == ("s", True, 3)
    assert cost.n_trials == dict.fromkeys(COUNTED, 0) | {"complete": 3}
    assert cost.seconds == pytest.approx(study_cost(load_study(database, "c")).seconds)
    assert cost.seconds > 0
    assert study_names(database) == ["c"]
    delete_study(database, "c")
    with DatabaseConfig.of(database).connect() as connection:
        for table in ("studies", "trials", "trial_values", "trial_params", "trial_user_attributes", "study_directions"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


@pytest.mark.parametrize("change", [lambda url: rename_study(url, "s", "t"), lambda url: delete_study(url, "s")])
def test_a_study_in_use_is_left_alone(study, database, claims, change):
    first, second = claims.claim(), claims.claim()
    which = f"trials {first.number} and {second.number} are running"
    with pytest.raises(
        StudyInUseError, match=f"study 's' is in use, {which}: wait until its workers are done"
    ) as caught:
        change(database)
    assert caught.value.trials == [first.number, second.number]
    assert study_names(database) == ["s"]
    for claim in (first, second):
        claims.tell(claim, 1.0, TrialState.COMPLETE)
    change(database)
    assert "s" not in study_names(database)


def test_stale_trials_are_abandoned_before_a_study_is_renamed(study, database, claims):
    claim = claims.claim()
    with DatabaseConfig.of(database).connect() as connection:
        connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = '2001-01-01 00:00:00.000'")
    rename_study(database, "s", "t")
    trial = load_study(database, "t").trials[claim.number]
    assert trial.user_attrs["failure"].startswith("abandoned: no heartbeat")
    assert claims.tell(claim, 1.0, TrialState.COMPLETE) is None


@pytest.mark.parametrize("change", [lambda url: rename_study(url, "s", "t"), lambda url: delete_study(url, "s")])
def test_workers_of_a_study_that_is_gone_get_no_trial_of_it(study, database, claims, change):
    change(database)
    with pytest.raises(StudyNotFoundError, match="no study 's'"):
        claims.claim()
    trials = [len(load_study(database, name).trials) for name in study_names(database)]
    assert trials in ([3], [])


def test_the_result_of_a_deleted_trial_is_dropped(study, database, claims):
    claim = claims.claim()
    delete_study(database, "s", grace_seconds=-1)
    assert claims.tell(claim, 1.0, TrialState.COMPLETE) is None
    assert claims.interrupt(claim, "terminated", limit_seconds=5) is False


def test_what_cannot_be_done_is_refused_and_changes_nothing(study, database):
    copy_study(database, "s", "t")
    for do in (rename_study, copy_study):
        with pytest.raises(StudyExistsError):
            do(database, "s", "t")
        with pytest.raises(StudyNotFoundError, match="did you mean 's'"):
            do(database, "s2", "u")
        for name in ("", "  ", "a\0b", "x" * 513):
            with pytest.raises(ConfigError, match="new_name must have 1 to 512 characters"):
                do(database, "s", name)
    with pytest.raises(StudyNotFoundError):
        delete_study(database, "u")
    assert study_names(database) == ["s", "t"]


def test_studies_of_others_need_a_word(database):
    storage = open_storage(database)
    theirs = optuna.create_study(study_name="theirs", storage=storage, directions=["minimize", "maximize"])
    theirs.add_trial(optuna.create_trial(values=[1.0, 2.0]))
    theirs.ask()
    words = r"'theirs' was not made by Kallos, .* \(foreign\)"
    with pytest.raises(ConfigError, match=words):
        rename_study(database, "theirs", "t")
    with pytest.raises(ConfigError, match=words):
        delete_study(database, "theirs")
    copy = copy_study(database, "theirs", "c")
    assert [trial.state.name for trial in copy.trials] == ["COMPLETE", "FAIL"]
    assert (copy.trials[0].values, copy.directions) == ([1.0, 2.0], theirs.directions)
    rename_study(database, "theirs", "t", foreign=True)
    renamed = load_study(database, "t")
    assert ([trial.state.name for trial in renamed.trials], renamed.user_attrs) == (["COMPLETE", "RUNNING"], {})
    delete_study(database, "t", foreign=True)
    assert study_names(database) == ["c"]

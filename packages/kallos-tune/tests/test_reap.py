"""Stale trials are abandoned on demand: only those, with their parameters back in the queue."""

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

from kallos_tune import ConfigError, StudyNotFoundError, open_storage, reap_study
from kallos_tune.study_definition import DEFINITION

SPACE = {"x": optuna.distributions.FloatDistribution(0.0, 1.0)}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture
def study(url):
    """A study with three running trials: a minute without a beat, a beat just now, never one."""
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    study.set_user_attr(DEFINITION, {"model_name": "gru"})
    for x in (0.1, 0.2, 0.3):
        study.enqueue_trial({"x": x})
        study.ask(SPACE)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        for number, age in ((0, "-60 seconds"), (1, "-0 seconds")):
            connection.exec_driver_sql(
                "INSERT INTO trial_heartbeats (trial_id, heartbeat) "
                "SELECT trial_id, strftime('%Y-%m-%d %H:%M:%f', 'now', ?) FROM trials WHERE number = ?",
                (age, number),
            )
    engine.dispose()
    return study


def running(study):
    return [trial.number for trial in study.get_trials(states=(TrialState.RUNNING,))]


def queued(study):
    waiting = study.get_trials(states=(TrialState.WAITING,))
    return [(trial.system_attrs["fixed_params"]["x"], trial.user_attrs["retry_of"]) for trial in waiting]


def test_only_stale_trials_are_abandoned_and_once(study, url):
    assert reap_study(url, "s", grace_seconds=30) == [0, 2]
    assert running(study) == [1]
    assert queued(study) == [(0.1, [0]), (0.3, [2])]
    assert study.trials[0].user_attrs["failure"].startswith("abandoned: no heartbeat for 6")
    assert study.trials[2].user_attrs["failure"] == "abandoned: its worker never began"
    assert reap_study(url, "s", grace_seconds=30) == []
    assert len(queued(study)) == 2


def test_by_default_a_minute_is_not_long(study, url):
    assert reap_study(url, "s") == [2]
    assert running(study) == [0, 1]


def test_what_cannot_be_reaped_is_said(study, url):
    with pytest.raises(StudyNotFoundError, match="did you mean 's'"):
        reap_study(url, "s2")
    with pytest.raises(ConfigError, match="grace_seconds must be 0 or more, not -1"):
        reap_study(url, "s", grace_seconds=-1)
    foreign = optuna.create_study(study_name="foreign", storage=open_storage(url))
    foreign.ask()
    with pytest.raises(ConfigError, match="'foreign' was not made by Kallos: its trials give no signs of life"):
        reap_study(url, "foreign")
    assert running(foreign) == [0]

"""A study is there with all that belongs to it or not at all, whoever is killed and however many create it at once."""

import itertools
import multiprocessing
import os
import signal

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import Engine, event

from kallos_data import DatabaseConfig
from kallos_tune import load_study, study_names
from kallos_tune.storage.creation import create_study

CONTEXT = multiprocessing.get_context("fork")
ATTRIBUTES = {"kallos_definition": {"asset_id": "BTC", "folds": [1, 2]}, "kallos_versions": {"optuna": "5"}}
QUEUED = [{"x": 1.5}, {"x": 2.5}]


def create_by_steps(url, last_step, pipe):
    """Create the study or be killed before the so many-th statement or commit; tell if it was new, and the steps."""
    steps = itertools.count(1)

    def see(*_):
        if next(steps) == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", see)
    event.listen(Engine, "commit", see)
    created = create_study(DatabaseConfig.of(url), "s", user_attributes=ATTRIBUTES, queued=QUEUED)
    pipe.send((created, next(steps) - 1))


def start(url, last_step=0):
    # Forked, since there are dozens: no connection is open here, and none is kept by the engines of studies.
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=create_by_steps, args=(url, last_step, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def outcome(started):
    """Return whether the study was created and in how many steps, None where the process was killed."""
    process, ours = started
    process.join(60)
    try:
        return ours.recv() if ours.poll(0) else None
    except EOFError:
        return None


def check(url):
    study = load_study(url, "s")
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert study.user_attrs == ATTRIBUTES
    assert [trial.state for trial in study.trials] == [TrialState.WAITING] * 2
    assert [trial.system_attrs["fixed_params"] for trial in study.trials] == QUEUED


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.nightly)])
def test_killed_at_any_step_nothing_is_left_by_halves(study_database_url, every):
    killed_at = []
    for step in itertools.count(1, every):
        done = outcome(start(study_database_url, last_step=step))
        if done is not None:
            break
        killed_at.append(step)
        assert study_names(study_database_url) == [], f"half a study is left by a kill at step {step}"
    created, n_steps = done
    assert created
    assert n_steps >= 10
    assert killed_at == [*range(1, n_steps + 1, every)]
    check(study_database_url)


def test_of_several_at_once_one_creates_it(study_database_url):
    started = [start(study_database_url) for _ in range(4)]
    assert sorted(outcome(each)[0] for each in started) == [False, False, False, True]
    check(study_database_url)


@pytest.mark.parametrize("again", [{}, {"user_attributes": {"other": 1}, "queued": [{"x": 0.0}]}])
def test_a_study_that_exists_is_left_as_it_is(study_database_url, again):
    config = DatabaseConfig.of(study_database_url)
    assert create_study(config, "s", user_attributes=ATTRIBUTES, queued=QUEUED)
    assert not create_study(config, "s", **again)
    check(study_database_url)

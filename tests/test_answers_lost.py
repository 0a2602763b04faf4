"""The line breaks at any one commit, done or not done: an act on a study is done once, and told as done."""

from collections.abc import Callable

import optuna
import pytest
from lossy_proxy import LossyProxy
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from kallos_data import DatabaseConfig, DatabaseError
from kallos_tune import (
    copy_study,
    delete_study,
    load_study,
    open_storage,
    reap_study,
    rename_study,
    study_names,
)
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.storage.creation import create_study
from kallos_tune.study_definition import DEFINITION

TIMES = ClaimSettings(heartbeat_seconds=15, grace_seconds=120, database_wait_seconds=30)
MOST_COMMITS = 40


@pytest.fixture(params=["done", "not done"])
def proxy(request, postgres_url):
    open_storage(postgres_url)
    with LossyProxy(postgres_url) as proxy:
        proxy.lose_requests = request.param == "not done"
        yield proxy


def make_study(url, name):
    """Create a study that says it is one of Kallos, with two trials that nobody had to train."""
    study = optuna.create_study(study_name=name, storage=open_storage(url))
    study.set_user_attr(DEFINITION, {"search_space": {"x": "{}"}})
    for x in (0.25, 0.5):
        study.add_trial(optuna.create_trial(value=x, params={"x": x}, distributions={"x": FloatDistribution(0, 1)}))
    return study


def make_stale_trial(url, name):
    """Create a study with a running trial that nobody works on any more."""
    make_study(url, name)
    claims = join_study(DatabaseConfig.of(url), name, 9, TIMES)
    number = claims.claim().number
    with DatabaseConfig.of(url).connect() as connection:
        connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = '2001-01-01'")
    return number


def losing_each_answer(proxy, act: Callable[[str], object]) -> dict[str, object]:
    """Return what an act returned where its first commit was not answered, where its second was not, and so on.

    Where it reads first, and is cut off there, it says that the database cannot be reached: it then is not among them.
    """
    results = {}
    for which in range(1, MOST_COMMITS):
        proxy.lose_answer(which)
        try:
            results[f"s{which}"] = act(f"s{which}")
        except DatabaseError:
            assert proxy.n_lost == 1
        if proxy.n_lost == 0:
            return results
    raise AssertionError("it never came to an end")


def names_of(url, prefix):
    return {name.removeprefix(prefix) for name in study_names(url) if name.startswith(prefix)}


@pytest.fixture
def studies(postgres_url):
    for which in range(1, MOST_COMMITS):
        make_study(postgres_url, f"s{which}")


@pytest.mark.usefixtures("studies")
def test_a_study_is_renamed_once(proxy, postgres_url):
    before = names_of(postgres_url, "")
    renamed = losing_each_answer(proxy, lambda name: rename_study(proxy.url, name, f"new {name}"))
    assert len(renamed) > 1
    assert names_of(postgres_url, "new ") == set(renamed)
    assert names_of(postgres_url, "s") == {name[1:] for name in before - set(renamed)}


@pytest.mark.usefixtures("studies")
def test_a_study_is_deleted_once(proxy, postgres_url):
    before = names_of(postgres_url, "")
    deleted = losing_each_answer(proxy, lambda name: delete_study(proxy.url, name))
    assert len(deleted) > 1
    assert {cost.n_trials["complete"] for cost in deleted.values()} == {2}
    assert names_of(postgres_url, "") == before - set(deleted)


@pytest.mark.usefixtures("studies")
def test_a_study_is_copied_once(proxy, postgres_url):
    copies = losing_each_answer(proxy, lambda name: copy_study(proxy.url, name, f"copy of {name}"))
    assert len(copies) > 1
    assert names_of(postgres_url, "copy of ") == set(copies)
    for name, copy in copies.items():
        assert copy.study_name == f"copy of {name}"
        assert [trial.value for trial in load_study(postgres_url, copy.study_name).trials] == [0.25, 0.5]


def test_a_study_is_created_once_and_by_whoever_created_it(proxy, postgres_url):
    config = DatabaseConfig.of(proxy.url)
    created = losing_each_answer(proxy, lambda name: create_study(config, name, queued=[{"x": 0.5}]))
    assert len(created) > 1
    assert set(created.values()) == {True}
    assert names_of(postgres_url, "s") == {name[1:] for name in created}
    assert not create_study(config, "s1")
    assert [trial.state for trial in load_study(postgres_url, "s1").trials] == [TrialState.WAITING]


def test_trials_that_are_abandoned_are_told(proxy, postgres_url):
    def reap(name):
        number = make_stale_trial(postgres_url, name)
        return reap_study(proxy.url, name) == [number]

    reaped = losing_each_answer(proxy, reap)
    assert len(reaped) > 1
    assert set(reaped.values()) == {True}

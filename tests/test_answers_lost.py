"""The line breaks at a commit, done or not done: what an act does to a study is done once, and told as done."""

import contextlib
from collections.abc import Callable

import optuna
import pytest
from lossy_proxy import LossyProxy
from optuna.trial import TrialState

from kallos_data import DatabaseConfig, DatabaseError
from kallos_tune import (
    StorageError,
    copy_study,
    delete_study,
    load_study,
    reap_study,
    rename_study,
    study_names,
)
from kallos_tune.claims.join import join_study
from kallos_tune.claims.times import ClaimSettings
from kallos_tune.storage.creation import create_study
from kallos_tune.study_definition import DEFINITION

TIMES = ClaimSettings(heartbeat_seconds=15, grace_seconds=120, database_wait_seconds=30)
MOST_COMMITS = 30
# Whoever changes a study holds a lock on it, readers hold none.
WRITERS = b"pg_advisory_xact_lock"


@pytest.fixture(autouse=True)
def _few_words():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture(params=["done", "not done"])
def proxy(request, study_postgres_url):
    with LossyProxy(study_postgres_url) as proxy:
        proxy.lose_requests = request.param == "not done"
        proxy.only_after = WRITERS
        yield proxy


@pytest.fixture
def make_study(study_postgres_url):
    """Create a study that says it is one of Kallos, with a trial that waits."""

    def make(name):
        attributes = {DEFINITION: {"search_space": {"x": "{}"}}}
        create_study(DatabaseConfig.of(study_postgres_url), name, user_attributes=attributes, queued=[{"x": 0.25}])

    return make


def losing_each_commit(proxy, act: Callable[[str], object]) -> dict[str, object]:
    """Return what an act returned, by its study: with the first its first commit was lost, and so on until none was."""
    results: dict[str, object] = {}
    for which in range(1, MOST_COMMITS):
        proxy.lose_answer(which)
        results[f"s{which}"] = act(f"s{which}")
        if proxy.n_lost == 0:
            assert which > 1
            return results
    raise AssertionError("it never came to an end")


def test_a_study_is_renamed(proxy, study_postgres_url, make_study):
    def rename(name):
        make_study(name)
        rename_study(proxy.url, name, f"new {name}")

    renamed = losing_each_commit(proxy, rename)
    assert study_names(study_postgres_url) == [f"new {name}" for name in renamed]
    for name in renamed:
        assert load_study(study_postgres_url, f"new {name}").user_attrs["kallos_former_names"] == [name]


def test_a_study_is_deleted(proxy, study_postgres_url, make_study):
    def delete(name):
        make_study(name)
        return delete_study(proxy.url, name).study_name

    deleted = losing_each_commit(proxy, delete)
    assert all(name == told for name, told in deleted.items())
    assert study_names(study_postgres_url) == []


def test_a_study_is_copied(proxy, study_postgres_url, make_study):
    make_study("original")
    copies = losing_each_commit(proxy, lambda name: copy_study(proxy.url, "original", name).study_name)
    assert all(name == told for name, told in copies.items())
    assert study_names(study_postgres_url) == ["original", *copies]
    for name in copies:
        assert [trial.state for trial in load_study(study_postgres_url, name).trials] == [TrialState.WAITING]


def test_a_study_is_created_by_whoever_created_it(proxy, study_postgres_url):
    config = DatabaseConfig.of(proxy.url)
    created = losing_each_commit(proxy, lambda name: create_study(config, name, queued=[{"x": 0.5}]))
    assert set(created.values()) == {True}
    assert study_names(study_postgres_url) == [*created]
    assert not create_study(config, "s1")
    assert [trial.state for trial in load_study(study_postgres_url, "s1").trials] == [TrialState.WAITING]


def test_trials_that_are_abandoned_are_told(proxy, study_postgres_url, make_study):
    def reap(name):
        make_study(name)
        number = join_study(DatabaseConfig.of(study_postgres_url), name, 9, TIMES).claim().number
        return number, reap_study(proxy.url, name, grace_seconds=0)

    reaped = losing_each_commit(proxy, reap)
    assert [numbers for _, numbers in reaped.values()] == [[number] for number, _ in reaped.values()]


def test_cut_off_at_any_commit_it_is_done_and_told_or_neither(study_postgres_url, make_study):
    """What is read before anything is done is not read again: it says at once that the database cannot be reached."""
    told = []
    with LossyProxy(study_postgres_url) as proxy:

        def rename(name):
            make_study(name)
            with contextlib.suppress(DatabaseError, StorageError):
                rename_study(proxy.url, name, f"new {name}")
                told.append(f"new {name}")

        tried = losing_each_commit(proxy, rename)
    assert 1 < len(told) < len(tried)
    assert {name for name in study_names(study_postgres_url) if name.startswith("new ")} == set(told)

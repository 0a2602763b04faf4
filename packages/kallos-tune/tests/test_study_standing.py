"""How a study stands before it is run: new, begun, complete or refused, and left as it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kallos_tune import ForeignTablesError, StudyExistsError, StudyMismatchError, load_study_data, study_standing


def contents(database):
    """Return what a database holds, whichever of SQLite's files it lies in just now."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def look(database, groups, settings):
    def look(n_trials=3, *, study_name="s", end_date="2021-03-31", model_name="gru", url=database, **changes):
        changes = {"pruner": "none"} | changes
        data = load_study_data("X", end_date, database, "ret", groups, settings=settings.changed(**changes))
        file = Path(database.removeprefix("sqlite:///"))
        before = contents(file)
        standing = study_standing(data, model_name, study_name, n_trials, url)
        assert contents(file) == before
        return standing

    return look


def test_a_new_study(look, database):
    standing = look()
    assert (standing.exists, standing.n_finished, standing.n_to_run, standing.refusal) == (False, 0, 3, None)
    assert standing.database == database


def test_a_new_study_beside_others(look, finished_study):
    standing = look(study_name="other")
    assert (standing.exists, standing.n_to_run) == (False, 3)


@pytest.mark.parametrize(("n_trials", "n_to_run"), [(2, 0), (3, 0), (5, 2)])
def test_a_study_that_goes_on_or_is_complete(look, finished_study, n_trials, n_to_run):
    standing = look(n_trials)
    assert (standing.exists, standing.n_finished, standing.n_to_run, standing.refusal) == (True, 3, n_to_run, None)


def test_a_study_about_something_else_would_be_refused(look, finished_study):
    standing = look(5, end_date="2021-04-15")
    assert isinstance(standing.refusal, StudyMismatchError)
    assert "end_date" in str(standing.refusal)
    assert (standing.n_finished, standing.n_to_run) == (3, 0)
    assert isinstance(look(5, resume="never").refusal, StudyExistsError)


def test_what_may_be_forced_is_refused_unless_it_is(look, finished_study):
    assert isinstance(look(5, max_epochs=1).refusal, StudyMismatchError)
    standing = look(5, max_epochs=1, resume="force")
    assert (standing.refusal, standing.n_to_run) == (None, 2)


def test_a_database_that_is_still_to_be_made(look, tmp_path):
    standing = look(url=f"sqlite:///{tmp_path / 'new.db'}")
    assert (standing.exists, standing.n_to_run) == (False, 3)
    assert not (tmp_path / "new.db").exists()


def test_tables_of_another_application_would_be_refused(look, tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE studies (name TEXT)")
    standing = look(url=f"sqlite:///{tmp_path / 'foreign.db'}")
    assert isinstance(standing.refusal, ForeignTablesError)
    assert standing.n_to_run == 0

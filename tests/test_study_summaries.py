"""All studies of a database at a glance: one connection, a fixed number of statements, nothing written."""

import os
import stat
import subprocess
import sys
from contextlib import contextmanager
from tempfile import gettempdir

import optuna
import sqlalchemy
from optuna.trial import TrialState
from sqlalchemy import Engine, event

from kallos_data import DatabaseConfig
from kallos_tune import load_study, open_storage, study_names, study_summaries
from kallos_tune.storage.optuna_tables import heartbeats
from kallos_tune.trial_states import COUNTED

NOBODY = 65534
FOLDER_OF_TESTS = os.environ.get("PYTEST_DEBUG_TEMPROOT", gettempdir())


def fill(url, names, schema=None):
    storage = open_storage(url, schema)
    for number, name in enumerate(names):
        study = optuna.create_study(study_name=name, storage=storage)
        study.set_user_attr("number", number)
        for score in range(3):
            study.add_trial(optuna.create_trial(value=float(number + score)))
        study.add_trial(optuna.create_trial(state=TrialState.PRUNED, value=-5.0))
        study.add_trial(optuna.create_trial(state=TrialState.FAIL))
        study.ask()
    # Optuna keeps a connection to a SQLite file.
    storage._backend.remove_session()
    storage._backend.engine.dispose()


@contextmanager
def statements():
    """Give what is sent to databases within the block, and over which connections."""
    seen = []

    def see(connection, cursor, statement, *_):
        seen.append((id(connection.connection.dbapi_connection), statement))

    event.listen(Engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", see)


def test_every_study_is_summed_up(study_database_url):
    fill(study_database_url, ["b", "a"])
    storage = open_storage(study_database_url)
    multi = optuna.create_study(study_name="c", storage=storage, directions=["minimize", "maximize"])
    multi.add_trial(optuna.create_trial(values=[1.0, 2.0]))
    most = optuna.create_study(study_name="d", storage=storage, direction="maximize")
    most.add_trial(optuna.create_trial(value=1.0))
    most.add_trial(optuna.create_trial(value=float("inf")))
    a, b, c, d = study_summaries(study_database_url)
    assert [each.name for each in (a, b, c, d)] == ["a", "b", "c", "d"]
    assert (a.user_attributes, b.user_attributes, c.user_attributes) == ({"number": 1}, {"number": 0}, {})
    assert a.n_trials == dict.fromkeys(COUNTED, 0) | {"complete": 3, "pruned": 1, "failed": 1, "running": 1}
    assert [each.best_score for each in (a, b, c, d)] == [1.0, 0.0, None, 1.0]


def test_none_are_found_where_there_are_no_tables(database_url):
    with DatabaseConfig.of(database_url).connect(create=True):
        pass
    assert study_summaries(database_url) == []


def test_as_many_statements_for_ten_as_for_one_over_one_connection(study_database_url):
    fill(study_database_url, ["first"])
    with statements() as one:
        study_summaries(study_database_url)
    fill(study_database_url, [f"study {number}" for number in range(9)])
    with statements() as ten:
        assert len(study_summaries(study_database_url)) == 10
    assert [statement for _, statement in ten] == [statement for _, statement in one]
    assert len({connection for connection, _ in ten}) == 1
    assert not [words for _, words in ten if words.startswith(("INSERT", "UPDATE", "CREATE", "PRAGMA journal"))]


READ = """
import sys
from kallos_tune import load_study, study_names, study_summaries
url = sys.argv[1]
assert [each.name for each in study_summaries(url)] == study_names(url) == ["a"]
assert len(load_study(url, "a").trials) == 6
"""


def test_a_file_that_may_only_be_read(tmp_path):
    """Read by a user who may not write it, whom root becomes for this."""
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    fill(url, ["a"])
    file = tmp_path / "studies.db"
    file.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    before = file.read_bytes()
    code = READ
    if os.getuid() == 0:
        for folder in [tmp_path, *tmp_path.parents]:
            if folder.is_relative_to(FOLDER_OF_TESTS) and folder.stat().st_uid == 0:
                folder.chmod(folder.stat().st_mode | 0o555)
        tmp_path.chmod(0o777)
        # Once before, as the modules themselves may be root's.
        code = f"{READ}\nimport os\nos.setuid({NOBODY})\n{READ}"
    done = subprocess.run([sys.executable, "-c", code, url], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == before


def test_reading_leaves_a_file_in_the_mode_that_it_is_in(tmp_path):
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    fill(url, ["a"])
    with DatabaseConfig.of(url).connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    assert study_names(url) == [each.name for each in study_summaries(url)] == ["a"]
    assert len(load_study(url, "a").trials) == 6
    with DatabaseConfig.of(url).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"


def test_a_role_that_may_only_read(postgres_url):
    fill(postgres_url, ["a"], "studies")
    reader = sqlalchemy.make_url(postgres_url).set(username="reader_of_studies", password="reader")
    with DatabaseConfig.of(postgres_url).connect() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS reader_of_studies")
        connection.exec_driver_sql("CREATE ROLE reader_of_studies LOGIN PASSWORD 'reader'")
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA studies TO reader_of_studies")
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA studies TO reader_of_studies")
    try:
        url = reader.render_as_string(hide_password=False)
        assert [each.name for each in study_summaries(url, optuna_schema="studies")] == ["a"]
        assert len(load_study(url, "a", optuna_schema="studies").trials) == 6
    finally:
        with DatabaseConfig.of(postgres_url).connect() as connection:
            connection.exec_driver_sql("DROP OWNED BY reader_of_studies")
            connection.exec_driver_sql("DROP ROLE reader_of_studies")


def test_beats_and_silences_are_of_the_statement_not_of_its_transaction(postgres_url):
    """A transaction that waited for the study's lock for long does not make a new beat an old one."""
    fill(postgres_url, ["a"])
    with DatabaseConfig.of(postgres_url).connect() as connection:
        began = connection.exec_driver_sql("SELECT now() AT TIME ZONE 'UTC'").scalar_one()
        heartbeats.beat(connection, 1)
        beat = connection.exec_driver_sql("SELECT heartbeat FROM trial_heartbeats WHERE trial_id = 1").scalar_one()
        assert beat > began
        query = f"SELECT {heartbeats.silence('postgresql')} FROM trial_heartbeats h"
        first, second = (connection.exec_driver_sql(query).scalar_one() for _ in range(2))
    assert 0 < first < second

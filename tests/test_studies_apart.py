"""Studies in another database than the prices, and databases that belong to somebody else."""

import json
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy
from test_study_databases import SETTINGS, tables_in, write_history

from kallos_data import DatabaseConfig
from kallos_tune import ForeignTablesError, load_study, open_storage, run_tuning, study_names

GROUPS = {"unbounded_features": ["x"]}
FOREIGN = {
    "another version": [
        "CREATE TABLE alembic_version (version_num varchar(32))",
        "INSERT INTO alembic_version VALUES ('a1b2')",
    ],
    "no version yet": ["CREATE TABLE alembic_version (version_num varchar(32))"],
    "mlflow": [
        "CREATE TABLE experiments (experiment_id integer)",
        "CREATE TABLE alembic_version (version_num varchar(32))",
        "INSERT INTO alembic_version VALUES ('acf3f17fdcc7')",
    ],
    "a clinic": ["CREATE TABLE studies (id integer, patient text)"],
}


def tune(url: str, **apart: object):
    return run_tuning("X", "2021-04-10", url, None, "gru", "s", "ret", GROUPS, 1, settings=SETTINGS, **apart)


def run(url: str, *statements: str) -> None:
    with DatabaseConfig.of(url).connect(create=True) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_prices_are_only_read_where_the_studies_are_elsewhere(postgres_url, tmp_path):
    write_history(postgres_url)
    url = sqlalchemy.make_url(postgres_url)
    reader = f"reader_{url.database}"
    run(postgres_url, f"CREATE ROLE {reader} LOGIN PASSWORD 'reader'", f"GRANT SELECT ON history TO {reader}")
    try:
        prices = url.set(username=reader, password="reader").render_as_string(hide_password=False)
        studies = f"sqlite:///{tmp_path / 'studies.db'}"
        assert len(tune(prices, studies_db=studies).trials) == 1
        assert len(tune(postgres_url, studies_db={"url": studies}).trials) == 1, "not the study that was there"
        assert tables_in(postgres_url) == {"history"}
        attributes = load_study(studies, "s").user_attrs
        assert "sqlite" not in json.dumps(attributes)
        assert "reader" not in json.dumps(attributes)
    finally:
        run(postgres_url, f"DROP OWNED BY {reader}", f"DROP ROLE {reader}")


def test_a_study_moves_nowhere_by_itself(database_url, tmp_path):
    write_history(database_url)
    other = f"sqlite:///{tmp_path / 'studies.db'}"
    tune(database_url, studies_db=other)
    assert study_names(other) == ["s"]
    assert study_names(database_url) == []


@pytest.mark.parametrize("whose", FOREIGN)
def test_tables_of_another_application_are_left_alone(database_url, whose):
    run(database_url, *FOREIGN[whose])
    before = tables_in(database_url)
    with pytest.raises(
        ForeignTablesError, match=r"belongs to another application, whose table .*: nothing was created"
    ) as caught:
        open_storage(database_url)
    assert caught.value.has_schemas == database_url.startswith("postgresql")
    assert ("optuna_schema" in str(caught.value)) == caught.value.has_schemas
    assert "studies_db" in str(caught.value)
    assert tables_in(database_url) == before


def test_the_file_of_another_application_stays_as_it_is(tmp_path):
    file = tmp_path / "app.db"
    run(f"sqlite:///{file}", *FOREIGN["mlflow"])
    before = file.read_bytes()
    with pytest.raises(
        ForeignTablesError, match="whose table alembic_version holds 'acf3f17fdcc7': nothing was created"
    ):
        open_storage(f"sqlite:///{file}")
    assert file.read_bytes() == before
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [each.name for each in tmp_path.iterdir()] == ["app.db"]


@pytest.mark.parametrize("whose", FOREIGN)
def test_a_schema_of_their_own_keeps_studies_apart(postgres_url, whose):
    run(postgres_url, *FOREIGN[whose])
    open_storage(postgres_url, "lab")
    assert "trials" in tables_in(postgres_url, "lab")
    assert "trials" not in tables_in(postgres_url)
    run(
        postgres_url,
        "CREATE SCHEMA app",
        *(each.replace("TABLE ", "TABLE app.").replace("INTO ", "INTO app.") for each in FOREIGN[whose]),
    )
    with pytest.raises(ForeignTablesError):
        open_storage(postgres_url, "app")


def test_a_database_of_studies_is_opened_again(database_url):
    open_storage(database_url)
    open_storage(database_url)

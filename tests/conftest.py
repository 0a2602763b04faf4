"""Real databases for the tests: a PostgreSQL server for the session, a fresh database for each test."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from postgres_server import PostgresServer, find_binaries


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """A server whose user may create databases: the one that is named, else a private one."""
    if named := os.environ.get("KALLOS_TEST_POSTGRES_URL"):
        yield named
        return
    server = PostgresServer(find_binaries())
    try:
        server.create()
        yield server.url()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration file for ``KALLOS_CONFIG`` whose search space holds small models alone."""
    path = tmp_path_factory.mktemp("small") / "small.toml"
    path.write_text(
        "[search.space]\n"
        "hidden_dim = {low = 8, high = 16, log = true}\n"
        "n_rnn_layers = 1\n"
        "batch_size = 64\n"
        "input_chunk_length = {low = 10, high = 20}\n"
    )
    return str(path)


@contextmanager
def _new_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """Make a PostgreSQL database that is a copy of another one, and drop it at the end."""
    name = f"kallos_{secrets.token_hex(6)}"
    url = sqlalchemy.make_url(server_url).set(drivername="postgresql+psycopg2")
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    admin.dispose()


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    with _new_database(postgres_server_url) as url:
        yield url


def _make_study_tables(url: str) -> None:
    # Processes that run no tests load this module, too: without Optuna.
    from kallos_tune import open_storage

    open_storage(url)


@pytest.fixture(scope="session")
def _study_tables_postgres(postgres_server_url: str) -> Iterator[str]:
    with _new_database(postgres_server_url) as url:
        _make_study_tables(url)
        yield url


@pytest.fixture
def study_postgres_url(postgres_server_url: str, _study_tables_postgres: str) -> Iterator[str]:
    """A fresh PostgreSQL database with Optuna's tables, which take longer to make than most tests with studies do."""
    template = sqlalchemy.make_url(_study_tables_postgres).database
    assert template
    with _new_database(postgres_server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def _study_tables_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tables") / "studies.db"
    _make_study_tables(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def study_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind with Optuna's tables."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("_study_tables_sqlite"), tmp_path / "test.db")
        return f"sqlite:///{tmp_path / 'test.db'}"
    return request.getfixturevalue("study_postgres_url")

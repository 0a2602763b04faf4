"""The tests' own PostgreSQL server: from a wheel as well, restarted as it was, gone without a trace."""

import pytest
import sqlalchemy
from postgres_server import PostgresServer, find_binaries, wheel_binaries
from sqlalchemy.exc import OperationalError


def value(url: str, query: str) -> object:
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg2:"), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        return connection.exec_driver_sql(query).scalar()


@pytest.mark.parametrize("origin", ["found", pytest.param("wheel", marks=pytest.mark.nightly)])
def test_a_server_lives_restarts_and_leaves_nothing(origin):
    binaries = find_binaries() if origin == "found" else next(wheel_binaries())
    server = PostgresServer(binaries)
    try:
        server.create()
        assert value(server.url(), "CREATE TABLE t AS SELECT 1 AS x; SELECT x FROM t") == 1
        server.restart("immediate")
        assert value(server.url(), "SELECT count(*) FROM pg_class WHERE relname = 't'") == 1
        server.kill()
        server.start()
        assert value(server.url(), "SELECT x FROM t") == 1
        with pytest.raises(OperationalError, match="password authentication failed"):
            value(server.url().replace(server.password, "wrong"), "SELECT 1")
    finally:
        server.remove()
    assert not server.folder.exists()
    with pytest.raises(OperationalError, match="refused"):
        value(server.url(), "SELECT 1")


def test_without_any_binaries_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("postgres_server._candidates", lambda: iter([tmp_path]))
    with pytest.raises(FileNotFoundError, match="install postgresql, set KALLOS_POSTGRES_BIN"):
        find_binaries()

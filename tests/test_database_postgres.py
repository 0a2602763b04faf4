"""Configurations on a real server: odd names and passwords work, what the server refuses is said, schemas race."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy

from kallos_data import DatabaseConfig, DatabaseError

ODD = [
    "with blank and\ttab",
    "a'b\"c`d back\\slash\\",
    "p@ss:w/ord?x=1&y#z",
    "100%25 %s %(x)s {braces} ${x}",
    "=ünïcødé 漢字 🙂",
]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def one(config: DatabaseConfig, query: str) -> object:
    with config.connect() as connection:
        return connection.exec_driver_sql(query).scalar()


def administer(config: DatabaseConfig, *statements: str) -> None:
    """Databases are not made in transactions, and the odd names mean nothing to the driver."""
    engine = config.engine().execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"), ())


@pytest.mark.parametrize("odd", ODD)
def test_odd_users_passwords_databases_and_schemas_work(postgres_url, odd):
    admin = DatabaseConfig.of(postgres_url)
    # Roles and databases belong to the whole server, which the tests share.
    name = f"{odd} {admin.url.database}"
    secret = odd.replace("'", "''")
    administer(
        admin,
        f"CREATE ROLE {quoted(name)} LOGIN PASSWORD '{secret}'",
        f"CREATE DATABASE {quoted(name)} OWNER {quoted(name)}",
    )
    try:
        described = {
            "postgres_user": name,
            "postgres_password": odd,
            "postgres_host": admin.url.host,
            "postgres_port": admin.url.port,
            "postgres_db": name,
        }
        config = DatabaseConfig.of(described)
        config.create_schema(odd)
        inside = DatabaseConfig.of(config.with_schema(odd).url.render_as_string(hide_password=False))
        assert one(inside, "SELECT current_user") == one(inside, "SELECT current_database()") == name
        assert one(inside, "SELECT current_schema()") == odd
        assert one(inside, "SELECT current_schemas(false) = ARRAY[current_schema()]")
    finally:
        administer(admin, f"DROP DATABASE {quoted(name)} WITH (FORCE)", f"DROP ROLE {quoted(name)}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "s3cret-and-wrong"}, 'password authentication failed for user ".*": check user and password'),
        ({"username": "nobody-here"}, 'password authentication failed for user "nobody-here": check user'),
        ({"database": "no_such"}, 'database "no_such" does not exist: check the name, or create it'),
        ({"host": "host.invalid"}, "could not translate host name .*: check the host name"),
        ({"port": 1}, "refused.*: check host, port and that the server is up"),
    ],
)
def test_a_connection_that_fails_says_why_in_one_line(postgres_url, change, message):
    url = sqlalchemy.make_url(postgres_url).set(**change)
    with pytest.raises(DatabaseError, match=message) as error, DatabaseConfig.of({"url": url}).connect():
        pass
    shown = str(error.value)
    assert len(shown.splitlines()) == 1
    assert shown.startswith(f"database {DatabaseConfig.of({'url': url})}: ")
    assert str(url.password) not in shown


def test_a_url_may_name_no_password_and_the_server_wants_one(postgres_url, monkeypatch, tmp_path):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    url = sqlalchemy.make_url(postgres_url)._replace(password=None)
    with pytest.raises(DatabaseError, match="no password supplied: check user and password"):
        one(DatabaseConfig.of({"url": url}), "SELECT 1")


def test_what_a_user_may_not_do_is_said(postgres_url):
    url = sqlalchemy.make_url(postgres_url)
    user = f"guest {url.database}"
    admin = DatabaseConfig.of(postgres_url)
    administer(admin, f"CREATE ROLE {quoted(user)} LOGIN PASSWORD 'p'")
    guest = DatabaseConfig.of({"url": url.set(username=user, password="p")})
    try:
        with pytest.raises(DatabaseError, match=r"permission denied for database .*: ask its owner to grant it"):
            guest.create_schema("studies")
        with pytest.raises(DatabaseError, match='relation "nowhere" does not exist: check the name and the schema'):
            one(guest, "SELECT * FROM nowhere")
        admin.create_schema("studies")
        guest.create_schema("studies")
    finally:
        administer(admin, f"DROP ROLE {quoted(user)}")


def test_every_transaction_speaks_utc(postgres_url):
    config = DatabaseConfig.of(postgres_url)
    administer(config, f"ALTER DATABASE {config.url.database} SET timezone = 'Asia/Tokyo'")
    assert one(config, "SHOW timezone") == one(config.with_schema("public"), "SHOW timezone") == "UTC"
    engine = config.engine()
    for _ in range(2):
        with engine.connect() as connection:
            for _ in range(2):
                assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
                connection.rollback()


def test_a_schema_may_be_created_by_many_at_once(postgres_url):
    config, workers = DatabaseConfig.of(postgres_url), 4
    together = Barrier(workers)

    def create(name: str) -> None:
        together.wait(timeout=30)
        config.create_schema(name)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(create, [f"schema {n // workers}" for n in range(10 * workers)]))
    assert one(config, "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^schema '") == 10

"""Configurations: read from whatever describes a database, passwords kept and never shown, SQLite files opened."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DatabaseConfig, DatabaseError

KWARGS = {
    "postgres_user": "ann",
    "postgres_password": "s3cret",
    "postgres_host": "db.example",
    "postgres_port": 6543,
    "postgres_db": "prices",
}
# libpq ends a text at NUL, and lone surrogates are no text.
texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20)
schemas = texts.filter(lambda name: len(name.encode()) <= 63 and not name.startswith("pg_") and name != "$user")


def test_every_description_of_one_database_is_the_same(monkeypatch):
    url = "postgresql://ann:s3cret@db.example:6543/prices"
    monkeypatch.setenv("KALLOS_DB_URL", url)
    config = DatabaseConfig.from_kwargs(KWARGS)
    same = [url, "postgres" + url[len("postgresql") :], url.replace("://", "+psycopg2://"), {"url": url}, None, config]
    assert [DatabaseConfig.of(each) for each in [*same, {"url": config.url}]] == [config] * 7
    assert config.backend == "postgresql"
    assert config.url.drivername == "postgresql+psycopg2"


def test_host_port_and_password_may_be_left_out():
    url = DatabaseConfig.of({"postgres_user": "ann", "postgres_db": "prices"}).url
    assert (url.host, url.port, url.password) == ("localhost", 5432, None)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (KWARGS | {"postgres_pasword": "x"}, "db_kwargs does not know 'postgres_pasword': it takes postgres_user"),
        ({"postgres_user": "ann"}, "lacks 'postgres_db': it takes postgres_user, .* or url"),
        ({"postgres_db": "prices"}, "lacks 'postgres_user'"),
        (KWARGS | {"url": "sqlite:///x.db"}, "takes 'url' alone"),
        (KWARGS | {"postgres_port": "s3cret-port"}, "must be a port number from 1 to 65535, not 's3cret-port'"),
        (
            "mysql://ann:s3cret@db/prices",
            r"url names the database 'mysql', which is not supported: write postgresql://",
        ),
        ("postgresql+asyncpg://ann:s3cret@db/prices", r"'postgresql\+asyncpg', which is not supported"),
        ("prices.db", "url cannot be read as the URL of a database: write postgresql://"),
        ("", "url cannot be read"),
        ("postgresql://ann:s3cret@db:port/prices", "url cannot be read"),
        ("postgresql://ann:12@s3cret@db/prices", "url holds several '@': write one in a user or password as %40"),
        (KWARGS | {"postgres_port": 0}, "postgres_port must be a port number from 1 to 65535, not '0'"),
        ("postgresql://ann:s3cret@db:65536/prices", "url must name a port from 1 to 65535, not 65536"),
        ("postgresql://ann:s3cret%00@db/prices", "url must not hold the character NUL"),
        (KWARGS | {"postgres_password": "s3cret\0"}, "postgres_password must not hold the character NUL"),
        ("sqlite:///a\0b.db", "must not hold the character NUL"),
        ("sqlite://ann:s3cret@db/prices", "url must name a file, not a host: write sqlite:///FILE, or four slashes"),
        ("sqlite://prices.db", "url must name a file, not a host"),
        ("sqlite://", "url must name a SQLite file, sqlite:///FILE"),
        ("sqlite:///:memory:", "a database in memory ends with its process"),
    ],
)
def test_mistakes_are_named(source, message):
    with pytest.raises(ConfigError, match=message) as error:
        DatabaseConfig.of(source)
    assert "port" in message or "s3cret" not in str(error.value)


def test_without_any_database_it_says_which_variable_to_set(monkeypatch):
    monkeypatch.delenv("KALLOS_DB_URL", raising=False)
    with pytest.raises(ConfigError, match="no database is given: pass one, or set the environment variable KALLOS"):
        DatabaseConfig.of(None)
    monkeypatch.setenv("OTHER", "sqlite:///x.db")
    assert DatabaseConfig.from_environment("OTHER").backend == "sqlite"


@law(15)
@given(user=texts, password=texts, database=texts, schema=schemas)
def test_odd_names_and_passwords_survive_rendering_and_schemas(user, password, database, schema):
    named = {"postgres_user": user, "postgres_password": password, "postgres_db": database}
    config = DatabaseConfig.of(named).with_schema(schema)
    again = DatabaseConfig.of(config.url.render_as_string(hide_password=False))
    assert again == config
    assert (again.url.username, again.url.password, again.url.database) == (user, password, database)
    assert search_path(again) == '"' + schema.replace('"', '""') + '"'


def search_path(config: DatabaseConfig) -> str:
    """What the server makes of the options: words end at blanks, a backslash keeps what follows."""
    words, word, options = [], "", iter(str(config.url.query["options"]))
    for character in options:
        if character.isspace():
            words, word = [*words, word], ""
        else:
            word += next(options) if character == "\\" else character
    settings = dict(each.removeprefix("-c").split("=", 1) for each in [*words, word] if each)
    assert settings["timezone"] == "UTC"
    return settings["search_path"]


@law(8)
@given(password=texts.map(lambda text: f"{text}-s3cret"))
def test_a_password_is_shown_nowhere(password):
    of_kwargs = DatabaseConfig.of(KWARGS | {"postgres_password": password})
    in_query = DatabaseConfig.of(
        sqlalchemy.URL.create(
            "postgresql", host="db", query={"password": password, "sslpassword": password}
        ).render_as_string(hide_password=False)
    )
    assert in_query.url.password == of_kwargs.url.password == password
    for shown in (str(of_kwargs), repr(of_kwargs), str(in_query), f"{in_query!r}"):
        assert "s3cret" not in shown


def test_options_of_the_url_are_kept_beside_the_schema():
    config = DatabaseConfig.of("postgresql://db/prices?options=-cstatement_timeout%3D5s").with_schema("studies")
    assert config.url.query["options"] == '-cstatement_timeout=5s -csearch_path="studies" -ctimezone=UTC'


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "schema must have 1 to 63 bytes"),
        ("x" * 64, "schema must have 1 to 63 bytes"),
        ("ü" * 32, "schema must have 1 to 63 bytes"),
        ("a\0b", "no NUL"),
        ("pg_mine", "'pg_mine' is reserved by PostgreSQL"),
        ("$user", "reserved"),
    ],
)
def test_illegal_schema_names_are_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        DatabaseConfig.of(KWARGS).with_schema(name)


def test_sqlite_has_no_schemas(tmp_path):
    config = DatabaseConfig.of(f"sqlite:///{tmp_path / 'x.db'}")
    for attempt in (config.with_schema, config.create_schema):
        with pytest.raises(ConfigError, match="schema 'studies' needs PostgreSQL: SQLite has no schemas"):
            attempt("studies")


def select_one(file: Path, *, create: bool = False) -> int:
    with DatabaseConfig.of(f"sqlite:///{file}").connect(create=create) as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()


def test_a_sqlite_file_is_created_on_request_only(tmp_path):
    file = tmp_path / "a b%c#d.db"
    with pytest.raises(DatabaseError, match=r"there is no SQLite database '.*': check the path, or ingest data first"):
        select_one(file)
    assert not file.exists()
    assert select_one(file, create=True) == select_one(file) == 0
    assert file.exists()
    with pytest.raises(DatabaseError, match=f"there is no folder '{tmp_path / 'none'}'"):
        select_one(tmp_path / "none" / "x.db", create=True)


def test_a_relative_file_is_that_of_the_current_folder(tmp_path, monkeypatch):
    for folder, n_tables in ((tmp_path / "a", 1), (tmp_path / "b", 2)):
        folder.mkdir()
        monkeypatch.chdir(folder)
        select_one(Path("x.db"), create=True)
        run(Path("x.db"), [f"CREATE TABLE t{number} (x int)" for number in range(n_tables)])
        assert select_one(Path("x.db")) == n_tables


def test_a_file_that_is_no_database_is_named(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("timestamp,close\n2024-01-01,1\n" * 100)
    with pytest.raises(DatabaseError, match=r"prices.csv: file is not a database: check the path"):
        select_one(file)
    with pytest.raises(DatabaseError, match="unable to open database file: check the path and the permissions"):
        select_one(tmp_path)


def test_a_locked_database_says_so(tmp_path):
    file = tmp_path / "x.db"
    select_one(file, create=True)
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    config = DatabaseConfig.of(f"sqlite:///{file}?timeout=0")
    with pytest.raises(DatabaseError, match="database is locked: another program holds it"), config.connect() as other:
        other.exec_driver_sql("CREATE TABLE t (x int)")
    holder.close()


def test_a_database_that_may_only_be_read_says_so(tmp_path):
    file = tmp_path / "x.db"
    select_one(file, create=True)
    statements = ["PRAGMA query_only = on", "CREATE TABLE t (x int)"]
    with pytest.raises(DatabaseError, match="readonly database: check the permissions of the file and of its folder"):
        run(file, statements)


def test_a_block_that_fails_changes_nothing(tmp_path):
    file = tmp_path / "x.db"
    select_one(file, create=True)
    run(file, ["CREATE TABLE t (x int)"])
    with pytest.raises(DatabaseError, match="no such table: nowhere"):
        run(file, ["INSERT INTO t VALUES (1)", "INSERT INTO nowhere VALUES (1)"])
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def run(file: Path, statements: list[str]) -> None:
    with DatabaseConfig.of(f"sqlite:///{file}").connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)

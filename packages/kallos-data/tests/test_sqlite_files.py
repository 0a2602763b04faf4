"""SQLite files: exactly the one that is named, whatever its name is made of, and reading leaves it as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
import sqlalchemy
from hypothesis import example, given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DatabaseConfig, DatabaseError, ingest_frame, load_features_from_db, simulate_market

letters = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0/")
names = st.one_of(
    st.text(letters, min_size=1, max_size=30),
    st.text("?#%&=+ :@;\\'\"{}$~a2F0\n", min_size=1, max_size=20),
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


def created_by(config: DatabaseConfig) -> None:
    with config.connect(create=True) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x int)")


@law(24)
@given(names)
@example("prices?mode=ro")
@example("file:prices.db?mode=memory&cache=shared")
@example("a%20b%zz#c.db")
@example(":memory:")
@example(" ")
def test_any_name_makes_exactly_that_file(name):
    with TemporaryDirectory() as folder:
        ways = {
            "from_file": DatabaseConfig.from_file,
            "object": lambda path: DatabaseConfig.of({"url": sqlalchemy.URL.create("sqlite", database=str(path))}),
            "text": lambda path: DatabaseConfig.of("sqlite:///" + quote(str(path))),
            "kwargs": lambda path: DatabaseConfig.of({"url": "sqlite:///" + quote(str(path))}),
            "shown": lambda path: DatabaseConfig.of(str(DatabaseConfig.from_file(path))),
        }
        for way, config_of in ways.items():
            inside = Path(folder, way)
            inside.mkdir()
            config = config_of(inside / name)
            created_by(config)
            assert [file.name for file in inside.iterdir()] == [name]
            with closing(config.engine().connect()) as connection:
                assert sqlalchemy.inspect(connection).get_table_names() == ["t"]


@law(15)
@given(st.text("abc #:@;&=+'\"{}$~.,()äß漢 ", min_size=1, max_size=20).filter(lambda name: name not in (".", "..")))
def test_without_percent_and_question_mark_a_url_is_written_as_it_is(name):
    with TemporaryDirectory() as folder:
        created_by(DatabaseConfig.of(f"sqlite:///{folder}/{name}"))
        assert [file.name for file in Path(folder).iterdir()] == [name]


@pytest.mark.parametrize("name", ["file:prices.db", ":memory:2", "a b#c.db", "-x", "~", "prices.db "])
def test_a_relative_name_is_a_file_of_this_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    created_by(DatabaseConfig.of(f"sqlite:///{name}"))
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///x.db?mode=ro", r"url must have nothing but timeout=SECONDS after '\?' for a SQLite file, not 'mo"),
        ("sqlite:///file:x.db?uri=true", "not 'uri=true': leave it out, or write %3F for a question mark"),
        ("sqlite:///x.db?timeout=5&cache=shared", "not 'timeout=5&cache=shared'"),
        ("sqlite:///what?.db", "nothing but timeout=SECONDS .* not '.db'"),
        ("sqlite:///x.db?timeout=soon", "url must give timeout as seconds, 0 or more, not 'soon'"),
        ("sqlite:///x.db?timeout=-1", "not '-1'"),
        ("sqlite:///x.db?timeout=nan", "not 'nan'"),
        ("sqlite:///what?", "not ''"),
        ("sqlite:///a%FF.db", "url cannot be read as the URL of a database"),
    ],
)
def test_what_a_url_asks_for_and_does_not_get_is_refused(tmp_path, monkeypatch, url, message):
    monkeypatch.chdir(tmp_path)
    for source in (url, {"url": url}):
        with pytest.raises(ConfigError, match=message):
            created_by(DatabaseConfig.of(source))
    assert not list(tmp_path.iterdir())


def test_the_same_rules_hold_for_a_url_object():
    for url in (sqlalchemy.make_url("sqlite:///x.db?mode=ro"), sqlalchemy.make_url("mysql://h/d")):
        for attempt in (DatabaseConfig, lambda each: DatabaseConfig.of({"url": each})):
            with pytest.raises(ConfigError, match=r"^url "):
                attempt(url)
    with pytest.raises(ConfigError, match="nor bytes that are not UTF-8"):
        DatabaseConfig.from_file(b"a\xff.db".decode(errors="surrogateescape"))


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_reading_leaves_the_file_as_it_was(tmp_path, mode):
    file = tmp_path / "prices.db"
    config = DatabaseConfig.from_file(file)
    ingest_frame(simulate_market(60), "A", config)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert len(load_features_from_db("A", "2019-03-01", config)) > 5
    with config.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == mode
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert [each.name for each in tmp_path.iterdir()] == ["prices.db"]


def test_a_missing_file_is_named_as_it_would_be_opened(tmp_path):
    with pytest.raises(DatabaseError, match=f"there is no SQLite database '{tmp_path}/a b.db': check the path"):
        load_features_from_db("A", "2020-01-01", f"sqlite:///{tmp_path}/a%20b.db")

"""Startup options: schemas and time zones are taken out of them, all else stays as it was written."""

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

from kallos_data import DatabaseConfig
from kallos_data.database.transaction_settings import StartupOptions, quoted

names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=15)
schemas = names.filter(lambda name: not name.startswith("pg_") and name != "$user")


def read(options):
    return StartupOptions.of(sqlalchemy.URL.create("postgresql", query={} if options is None else {"options": options}))


@pytest.mark.parametrize(
    ("options", "search_path", "rest"),
    [
        (None, None, ""),
        ("", None, ""),
        ("-csearch_path=Studies", ("studies",), ""),
        ("-c search_path=one,two", ("one", "two"), ""),
        ("--search-path=one -c Search_Path=two --timezone=UTC", ("two",), ""),
        (r'-csearch_path="Two\ Words",\ "quo""te"', ("Two Words", 'quo"te'), ""),
        ("-cstatement_timeout=5s -csearch_path=x  -cwork_mem=1MB", ("x",), "-cstatement_timeout=5s -cwork_mem=1MB"),
        (r"-capplication_name=a\ -csearch_path=b", None, r"-capplication_name=a\ -csearch_path=b"),
        ("-c lock_timeout=1s", None, "-c lock_timeout=1s"),
        # What only the server can read is left to it.
        ("-csearch_path=$user,public", None, "-csearch_path=$user,public"),
        ("-csearch_path=", None, "-csearch_path="),
        ('-csearch_path=x;"', None, '-csearch_path=x;"'),
    ],
)
def test_options_are_parted(options, search_path, rest):
    assert read(options) == StartupOptions(search_path, rest)


@given(schemas, st.sampled_from(["", "-cstatement_timeout=5s"]))
def test_whatever_schema_is_put_into_a_url_is_read_from_it(schema, options):
    if len(schema.encode()) > 63:
        return
    url = sqlalchemy.URL.create("postgresql", host="db", database="d", query={"options": options} if options else {})
    assert StartupOptions.of(DatabaseConfig.of({"url": url}).with_schema(schema).url) == StartupOptions(
        (schema,), options
    )


@given(names)
def test_a_quoted_name_is_one_identifier(name):
    inside = quoted(name)[1:-1]
    assert '"' not in inside.replace('""', "")
    assert inside.replace('""', '"') == name

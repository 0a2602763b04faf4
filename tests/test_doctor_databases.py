"""``doctor`` and what Tab offers on a PostgreSQL server: rights, schemas, passwords, clocks."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import optuna
import pytest
import sqlalchemy

from kallos_cli import completions
from kallos_cli.databases import Databases
from kallos_cli.doctor import prices
from kallos_cli.doctor.examination import examine
from kallos_data import DatabaseConfig, FeatureTables, ingest_frame, simulate_market
from kallos_tune import open_storage, study_rights


@pytest.fixture
def filled(postgres_url):
    start = datetime.now(UTC).date() - timedelta(days=100)
    ingest_frame(simulate_market(100, seed=1, start=str(start)), "BTC", postgres_url)
    optuna.create_study(study_name="s", storage=open_storage(postgres_url, "lab notes"))
    return postgres_url


def run(url, *statements):
    with DatabaseConfig.of(url).connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def reader(filled):
    """The same database as somebody sees it who may only read it."""
    url = sqlalchemy.make_url(filled)
    name = f"reader_{url.database}"
    run(
        filled,
        f"CREATE ROLE {name} LOGIN PASSWORD 'reader'",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
        f'GRANT USAGE ON SCHEMA "lab notes" TO {name}',
        f'GRANT SELECT ON ALL TABLES IN SCHEMA "lab notes" TO {name}',
    )
    yield url.set(username=name, password="reader").render_as_string(hide_password=False)
    run(filled, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def found(url, schema=None, **tables):
    checks = examine(Databases.of(url), schema, FeatureTables(**tables))
    return {check.name: check for check in checks}


def test_a_sound_server_is_all_ok(filled):
    checks = found(filled, "lab notes")
    assert {check.state for check in checks.values()} == {"ok"}, checks
    assert checks["studies"].words.startswith("1 in schema lab notes of ")
    assert "the server's is 0.0 s" in checks["clock"].words
    password = sqlalchemy.make_url(filled).password
    assert not any(password in check.words + check.remedy for check in checks.values())


def test_who_may_only_read_is_told_what_that_is_good_for(reader, filled):
    checks = found(reader, "lab notes")
    assert (checks["rights"].state, checks["rights"].words) == ("warning", "prices may only be read")
    assert checks["tables"].state == "ok"
    assert checks["studies"].state == "warning"
    assert checks["studies"].words.endswith(", which may only be read")
    assert "GRANT ALL ON SCHEMA lab notes TO reader_" in checks["studies"].remedy
    assert found(reader)["studies"].state == "broken"
    assert found(reader, "nowhere")["studies"].remedy.startswith("let its owner GRANT ALL ON SCHEMA nowhere")
    rights = study_rights(reader, optuna_schema="lab notes")
    assert (rights.exist, rights.may_create, rights.may_write) == (True, False, False)
    rights = study_rights(filled, optuna_schema="lab notes")
    assert (rights.exist, rights.may_create, rights.may_write) == (True, True, True)
    assert study_rights(filled, optuna_schema="nowhere").may_create


def test_a_wrong_password_and_a_missing_table_are_broken(filled):
    wrong = sqlalchemy.make_url(filled).set(password="s3cret").render_as_string(hide_password=False)
    checks = found(wrong)
    assert checks["database"].state == "broken"
    assert "check user and password" in checks["database"].words
    assert "s3cret" not in str(checks)
    assert "studies" not in checks
    checks = found(filled, market="candles")
    assert checks["tables"].state == "broken"
    assert "'candles' is not a table or view of the database" in checks["tables"].words


def test_another_time_is_told_with_what_goes_by_it(filled, monkeypatch):
    class Late(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=90)

    monkeypatch.setattr(prices, "datetime", Late)
    (check,) = prices.clock(DatabaseConfig.of(filled))
    assert check.state == "warning"
    assert check.words.startswith("the server's is 90.0 s behind; signs of life of trials go by the server's")


def test_tab_offers_what_the_server_holds(filled, monkeypatch):
    # The time that a busy machine of tests needs.
    monkeypatch.setattr(completions, "_SECONDS", 20)

    def context(**options):
        typed = {"db_url": filled, **options}
        sources = dict.fromkeys(typed, SimpleNamespace(name="COMMANDLINE"))
        return SimpleNamespace(params=typed, get_parameter_source=sources.get, obj=None)

    assert completions.assets(context(), "") == ["BTC"]
    assert completions.assets(context(), "X") == []
    assert completions.studies(context(optuna_schema="lab notes"), "") == ["s"]
    assert completions.studies(context(), "") == []
    assert completions.columns(context(), "rs") == ["rsi"]
    assert completions.columns(context(market_table="public.daily_market_data", no_indicators=True), "cl") == ["close"]
    assert completions.tables(context(), "daily_m") == ["daily_market_data"]
    assert '"' not in "".join(completions.tables(context(), "lab"))

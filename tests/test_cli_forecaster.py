"""From a study to a forecast through the command line, on both databases."""

import json
import os
import signal
import sys

import pytest
import sqlalchemy

from kallos_cli import app, logs
from kallos_data import DatabaseConfig, simulate_market


@pytest.fixture
def kallos_run(database_url, tmp_path, monkeypatch, capsys, small_models):
    """Return a function that runs ``kallos-run`` on the database and returns what it prints on stdout."""
    for name in [name for name in os.environ if name.startswith("KALLOS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KALLOS_DB_URL", database_url)
    monkeypatch.setenv("KALLOS_CONFIG", small_models)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    # Models to compare with take seconds, and have tests of their own.
    monkeypatch.setattr("kallos_tune.forecaster.judging.baseline_forecasts", lambda *_arguments, **_options: {})
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    password = sqlalchemy.make_url(database_url).password or "no password"

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["kallos-run", *map(str, arguments)])
        code, (out, err) = app.main(), capsys.readouterr()
        assert code == 0, err
        assert password not in out + err
        return out

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logs.start()


# In a SQLite file, the commands are those of the page of the command line (test_readme).
@pytest.mark.parametrize(
    "database_url", [pytest.param("sqlite", marks=pytest.mark.nightly), "postgresql"], indirect=True
)
def test_a_study_becomes_a_forecast_in_a_table(kallos_run, database_url, tmp_path):
    on_postgres = database_url.startswith("postgresql")
    in_schema = ["--optuna-schema", "lab notes"] if on_postgres else []
    table = "lab notes.forecasts" if on_postgres else "forecasts"
    simulate_market(330, seed=1).write_csv(tmp_path / "btc.csv")
    kallos_run("ingest", "btc.csv", "--asset-id", "BTC")
    study = ["--asset-id", "BTC", "--end-date", "2019-10-31", "--study-name", "small", "--n-trials", "2"]
    tiny = ["--max-epochs", "1", "--folds", "2", "--seed", "10", "--pruner", "none"]
    kallos_run("tune", *study, *tiny, *in_schema)
    trained = json.loads(kallos_run("train", "--study", "small", "--json", *in_schema))
    assert [member["trial"] for member in trained["members"]] in ([0, 1], [1, 0])
    for looks in (1, 2):
        judged = json.loads(kallos_run("evaluate", "--model", "small_model", "--json", *in_schema))
        assert (judged["looks"], judged["verdict"]["n_steps"]) == (looks, 26)
    forecast = ["forecast", "--model", "small_model", "--max-age", "1e6", "--table", table, "--json"]
    made = [json.loads(kallos_run(*forecast))["steps"][0] for _ in range(2)]
    assert made[0] == made[1]
    quoted = '"lab notes".forecasts' if on_postgres else "forecasts"
    with DatabaseConfig.of(database_url).connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT model, asset, forecast, price FROM {quoted}").fetchall()
    assert [tuple(row) for row in rows] == [("small_model", "BTC", made[0]["forecast"], made[0]["price"])]

"""``--likelihood quantile`` from a study to the range of the next step."""

import json
import re
import sqlite3
from contextlib import closing

import polars as pl
import pytest

from kallos_cli import app

TUNE = ("tune", "--asset-id", "BTC", "--end-date", "2019-10-31", "--study-name", "q", "--likelihood", "quantile")
TINY = ("--workers", "1", "--max-epochs", "1", "--folds", "2", "--pruner", "none")
OLD = ("--max-age", "1e6")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, market_csv):
    """Return a folder with the database of a study of quantiles, and the model that is trained from it."""
    folder = tmp_path_factory.mktemp("quantiles")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in (
            ("ingest", market_csv, "--asset-id", "BTC"),
            (*TUNE, *TINY, "--n-trials", "1", "--quiet"),
            ("train", "--study", "q", "--members", "2", "--members-from", "seeds", "--workers", "1", "--quiet"),
        ):
            patch.setattr("sys.argv", ["kallos-run", *map(str, words)])
            assert app.main() == 0, words
    return folder


@pytest.fixture
def run(tuned, main_within, monkeypatch):
    """Return a function that runs ``kallos-run`` there, judging beside naive forecasts alone."""
    monkeypatch.chdir(tuned)
    monkeypatch.setattr("kallos_tune.forecaster.judging.baseline_forecasts", lambda *_arguments, **_options: {})
    return main_within


def test_scores_are_called_by_their_name(run):
    code, out, err = run(*TUNE, *TINY, "--n-trials", "1")
    assert code == 0, err
    assert "naive forecast: pinball 0." in err
    assert "search score (pinball loss of the quantiles, lower is better): " in out
    code, out, _ = run("study", "show", "q")
    assert code == 0
    assert re.search(r"forecasts +quantiles, scored by their pinball loss", out)
    assert "naive pinball" in out
    assert "skills are of the median forecast, by absolute error (MAE)" in " ".join(out.split())


def test_evaluate_tells_how_often_intervals_held(run, tmp_path):
    code, out, err = run("evaluate", "--model", "q_model", "--output", str(tmp_path / "judged"))
    assert code == 0, err
    assert re.search(r"the 50 % interval held \d+\.\d % of 61 steps, Kupiec p [=<] [\d.]+; mean width 0\.", out)
    assert re.search(r"the 90 % interval held ", out)
    table = pl.read_csv(tmp_path / "judged" / "forecasts.csv")
    quantiles = table.select("q05", "q25", "q50", "q75", "q95")
    assert (table["q50"] - table["forecast"]).abs().max() < 1e-12
    assert all(list(row) == sorted(row) for row in quantiles.iter_rows())
    file = tmp_path / "mine.csv"
    table.select("timestamp", *quantiles.columns).write_csv(file)
    code, out, err = run("evaluate", "--forecasts", str(file), "--asset-id", "BTC", "--json", "--quiet")
    assert code == 0, err
    own = json.loads((tmp_path / "judged" / "evaluation.json").read_text())["quantiles"]
    found = json.loads(out)["quantiles"]
    assert found["pinball"] == pytest.approx(own["pinball"])
    assert [each["share"] for each in found["coverage"]] == [each["share"] for each in own["coverage"]]


def test_forecast_prints_and_stores_the_range(run):
    code, out, err = run("forecast", "--model", "q_model", "--table", "forecasts", *OLD)
    assert code == 0, err
    assert "5 to 95 %" in out
    shown = re.search(r"(-?\d[\d.e-]*) to (-?\d[\d.e-]*)(?! %)\b", out.replace("5 to 95 %", ""))
    with closing(sqlite3.connect("kallos.db")) as connection:
        low, high = connection.execute("SELECT low, high FROM forecasts").fetchone()
    assert [float(each) for each in shown.groups()] == pytest.approx([low, high], rel=1e-3)
    code, out, err = run("forecast", "--model", "q_model", "--json", "--quiet", *OLD)
    (step,) = json.loads(out)["steps"]
    assert (step["quantiles"][0], step["quantiles"][4]) == (low, high)


def test_recursive_forecasts_are_refused(run):
    code, out, err = run(*TUNE, *TINY, "--forecast", "recursive")
    assert (code, out) == (2, "")
    assert err.startswith("error: --likelihood needs rolling forecasts: ")

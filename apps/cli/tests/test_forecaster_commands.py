"""From a study to a forecast: ``train``, ``evaluate`` and ``forecast``, what each says and leaves behind."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from kallos_cli import app
from kallos_tune import load_card, load_study
from kallos_tune.forecaster.looks import LOOKS

END = "2019-10-31"
# The bars end in 2019.
OLD = ("--max-age", "1e6")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, market_csv):
    """Return a folder with a database, a study of two trials and the model that is trained from it."""
    folder = tmp_path_factory.mktemp("forecaster")
    study = ("--asset-id", "BTC", "--end-date", END, "--study-name", "small", "--n-trials", "2", "--workers", "1")
    tiny = ("--max-epochs", "1", "--folds", "2", "--seed", "10", "--pruner", "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in (
            ("ingest", market_csv, "--asset-id", "BTC"),
            ("tune", *study, *tiny, "--quiet"),
            ("train", "--study", "small", "--workers", "1", "--quiet"),
        ):
            patch.setattr("sys.argv", ["kallos-run", *map(str, words)])
            assert app.main() == 0, words
    return folder


@pytest.fixture
def run(trained, tmp_path, main_within):
    """Return a function that runs ``kallos-run`` beside a copy of the study and its model."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return main_within


@pytest.fixture
def without_baselines(monkeypatch):
    """Judge beside naive forecasts alone: models to compare with take seconds."""
    monkeypatch.setattr("kallos_tune.forecaster.judging.baseline_forecasts", lambda *_arguments, **_options: {})


def test_train_says_what_it_trained_and_what_comes_next(run, tmp_path):
    code, out, err = run("train", "--study", "small", "--trial", "0", "--output", "one", "--workers", "1")
    assert code == 0, err
    assert "training what study small found, into one" in err
    assert re.search(r"member 1 of 1 begins: trial 0, 1 epoch\n", err)
    assert re.search(r"member 1 of 1 is trained: 1 epoch, \d", err)
    assert out.startswith("one gru network\n")
    assert re.search(rf"trained on +2019-\d\d-\d\d 00:00Z to {END} 00:00Z", out)
    assert err.splitlines()[-2:] == ["  kallos-run evaluate --model one", "  kallos-run forecast --model one"]
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        *("weights.safetensors", "card.json", "model-card.md")
    }


def test_the_file_of_best_parameters_trains_the_same_model(run, tmp_path):
    arguments = ("train", "--params", "small_best_params.json", "--output", "other", "--workers", "1", "--json", "-q")
    code, out, err = run(*arguments)
    facts = json.loads(out)
    assert (code, err) == (0, f"study small: {facts['verdict_line']}\n")
    assert facts["verdict_line"].startswith("verdict: ")
    assert (facts["folder"], facts["what"]) == (str(tmp_path / "other"), "the average of 2 gru networks")
    same, other = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("small_model", "other"))
    assert same == other


def test_a_model_that_is_there_is_not_replaced_unasked(run, tmp_path):
    before = (tmp_path / "small_model" / "card.json").read_bytes()
    code, out, err = run("train", "--study", "small", "--quiet")
    assert (code, out) == (2, "")
    assert "error: --overwrite must be asked for: " in err
    assert (tmp_path / "small_model" / "card.json").read_bytes() == before
    code, _, err = run("train", "--study", "small", "--overwrite", "--members", "1", "--workers", "1", "--quiet")
    assert code == 0, err
    assert len(json.loads((tmp_path / "small_model" / "card.json").read_text())["members"]) == 1


def test_evaluate_shows_errors_beside_others_and_counts_the_look(run, tmp_path, request):
    code, out, err = run("evaluate", "--model", "small_model", "--output", "judged")
    assert code == 0, err
    assert f"the average of 2 gru networks, trained on log_return of BTC until {END} 00:00Z" in err
    assert "log_return of BTC, 61 steps from 2019-11-01 00:00Z to 2019-12-31 00:00Z" in out
    assert len(re.findall(r"[+-]\d+\.\d+ %", out)) > 6
    assert re.search(r"^skill: how much smaller the rmse is than that of (a forecast of zero|the \w+ \w+)$", out, re.M)
    assert "verdict: " in out
    files = {path.name: path for path in (tmp_path / "judged").iterdir()}
    pictures = {"forecast.png", "gain.png", "residuals.png"}
    assert files.keys() == pictures | {"forecasts.csv", "evaluation.json"}
    table = pl.read_csv(files["forecasts.csv"], try_parse_dates=True)
    assert (len(table), table["timestamp"][0]) == (61, datetime(2019, 11, 1, tzinfo=UTC))
    rmse = ((table["actual"] - table["forecast"]) ** 2).mean() ** 0.5
    outcome = json.loads(files["evaluation.json"].read_text())
    assert outcome["scores"][0]["rmse"] == pytest.approx(rmse, rel=1e-12)
    assert all(files[name].read_bytes().startswith(b"\x89PNG") for name in pictures)
    assert err.splitlines()[-1] == "  kallos-run forecast --model small_model"

    request.getfixturevalue("without_baselines")
    code, out, err = run("evaluate", "--model", "small_model", "--start", "2019-12-01", "--json", "--quiet")
    assert (code, err) == (0, "")
    again = json.loads(out)
    assert (outcome["looks"], again["looks"], again["verdict"]["n_steps"]) == (1, 2, 31)
    assert any("2 times" in line or "twice" in line for line in again["lines"])
    looks = load_study(f"sqlite:///{tmp_path / 'kallos.db'}", "small").user_attrs[LOOKS]
    assert [look["first"][:10] for look in looks] == ["2019-11-01", "2019-12-01"]


def test_without_its_study_a_look_is_not_counted_and_that_is_said(run, tmp_path, without_baselines):
    with closing(sqlite3.connect(tmp_path / "kallos.db")) as connection, connection:
        connection.execute("UPDATE studies SET study_name = 'other'")
    code, out, err = run("evaluate", "--model", "small_model", "--json")
    assert code == 0, err
    assert json.loads(out)["looks"] is None
    assert "warning: this look is not counted, since study small cannot be opened (no study 'small'" in err


def test_forecasts_of_a_file_are_judged_as_those_of_the_model(run, without_baselines):
    run("evaluate", "--model", "small_model", "--output", "judged", "--quiet")
    mine = pl.read_csv("judged/forecasts.csv").select("timestamp", "forecast")
    mine.write_csv("mine.csv")
    code, out, err = run("evaluate", "--forecasts", "mine.csv", "--asset-id", "BTC", "--json")
    assert code == 0, err
    theirs, ours = json.loads(out), json.loads(Path("judged/evaluation.json").read_text())
    assert theirs["what"] == "the forecast of mine.csv"
    for name in ("rmse", "mae"):
        assert theirs["scores"][0][name] == pytest.approx(ours["scores"][0][name], rel=1e-9)
    code, out, err = run("evaluate", "--forecasts", "mine.csv", "--asset-id", "BTC", "--output", "mine")
    assert code == 0, err
    assert "the forecast of mine.csv" in out
    assert len(list(Path("mine").iterdir())) == 5


def test_forecast_prints_the_next_step_and_writes_it_once(run, tmp_path):
    code, out, err = run("forecast", "--model", "small_model", *OLD, "--table", "forecasts")
    assert code == 0, err
    assert re.search(r"newest row of BTC: 2019-12-31 00:00Z, ended \d+ days ago\n", err)
    assert "log_return of BTC, by the average of 2 gru networks" in out
    (row,) = re.findall(r"^ *2020-01-01 00:00Z +(\S+) +(\S+) +(\S+) *$", out, re.MULTILINE)
    assert "1 row written to table forecasts" in err
    code, out, err = run("forecast", "--model", "small_model", *OLD, "--json", "--quiet", "--table", "forecasts")
    facts = json.loads(out)
    assert (code, err) == (0, f"study small: {load_card('small_model').verdict_line}\n")
    assert err == f"study small: {facts['verdict_line']}\n"
    (step,) = facts["steps"]
    assert (facts["model"], facts["known_until"][:10], step["time"][:10]) == ("small_model", "2019-12-31", "2020-01-01")
    assert f"{step['forecast']:.4g}" == row[0]
    with closing(sqlite3.connect(tmp_path / "kallos.db")) as connection:
        stored = connection.execute("SELECT model, asset, time, forecast, spread, price FROM forecasts").fetchall()
    time = "2020-01-01 00:00:00+00:00"
    assert stored == [("small_model", "BTC", time, step["forecast"], step["spread"], step["price"])]


def test_forecast_as_csv_is_a_table_on_stdout(run):
    code, out, err = run(
        "forecast", "--model", "small_model", *OLD, "--csv", "--quiet", "--horizon", "3", "--hold-features"
    )
    assert code == 0
    assert err.startswith("study small: verdict: ")
    rows = pl.read_csv(out.encode(), try_parse_dates=True)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    assert rows["time"].to_list() == [first + timedelta(days=day) for day in range(3)]
    assert rows.columns[:5] == ["model", "asset", "time", "made_at", "known_until"]
    assert rows["forecast"].null_count() == rows["price"].null_count() == 0


def test_what_the_card_and_the_rows_tell_is_refused_before_the_models_are_loaded(run, tmp_path):
    refused = {
        ("forecast",): "--max-age is 2 steps of 1 day, and the newest bar, of 2019-12-31 00:00Z, ended ",
        ("forecast", *OLD, "--horizon", "3"): "--horizon must be 1, not 3: later steps would have to know",
        ("forecast", *OLD, "--asset-id", "ETH"): "'ETH' is not in table",
        ("forecast", "--db-url", "sqlite:///none.db"): "there is no SQLite database 'none.db'",
        ("evaluate", "--asset-id", "ETH"): "'ETH' is not in table",
        ("evaluate", "--db-url", "sqlite:///none.db"): "there is no SQLite database 'none.db'",
    }
    code = f"""
import sys
from kallos_cli.app import main
for command, *more in {list(refused)!r}:
    sys.argv = ["kallos-run", command, "--model", "small_model", *more]
    print(main(), "torch" in sys.modules)
    print("END", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["2 False"] * len(refused), done.stderr
    for words, said in zip(refused.values(), done.stderr.split("END\n"), strict=False):
        assert words in said
        assert "loading the models" not in said


def test_a_schedule_is_replayed_and_evaluate_says_what_refitting_is_worth(run, without_baselines):
    arguments = ("--refit-every", "30d", "--until", "2019-12-15", "--output", "monthly", "--members", "1")
    code, out, err = run("train", "--study", "small", *arguments, "--workers", "1")
    assert code == 0, err
    assert out.startswith("2 trainings, one every 30d, each one gru network\n")
    assert re.findall(r"^ *(2019-\S+) 00:00Z +1 *$", out, re.MULTILINE) == [END, "2019-11-30"]
    code, out, err = run("evaluate", "--model", "monthly", "--start", "2019-11-21", "--end", "2019-12-20", "--json")
    assert code == 0, err
    assert "trained again every 30d, 2 models in all" in err
    found = json.loads(out)
    assert (found["refits"]["every"], found["refits"]["n_models"], found["looks"]) == ("30d", 2, 1)
    assert found["lines"][-1] == found["refits"]["line"]
    assert found["lines"][-1].startswith("refitting every 30d (2 models in this period): ")
    code, out, err = run("forecast", "--model", "monthly", *OLD, "--json", "--quiet")
    assert code == 0, err
    newest = run("forecast", "--model", "monthly/until-2019-11-30T0000", *OLD, "--json", "--quiet")[1]
    assert json.loads(out)["model"] == "monthly"
    assert json.loads(out)["steps"] == json.loads(newest)["steps"]
    code, out, err = run("evaluate", "--model", "monthly", "--asset-id", "ETH", "--quiet")
    assert (code, out) == (2, "")
    assert "--asset-id is for a single model, and monthly holds a schedule of them: leave it out" in err


MISTAKES = {
    "half a schedule": (("train", "--study", "small", "--refit-every", "30d"), "--refit-every and --until go together"),
    "no time of a schedule": (
        ("train", "--study", "small", "--refit-every", "often", "--until", "2019-12-15", "--output", "x"),
        "--refit-every must be a time as 30d, 1w or 12h, not 'often'",
    ),
    "a schedule backwards": (
        ("train", "--study", "small", "--refit-every", "30d", "--until", "2019-01-15", "--output", "x"),
        f"--until must not lie before the study's end, {END} 00:00Z",
    ),
    "nothing to train": (("train",), "needs what to train: name a study with --study, or a file"),
    "two to train": (("train", "--study", "small", "--params", "x.json"), "takes --study or --params, not both"),
    "a trial of a file": (
        ("train", "--params", "x.json", "--trial", "1"),
        "--trial chooses among the trials of a study",
    ),
    "no file to train": (("train", "--params", "x.json"), "--params cannot read x.json: No such file"),
    "no study to train": (("train", "--study", "smal"), "no study 'smal': did you mean 'small'?"),
    "no trial to train": (
        ("train", "--study", "small", "--trial", "9"),
        "--trial is 9, and the study has trials 0 to 1",
    ),
    "too many members": (
        ("train", "--study", "small", "--members", "3", "--output", "x"),
        "--members must be 2 or less, the complete trials there are, not 3: run more trials",
    ),
    "no member": (
        ("train", "--study", "small", "--members", "0"),
        "--members must be a whole number of 1 or more, not 0",
    ),
    "nothing to judge": (
        ("evaluate",),
        "needs what to judge: a trained model with --model, or a file with --forecasts",
    ),
    "a folder below a file": (
        ("train", "--study", "small", "--output", "small_best_params.json/model"),
        "choose another folder",
    ),
    "no model to judge": (("evaluate", "--model", "none"), "none"),
    "a metric of a model": (
        ("evaluate", "--model", "small_model", "--metric", "mae"),
        "--metric goes with --forecasts",
    ),
    "an asset of a file": (("evaluate", "--forecasts", "x.csv"), "--forecasts needs the asset that they are of"),
    "overlap of a file": (
        ("evaluate", "--forecasts", "x.csv", "--asset-id", "BTC", "--allow-overlap"),
        "--allow-overlap goes with --model",
    ),
    "no file to judge": (("evaluate", "--forecasts", "x.csv", "--asset-id", "BTC"), "--forecasts cannot read x.csv"),
    "overlap": (
        ("evaluate", "--model", "small_model", "--start", "2019-10-01"),
        f"--start must lie after {END} 00:00Z, the last step that had a part in the training",
    ),
    "period backwards": (
        ("evaluate", "--model", "small_model", "--start", "2019-12-02", "--end", "2019-12-01"),
        "--start must not lie after the end 2019-12-01, as 2019-12-02 does",
    ),
    "unknown asset to judge": (("evaluate", "--model", "small_model", "--asset-id", "BTX"), "did you mean 'BTC'?"),
    "old rows": (
        ("forecast", "--model", "small_model"),
        "--max-age is 2 steps of 1 day, and the newest bar, of 2019-12-31 00:00Z",
    ),
    "no step": (("forecast", "--model", "small_model", "--horizon", "0"), "--horizon"),
    "features that are not known": (
        ("forecast", "--model", "small_model", "--horizon", "2", *OLD),
        "to take them to stay as they are, say so (--hold-features)",
    ),
    "two ways to print": (
        ("forecast", "--model", "small_model", "--json", "--csv"),
        "prints --json or --csv, not both",
    ),
    "a table of something else": (
        ("forecast", "--model", "small_model", *OLD, "--table", "daily_market_data"),
        "--table 'daily_market_data' is a table of something else",
    ),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_with_the_remedy(run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    complaint = err[err.index("error: ") :]
    assert said in complaint
    assert len(complaint.splitlines()) <= 2
    assert "Traceback" not in err


def test_another_asset_is_judged_and_forecast_and_that_is_said(run, market_csv, without_baselines):
    assert run("ingest", market_csv, "--asset-id", "ETH")[0] == 0
    code, out, err = run("evaluate", "--model", "small_model", "--asset-id", "ETH", "--json")
    assert code == 0, err
    assert "judged on ETH, which it was not trained on" in err
    assert json.loads(out)["looks"] is None
    code, out, err = run("forecast", "--model", "small_model", "--asset-id", "ETH", *OLD)
    assert code == 0, err
    assert "the model was trained on BTC, and forecasts ETH" in err
    assert "log_return of ETH" in out

"""``study best``, ``export``, ``rename``, ``copy`` and ``delete`` from the command line."""

import json
import re
import sys

import optuna
import pytest

from kallos_tune import load_study, open_storage, study_names
from kallos_tune.trial_states import COUNTED


@pytest.fixture
def url(database):
    return f"sqlite:///{database}"


@pytest.fixture
def study(main_within, tune_arguments, url):
    code, _, err = main_within(*tune_arguments, "--n-trials", "1", "--workers", "1", "--quiet")
    assert code == 0, err
    return load_study(url, "small")


def test_the_whole_upkeep_of_a_study(main_within, study, url, tmp_path, monkeypatch):
    code, out, err = main_within("study", "best", "small", "--json", "--output", "again.json")
    assert (code, err) == (0, "written to again.json\n")
    assert json.loads(out) == study.best_params
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(
        (tmp_path / "small_best_params.json").read_text()
    )
    shown = dict(line.split()[:2] for line in main_within("study", "best", "small")[1].splitlines())
    assert {name: float(value) for name, value in shown.items()} == study.best_params

    code, out, err = main_within("study", "export", "small", "--output", "tables")
    assert (code, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        f"tables/{name}.csv" for name in ("trials", "folds", "forecasts")
    ]
    assert out.splitlines()[0] == "tables/trials.csv: 1 row"
    code, out, err = main_within("study", "export", "small")
    assert (code, err, out.splitlines()[0]) == (0, "", "small_export/trials.csv: 1 row")
    (tmp_path / "small_export" / "folds.csv").unlink()
    out = main_within("study", "export", "small")[1]
    assert [line.endswith(", in place of what was there") for line in out.splitlines()] == [True, False, True]
    trials = (tmp_path / "small_export" / "trials.csv").read_text().splitlines()
    assert re.search(r",\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ,", trials[1])
    monkeypatch.setenv("KALLOS_STUDIES_URL", url)
    code, out, err = main_within(
        "study", "export", "small", "--output", "s.parquet", "--json", "--db-url", "sqlite:///no.db"
    )
    assert code == 0
    assert "its forecasts are exported without times and actual values; lead to the prices with --db-url" in err
    assert json.loads(out)["with_prices"] is False
    assert [each["replaced"] for each in json.loads(out)["files"]] == [False] * 3
    monkeypatch.delenv("KALLOS_STUDIES_URL")

    code, out, err = main_within("study", "rename", "small", "other")
    assert (code, out) == (0, "study small is now other\n")
    assert err.splitlines()[-1] == "  kallos-run study show other"
    code, out, err = main_within("study", "copy", "other", "third", "--to-url", "sqlite:///lab.db")
    assert (code, out) == (0, "study other is copied to third in sqlite:///lab.db: 1 finished trial\n")
    assert err.splitlines()[-1] == "  kallos-run study show third --db-url sqlite:///lab.db"
    main_within("study", "copy", "other", "fourth")
    for command, words in (("rename", "choose another name for 'other'"), ("copy", "choose another name for the copy")):
        code, _, err = main_within("study", command, "other", "fourth")
        assert (code, err) == (2, f"error: there is a study 'fourth' already: {words}\n")
        code, _, err = main_within("study", command, "none", "x")
        assert code == 2
        assert "no study 'none'" in err
    assert main_within("study", "rename", "other", " ")[2].startswith("error: NEW must have 1 to 512 characters")

    code, _, err = main_within("study", "delete", "other")
    assert code == 2
    assert "study delete asks first, and there is no terminal: add --yes" in err
    asked = []
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())
    for answer in (False, True):
        monkeypatch.setattr("typer.confirm", lambda text, answer=answer, **_: asked.append(text) or answer)
        code, out, err = main_within("study", "delete", "other")
        assert code == (0 if answer else 2)
        assert ("nothing was deleted" in err) == (not answer)
    assert asked[0].startswith("delete study other from sqlite:///kallos.db, with 1 finished trial, ")
    assert asked[0].endswith(" of computing?")
    assert study_names(url) == ["fourth"]
    found = json.loads(main_within("study", "delete", "fourth", "--yes", "--json")[1])
    assert found["n_trials"] == dict.fromkeys(COUNTED, 0) | {"complete": 1}


def test_studies_of_others_need_a_word(main_within, url):
    optuna.create_study(study_name="theirs", storage=open_storage(url))
    for command in (("rename", "theirs", "x"), ("delete", "theirs", "--yes")):
        code, _, err = main_within("study", *command)
        assert code == 2
        assert "study 'theirs' was not made by Kallos" in err
        assert "say so (--foreign)" in err
    assert main_within("study", "delete", "theirs", "--yes", "--foreign")[0] == 0
    for command in (("best", "theirs"), ("export", "theirs", "--output", "x")):
        assert main_within("study", *command)[0] == 2

"""Every example in the README runs, and what it shows is true."""

import contextlib
import io
import re
from datetime import date
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(.*?)```", README, re.DOTALL | re.MULTILINE))


@pytest.fixture
def printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(title: str) -> str:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            exec(compile(EXAMPLES[title], "README.md", "exec"), {})
        return shown.getvalue()

    return run


def test_the_readme_shows_three_uses():
    assert list(EXAMPLES) == [
        "Folds for scikit-learn",
        "Features from a database, for any model",
        "Files and indicators",
    ]


def test_folds_for_scikit_learn(printed):
    scores, best, *folds = printed("Folds for scikit-learn").splitlines()
    assert re.findall(r"[\d.]+", scores) == ["1."] * 4
    assert best == "{'alpha': 0.1}"
    assert len(folds) == 2
    for fold in folds:
        train_last, val_first, val_last = map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", fold))
        assert train_last < val_first < val_last


def test_features_from_a_database(printed):
    *table, summary = printed("Features from a database, for any model").splitlines()
    assert table[0].split() == ["close", "log_return", "rsi"]
    assert [line.split()[0] for line in table[2:]] == ["2020-06-28", "2020-06-29", "2020-06-30"]
    assert re.fullmatch(r"1 day \(\d+, 23\) True", summary)


def test_files_and_indicators(printed):
    *_, summary = printed("Files and indicators").splitlines()
    assert summary == "300 2019-01-01 2019-10-27"

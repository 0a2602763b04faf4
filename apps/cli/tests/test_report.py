"""``kallos-run study report``: the file, what is said, and what is refused."""

import json
import re
import shlex
import shutil
import sqlite3
from contextlib import closing

import optuna
import pytest

from kallos_data import default_feature_groups, load_features_from_db
from kallos_tune import TuningSettings, load_study, run_tuning


@pytest.fixture(scope="module")
def _studied(_ingested, tmp_path_factory):
    path = tmp_path_factory.mktemp("studied") / "kallos.db"
    shutil.copyfile(_ingested, path)
    url = f"sqlite:///{path}"
    settings = TuningSettings.of(max_epochs=1, target_folds=2, seed=10)
    groups = default_feature_groups(load_features_from_db("BTC", "2019-12-31", url).columns, "log_return")
    run_tuning("BTC", "2019-12-31", url, None, "gru", "small", "log_return", groups, 2, settings=settings)
    return path


@pytest.fixture
def study(_studied, tmp_path):
    """Put a database with a study named ``small`` where the command line looks for it, and return its file."""
    path = tmp_path / "kallos.db"
    with closing(sqlite3.connect(_studied)) as there, closing(sqlite3.connect(path)) as here:
        there.backup(here)
    return path


def test_a_report_lies_in_the_current_folder_and_draws_forecasts(main_within, study, tmp_path):
    code, out, err = main_within("study", "report", "small")
    assert (code, out) == (0, "written to small_report.html\n"), err
    text = (tmp_path / "small_report.html").read_text(encoding="utf-8")
    assert 'aria-label="Lines of log_return in fold 2' in text
    commands = re.search(r"<figcaption>In a shell</figcaption>\s*<pre[^>]*><code>(.*?)</code>", text, re.DOTALL)[1]
    rerun, train, again = (shlex.split(line) for line in commands.splitlines())
    assert rerun == ["kallos-run", "study", "rerun", "small"]
    assert train == ["kallos-run", "train", "--study", "small"]  # and not as ./run calls it
    assert again[:4] == ["kallos-run", "tune", "--study-name", "small_again"]


def test_the_command_that_it_shows_makes_the_same_study(main_within, study, tmp_path):
    code, _, err = main_within("study", "report", "small")
    assert code == 0, err
    text = (tmp_path / "small_report.html").read_text(encoding="utf-8")
    toml, shell = (
        re.search(rf"<figcaption>{title}[^<]*</figcaption>\s*<pre[^>]*><code>(.*?)</code>", text, re.DOTALL)[1]
        for title in ("groups.toml", "In a shell")
    )
    (tmp_path / "groups.toml").write_text(toml.replace("&#34;", '"'), encoding="utf-8")
    code, _, err = main_within(*shlex.split(shell.splitlines()[-1])[1:], "-q")
    assert code == 0, err
    one, other = (load_study(f"sqlite:///{study}", name) for name in ("small", "small_again"))
    assert [trial.value for trial in one.trials] == [trial.value for trial in other.trials]
    assert one.user_attrs["kallos_definition"] == other.user_attrs["kallos_definition"]


def test_without_the_prices_it_says_so_and_goes_on(main_within, study, tmp_path):
    elsewhere = ("--db-url", "sqlite:///nowhere.db", "--studies-url", f"sqlite:///{study}")
    code, out, err = main_within("study", "report", "small", *elsewhere, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["output"] == str(tmp_path / "small_report.html")
    assert (found["format"], found["with_prices"]) == ("html", False)
    assert "warning: no prices at hand, the report does without them: " in err
    assert "the prices were not at hand" in (tmp_path / "small_report.html").read_text(encoding="utf-8")


def test_markdown_and_its_pictures_where_they_are_asked_for(main_within, study, tmp_path):
    code, out, err = main_within("study", "report", "small", "--format", "md", "--output", "r.md")
    assert (code, out) == (0, "written to r.md\n"), err
    assert (tmp_path / "r_files" / "history.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("smal",), "no study 'smal': did you mean 'small'? there are 'small'"),
        (("small", "--output", "nowhere/r.html"), "there is no folder nowhere to write r.html into"),
        (("small", "--format", "md", "--interactive"), "--interactive is for HTML: Markdown holds pictures"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(main_within, study, tmp_path, arguments, message):
    code, out, err = main_within("study", "report", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not list(tmp_path.glob("*report*")) + list(tmp_path.glob("*.md"))


def test_a_study_of_others_is_refused(main_within, study):
    optuna.create_study(study_name="theirs", storage=f"sqlite:///{study}")
    code, _, err = main_within("study", "report", "theirs")
    assert code == 2
    assert "study 'theirs' was not made by Kallos" in err

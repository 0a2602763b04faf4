"""The pages of docs/ make a site, and what they show is so: code and its output, commands, errors, examples."""

import contextlib
import importlib
import inspect
import io
import os
import re
import shlex
import subprocess
import sys

import polars as pl
import pytest
import sqlalchemy
from documented_commands import PAGES, ROOT, commands
from warm_commands import SCRIPT

from kallos_data import DatabaseConfig, compute_indicators, simulate_market

DOCS = ROOT / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
# What a browser fetches by itself.
FETCHED = re.compile(r"""(?:src=|srcset=|<link[^>]*href=|@import|url\()\s*["']?((?:https?:)?//[^"'\s)>]+)""")
SMALL = ["--max-epochs", "1", "--folds", "2", "--n-trials", "1"]


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """Return each block of Python with the output that is shown below it, if any."""
    return re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text_of(page), re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/") and blocks(page)])
def test_python_on_pages_prints_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code, shown in blocks(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page, "exec"), names)
        assert not shown or printed.getvalue() == shown


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_as_scripts(example, tmp_path, warm_commands):
    process = warm_commands.start([], script=example, cwd=tmp_path, env=os.environ)
    out, err = process.communicate(300)
    assert process.returncode == 0, err
    said = out.splitlines()
    match example.stem:
        case "own_objective":
            assert re.fullmatch(r"20 complete, [1-9]\d* killed and run again", said[0])
        case "splits_with_scikit_learn":
            assert len(said) == 4
            assert all(re.fullmatch(r"[\d-]{10} to [\d-]{10}: 0\.\d{5}, zero 0\.\d{5}", line) for line in said)
        case "tune_to_forecast":
            assert [line.partition(":")[0] for line in said if line.startswith("verdict")] == ["verdict"] * 2
            assert "forecast" in out


def test_every_example_is_on_the_page_of_examples():
    shown = re.findall(r"\{literalinclude\} examples/(\w+)\.py", text_of("docs/examples.md"))
    assert sorted(shown) == [path.stem for path in EXAMPLES]


def test_kallos_data_needs_no_deep_learning_for_its_example(tmp_path):
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({str(DOCS / 'examples/splits_with_scikit_learn.py')!r}, run_name='__main__')\n"
        "assert not {'torch', 'darts', 'optuna'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, timeout=120)


def test_the_page_of_errors_lists_them_all():
    listed = re.findall(r"^\| `(kallos_\w+)\.(\w+)` \| `(\w+)` \| (.*) \|$", text_of("docs/errors.md"), re.MULTILINE)
    there = []
    for package in ("kallos_data", "kallos_models", "kallos_tune"):
        errors = importlib.import_module(f"{package}.errors")
        classes = [
            each for each in vars(errors).values() if inspect.isclass(each) and each.__module__ == errors.__name__
        ]
        there += [
            (package, each.__name__, each.__bases__[-1].__name__, inspect.getdoc(each).splitlines()[0])
            for each in classes
            if issubclass(each, errors.KallosError) and each is not errors.KallosError
        ]
    assert listed == there


def test_messages_on_the_page_of_errors_are_those_that_kallos_says():
    rows = re.findall(
        r"^\| (`.+`) \| [^`|]+.*\|$", text_of("docs/errors.md").partition("## In Python")[0], re.MULTILINE
    )
    said = [message for row in rows for message in re.findall(r"`([^`]+)`", row.partition(" | ")[0])]
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*/*/src/**/*.py"))
    assert len(said) > 12
    assert [message for message in said if message not in source] == []


@pytest.fixture
def type_in(tmp_path, warm_commands, small_models):
    """Return a function that types a command, and returns what it prints; its models are small."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KALLOS_")}
    environment["KALLOS_CONFIG"] = small_models

    def run(words, url):
        process = warm_commands.start(words, cwd=tmp_path, env=environment | {"KALLOS_DB_URL": url})
        out, err = process.communicate(300)
        assert process.returncode == 0, f"{shlex.join(words)}\n{out}\n{err}"
        return out + err

    return run


def test_the_page_of_own_tables(type_in, tmp_path, postgres_url):
    bars = simulate_market(240, seed=1, start="2022-06-01")
    own = bars.join(compute_indicators(bars), on="timestamp").select(
        "close", "log_return", "roc_7", "volume", day="timestamp", symbol=pl.lit("BTC"), fear_index="rsi"
    )
    engine = sqlalchemy.create_engine(DatabaseConfig.of(postgres_url).url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA market")
        # Through a view, as people give read-only access.
        own.write_database("own_bars", connection, if_table_exists="replace")
        connection.exec_driver_sql("CREATE VIEW market.prices AS SELECT * FROM own_bars")
    engine.dispose()
    (toml,) = re.findall(r"```toml\n(.*?)```", text_of("docs/tables.md"), re.DOTALL)
    (tmp_path / "groups.toml").write_text(toml)
    said = [
        type_in([*words[1:], *(SMALL if "tune" in words else [])], postgres_url) for words in commands("docs/tables.md")
    ]
    assert "BTC" in said[0]
    assert "bounded_features: fear_index" in said[1] or "verdict" in said[1]
    assert (tmp_path / "studies.db").exists()


def test_the_page_of_postgresql(type_in, tmp_path, postgres_url):
    simulate_market(240, seed=1, start="2022-06-01").write_csv(tmp_path / "prices.csv")
    export, *typed = commands("docs/postgresql.md")
    assert export[0] == "export"
    said = [type_in([*words[1:], *(SMALL if "tune" in words else [])], postgres_url) for words in typed]
    assert "gru_btc" in said[-1]


def test_the_site_builds_and_asks_nobody_for_anything(tmp_path, warm_commands):
    site = tmp_path / "site"
    words = ["-W", "-q", "-b", "html", "-d", tmp_path / "trees", DOCS, site]
    program = SCRIPT.with_name("sphinx-build")
    building = warm_commands.start(words, script=program, cwd=tmp_path, env=os.environ, stderr=subprocess.STDOUT)
    said, _ = building.communicate(300)
    assert (building.returncode, said) == (0, "")
    pages = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.glob("*.md")} <= pages
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert FETCHED.findall(path.read_text(encoding="utf-8")) == [], path
    reference = (site / "api/kallos-tune.html").read_text(encoding="utf-8")
    assert 'id="kallos_tune.run_tuning"' in reference

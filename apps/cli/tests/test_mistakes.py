"""Every mistake of the user: exit code 2, one or two lines on stderr, nothing on stdout, no traceback."""

import subprocess
import sys

import pytest

TUNE = ("tune", "--asset-id", "BTC", "--end-date", "2019-12-31", "--study-name", "s")

MISTAKES = {
    "no such command": (("tun",), ["No such command 'tun'", "tune"]),
    "no such option": ((*TUNE, "--n-trial", "3"), ["--n-trial", "--n-trials"]),
    "missing option": (("tune", "--asset-id", "BTC"), ["Missing option '--end-date'"]),
    "not a number": ((*TUNE, "--n-trials", "many"), ["--n-trials", "not 'many'", "see kallos-run tune --help"]),
    "no trial": ((*TUNE, "--n-trials", "0"), ["--n-trials must be a whole number of 1 or more, not 0"]),
    "one fold": ((*TUNE, "--folds", "1"), ["--folds must be a whole number of 2 or more, not 1"]),
    "unknown metric": ((*TUNE, "--metric", "mse"), ["--metric", "'mse'", "rmse"]),
    "blank name": ((*TUNE[:-1], " "), ["--study-name", "must not be empty"]),
    "unknown model": ((*TUNE, "--model-name", "gur"), ["not 'gur'", "did you mean 'gru'?"]),
    "no date": ((*TUNE, "--start-date", "soon"), ["--start-date", "'soon'", "2023-01-"]),
    "output in no folder": ((*TUNE, "--output", "none/best.json"), ["no folder none", "--output"]),
    "output is a folder": ((*TUNE, "--output", "."), ["is a folder", "--output"]),
    "no feature file": ((*TUNE, "--features", "none.toml"), ["cannot read none.toml: No such file"]),
    "share above 1": ((*TUNE, "--val-share", "1.5"), ["--val-share must lie above 0 and below 1, not 1.5"]),
    "purge and recursive": ((*TUNE, "--purge", "3", "--forecast", "recursive"), ["--purge needs rolling forecasts"]),
    "no database": ((*TUNE, "--db-url", "sqlite:///none.db"), ["none.db"]),
    "other database": ((*TUNE, "--db-url", "mysql://me@localhost/x"), ["mysql", "sqlite"]),
    "schema on SQLite": ((*TUNE, "--optuna-schema", "lab"), ["--optuna-schema 'lab' needs PostgreSQL"]),
    "unknown asset": (
        ("tune", "--asset-id", "BTX", *TUNE[3:]),
        ["--asset-id 'BTX' is not in table", "did you mean 'BTC'?", "kallos-run assets list shows what there is"],
    ),
    "no such column": ((*TUNE, "--id-column", "Symbol"), ["--id-column names 'Symbol', but table", "it has 'id', "]),
    "no such time": ((*TUNE, "--timestamp-column", "Date"), ["--timestamp-column names 'Date', but table"]),
    "blank column": ((*TUNE, "--id-column", " "), ["--id-column", "must not be empty"]),
    "no URL of studies": ((*TUNE, "--studies-url", "studies.db"), ["--studies-url cannot be read as the URL"]),
    "no asset to show": (("assets", "show", "ETH"), ["asset 'ETH' is not in table", "it has 'BTC'", "assets list"]),
    "no asset to remove": (("assets", "remove", "ETH", "--yes"), ["asset 'ETH' is not in table", "it has 'BTC'"]),
    "no table of assets": (("assets", "list", "--market-table", "x"), ["--market-table 'x' is not a table", "ingest"]),
    "no database of assets": (
        ("assets", "list", "--db-url", "sqlite:///none.db"),
        ["none.db", "ingest data first", "kallos-run ingest prices.csv --asset-id BTC --db-url sqlite:///none.db"],
    ),
    "nobody to ask": (("assets", "remove", "BTC"), ["assets remove asks first, and there is no terminal: add --yes"]),
    "nothing to remove": (
        ("assets", "remove", "BTC", "--from", "2030-01-01"),
        ["BTC has no rows from 2030-01-01 to the last: nothing was removed"],
    ),
    "removal backwards": (
        ("assets", "remove", "BTC", "--from", "2019-02-01", "--to", "2019-01-01"),
        ["--from must not lie after 2019-01-01, as 2019-02-01 does"],
    ),
    "no date to remove from": (("assets", "remove", "BTC", "--from", "soon"), ["'soon' is not a date"]),
    "unknown target": ((*TUNE, "--target-col", "retrun"), ["no column 'retrun'", "did you mean 'log_return'?"]),
    "unknown table": ((*TUNE, "--market-table", "prices"), ["'prices' is not a table or view", "daily_market_data"]),
    "before the history": ((*TUNE[:4], "2010-01-01", *TUNE[5:]), ["2010-01-01"]),
    "dates swapped": ((*TUNE, "--start-date", "2021-01-01"), ["2021-01-01", "2019-12-31"]),
    "short history": (
        (*TUNE, "--start-date", "2019-09-01"),
        ["a study of two folds needs at least", "begin earlier, end later, or search shorter"],
    ),
    "no file": (("ingest", "none.csv", "--asset-id", "BTC"), ["cannot read none.csv: No such file"]),
    "folder as file": (("ingest", ".", "--asset-id", "BTC"), ["is a folder"]),
    "no asset": (("ingest", "kallos.db"), ["Missing option '--asset-id'"]),
    "no age": (("forecast", "--model", "m", "--max-age", "-1"), ["--max-age must be 0 or more, not -1"]),
    "no model": (("config", "space"), ["Missing argument 'MODEL': name one of ", "gru"]),
    "not a table": (("ingest", "kallos.db", "--asset-id", "BTC"), ["kallos.db"]),
    "no study": (("study", "show", "gru_btc"), ["no study 'gru_btc'"]),
    "no worker": ((*TUNE, "--workers", "0"), ["--workers must be a whole number of 1 or more, not 0"]),
    "negative wait": ((*TUNE, "--database-wait", "-1"), ["--database-wait must be 0 or more, not -1"]),
    "no study to reap": (("study", "reap", "gru_btc"), ["no study 'gru_btc'"]),
    "no study to rerun": (("study", "rerun", "gru_btc"), ["no study 'gru_btc'"]),
    "no number of a trial": (
        ("study", "rerun", "gru_btc", "--trial", "-1"),
        ["--trial must be a whole number of 0 or more, not -1"],
    ),
    "no study database": (("study", "list", "--db-url", "sqlite:///none.db"), ["none.db"]),
    "demo in a file": (("demo", "--folder", "kallos.db"), ["cannot create the folder kallos.db", "--folder"]),
    "demo without trials": (("demo", "--trials", "0"), ["--trials must be a whole number of 1 or more, not 0"]),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_in_two_lines(main_within, database, arguments, said):
    code, out, err = main_within(*arguments)
    assert code == 2, err
    assert out == ""
    lines = [line for line in err.splitlines() if not line.startswith(("features, chosen", "  "))]
    complaint = "\n".join(lines[next(n for n, line in enumerate(lines) if line.startswith("error: ")) :])
    assert len(complaint.splitlines()) <= 2, err
    assert "Traceback" not in err
    for words in said:
        assert words in complaint
    assert all(path.name.startswith("kallos.db") for path in database.parent.iterdir()), "something was left behind"


def test_a_feature_that_is_not_there(main_within, database, tmp_path):
    (tmp_path / "groups.toml").write_text('volume_features = ["volumen"]\n')
    code, _, err = main_within(*TUNE, "--features", "groups.toml")
    assert code == 2
    assert "no column 'volumen'" in err
    assert "volume" in err


def test_a_password_is_never_shown(main_within):
    code, out, err = main_within(*TUNE, "--db-url", "postgresql://me:s3cret@127.0.0.1:1/prices")
    assert code == 2
    assert "s3cret" not in out + err
    assert "127.0.0.1" in err


def test_a_failure_of_ours_is_one_line_and_with_debug_a_traceback(main_within, database, monkeypatch):
    def broken(*_arguments, **_settings):
        return 1 / 0

    # By its public name alone, which would otherwise be put back as what it is by then: the broken one.
    monkeypatch.setattr("kallos_tune.study_summaries", broken)
    code, out, err = main_within("study", "list")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "error: internal error: ZeroDivisionError: division by zero"
    assert "--debug" in err.splitlines()[1]
    for arguments in (("--debug", "study", "list"), ("study", "list", "--debug")):
        code, _, err = main_within(*arguments)
        assert code == 1
        assert "Traceback" in err
    monkeypatch.setenv("KALLOS_DEBUG", "1")
    assert "Traceback" in main_within("study", "list")[2]


# Each with what is said; in one process, since a start takes a second.
CHEAP = {
    (*TUNE, "--output", "none/x"): "no folder none",
    (*TUNE, "--features", "x.toml"): "cannot read x.toml",
    (*TUNE, "--model-name", "x"): "'x'",
    (*TUNE, "--end-date", "x"): "'x' is not a date",
}
BEFORE_THE_MODELS = {
    ("forecast", "--model", "none"): "no such folder",
    ("forecast", "--model", "."): "holds no card.json",
    ("evaluate", "--model", "none"): "no such folder",
    ("evaluate", "--forecasts", "none.csv", "--asset-id", "BTC"): "cannot read none.csv",
    ("train", "--study", "none"): "no study 'none'",
    ("train", "--params", "none.json"): "none.json",
    ("study", "rerun", "none"): "no study 'none'",
    ("tune", "--asset-id", "BTX", *TUNE[3:]): "'BTX' is not in table",
    (*TUNE, "--target-col", "retrun"): "no column 'retrun'",
}


@pytest.mark.parametrize(
    ("refused", "heavy"),
    [
        (CHEAP, ("torch", "darts", "optuna", "sqlalchemy")),
        (BEFORE_THE_MODELS, ("torch", "darts", "pytorch_lightning")),
    ],
    ids=["cheap", "before the models"],
)
def test_cheap_checks_come_before_heavy_imports(database, refused, heavy):
    code = f"""
import sys
from kallos_cli.app import main
for arguments in {list(refused)!r}:
    sys.argv = ["kallos-run", *arguments]
    print(main(), *[name for name in {heavy!r} if name in sys.modules])
    print("END", file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=database.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["2"] * len(refused), done.stderr
    for words, said in zip(refused.values(), done.stderr.split("END\n"), strict=False):
        assert words in said

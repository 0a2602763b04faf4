"""One file for a run: what it may say, who goes before it, and what is wrong with it, by line."""

import json
import re
from pathlib import Path

import pytest
import typer

from kallos_cli.app import app
from kallos_cli.config_file import has_password, nearest
from kallos_cli.config_keys import FREE_SECTIONS, keys, section_names
from kallos_cli.toml_lines import key_lines, line_of
from kallos_models import settings_of
from kallos_tune import FoldSettings, load_study, study_result

COMMANDS = typer.main.get_command(app).commands
# What belongs to one call, or has a section of its own.
OF_ONE_CALL = {"dry_run", "features", "no_indicators", "output_file", "require_evidence", "json", "quiet", "_debug"}
FILE = """
[study]
asset_id = "BTC"
end_date = 2019-12-31
study_name = "small"
n_trials = 1

[folds]
target_folds = 2

[training]
max_epochs = 1
seed = 10

[search.space]
hidden_dim = {low = 4, high = 8}
n_rnn_layers = 1
dropout = 0.1
input_chunk_length = {low = 4, high = 8}

[run]
workers = 1
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a configuration file where the command line looks for it."""

    def write(text: str, name: str = "kallos.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def shown(main_within):
    """Return a function that returns what ``config show`` says, by key."""

    def show(*arguments: object) -> dict:
        code, out, err = main_within(*arguments, "config", "show", "--json")
        assert code == 0, err
        return json.loads(out)["settings"]

    return show


def test_every_option_of_tune_that_can_be_set_has_one_key():
    found = [parameter for key in keys() for parameter in key.parameters if not key.commands or "tune" in key.commands]
    parameters = {each.name for each in COMMANDS["tune"].params}
    assert parameters - OF_ONE_CALL <= set(found)
    assert len({(key.section, key.name) for key in keys()}) == len(keys())
    of_tune = [name for name in found if name in parameters]
    assert sorted(of_tune) == sorted(set(of_tune)), "no option has two keys"
    assert not {key.section for key in keys()} - set(section_names())
    assert set(FREE_SECTIONS) <= set(section_names())


def test_a_key_is_named_as_its_setting_and_knows_its_option():
    by_parameter = {
        parameter.name: parameter for command in ("tune", "train") for parameter in COMMANDS[command].params
    }
    for key in keys():
        (option, *_) = [by_parameter[name] for name in key.parameters if name in by_parameter]
        assert key.flag in option.opts, key
        assert key.variable == option.envvar, key
    assert {key.name for key in keys() if key.section == "folds"} == {each.name for each in settings_of(FoldSettings)}


def test_a_study_s_own_questions_are_answered_for_tune_alone():
    taking = {
        f"{name}.{parameter.name}"
        for key in keys()
        for name, command in COMMANDS.items()
        for parameter in getattr(command, "params", [])
        if parameter.name in key.parameters and (not key.commands or name in key.commands)
    }
    assert {"tune.asset_id", "train.study", "train.device", "ingest.db_url", "evaluate.market_table"} <= taking
    assert not taking & {"ingest.asset_id", "ingest.frequency", "ingest.max_gap", "evaluate.asset_id", "demo.workers"}
    assert not taking & {"evaluate.purge", "evaluate.metric", "forecast.asset_id"}


def test_one_file_tunes_trains_and_is_compared_when_it_changes(main_within, database, write):
    path = write(FILE)
    code, out, err = main_within("tune")
    assert code == 0, err
    assert err.startswith("settings from kallos.toml\n")
    result = study_result(load_study(f"sqlite:///{database}", "small"))
    assert result.best_params["dropout"] == 0.1, "a value that is fixed is one of the best"
    assert 4 <= result.best_params["hidden_dim"] <= 8
    assert (result.made_with["seed"], len(result.definition["folds"])) == (10, 2)

    code, out, err = main_within("train", "--quiet", "--json")
    assert (code, len(err.splitlines())) == (0, 1), err
    assert err.startswith("study small: verdict: ")
    assert json.loads(out)["model_name"] == "gru"

    path.write_text(FILE.replace("dropout = 0.1", "dropout = 0.2"))
    code, _, err = main_within("tune")
    assert code == 2
    assert "search_space was dropout 0.1, now dropout 0.2" in err
    path.write_text(FILE.replace("seed = 10", "seed = 11"))
    code, _, err = main_within("tune")
    assert code == 2
    assert "training.seed (kallos.toml, line 13) was 10, now 11" in err
    code, _, err = main_within("tune", "--seed", "12")
    assert "--seed was 10, now 12" in err
    assert main_within("tune", "--seed", "10", "--quiet")[0] == 0


def test_typed_goes_before_the_environment_that_before_the_file_and_that_before_the_default(
    main_within, write, monkeypatch
):
    write('[database]\nurl = "sqlite:///file.db"\n[tables]\nid_column = "asset"\n[study]\nn_trials = 7\n')
    monkeypatch.setenv("KALLOS_DB_URL", "sqlite:///environment.db")
    code, out, _ = main_within("config", "show", "--n-trials", "9", "--folds", "3", "--json")
    assert code == 0
    found = json.loads(out)["settings"]
    assert found["database.url"] == {
        "value": "sqlite:///environment.db",
        "origin": "environment, KALLOS_DB_URL",
        "line": None,
    }
    assert found["tables.id_column"] == {"value": "asset", "origin": "kallos.toml", "line": 4}
    assert found["study.n_trials"] == {"value": 9, "origin": "command line", "line": None}
    assert found["folds.target_folds"]["value"] == 3
    assert found["training.patience"] == {"value": 5, "origin": "default", "line": None}
    assert found["study.asset_id"]["value"] is None


def test_show_says_where_columns_and_the_space_come_from(main_within, write):
    write('[features]\nvolume_features = ["volume"]\n[search.space]\ndropout = 0.1\n')
    code, out, _ = main_within("config", "show")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert re.search(r"volume +kallos.toml, line 2$", lines["features.volume_features"])
    assert re.search(r"0\.1 +kallos.toml, line 4$", lines["search.space.dropout"])
    assert re.search(r"32 to 256, log scale +default$", lines["search.space.hidden_dim"])
    code, _, err = main_within("config", "show", "--model-name", "transformer", "--folds", "1")
    assert (code, "--folds must be a whole number of 2 or more, not 1" in err) == (2, True)


def test_a_password_is_hidden_and_warned_of_and_never_printed(main_within, write):
    write('\n[database]\nurl = "postgresql://me:s3cret@nowhere.invalid/prices"\n')
    for arguments in (("config", "show"), ("config", "show", "--json"), ("tune", "--help"), ("study", "list")):
        _, out, err = main_within(*arguments)
        assert "s3cret" not in out + err, arguments
    _, out, err = main_within("config", "show")
    assert "://me:***@nowhere.invalid/prices" in out
    assert "warning: kallos.toml, line 3: database.url holds a password" in err
    assert "KALLOS_DB_URL" in err


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("postgresql://me:pw@host/db", True),
        ("postgresql://me:p@:w@host/db", True),
        ("postgresql://host/db?user=me&password=pw", True),
        ("postgresql://me@host:5432/db", False),
        ("sqlite:///a:b@c.db", False),
    ],
)
def test_what_holds_a_password(url, holds):
    assert has_password(url) is holds


def test_the_nearest_file_upwards_is_used_and_none_above_home(shown, tmp_path, monkeypatch, write):
    write("[study]\nn_trials = 3\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert shown()["study.n_trials"]["value"] == 3
    (tmp_path / "a" / "kallos.toml").write_text("[study]\nn_trials = 4\n")
    assert shown()["study.n_trials"]["value"] == 4
    assert shown("--no-config")["study.n_trials"]["origin"] == "default"
    assert shown("--config", "")["study.n_trials"]["origin"] == "default"
    assert shown("--config", tmp_path / "kallos.toml")["study.n_trials"]["value"] == 3
    monkeypatch.setenv("KALLOS_CONFIG", str(tmp_path / "kallos.toml"))
    assert shown()["study.n_trials"]["value"] == 3
    monkeypatch.setenv("HOME", str(below))
    (tmp_path / "a" / "kallos.toml").unlink()
    assert nearest(below) is None
    assert nearest(tmp_path / "a") == tmp_path / "kallos.toml", "is not below that home"


def test_a_database_is_named_from_where_the_file_is(main_within, database, write, tmp_path, monkeypatch):
    write('[database]\nurl = "sqlite:///kallos.db"\n')
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    code, out, err = main_within("assets", "list")
    assert (code, "BTC" in out) == (0, True), err
    assert err == f"settings from {tmp_path / 'kallos.toml'}\n"
    assert not list(below.iterdir())


def test_what_comes_next_leads_to_the_same_file(main_within, database, write, tmp_path):
    write('[database]\nurl = "sqlite:///kallos.db"\n', "other.toml")
    code, _, err = main_within("--config", "other.toml", "init", "--output", "new.toml")
    assert code == 0, err
    assert "kallos-run --config new.toml tune" in err
    database.rename(tmp_path / "prices.db")
    write('[database]\nurl = "sqlite:///prices.db"\n', "other.toml")
    file = tmp_path / "market.csv"
    from kallos_data import simulate_market

    simulate_market(40, seed=2).write_csv(file)
    _, _, err = main_within("--config", "other.toml", "ingest", file, "--asset-id", "ETH")
    assert "kallos-run --config other.toml tune --asset-id ETH" in err
    assert "--db-url" not in err, "is in the file"


def test_the_file_is_named_where_something_is_done_because_of_it(main_within, database, write, monkeypatch):
    def is_named(*arguments):
        return "settings from kallos.toml\n" in main_within(*arguments)[2]

    write('[database]\nurl = "sqlite:///none.db"\n[run]\nworkers = 1\n')
    assert not is_named("study", "list")
    assert not is_named("assets", "show", "BTC")
    assert not is_named("dashboard")
    assert not is_named("init", "--output", "new.toml")
    assert is_named("study", "delete", "list")
    assert is_named("assets", "remove", "BTC", "--yes")
    ingest = ("ingest", "none.csv", "--asset-id", "X")
    assert is_named(*ingest)
    assert not is_named(*ingest, "--db-url", "sqlite:///other.db")
    assert not is_named(*ingest, "--db-url=sqlite:///other.db")
    monkeypatch.setenv("KALLOS_DB_URL", "sqlite:///other.db")
    assert not is_named(*ingest)
    monkeypatch.delenv("KALLOS_DB_URL")
    write('[database]\nurl = "sqlite:///kallos.db"\n[study]\nn_trials = 50\n')
    assert not is_named(*ingest), "it would do the same without"
    tune = ("tune", "--asset-id", "ETH", "--end-date", "2019-12-31", "--study-name", "s")
    assert not is_named(*tune)
    write('[features]\nvolume_features = ["volume"]\n')
    assert is_named(*tune)
    assert not is_named(*ingest)


@pytest.mark.parametrize("words", [("--quiet",), ("--json",)])
def test_nothing_is_said_where_only_the_result_is_wanted(main_within, database, write, words):
    write('[database]\nurl = "sqlite:///kallos.db"\n')
    command = ("study", "list") if words == ("--json",) else ("ingest", "none.csv", "--asset-id", "X")
    assert "settings from" not in main_within(*command, *words)[2]


def test_indicators_can_be_left_out_and_a_file_of_features_goes_first(main_within, database, write):
    of_close = FILE.replace("n_trials = 1", 'n_trials = 1\ntarget_col = "close"')
    write(of_close + '[tables]\nindicators = ""\n[features]\nvolume_features = ["volume"]\n')
    code, _, err = main_within("tune", "--quiet")
    assert code == 0, err
    definition = study_result(load_study(f"sqlite:///{database}", "small")).definition
    assert (definition["indicators_table"], definition["feature_groups"]) == (None, {"volume_features": ["volume"]})
    groups = write('unbounded_features = ["open"]\n', "groups.toml")
    code, _, err = main_within("tune", "--quiet", "--features", groups)
    assert (code, "--features was" in err) == (2, True)


def test_the_file_that_the_readme_shows_is_one(main_within, write):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (example,) = [each for each in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[study]" in each]
    write(example)
    code, out, err = main_within("config", "show", "--json")
    assert code == 0, err
    found = json.loads(out)["settings"]
    assert found["study.end_date"] == {"value": "2023-01-01", "origin": "kallos.toml", "line": 3}
    assert (found["search.space.dropout"]["value"], found["run.workers"]["value"]) == ("0.1", 4)
    assert found["search.space.n_heads"]["value"] == "2 to 8 in steps of 2"


# What the file holds, the line that is named, and what is said of it.
MISTAKES = {
    "unknown section": ("\n[studdy]\n", 2, "no section [studdy]; did you mean [study]?"),
    "unknown section far off": ("[zzz]\n", 1, "no section [zzz]; there are [database], [tables], [fea"),
    "unknown key": ("[study]\n\nn_trial = 3\n", 3, "no key study.n_trial; did you mean study.n_trials?"),
    "key of another section": ("[study]\nseed = 3\n", 2, "no key study.seed; did you mean training.seed?"),
    "spelled as the option": ("[folds]\nfolds = 3\n", 2, "no key folds.folds; did you mean folds.target_folds?"),
    "key in no section": ("seed = 3\n", 1, "seed stands in no section: it belongs below [training]"),
    "section as value": ("study = 3\n", 1, "study must be a section: write it as [study]"),
    "wrong type": (
        '[training]\nmax_epochs = "30"\n',
        2,
        "training.max_epochs must be a whole number from 1 to 1000000, not '30'",
    ),
    "out of range": (
        "[folds]\n# two at least\ntarget_folds = 1\n",
        3,
        "folds.target_folds must be a whole number of 2 or more, not 1",
    ),
    "no choice": ('[folds]\nmetric = "mse"\n', 2, "folds.metric must be one of rmse, mae, not 'mse'"),
    "no date": (
        '[study]\nend_date = "soon"\n',
        2,
        "study.end_date 'soon' is not a date: write 2023-01-01, or 2023-01-01T12:00 (UTC)",
    ),
    "blank": ('[study]\nasset_id = " "\n', 2, "study.asset_id must not be empty"),
    "no trial": ("[study]\nn_trials = 0\n", 2, "study.n_trials must be a whole number of 1 or more"),
    "unknown model": ('[study]\nmodel_name = "gur"\n', 2, "study.model_name must be one of gru, lstm"),
    "url of a wrong type": (
        '[database]\nurl = ["postgresql://me:s3cret@host/db"]\n',
        2,
        "database.url must be text in quotes\n",
    ),
    "array of sections": ("[[study]]\n", 1, "study must be a section: write it as [study]\n"),
    "columns as text": (
        '[features]\nvolume_features = "volume"\n',
        2,
        "features.volume_features must be a list of column names, not 'volume'",
    ),
    "space as text": ('[search]\nspace = "big"\n', 2, "search.space must be a section"),
}
# Each in the second line after a head of four.
MISTAKES_OF_TUNE = {
    "unknown group": ('[features]\nvolumes = ["volume"]\n', "features.volumes "),
    "target as feature": ('[features]\nlog_return_features = ["log_return"]\n', "features.log_return_features "),
    "unknown hyperparameter": (
        "[search.space]\nn_heads = 4\n",
        "search.space.n_heads is no hyperparameter of gru: there are",
    ),
    "impossible range": (
        "[search]\nspace.dropout = {low = 0.5, high = 0.1}\n",
        "search.space.dropout must not have a high below its low: 0.1 is below 0.5",
    ),
}


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_line(main_within, write, text, line, said):
    write(text)
    code, out, err = main_within("study", "list")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: kallos.toml, line {line}: {said}")
    assert "s3cret" not in err
    assert main_within("study", "list", "--help")[0] == 0, "help is there whatever the file says"


@pytest.mark.parametrize(("text", "said"), MISTAKES_OF_TUNE.values(), ids=MISTAKES_OF_TUNE)
def test_a_mistake_in_columns_and_space_is_named_by_tune(main_within, database, write, text, said):
    head = '[study]\nasset_id = "BTC"\nend_date = "2019-12-31"\nstudy_name = "s"\n'
    write(head + text)
    code, out, err = main_within("tune")
    assert (code, out) == (2, "")
    assert f"error: kallos.toml, line 6: {said}" in err


def test_what_the_library_refuses_later_names_the_key_with_its_line(main_within, database, write):
    write('[study]\nasset_id = "ETH"\nend_date = "2019-12-31"\nstudy_name = "s"\nfrequency = "1x"\n')
    code, _, err = main_within("tune")
    assert code == 2
    assert "error: study.frequency (kallos.toml, line 5) " in err
    _, _, err = main_within("tune", "--frequency", "2x")
    assert "error: --frequency " in err


def test_a_file_that_is_not_there_or_not_text(main_within, tmp_path):
    code, _, err = main_within("--config", "none.toml", "study", "list")
    assert (code, err) == (
        2,
        "error: cannot read none.toml: No such file or directory; name another file with --config\n",
    )
    (tmp_path / "kallos.toml").write_bytes(b"\xff")
    assert "error: kallos.toml is not UTF-8 text: byte 0" in main_within("study", "list")[2]


LINES = """# a comment with = in it
top = 1
[a]  # the first
x = [
  1,  # y = 2
  2,
]
"quoted key" = "a # b"
text = \"\"\"
[b]
z = 3
\"\"\"
c.d = 4
e = {f = 5, g = {h = 6}}

[b.c]
x = 7
[[list]]
x = 8
"""


def test_lines_are_found_below_their_tables_whatever_the_values_hold():
    found = key_lines(LINES)
    assert found == {
        ("top",): 2,
        ("a",): 3,
        ("a", "x"): 4,
        ("a", "quoted key"): 8,
        ("a", "text"): 9,
        ("a", "c"): 13,
        ("a", "c", "d"): 13,
        ("a", "e"): 14,
        ("a", "e", "f"): 14,
        ("a", "e", "g"): 14,
        ("a", "e", "g", "h"): 14,
        ("b",): 16,
        ("b", "c"): 16,
        ("b", "c", "x"): 17,
        ("list",): 18,
        ("list", "x"): 19,
    }
    assert found == key_lines(LINES.replace("\n", "\r\n"))
    assert line_of(found, ("b", "c", "none")) == 16
    assert line_of(found, ("none",)) is None

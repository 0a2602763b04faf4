"""A configuration file from what the database holds: it loads, says what was found, and replaces nothing unasked."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from kallos_cli.config_keys import keys
from kallos_cli.config_reading import read
from kallos_cli.end_of_study import end_of_study
from kallos_data import FeatureTables, default_feature_groups, describe_asset, ingest_file, simulate_market
from kallos_tune import SEARCH_SPACE, read_space


def test_the_file_loads_and_says_what_the_database_holds(main_within, database, tmp_path):
    code, out, err = main_within("init")
    assert (code, out) == (0, "written to kallos.toml: BTC, 365 rows\n"), err
    assert "kallos-run tune" in err
    file = read(tmp_path / "kallos.toml")
    found = {str(key): value for key, value in file.values.items()}
    details = describe_asset(f"sqlite:///{database}", "BTC")
    filled = [name for table in details.columns.values() for name, missing in table.items() if missing < 365]
    assert found == {
        "database.url": "sqlite:///kallos.db",
        "study.asset_id": "BTC",
        "study.end_date": end_of_study(details.summary.step, 365, details.summary.last),
        "study.study_name": "gru_btc",
        "study.target_col": "log_return",
    }
    assert file.features == default_feature_groups(filled, "log_return")
    text = (tmp_path / "kallos.toml").read_text()
    assert "too few" not in text + err
    assert "365 rows, one a day, 2019-01-01 to 2019-12-31. There is no other asset." in text
    assert '# In no group: "open", "high", "low", "close"' in text
    assert all(len(line) <= 120 for line in text.splitlines() if line.startswith("#"))


def test_where_too_few_rows_are_there_to_leave_some_out_it_is_told(main_within, tmp_path):
    simulate_market(330, start="2019-01-01").write_csv(tmp_path / "short.csv")
    main_within("ingest", "short.csv", "--asset-id", "SHORT")
    code, _, err = main_within("init")
    told = "330 rows are too few to keep some unseen: evaluate will need newer ones"
    assert (code, told in err.splitlines()) == (0, True)
    assert f"# {told}.\nend_date = " in (tmp_path / "kallos.toml").read_text()


def test_every_key_stands_in_it_and_can_be_set_by_taking_its_comment_sign_away(main_within, database, tmp_path):
    main_within("init")
    path = tmp_path / "kallos.toml"
    text = re.sub(r"^# (\w+ = )", r"\1", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    file = read(path)
    assert {str(key) for key in file.values} == {str(key) for key in keys()}
    assert read_space(file.space, "gru").items() >= SEARCH_SPACE.items()
    assert main_within("config", "show")[0] == 0


def test_what_it_wrote_is_what_tune_uses(main_within, database, tmp_path):
    assert main_within("init")[0] == 0
    code, out, _ = main_within("config", "show", "--json")
    found = json.loads(out)["settings"]
    assert code == 0
    assert found["study.asset_id"]["origin"] == "kallos.toml"
    tiny = ("--max-epochs", "1", "--folds", "2", "--seed", "10", "--n-trials", "1", "--workers", "1", "--quiet")
    code, _, err = main_within("tune", *tiny)
    assert code == 0, err
    assert (tmp_path / "gru_btc_best_params.json").exists()


def test_a_file_that_is_there_is_replaced_by_force_alone(main_within, database, tmp_path):
    path = tmp_path / "kallos.toml"
    path.write_text("# mine\n")
    code, out, err = main_within("init")
    assert (code, out) == (2, "")
    assert err == "error: kallos.toml exists already: name another with --output, or replace it with --force\n"
    assert path.read_text() == "# mine\n"
    assert main_within("init", "--force")[0] == 0
    assert read(path).values


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///none.db", "none.db"),
        ("postgresql://me@127.0.0.1:1/prices", "127.0.0.1"),
    ],
)
def test_a_database_that_is_not_there_is_named(main_within, tmp_path, url, said):
    code, out, err = main_within("init", "--db-url", url)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err
    assert not (tmp_path / "kallos.toml").exists()


def test_without_an_asset_it_says_what_to_do_first(main_within, database):
    assert main_within("assets", "remove", "BTC", "--yes")[0] == 0
    code, out, err = main_within("init")
    assert (code, out) == (2, "")
    assert "there is no asset in table daily_market_data of sqlite:///kallos.db" in err
    assert "ingest prices first: kallos-run ingest" in err


def test_the_asset_with_the_newest_row_or_the_one_named(main_within, database, tmp_path):
    later = tmp_path / "later.csv"
    simulate_market(400, seed=2).write_csv(later)
    ingest_file(later, 'odd "id"', f"sqlite:///{database}")
    assert main_within("init")[0] == 0
    path = tmp_path / "kallos.toml"
    assert tomllib.loads(path.read_text())["study"]["asset_id"] == 'odd "id"'
    assert 'Other assets: "BTC".' in path.read_text()
    assert main_within("init", "--asset-id", "BTC", "--output", "btc.toml")[0] == 0
    assert tomllib.loads(Path("btc.toml").read_text())["study"]["asset_id"] == "BTC"
    code, _, err = main_within("init", "--asset-id", "BTX", "--output", "x.toml")
    assert (code, "'BTX' is not in table" in err) == (2, True)


def test_tables_of_other_names_are_written(main_within, tmp_path, market_csv):
    url = f"sqlite:///{tmp_path / 'other.db'}"
    ingest_file(market_csv, "BTC", url, tables=FeatureTables("candles", None, "symbol", "time"))
    code, _, err = main_within(
        *("init", "--db-url", url, "--market-table", "candles", "--indicators-table", ""),
        *("--id-column", "symbol", "--timestamp-column", "time"),
    )
    assert code == 0, err
    found = {str(key): value for key, value in read(tmp_path / "kallos.toml").values.items()}
    assert {name: value for name, value in found.items() if name.startswith("tables")} == {
        "tables.market": "candles",
        "tables.indicators": "",
        "tables.id_column": "symbol",
        "tables.timestamp_column": "time",
    }
    assert found["study.target_col"] == "close", "there is no log_return"

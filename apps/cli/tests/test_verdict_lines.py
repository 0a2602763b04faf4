"""What ``tune`` says of evidence: how it ends, what it leaves unseen, and when a verdict is out of date."""

import json
import re

import pytest

from kallos_data import simulate_market
from kallos_tune import load_study
from kallos_tune.study_verdict import VERDICT

SMALL = ("--asset-id", "BTC", "--n-trials", "1", "--max-epochs", "1", "--folds", "2", "--seed", "10")
STEPS = 330


@pytest.fixture
def market(main_within, tmp_path):
    """Ingest a market of noise, and return what is said."""
    simulate_market(STEPS, signal=0.0, seed=1, start="2019-01-01").write_csv(tmp_path / "btc.csv")
    code, _, err = main_within("ingest", "btc.csv", "--asset-id", "BTC")
    assert code == 0, err
    return err


@pytest.mark.parametrize(("asked_for", "code"), [((), 0), (("--require-evidence",), 3)])
def test_no_evidence_is_a_result_unless_it_is_required(main_within, market, asked_for, code):
    ended, out, err = main_within("tune", *SMALL, "--end-date", "2019-10-31", "--study-name", "noise", *asked_for)
    assert ended == code, err
    assert "verdict: beats" not in out
    assert re.search(r"^verdict: .*do not trade on it", out, re.MULTILINE)
    assert "26 rows after 2019-10-31: kept unseen, for a later test of what the study finds" in err


def test_where_nothing_is_left_unseen_it_is_told(main_within, market):
    code, _, err = main_within("tune", *SMALL, "--end-date", "2019-11-26", "--study-name", "noise")
    assert code == 0
    assert "warning: no row lies after 2019-11-26, so none is left for a later test of what the study finds" in err


def test_a_first_study_is_told_to_leave_the_last_rows(main_within, market, tmp_path):
    # Too short to do without them.
    assert "--end-date 2019-11-26" in market
    simulate_market(1000, signal=0.0, seed=1, start="2019-01-01").write_csv(tmp_path / "long.csv")
    _, _, err = main_within("ingest", "long.csv", "--asset-id", "LONG")
    assert "without the last 15% of the rows: they can show later what it is worth" in err
    # 150 days before 2021-09-26, the last one.
    assert "--end-date 2021-04-29" in err


def test_a_verdict_that_is_out_of_date_is_told(main_within, market, tmp_path):
    main_within("tune", *SMALL, "--end-date", "2019-10-31", "--study-name", "noise")
    study = load_study(f"sqlite:///{tmp_path}/kallos.db", "noise")
    study.set_user_attr(VERDICT, study.user_attrs[VERDICT] | {"n_trials": 0})
    code, out, err = main_within("study", "show", "noise")
    assert code == 0, err
    assert "(judged after 0 trials of the 1 that are finished by now: kallos-run tune judges anew at its end)" in out
    code, table, err = main_within("study", "list")
    assert code == 0, err
    assert " ".join(table.split()).partition("verdict ")[0].endswith("running metric best naive ")
    # What defines the study, from the same tables as the report's.
    words = " ".join(out.split())
    assert "The folds: 2 windows of training and validation fold training from to validation from to" in words
    assert " hidden_dim int 32 to 256 log n_rnn_layers int 1 to 4 linear " in words
    code, out, err = main_within("study", "list", "--json")
    assert code == 0, err
    listed = json.loads(out)["studies"]
    assert listed[0]["metric"] == "rmse"
    assert listed[0]["verdict"] in ("no evidence", "worse", "not judged")

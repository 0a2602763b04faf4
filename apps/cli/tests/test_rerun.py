"""``study rerun``: 0 and "the same to the last digit", or 1 and what differs."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

SMALL = ("--n-trials", "1", "--workers", "1", "--quiet")


@pytest.fixture
def study(main_within, tune_arguments, database):
    code, _, err = main_within(*tune_arguments, *SMALL)
    assert code == 0, err


def test_the_same_scores_are_said_in_a_table_and_a_sentence(main_within, study):
    code, out, err = main_within("study", "rerun", "small")
    assert code == 0, err
    assert "Trial 0 of study small (gru)" in out
    assert "stored rmse" in out
    rows = re.findall(r"^ *([12]) +2019-\d\d-\d\d +2019-\d\d-\d\d +(\S+) +(\S+) +yes *$", out, re.MULTILINE)
    assert [number for number, _, _ in rows] == ["1", "2"]
    assert all(stored == new for _, stored, new in rows)
    assert out.splitlines()[-1] == "rerun: all 2 scores are the same to the last digit"
    said = err.splitlines()
    assert "study small: trial 0 is run again" in said
    assert len([line for line in said if re.match(r"fold [12] of 2: error ", line)]) == 2
    assert said[-2:] == ["Next, look at all trials of the study:", "  kallos-run study show small"]


def test_a_changed_price_is_named_by_its_month_and_the_code_is_1(main_within, study, database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE daily_technical_indicators SET rsi = 99 WHERE timestamp LIKE '2019-06-1%' AND rsi IS NOT NULL"
        )
    code, out, err = main_within("study", "rerun", "small", "--trial", "0")
    assert code == 1
    assert "error" not in err.splitlines()[-1]
    *_, sentence, data = out.splitlines()
    assert re.fullmatch(r"rerun: [12] of 2 scores differs? from what is stored; what differs since:", sentence)
    assert data == "  data: the data differ in 2019-06, and in no other month"


def test_json_is_one_object_and_quiet_says_nothing(main_within, study):
    code, out, err = main_within("study", "rerun", "small", "--json", "--quiet")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["trial"], found["equal"], found["versions"], found["data"], found["settings"]) == (
        0,
        True,
        {},
        None,
        {},
    )
    assert [fold["stored"] for fold in found["folds"]] == [fold["new"] for fold in found["folds"]]


def test_a_trial_that_is_not_there(main_within, study):
    code, out, err = main_within("study", "rerun", "small", "--trial", "7", "--quiet")
    assert (code, out) == (2, "")
    assert err.splitlines() == ["error: --trial 7 is not a trial of study 'small', which has trial 0 alone"]

"""Errors: one shape, facts as attributes that cross processes, and messages that name their argument first."""

import pickle
import subprocess
import sys

import pytest

from kallos_data import (
    AssetNotFoundError,
    ConfigError,
    DatabaseError,
    DataQualityError,
    InsufficientDataError,
    KallosError,
    MissingColumnsError,
)

EVERY = [
    KallosError("is wrong", "max_gap"),
    ConfigError("must be 1 or more, not 0", "max_gap"),
    ConfigError("no database is given"),
    DatabaseError("the server is away"),
    DataQualityError("column 'x' is infinite"),
    AssetNotFoundError("btc", ["BTC", "ETH"], table="m"),
    MissingColumnsError(["x"], ["y", "z"]),
    MissingColumnsError(["x"], ["y"], where="table 'm'", parameter="target_col"),
    InsufficientDataError(9, 5, purpose="one fold", remedy="load more"),
]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_crosses_processes_with_all_that_it_says(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.args == error.args == (error.problem, error.parameter)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_the_argument_comes_first_and_is_a_fact_of_its_own():
    error = ConfigError("must be 1 or more, not 0", "max_gap")
    assert (str(error), error.problem, error.parameter) == (
        "max_gap must be 1 or more, not 0",
        "must be 1 or more, not 0",
        "max_gap",
    )
    assert str(ConfigError("no database is given")) == "no database is given"


def test_messages_of_facts():
    messages = [str(error) for error in EVERY[5:]]
    assert messages == [
        "asset_id 'btc' is not in table 'm': did you mean 'BTC'?",
        "the frame has no column 'x': it has 'y', 'z'",
        "target_col names 'x', but table 'm' has no such column: it has 'y'",
        "one fold needs at least 9 rows, and there are 5: load more",
    ]


def test_every_class_is_also_the_built_in_that_it_resembles():
    built_ins = [ValueError, ValueError, ConnectionError, ValueError, LookupError]
    for error, built_in in zip(EVERY[1:], built_ins, strict=False):
        assert isinstance(error, KallosError)
        assert isinstance(error, built_in)
    error = DatabaseError("refused", "url")
    assert (error.errno, error.strerror, str(error)) == (None, None, "url refused")


@pytest.mark.parametrize("name", ["FeatureTables", "FeatureGroups", "check_feature_groups", "ConfigError"])
def test_what_is_only_passed_on_is_light(name):
    code = f"from kallos_data import {name}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    heavy = {"sqlalchemy", "polars", "numpy", "sklearn", "narwhals", "talib"}
    assert not heavy & set(done.stdout.split())

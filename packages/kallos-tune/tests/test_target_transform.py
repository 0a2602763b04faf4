"""What a study learns of its target: chosen once, stored, told, and kept by whoever resumes it."""

import logging

import polars as pl
import pytest

from kallos_data import ConfigError as DataConfigError
from kallos_tune import (
    ConfigError,
    StudyMismatchError,
    StudyOpened,
    current_definition,
    load_study_data,
    run_tuning,
    study_names,
    study_result,
)
from kallos_tune.learnt import learnt_in_words
from kallos_tune.study_definition import DEFINITION


@pytest.fixture
def priced(database, history, write_history) -> str:
    """A database whose target is a price: the returns of before, summed up."""
    write_history(database, history.with_columns(ret=100 * pl.col("ret").cum_sum().exp()))
    return database


@pytest.fixture
def opened():
    events = []

    def listen(event):
        if isinstance(event, StudyOpened):
            events.append(event)

    return listen, events


def test_returns_are_learnt_as_they_are(tune, opened):
    listen, events = opened
    study = tune(on_event=listen)
    assert current_definition(study.user_attrs)["target_transform"] == "none"
    assert events[0].learnt is None


def test_of_a_price_the_log_change_is_learnt_without_asking(tune, priced, opened, groups, settings):
    listen, events = opened
    study = tune(on_event=listen)
    assert study_result(study).definition["target_transform"] == "log_difference"
    told = "ret moves like a random walk: its log change is learnt, forecasts are put back into ret"
    assert events[0].learnt == told
    data = load_study_data("X", "2021-04-30", priced, "ret", groups, settings=settings)
    assert data.target_transform == "log_difference"
    assert study_result(study).fold_naive_scores == [*data.naive.fold_scores]
    assert study_result(study).best_score < 1.3 * study_result(study).naive_score


@pytest.mark.parametrize("transform", ["none", "difference"])
def test_who_asks_is_given_what_was_asked_for(tune, priced, opened, transform):
    listen, events = opened
    study = tune(target_transform=transform, on_event=listen)
    assert current_definition(study.user_attrs)["target_transform"] == transform
    told = {"none": None, "difference": "the change of ret is learnt, forecasts are put back into ret"}
    assert events[0].learnt == told[transform]


def test_what_is_learnt_is_part_of_what_a_study_is_about(tune, priced):
    tune(target_transform="difference")
    with pytest.raises(StudyMismatchError) as mismatch:
        tune(2, target_transform="log_difference")
    assert mismatch.value.differences == {"target_transform": ("difference", "log_difference")}
    # Left to find out, it goes on as it is.
    study = tune(2)
    assert len(study.trials) == 2
    assert current_definition(study.user_attrs)["target_transform"] == "difference"


def test_studies_made_before_learn_the_values_and_are_resumed_so(tune, priced, caplog):
    study = tune(target_transform="none")
    made_before = {key: value for key, value in study.user_attrs[DEFINITION].items() if key != "target_transform"}
    study.set_user_attr(DEFINITION, made_before)
    with caplog.at_level(logging.WARNING):
        resumed = tune(2)
    assert len(resumed.trials) == 2
    assert "study s learns the values of ret, as it was begun; a new study would learn the log change" in caplog.text
    assert study_result(resumed).definition["target_transform"] == "none"
    with pytest.raises(StudyMismatchError, match="target_transform"):
        tune(3, target_transform="log_difference")


def test_it_is_a_keyword_of_the_main_function(priced, groups, settings):
    arguments = ("X", "2021-04-30", priced, None, "gru", "s", "ret", groups, 1)
    study = run_tuning(*arguments, settings=settings, target_transform="difference")
    assert current_definition(study.user_attrs)["target_transform"] == "difference"
    with pytest.raises(ConfigError, match="target_transform must be one of auto, none, difference, log_difference"):
        run_tuning(*arguments, target_transform="log")


def test_a_target_without_logarithms_is_refused_before_there_is_a_study(tune, priced, history, write_history):
    touching = pl.when(pl.int_range(pl.len()) == 100).then(0.0).otherwise(100 * pl.col("ret").cum_sum().exp())
    write_history(priced, history.with_columns(ret=touching))
    message = "target_transform is log_difference, which needs values above 0, and ret is 0 at 2021-04-11 00:00Z"
    with pytest.raises(DataConfigError, match=message):
        tune(target_transform="log_difference")
    assert study_names(priced) == []
    assert current_definition(tune().user_attrs)["target_transform"] == "difference"


def test_steps_after_a_hole_are_not_scored(tune, priced, history, write_history, groups, settings):
    price = history.with_columns(ret=100 * pl.col("ret").cum_sum().exp())
    write_history(priced, price.filter(~pl.int_range(pl.len()).is_in([50, 110])))
    data = load_study_data("X", "2021-04-30", priced, "ret", groups, settings=settings)
    assert data.target_transform == "log_difference"
    assert data.n_filled == [(1, 0), (1, 1)]
    # The filled step itself, the one after it, and the first of all.
    assert [int((~fold.observed).sum()) for fold in data.folds] == [3, 5]


def test_a_price_that_keeps_to_its_mean_is_told():
    words = "close seems to keep to its mean: its values are learnt, not its changes"
    assert learnt_in_words("close", "none", "auto") == words
    assert learnt_in_words("log_return", "none", "auto") is None
    assert learnt_in_words("close", "none", "none") is None

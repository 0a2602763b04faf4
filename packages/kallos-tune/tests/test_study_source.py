"""A study is loaded again from what it keeps, whatever it was read and cut with."""

import json
from datetime import date

import pytest

from kallos_data import FeatureTables, InsufficientDataError
from kallos_tune import load_study_data
from kallos_tune.study_source import data_of_study, reading_of, settings_of

CHANGES = [
    {},
    {"purge": 3, "window": "rolling", "target_folds": 3},
    {"metric": "mae", "val_share": 0.5, "start_date": "2021-01-11"},
    {"forecast": "recursive", "start_date": date(2021, 1, 6), "max_gap": 3, "frequency": "1d"},
]


def as_kept(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("changes", CHANGES)
def test_what_is_loaded_again_has_the_same_definition(database, groups, settings, changes):
    data = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings.changed(**changes))
    definition = as_kept(data.definition("gru"))
    again = data_of_study(definition, database, reading=as_kept(reading_of(data.settings.history)))
    assert again.definition("gru") == definition
    assert again.target_transform == data.target_transform


def test_a_study_that_keeps_no_reading_is_read_from_its_first_step_on(database, groups, settings):
    data = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings)
    definition = as_kept(data.definition("gru"))
    assert settings_of(definition).history.start_date == definition["first"]
    assert data_of_study(definition, database).definition("gru") == definition


def test_tables_are_kept_with_the_names_of_their_keys(database, groups, settings):
    tables = FeatureTables("daily_market_data", None, "coin", "day", "other")
    kept = as_kept(reading_of(settings.changed(tables=tables).history))
    definition = as_kept(
        load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings).definition("gru")
    )
    assert settings_of(definition, kept).history.tables == tables


def test_folds_whose_rows_were_removed_are_refused(database, groups, settings, history, write_history):
    data = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings)
    definition = as_kept(data.definition("gru"))
    write_history(database, history[30:])
    with pytest.raises(InsufficientDataError, match=r"as the study has it .*its rows were removed since"):
        data_of_study(definition, database)

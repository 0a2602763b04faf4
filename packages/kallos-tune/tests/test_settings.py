"""Impossible settings are refused when they are made, with the value and what is allowed."""

import dataclasses
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kallos_models import ConfigError as ModelConfigError
from kallos_models import TrainingSettings, settings_of
from kallos_tune import ConfigError, FoldSettings, HistorySettings, RunSettings, SearchSettings, TuningSettings

PARTS = (HistorySettings, FoldSettings, TrainingSettings, SearchSettings, RunSettings)
ALL = [(part, facts) for part in PARTS for facts in settings_of(part)]
RAY = {"engine": "ray"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"forecast": "rollin"}, "forecast must be one of rolling, recursive, not 'rollin'"),
        ({"metric": "mape"}, "metric must be one of rmse, mae, not 'mape'"),
        ({"resume": "yes"}, "resume must be one of same, force, never, not 'yes'"),
        ({"engine": "spark"}, "engine must be one of processes, ray, not 'spark'"),
        ({"target_folds": 1}, "target_folds must be a whole number of 2 or more, not 1"),
        ({"max_epochs": 2.5}, "max_epochs must be a whole number from 1 to 1000000, not 2.5"),
        ({"workers": True}, "workers must be a whole number of 1 or more, not True"),
        ({"seed": 2**40}, f"seed must be a whole number from 0 to 4294967295, not {2**40}"),
        ({"database_wait_seconds": -1}, "database_wait_seconds must be 0 or more, not -1"),
        ({"database_wait_seconds": math.nan}, "database_wait_seconds must be a finite number of 0 or more, not nan"),
        ({"val_share": 1.5}, "val_share must lie above 0 and below 1, not 1.5"),
        (
            {"purge": 2, "forecast": "recursive"},
            "purge needs rolling forecasts: a recursive forecast feeds on targets that the purge says are unknown",
        ),
        ({"grace_seconds": 20}, "grace_seconds must be at least two heartbeats, 30 s, not 20"),
        ({"gpus_per_worker": 1}, "gpus_per_worker is for workers on Ray: choose the engine ray, or leave it out"),
        (
            {**RAY, "cpus_per_worker": 0.0},
            "cpus_per_worker is 0 and so are the GPUs of a worker: Ray would place any number of workers at once",
        ),
        ({**RAY, "gpus_per_worker": 1.5}, "gpus_per_worker must be a whole number above 1, not 1.5"),
        (
            {**RAY, "device": "cuda"},
            "gpus_per_worker must be above 0 for CUDA: Ray hides all other GPUs from a worker",
        ),
        ({**RAY, "gpus_per_worker": 0.5}, "gpus_per_worker is 0.5 and models train on cpu: the GPUs would lie idle"),
        ({"space": {}}, "the search space needs an integer parameter 'input_chunk_length'"),
        ({"epochs": 3}, "'epochs' is not a setting: there are start_date"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises((ConfigError, ModelConfigError)) as error:
        TuningSettings.of(**settings)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("part", "facts"), ALL, ids=[facts.name for _, facts in ALL])
def test_no_setting_takes_what_is_of_another_kind(part, facts):
    wrong = [value for value in (object(), [1], b"1") if not isinstance(value, facts.types)]
    if facts.types in ((int,), (float,)):
        wrong += [True, math.nan, math.inf, "1"]
    for value in wrong:
        with pytest.raises((ConfigError, ModelConfigError)) as error:
            part(**{facts.name: value})
        assert error.value.parameter == facts.name


@given(st.integers(-(2**70), 2**70))
def test_whole_numbers_are_taken_inside_their_bounds_alone(value):
    for part, facts in ALL:
        if facts.types != (int,):
            continue
        inside = facts.least <= value and (facts.most is None or value <= facts.most)
        try:
            assert getattr(part(**{facts.name: value}), facts.name) == value
            taken = True
        except (ConfigError, ModelConfigError):
            taken = False
        assert taken == inside, facts.name


def test_a_name_belongs_to_one_part():
    names = [facts.name for _, facts in ALL]
    assert len(set(names)) == len(names)


def test_values_go_to_their_parts():
    settings = TuningSettings.of(max_epochs=7, purge=2, sampler="random", workers=3, max_gap=0)
    parts = (settings.training, settings.folds, settings.search, settings.run, settings.history)
    assert parts == (
        TrainingSettings(max_epochs=7),
        FoldSettings(purge=2),
        SearchSettings(sampler="random"),
        RunSettings(workers=3),
        HistorySettings(max_gap=0),
    )
    assert settings.changed(purge=0, max_epochs=100, sampler="tpe", workers=1, max_gap=7) == TuningSettings()
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TuningSettings().run.workers = 3

"""Every setting of the library is an option with the library's default, bounds, meaning and refusal."""

import inspect
from typing import get_args

import pytest
import typer

from kallos_cli.app import app
from kallos_cli.setting_options import SETTING_OPTIONS
from kallos_data import FeatureTables
from kallos_models import TrainingSettings, settings_of
from kallos_tune import FoldSettings, HistorySettings, RunSettings, SearchSettings, TuningSettings

TUNE = typer.main.get_command(app).commands["tune"]
# The tables have options of their own; spaces come with a configuration file; times of claims are nobody's choice, nor
# are threads, which are one for each worker, nor what small a fall of a loss counts.
WITHOUT_OPTION = {"tables", "space", "heartbeat_seconds", "grace_seconds", "threads", "min_delta"}
BY_NAME = {option.name: option for option in SETTING_OPTIONS}
TYPED = ("tune", "--asset-id", "BTC", "--end-date", "2019-12-31", "--study-name", "s")


def test_every_setting_has_one_option():
    parts = (HistorySettings, FoldSettings, TrainingSettings, SearchSettings, RunSettings)
    declared = [(part, facts.name) for part in parts for facts in settings_of(part)]
    assert {name for _, name in declared} - WITHOUT_OPTION == set(BY_NAME)
    assert len(BY_NAME) == len(SETTING_OPTIONS)
    assert all((option.part, option.name) in declared for option in SETTING_OPTIONS)


@pytest.mark.parametrize("option", SETTING_OPTIONS, ids=lambda option: option.name)
def test_an_option_is_its_field(option):
    (shown,) = (each for each in TUNE.params if each.name == option.name)
    facts = option.facts
    assert shown.opts == [option.flag]
    assert shown.help.replace("\\[", "[").startswith(facts.meaning)
    assert shown.default == (None if option.name == "workers" else facts.default)
    assert (shown.min, shown.max) == (facts.least, facts.most)
    assert get_args(shown.type_descriptor.annotation) == facts.choices


def test_what_is_not_typed_is_the_library_s_default(main_within, database, monkeypatch):
    seen = []

    def note(*arguments, settings, **_):
        seen.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("kallos_tune.load_study_data", note, raising=False)
    monkeypatch.setattr("kallos_cli.commands.tune.room_for_workers", lambda run: run.workers)
    assert main_within(*TYPED)[0] == 130
    assert seen == [TuningSettings()]
    defaults = {name: each.default for name, each in inspect.signature(TUNE.callback).parameters.items()}
    given = {each.name: each.default for each in TUNE.params}
    assert given["market_table"] == FeatureTables().market
    assert given["indicators_table"] == FeatureTables().indicators
    assert (given["n_trials"], given["model_name"], given["target_col"]) == (50, "gru", "log_return")
    assert defaults.keys() >= {"asset_id", "seed"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--max-epochs", "0"), "--max-epochs must be a whole number from 1 to 1000000, not 0"),
        (("--max-epochs", "2.5"), "--max-epochs must be a whole number from 1 to 1000000, not 2.5"),
        (("--seed", str(2**40)), f"--seed must be a whole number from 0 to 4294967295, not {2**40}"),
        (("--database-wait", "-1"), "--database-wait must be 0 or more, not -1"),
        (("--database-wait", "nan"), "--database-wait must be a finite number of 0 or more, not nan"),
        (("--val-share", "1.5"), "--val-share must lie above 0 and below 1, not 1.5"),
        (("--folds", "many"), "--folds must be a whole number of 2 or more, not 'many'"),
        (("--metric", "mse"), "--metric must be one of rmse, mae, not 'mse'"),
        (("--purge", "3", "--forecast", "recursive"), "--purge needs rolling forecasts: a recursive forecast"),
        (("--gpus-per-worker", "1"), "--gpus-per-worker is for workers on Ray: choose the engine ray"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_value_is_refused_in_the_library_s_words(main_within, database, typed, said):
    code, out, err = main_within(*TYPED, *typed)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {said}")

"""From a study to a trained forecaster: which networks, how long, on what, and what a kill leaves."""

import json
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from kallos_data import InsufficientDataError, in_utc
from kallos_models import ModelFileError, load_forecaster, save_forecaster
from kallos_tune import (
    ConfigError,
    ForecasterSettings,
    MemberFinished,
    MemberStarted,
    Recipe,
    lines_of_study,
    load_trained,
    train_forecaster,
    write_best_params,
)
from kallos_tune.evaluation.fold import evaluate_fold
from kallos_tune.events import ignore
from kallos_tune.forecaster.epochs import final_epochs
from kallos_tune.forecaster.members import fit_member
from kallos_tune.forecaster.plan import plan_members
from kallos_tune.forecaster.window import training_window
from kallos_tune.study_source import data_of_study

END = "2021-03-31"


@pytest.fixture
def study(finished_study):
    return finished_study


@pytest.fixture
def recipe(study):
    return Recipe.of_study(study)


@pytest.fixture
def train(recipe, database, tmp_path):
    def run(folder="model", *, of=recipe, overwrite=False, on_event=ignore, **settings):
        return train_forecaster(
            of,
            tmp_path / folder,
            database,
            settings=ForecasterSettings(**settings),
            overwrite=overwrite,
            on_event=on_event,
        )

    return run


def weights(folder):
    return (folder / "weights.safetensors").read_bytes()


def test_the_default_is_what_the_verdict_is_about(study, train, history):
    trained = train()
    by_score = sorted(study.trials, key=lambda trial: (trial.value, trial.number))
    assert [member["trial"] for member in trained.card.members] == [trial.number for trial in by_score]
    for member, trial in zip(trained.members, by_score, strict=True):
        assert {name: getattr(member.hparams, name) for name in trial.params} == trial.params
    until = history.filter(pl.col("timestamp").dt.strftime("%Y-%m-%d") <= END)
    assert trained.card.train_first == in_utc(until["timestamp"][0])
    assert trained.card.train_last == trained.card.known_until == in_utc(until["timestamp"][-1])
    assert trained.card.study_name == "s"
    assert trained.card.verdict["n_trials"] == 3
    assert trained.card.verdict_line in lines_of_study(study)
    unjudged = replace(trained.card, verdict=None)
    assert unjudged.verdict_line == "verdict: none, its study had not been judged: do not trade on it"


def test_the_epochs_are_the_mean_of_the_folds_best_ones(study, train):
    trained = train()
    for member in trained.card.members:
        best = study.trials[member["trial"]].user_attrs["fold_best_epochs"]
        assert member["epochs"] == max(1, round(np.mean(best)))


@pytest.mark.parametrize(
    ("rule", "expected"), [("mean", 6), ("same updates", 3), ("longer", 12)], ids=["mean", "updates", "longer"]
)
def test_epoch_rules_in_closed_form(rule, expected):
    assert final_epochs([4, 8], [90, 110], 200, rule=rule) == expected
    assert final_epochs([4, 8], [90, 110], 100, rule=rule) == 6
    assert final_epochs([1], [100], 10_000, rule=rule) >= 1


def test_an_unknown_epoch_rule_is_refused():
    with pytest.raises(ConfigError, match="rule must be one of mean, same updates, longer, not 'guess'"):
        final_epochs([1], [1], 1, rule="guess")


def test_workers_side_by_side_train_the_same_to_the_bit(train, tmp_path):
    train("one")
    train("two", workers=2)
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    assert (tmp_path / "one" / "card.json").read_text() == (tmp_path / "two" / "card.json").read_text()


def test_members_of_one_trial_differ_in_their_seed(study, train):
    trained = train(members=3, members_from="seeds")
    best = min(study.trials, key=lambda trial: trial.value)
    assert [(each["trial"], each["seed"]) for each in trained.card.members] == [(best.number, s) for s in (0, 1, 2)]


def test_another_trial_than_the_best(study, database, tmp_path):
    recipe = Recipe.of_study(study, trial=2)
    trained = train_forecaster(recipe, tmp_path / "model", database)
    assert [member["trial"] for member in trained.card.members] == [2]


def test_the_file_of_best_parameters_trains_the_same(study, train, database, tmp_path):
    train("of_study")
    recipe = Recipe.of_file(write_best_params(study, tmp_path / "best.json"))
    train_forecaster(recipe, tmp_path / "of_file", database)
    assert weights(tmp_path / "of_study") == weights(tmp_path / "of_file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"best_trials": []}, "lacks best_trials: give a file that this version of tune has written"),
        ({"model_name": "perceptron"}, "model_name must be one of gru"),
        ({"best_trials": [{"trial": 1}]}, "holds a trial that cannot be read"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(study, tmp_path, change, message):
    path = write_best_params(study, tmp_path / "best.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError if "lacks" in message or "holds" in message else LookupError, match=message):
        Recipe.of_file(path)


def test_parameters_of_another_architecture_are_refused(study, tmp_path):
    path = write_best_params(study, tmp_path / "best.json")
    facts = json.loads(path.read_text())
    facts["best_trials"][0]["params"] |= {"n_heads": 4}
    path.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="unknown hyperparameter 'n_heads'"):
        Recipe.of_file(path)


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"params cannot read .*No such file"):
        Recipe.of_file(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("hello")
    with pytest.raises(ConfigError, match="is no JSON"):
        Recipe.of_file(tmp_path / "text.json")


def test_trials_that_are_not_complete_are_refused_by_name(study):
    with pytest.raises(ConfigError, match="trial is 7, and the study has trials 0 to 2"):
        Recipe.of_study(study, trial=7)


def test_more_members_than_complete_trials_are_refused(train):
    with pytest.raises(ConfigError, match=r"members must be 3 or less, the complete trials there are, not 4"):
        train(members=4)


def test_a_folder_that_holds_something_is_refused_before_training(train, tmp_path):
    events = []
    train()
    with pytest.raises(ModelFileError, match="overwrite"):
        train(on_event=events.append)
    assert events == []
    train(overwrite=True)


def test_a_killed_training_takes_up_where_it_ended(train, tmp_path):
    class StopError(Exception):
        pass

    def stop_at_the_third(event):
        if isinstance(event, MemberStarted) and event.member == 3:
            raise StopError

    with pytest.raises(StopError):
        train(on_event=stop_at_the_third)
    assert not (tmp_path / "model").exists()
    events = []
    train(on_event=events.append)
    assert [event.member for event in events if isinstance(event, MemberFinished)] == [3]
    train("other")
    assert weights(tmp_path / "model") == weights(tmp_path / "other")
    assert not list(tmp_path.glob(".*.training"))


def test_what_another_training_left_is_not_taken_up(train, tmp_path):
    class StopError(Exception):
        pass

    def stop_at_the_second(event):
        if isinstance(event, MemberStarted) and event.member == 2:
            raise StopError

    with pytest.raises(StopError):
        train(on_event=stop_at_the_second)
    events = []
    train(on_event=events.append, members=2, members_from="seeds")
    assert [event.member for event in events if isinstance(event, MemberFinished)] == [1, 2]


def test_changed_data_are_told(study, recipe, train, history, database, write_history, caplog):
    changed = history.with_columns(
        signal=pl.when(pl.col("timestamp").dt.strftime("%Y-%m-%d") == "2021-02-03").then(9.0).otherwise("signal")
    )
    write_history(database, changed)
    train()
    assert "the data differ in 2021-02, and in no other month" in caplog.text


def test_stopping_on_the_last_steps_is_the_training_of_such_a_fold(recipe, train, database, settings):
    trained = train(stop_on_last=20, members=1)
    data = data_of_study(recipe.definition, database, reading=recipe.reading)
    window = training_window(data.frame, data.observed, recipe.definition, stop_on_last=20)
    assert (len(window.train), len(window.val)) == (70, 20)
    result = evaluate_fold(window.series(), "gru", recipe.candidates[0].params, settings=settings)
    assert trained.card.members[0]["epochs"] == result.best_epoch
    assert trained.card.stop_on_last == 20
    assert trained.card.train_last < trained.card.known_until


def test_too_short_a_history_for_the_last_steps_is_refused(train):
    with pytest.raises(InsufficientDataError, match="a final training needs"):
        train(stop_on_last=89)
    events = []
    with pytest.raises(InsufficientDataError, match=r"looks back \d+ steps needs .* stop on fewer .*\(stop_on_last\)"):
        train(stop_on_last=87, on_event=events.append)
    assert events == []


def test_purged_steps_are_not_trained_on(tune, database, tmp_path):
    study = tune(1, end_date=END, pruner="none", purge=3)
    trained = train_forecaster(Recipe.of_study(study), tmp_path / "model", database)
    assert (trained.card.purge, trained.card.horizon) == (3, 4)
    assert trained.card.train_last == "2021-03-28T00:00:00Z"
    assert trained.members[0].hparams.output_chunk_shift == 3


def test_a_rolling_study_trains_on_as_much_as_its_folds(tune, database, tmp_path):
    study = tune(1, end_date=END, pruner="none", window="rolling")
    recipe = Recipe.of_study(study)
    trained = train_forecaster(recipe, tmp_path / "model", database)
    data = data_of_study(recipe.definition, database, reading=recipe.reading)
    n_steps = (trained.card.last_trained - trained.card.first_trained).days + 1
    assert n_steps == len(data.splits[-1][0]) < len(data.frame)


def test_a_card_that_was_doctored_is_refused(train, tmp_path):
    train(members=1)
    card = tmp_path / "model" / "card.json"
    whole = json.loads(card.read_text())
    whole["about"]["purge"] = 2
    card.write_text(json.dumps(whole))
    with pytest.raises(ModelFileError, match=r"card.json is damaged: it was changed after it was saved"):
        load_trained(tmp_path / "model")


def test_a_card_that_nobody_trained_is_refused(train, tmp_path):
    train(members=1)
    saved = load_forecaster(tmp_path / "model")

    def refused(about, message):
        save_forecaster(saved.members, tmp_path / "made up", about=about, overwrite=True)
        with pytest.raises(ModelFileError, match=message):
            load_trained(tmp_path / "made up")

    for change, message in [
        ({"purge": 2}, "forecasts other steps than it says"),
        ({"members": []}, "names 0 members, and there are 1"),
        ({"known_until": "yesterday"}, "its card is damaged"),
        ({"feature_groups": {"volume_features": ["volume"]}}, "its scaler has other features"),
        ({"step": {"seconds": -1, "working_days": False}}, "must be more than 0"),
        ({"tables": {"market": "x", "drop": "y"}}, "its card is damaged"),
        ({"verdict": "better"}, "its card is damaged"),
        ({"verdict": {"skill": 0.9}}, "its card is damaged"),
        ({"verdict": saved.about["verdict"] | {"skill": "0.9"}}, "its card is damaged"),
    ]:
        refused(saved.about | change, message)
    refused({name: value for name, value in saved.about.items() if name != "target_scaler"}, "lacks target_scaler")


def test_the_page_for_people_says_what_it_is_worth(train, tmp_path):
    train()
    page = (tmp_path / "model" / "model-card.md").read_text()
    assert "# A forecaster of ret of X" in page
    assert "nothing after 2021-03-31T00:00:00Z had a part in it" in page
    assert "search score" in page


def test_a_folder_that_was_moved_opens(train, tmp_path):
    before = train()
    shutil.move(tmp_path / "model", tmp_path / "elsewhere")
    after = load_trained(tmp_path / "elsewhere")
    assert (after.card, after.digest) == (before.card, before.digest)


def test_a_member_alone_is_what_the_plan_says(recipe, database, train):
    trained = train(members=1)
    data = data_of_study(recipe.definition, database, reading=recipe.reading)
    window = training_window(data.frame, data.observed, recipe.definition)
    (plan,) = plan_members(
        recipe,
        ForecasterSettings(members=1),
        fold_lengths=[len(train) for train, _ in data.splits],
        final_length=len(window.train),
    )
    fit = fit_member("gru", plan, window.series(), settings_of_training(recipe))
    for mine, saved in zip(fit.model.model.parameters(), trained.members[0].model.model.parameters(), strict=True):
        assert (mine == saved).all()


def settings_of_training(recipe):
    from kallos_models import TrainingSettings

    return TrainingSettings(patience=recipe.definition["patience"])

"""A trial that is run again has the scores that its study keeps; where it has not, what differs is named."""

import json

import optuna
import polars as pl
import pytest
from optuna.trial import TrialState, create_trial

from kallos_data import InsufficientDataError
from kallos_tune import ConfigError, FoldFinished, TrialStarted, open_storage, rerun_trial
from kallos_tune.study_definition import VERSIONS
from kallos_tune.trial_attributes import FOLD_SCORES, MADE_WITH


def scores_of(study, number):
    return study.trials[number].user_attrs[FOLD_SCORES]


def test_a_trial_of_each_kind_of_study_has_its_scores_again_to_the_last_digit(tune, database):
    for name, changes in {
        "first": {"seed": 3},
        "other": {"purge": 2, "window": "rolling", "metric": "mae", "max_epochs": 3, "min_delta": 0.01},
        "price": {"target_col": "volume", "feature_groups": {"unbounded_features": ["signal"]}},
        "recursive": {"forecast": "recursive", "pruner": "none"},
    }.items():
        study = tune(2, study_name=name, **changes)
        rerun = rerun_trial(study, database)
        assert rerun.trial == study.best_trial.number
        assert [fold.stored for fold in rerun.folds] == scores_of(study, rerun.trial)
        assert [fold.new for fold in rerun.folds] == scores_of(study, rerun.trial), name
        assert rerun.equal
        assert (rerun.versions, rerun.data, rerun.settings) == ({}, None, {})
        assert json.loads(json.dumps(rerun.to_dict()))["equal"] is True


def test_each_trial_is_trained_with_what_it_was_made_with(tune, database):
    tune(1)
    study = tune(2, seed=4, max_epochs=1, resume="force")
    for number, seed in enumerate((0, 4)):
        rerun = rerun_trial(study, database, trial=number)
        assert rerun.equal
        assert (rerun.made_with["seed"], rerun.settings) == (seed, {})
    attributes = study.trials[0].user_attrs[MADE_WITH] | {"seed": 5}
    other = add_trial(study, study.trials[0], user_attrs=study.trials[0].user_attrs | {MADE_WITH: attributes})
    assert not rerun_trial(study, database, trial=other).equal


def add_trial(study, like, **changes):
    """Add a trial like another one to a study and return its number."""
    facts = {
        "state": like.state,
        "value": like.value if changes.get("state", like.state) == TrialState.COMPLETE else None,
        "params": like.params,
        "distributions": like.distributions,
        "user_attrs": like.user_attrs,
    }
    study.add_trial(create_trial(**facts | changes))
    return len(study.trials) - 1


def test_a_pruned_trial_is_run_again_as_far_as_it_got(tune, database):
    study = tune(1)
    first = study.trials[0]
    got_to = {FOLD_SCORES: scores_of(study, 0)[:1]}
    pruned = add_trial(study, first, state=TrialState.PRUNED, user_attrs=first.user_attrs | got_to)
    seen = []
    rerun = rerun_trial(study, database, trial=pruned, on_event=seen.append)
    assert (rerun.state, rerun.n_folds, [fold.fold for fold in rerun.folds]) == ("pruned", 2, [1])
    assert rerun.equal
    assert seen[0] == TrialStarted(pruned, first.params)
    folds = [event for event in seen if isinstance(event, FoldFinished)]
    assert [(event.fold, event.n_folds, event.score) for event in folds] == [(1, 2, scores_of(study, 0)[0])]


def test_a_changed_value_is_named_with_its_month(tune, database, history, write_history):
    study = tune(1)
    changed = pl.col("timestamp") == history["timestamp"][40]
    write_history(database, history.with_columns(signal=pl.when(changed).then(3.0).otherwise(pl.col("signal"))))
    rerun = rerun_trial(study, database)
    assert not rerun.equal
    assert [fold.stored for fold in rerun.folds] == scores_of(study, 0)
    assert rerun.data == "the data differ in 2021-02, and in no other month"
    assert (rerun.versions, rerun.settings) == ({}, {})


def test_later_rows_change_nothing(tune, database, history, write_history):
    write_history(database, history[:110])
    study = tune(1, end_date="2030-01-01")
    write_history(database, history)
    rerun = rerun_trial(study, database)
    assert rerun.equal
    assert rerun.data is None


def test_rows_of_a_fold_that_were_removed_are_missed(tune, database, history, write_history):
    study = tune(1)
    write_history(database, history[:110])
    with pytest.raises(InsufficientDataError, match="its rows were removed since"):
        rerun_trial(study, database)


def test_other_versions_are_named(tune, database):
    study = tune(1)
    kept = study.user_attrs[VERSIONS]
    study.set_user_attr(VERSIONS, {**kept, "torch": "1.0.0", "gone": "2.0"})
    rerun = rerun_trial(study, database)
    assert rerun.versions == {"gone": ("2.0", None), "torch": ("1.0.0", kept["torch"])}
    assert rerun.equal


def test_what_cannot_be_run_again_is_said_in_a_line(tune, database):
    study = tune(1)
    first = study.trials[0]
    failed = add_trial(study, first, state=TrialState.FAIL, user_attrs={"failure": "OSError: gone"})
    early = add_trial(study, first, state=TrialState.PRUNED, user_attrs={})
    running = study.ask().number
    on_a_gpu = first.user_attrs | {MADE_WITH: first.user_attrs[MADE_WITH] | {"device": "mps"}}
    away = add_trial(study, first, user_attrs=on_a_gpu)
    for number, problem in {
        99: "99 is not a trial of study 's', there are 0 to 4",
        -1: "-1 is not a trial of study 's', there are 0 to 4",
        failed: "1 of study 's' failed (OSError: gone), it has no score: name another, or none for the best",
        early: "2 of study 's' was pruned before a fold was scored, there is nothing to compare: name another",
        running: "3 of study 's' is not finished yet: wait for its end, or name another",
        away: "4 was trained on mps, and torch sees no such GPU on this machine: run it again on",
    }.items():
        with pytest.raises(ConfigError) as caught:
            rerun_trial(study, database, trial=number)
        assert caught.value.parameter == "trial"
        assert caught.value.problem.startswith(problem)


def test_a_study_of_others_and_one_without_a_complete_trial_are_refused(tune, database):
    other = optuna.create_study(storage=open_storage(database), study_name="theirs")
    with pytest.raises(ConfigError, match="study 'theirs' was not made by Kallos: its trials cannot be run again"):
        rerun_trial(other, database)
    for key, value in tune(1).user_attrs.items():
        other.set_user_attr(key, value)
    with pytest.raises(ConfigError, match="study 'theirs' has no complete trial yet: run more trials first, or name"):
        rerun_trial(other, database)
    with pytest.raises(ConfigError, match="0 is not a trial of study 'theirs', which has none"):
        rerun_trial(other, database, trial=0)

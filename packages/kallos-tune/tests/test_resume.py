"""A study is resumed for what it is about, and refused for anything else."""

import optuna
import polars as pl
import pytest

from kallos_tune import StudyExistsError, StudyMismatchError, current_definition, open_storage, study_result
from kallos_tune.trial_attributes import MADE_WITH


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"end_date": "2021-04-29"}, "end_date: stored '2021-04-30', now '2021-04-29'"),
        ({"model_name": "lstm"}, "model_name: stored 'gru', now 'lstm'"),
        ({"target_col": "volume", "feature_groups": {}}, "target_col: stored 'ret', now 'volume'"),
        ({"feature_groups": {"bounded_features": ["signal"]}}, "feature_groups: stored"),
        ({"metric": "mae"}, "metric: stored 'rmse', now 'mae'"),
        ({"forecast": "recursive"}, "forecast: stored 'rolling', now 'recursive'"),
        ({"seed": 7}, "seed: stored 0, now 7"),
        ({"max_epochs": 3}, "max_epochs: stored 2, now 3"),
        ({"target_folds": 3}, "folds: stored"),
        ({"start_date": "2021-01-05"}, "first: stored '2021-01-01T00:00:00Z', now '2021-01-05T00:00:00Z'"),
    ],
)
@pytest.mark.usefixtures("begun_study")
def test_anything_different_is_refused_by_name(tune, change, named):
    with pytest.raises(StudyMismatchError) as error:
        tune(2, **change)
    assert named in str(error.value)
    assert "choose another study name" in str(error.value)
    assert (
        ("resume it by force" in str(error.value)) == error.value.can_go_on == (change.keys() <= {"seed", "max_epochs"})
    )


@pytest.mark.usefixtures("begun_study")
def test_a_changed_value_in_the_history_is_noticed(tune, database, history, write_history):
    row = pl.int_range(pl.len()) == 3
    write_history(database, history.with_columns(signal=pl.when(row).then(0.125).otherwise("signal")))
    with pytest.raises(StudyMismatchError) as error:
        tune(2)
    assert list(error.value.differences) == ["data_hash"]


def test_a_changed_value_after_the_end_date_is_not(tune, database, history, write_history):
    before = tune(1, end_date="2021-04-20")
    row = pl.int_range(pl.len()) > 112
    write_history(database, history.with_columns(signal=pl.when(row).then(1e6).otherwise("signal")))
    after = tune(2, end_date="2021-04-20")
    assert after.trials[0].value == before.trials[0].value


@pytest.mark.usefixtures("begun_study")
def test_force_and_never(tune, caplog):
    assert len(tune(2, patience=3, seed=4, resume="force").trials) == 2
    assert "is resumed although patience differs: 2 until now, 3 from now on" in caplog.text
    assert "is resumed although seed differs: 0 until now, 4 from now on" in caplog.text
    with pytest.raises(StudyExistsError, match="study 's' exists already"):
        tune(3, resume="never")


def test_after_force_each_trial_and_the_study_say_what_was_changed(tune):
    first = tune(1).user_attrs["kallos_definition"]
    tune(2, patience=3, seed=4, resume="force")
    study = tune(3, max_epochs=1, patience=3, seed=4, resume="force")
    made = [trial.user_attrs[MADE_WITH] for trial in study.trials]
    always = {"min_delta": 0.0, "likelihood": "none", "threads": 1, "device": "cpu"}
    assert made == [
        {"seed": 0, "max_epochs": 2, "patience": 2} | always,
        {"seed": 4, "max_epochs": 2, "patience": 3} | always,
        {"seed": 4, "max_epochs": 1, "patience": 3} | always,
    ]
    assert study.user_attrs["kallos_definition"] == first, "stays as it was made"
    assert study.user_attrs["kallos_changes"] == [
        {"since_trial": 1, "changed": {"patience": 3, "seed": 4}},
        {"since_trial": 2, "changed": {"max_epochs": 1}},
    ]
    assert current_definition(study.user_attrs) == first | {"patience": 3, "seed": 4, "max_epochs": 1}
    result = study_result(study)
    assert (result.definition, len(result.changes)) == (first, 2)
    assert result.made_with == made[result.best_trial]


@pytest.mark.usefixtures("begun_study")
def test_what_was_changed_by_force_is_what_is_compared_from_then_on(tune):
    tune(2, seed=4, resume="force")
    assert len(tune(3, seed=4).trials) == 3, "needs no force again"
    with pytest.raises(StudyMismatchError, match="seed: stored 4, now 0"):
        tune(4)


@pytest.mark.parametrize("change", [{"metric": "mae"}, {"target_folds": 3}, {"purge": 1}])
@pytest.mark.usefixtures("begun_study")
def test_scores_that_mean_something_else_are_not_mixed_even_by_force(tune, change):
    with pytest.raises(StudyMismatchError) as error:
        tune(2, resume="force", seed=4, **change)
    assert not error.value.can_go_on
    assert "force" not in str(error.value)


@pytest.mark.usefixtures("begun_study")
def test_a_changed_history_is_named_beside_a_changed_search(tune, database, history, write_history):
    write_history(database, history.with_columns(signal=pl.col("signal") + 1))
    with pytest.raises(StudyMismatchError) as error:
        tune(2, resume="force", seed=4)
    assert set(error.value.differences) == {"seed", "data_hash"}


@pytest.mark.parametrize("resume", ["same", "force"])
def test_a_study_made_elsewhere_is_not_resumed(tune, database, resume):
    optuna.create_study(study_name="s", storage=open_storage(database))
    with pytest.raises(StudyMismatchError, match="a study not made by Kallos"):
        tune(1, resume=resume)

"""The verdict of a whole study: made from what its trials keep, kept with it, made anew where trials were added."""

import numpy as np
import optuna
import polars as pl
import pytest

from kallos_tune import Verdict, judge_study, load_study_data, stored_verdict, study_result
from kallos_tune.evaluation.forecast_record import forecast_from_text
from kallos_tune.study_verdict import VERDICT, judged_folds
from kallos_tune.trial_attributes import OUT_OF_SAMPLE


@pytest.fixture
def data(database, groups, settings):
    return load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings.changed(pruner="none"))


def rmse(difference):
    return float(np.sqrt(np.mean(difference**2)))


def test_the_verdict_is_that_of_the_average_forecast_of_folds_after_the_first(tune, data):
    study = tune(3, pruner="none")
    verdict = stored_verdict(study.user_attrs)
    assert verdict == judge_study(study, data)
    assert (verdict.n_trials, verdict.n_complete, verdict.n_folds) == (3, 3, 2)
    assert [fold.number for fold in verdict.folds] == [2]

    average = np.mean([forecast_from_text(trial.user_attrs[OUT_OF_SAMPLE][1]) for trial in study.trials], axis=0)
    first, last = data.targets
    actual = last.values[last.val_start :]
    naive = {
        "last value": last.values[last.val_start - 1 : -1],
        "training mean": np.full(len(actual), last.values[: last.n_train].mean()),
        "zero": np.zeros(len(actual)),
    }
    for name, forecast in naive.items():
        expected = 1 - rmse(average - actual) / rmse(forecast - actual)
        assert verdict.skill_against[name] == pytest.approx(expected, rel=1e-6)
    # Which naive forecast to beat is decided in the first fold.
    earlier = {
        "last value": rmse(np.diff(first.values)[first.val_start - 1 :]),
        "training mean": rmse(first.values[first.val_start :] - first.values[: first.n_train].mean()),
        "zero": rmse(first.values[first.val_start :]),
    }
    assert verdict.folds[0].naive == min(earlier, key=earlier.__getitem__)
    assert verdict.skill == verdict.skill_against[verdict.folds[0].naive]


def test_it_is_kept_and_made_anew_where_trials_have_been_added(tune, data):
    study = tune(1)
    first = stored_verdict(study.user_attrs)
    assert first.n_trials == 1
    marked = first.to_dict() | {"reason": "kept"}
    study.set_user_attr(VERDICT, marked)
    assert stored_verdict(tune(1).user_attrs).reason == "kept"
    assert stored_verdict(tune(2).user_attrs).n_trials == 2
    assert Verdict.from_dict(study_result(tune(2)).verdict).n_trials == 2


def test_steps_that_were_not_observed_are_not_judged(tune, data, database, history, write_history, groups, settings):
    write_history(database, history.filter(~pl.int_range(pl.len()).is_in([100, 110])))
    study = tune(1)
    filled = load_study_data("X", "2021-04-30", database, "ret", groups, settings=settings)
    folds = judged_folds(filled)
    n_filled = sum(val for _, val in filled.n_filled)
    assert n_filled == 2
    assert sum(len(fold.actual) for fold in folds) == sum(len(val) for _, val in filled.splits) - 2
    assert stored_verdict(study.user_attrs).n_steps == len(folds[1].actual)


def test_of_a_price_the_last_value_is_the_only_rival(tune, database, history, write_history):
    write_history(database, history.with_columns(ret=100 * pl.col("ret").cum_sum().exp()))
    verdict = stored_verdict(tune(1).user_attrs)
    assert verdict.skill_against.keys() == {"last value"}


def test_studies_made_before_say_what_their_verdict_needs(tune, data):
    before = optuna.create_study()
    for trial in tune(2, pruner="none").trials:
        kept = {name: value for name, value in trial.user_attrs.items() if name != OUT_OF_SAMPLE}
        before.add_trial(
            optuna.trial.create_trial(
                params=trial.params, distributions=trial.distributions, value=trial.value, user_attrs=kept
            )
        )
    verdict = judge_study(before, data)
    assert verdict.conclusion == "not judged"
    assert verdict.reason == "its trials were made before forecasts were kept for a verdict"
    assert verdict.remedy == "run more trials: those from now on count"


def test_a_recursive_forecast_has_a_skill_and_no_test(tune):
    verdict = stored_verdict(tune(1, forecast="recursive").user_attrs)
    assert verdict.skill is not None
    assert verdict.clark_west_p is None
    assert verdict.conclusion != "beats"

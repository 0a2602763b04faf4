"""What a trial keeps for the verdict: forecasts with weights that were chosen without the fold they are of."""

import numpy as np
import optuna
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kallos_tune import EpochFinished, evaluate_fold, objective
from kallos_tune.evaluation.forecast_record import forecast_from_text, forecast_to_text
from kallos_tune.evaluation.pruning import rung_of_fold
from kallos_tune.trial_attributes import CHOSEN_EPOCHS, FORECASTS, OUT_OF_SAMPLE


@given(arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_a_forecast_comes_back_as_it_was_kept(forecast):
    np.testing.assert_array_equal(forecast_from_text(forecast_to_text(forecast)), forecast)


def test_a_day_costs_about_five_bytes():
    returns = np.random.default_rng(0).normal(0, 0.03, 130)
    np.testing.assert_allclose(forecast_from_text(forecast_to_text(returns)), returns, rtol=1e-7)
    assert 3 * 130 < len(forecast_to_text(returns)) < 6 * 130


def run(folds, settings, **params):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    study.enqueue_trial(params)
    trial = study.ask()
    objective(trial, folds, "gru", settings=settings)
    return trial.user_attrs


@pytest.fixture
def settings(settings):
    # So fast that the best epoch is not the last one.
    return settings.changed(max_epochs=8, patience=2)


FAST = {"learning_rate": 1e-2, "hidden_dim": 8}


def test_each_fold_after_the_first_is_forecast_at_the_mean_of_earlier_best_epochs(make_folds, history, settings):
    folds = make_folds(history, train_length=45, val_length=25)
    kept = run(folds, settings, **FAST)
    best = kept["fold_best_epochs"]
    assert len(folds) == 3
    assert kept[CHOSEN_EPOCHS] == [None, best[0], round((best[0] + best[1]) / 2)]
    assert kept[OUT_OF_SAMPLE][0] is None
    for number, fold in enumerate(folds):
        assert len(forecast_from_text(kept[FORECASTS][number])) == 25
        score = np.sqrt(np.mean((forecast_from_text(kept[FORECASTS][number]) - fold.actual) ** 2))
        assert score == pytest.approx(kept["fold_scores"][number], rel=1e-6)


@pytest.mark.parametrize("forecast", ["rolling", "recursive"])
def test_at_the_best_epoch_it_is_the_forecast_that_is_scored(folds, params, settings, forecast):
    settings = settings.changed(forecast=forecast)
    alone = evaluate_fold(folds[1], "gru", params, settings=settings)
    assert alone.out_of_sample is None
    chosen = evaluate_fold(folds[1], "gru", params, settings=settings, chosen_epoch=alone.best_epoch)
    np.testing.assert_array_equal(chosen.out_of_sample, alone.forecast)
    other = evaluate_fold(folds[1], "gru", params, settings=settings, chosen_epoch=alone.best_epoch + 1)
    assert (other.out_of_sample != other.forecast).any()


def test_what_is_kept_for_the_verdict_knows_nothing_of_its_fold(make_folds, history, settings):
    """Other truths in the last validation window move its best epoch and score, and no forecast of its first step."""
    unknown = pl.int_range(pl.len()) >= 90
    kept = [
        run(make_folds(each), settings, **FAST)
        for each in (history, history.with_columns(ret=pl.when(unknown).then(-3 * pl.col("ret")).otherwise("ret")))
    ]
    assert kept[0]["fold_scores"][0] == kept[1]["fold_scores"][0]
    assert kept[0]["fold_scores"][1] != kept[1]["fold_scores"][1]
    first_steps = [forecast_from_text(each[OUT_OF_SAMPLE][1])[0] for each in kept]
    assert first_steps[0] == first_steps[1]


def test_waiting_for_the_chosen_epoch_changes_no_score(folds, params, settings):
    alone = evaluate_fold(folds[1], "gru", params, settings=settings)
    waiting = evaluate_fold(folds[1], "gru", params, settings=settings, chosen_epoch=8)
    assert waiting.epochs == 8
    assert (waiting.score, waiting.best_epoch) == (alone.score, alone.best_epoch)
    np.testing.assert_array_equal(waiting.forecast, alone.forecast)


def test_a_forecast_that_was_not_reached_is_none(folds, params, settings):
    assert evaluate_fold(folds[1], "gru", params, settings=settings, chosen_epoch=9).out_of_sample is None


def test_whether_a_trial_reaches_a_fold_is_decided_before_the_fold_begins(make_folds, history, settings):
    """At every question whether to prune, nothing of a later fold has been trained, reported or scored."""
    begun, asked = [], []

    class Noting(optuna.pruners.NopPruner):
        def prune(self, study, trial):
            asked.append((trial.last_step, max(begun), len(trial.user_attrs.get("fold_scores", []))))
            return super().prune(study, trial)

    study = optuna.create_study(pruner=Noting(), sampler=optuna.samplers.RandomSampler(seed=3))
    study.enqueue_trial(FAST)
    folds = make_folds(history, train_length=45, val_length=25)
    objective(
        study.ask(),
        folds,
        "gru",
        settings=settings,
        on_event=lambda event: begun.append(event.fold) if isinstance(event, EpochFinished) else None,
    )
    after_folds = [(rung_of_fold(number), number, number) for number in (1, 2)]
    assert asked == [(1, 1, 0), (2, 1, 0), *after_folds]

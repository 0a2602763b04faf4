"""A fold's forecast: equal to a step-by-step loop, blind to the future, scaled back, repeatable."""

import numpy as np
import polars as pl
import pytest

from kallos_models import TrainingSettings, fit_forecaster, quiet_lightning
from kallos_tune import TuningSettings, evaluate_fold
from kallos_tune.evaluation.fold import forecast_fold
from kallos_tune.evaluation.naive_scores import naive_scores_of
from kallos_tune.evaluation.scoring import error

SETTINGS = TuningSettings.of(max_epochs=3, patience=3)


def fitted(fold, params, *, purge=0):
    target, covariates = fold.train_series()
    return fit_forecaster(
        "gru", {**params, "output_chunk_shift": purge}, target, covariates, settings=TrainingSettings(max_epochs=2)
    ).model


@pytest.mark.parametrize("purge", [0, 2])
def test_rolling_equals_a_loop_that_only_ever_holds_the_past(make_folds, history, params, purge):
    fold = make_folds(history, purge=purge)[-1]
    model = fitted(fold, params, purge=purge)
    expected = []
    for step in range(fold.val_start, len(fold.target)):
        past = slice(0, step - purge)
        with quiet_lightning():
            forecast = model.predict(1, series=fold.target[past], past_covariates=fold.covariates[past], verbose=False)
        assert forecast.start_time() == fold.target.time_index[step]
        expected.append(fold.to_target_unit(forecast)[0])
    forecasts = forecast_fold(model, fold, params["input_chunk_length"] + purge, "rolling")
    np.testing.assert_allclose(forecasts, expected, rtol=1e-4, atol=1e-7)


def test_recursive_feeds_on_itself_and_not_on_the_truth(make_folds, history, params):
    fold = make_folds(history)[-1]
    model = fitted(fold, params)
    unknown = history.with_columns(ret=pl.when(pl.int_range(pl.len()) >= 90).then(9.0).otherwise("ret"))
    forecast = forecast_fold(model, fold, params["input_chunk_length"], "recursive")
    blind = forecast_fold(model, make_folds(unknown)[-1], params["input_chunk_length"], "recursive")
    assert forecast.shape == (30,)
    np.testing.assert_array_equal(forecast, blind)


@pytest.mark.parametrize("purge", [0, 2])
def test_a_forecast_knows_nothing_of_its_own_step_or_later(make_folds, history, params, purge):
    """Change everything from a validation step on: the same model's forecasts up to and including that step stay."""
    step = 100
    later = pl.int_range(pl.len()) >= step
    changed = history.with_columns(
        pl.when(later).then(pl.col(name) * 3 + 1).otherwise(name) for name in history.columns[1:]
    )
    folds = [make_folds(each, purge=purge)[-1] for each in (history, changed)]
    model = fitted(folds[0], params, purge=purge)
    look_back = params["input_chunk_length"] + purge
    before, after = (forecast_fold(model, fold, look_back, "rolling") for fold in folds)
    same = step - 90 + 1 + purge
    np.testing.assert_array_equal(before[:same], after[:same])
    assert (before[same:] != after[same:]).any()


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_the_score_is_the_error_in_the_targets_own_unit(folds, params, metric):
    result = evaluate_fold(folds[0], "gru", params, settings=SETTINGS.changed(metric=metric))
    assert result.forecast.shape == (30,)
    assert result.score == error(metric, folds[0].actual, result.forecast)
    assert 1 <= result.best_epoch <= result.epochs <= 3


def test_a_target_in_other_units_scales_the_score(make_folds, history, params):
    scores = [
        evaluate_fold(make_folds(frame)[0], "gru", params, settings=SETTINGS).score
        for frame in (history, history.with_columns(ret=pl.col("ret") * 1024))
    ]
    assert scores[1] == pytest.approx(1024 * scores[0], rel=1e-3)


def test_repeatable_whatever_ran_before(folds, params):
    first = evaluate_fold(folds[0], "gru", params, settings=SETTINGS)
    evaluate_fold(folds[1], "gru", params, settings=SETTINGS)
    again = evaluate_fold(folds[0], "gru", params, settings=SETTINGS)
    np.testing.assert_array_equal(first.forecast, again.forecast)
    other = evaluate_fold(folds[0], "gru", params, settings=SETTINGS.changed(seed=1))
    assert (other.forecast != first.forecast).any()


def test_without_features_the_target_is_enough(history, params):
    from kallos_data import get_walk_forward_splits, prepare_darts_timeseries

    train, val = next(get_walk_forward_splits(history, train_length=60, val_length=30))
    fold = prepare_darts_timeseries(train, val, "ret", {})
    for forecast in ("rolling", "recursive"):
        assert evaluate_fold(fold, "gru", params, settings=SETTINGS.changed(forecast=forecast)).score > 0


CHANGES = ("difference", "log_difference")


@pytest.fixture
def priced(history):
    return history.with_columns(close=100 * pl.col("ret").cum_sum().exp())


@pytest.mark.parametrize("transform", CHANGES)
@pytest.mark.parametrize(("forecast", "purge"), [("rolling", 0), ("rolling", 3), ("recursive", 0)])
def test_a_model_that_says_0_scores_as_the_naive_forecast_to_the_last_digit(
    make_folds, priced, params, forecast, purge, transform
):
    # Some steps are filled: they, and those after them, are not scored.
    seen = priced.select("timestamp", observed=~pl.int_range(pl.len()).is_in([40, 95, 96, 110]))
    fold = make_folds(priced, target_col="close", target_transform=transform, observed=seen, purge=purge)[-1]
    model = fitted(fold, params, purge=purge)
    for weights in model.model.parameters():
        weights.data.zero_()
    settings = TuningSettings.of(forecast=forecast, purge=purge)
    forecasts = forecast_fold(model, fold, params["input_chunk_length"] + purge, forecast)
    assert error("rmse", fold.actual, forecasts, fold.val_observed) == naive_scores_of([fold.truth], settings).score


@pytest.mark.parametrize("transform", CHANGES)
@pytest.mark.parametrize(("forecast", "purge"), [("rolling", 0), ("rolling", 2), ("recursive", 0)])
def test_a_forecast_of_a_price_knows_nothing_of_its_own_step_or_later(
    make_folds, priced, params, forecast, purge, transform
):
    step = 100
    later = pl.int_range(pl.len()) >= step
    changed = priced.with_columns(
        pl.when(later).then(pl.col(name) * 3 + 1).otherwise(name) for name in priced.columns[1:]
    )
    of_close = {"target_col": "close", "target_transform": transform, "purge": purge}
    folds = [make_folds(each, **of_close)[-1] for each in (priced, changed)]
    model = fitted(folds[0], params, purge=purge)
    before, after = (forecast_fold(model, fold, params["input_chunk_length"] + purge, forecast) for fold in folds)
    same = step - 90 + 1 + purge
    np.testing.assert_array_equal(before[:same], after[:same])
    assert (before[same:] != after[same:]).any()


@pytest.mark.parametrize("transform", CHANGES)
def test_a_price_is_forecast_and_scored_in_its_own_unit(make_folds, priced, params, transform):
    folds = make_folds(priced, target_col="close", target_transform=transform)
    result = evaluate_fold(folds[0], "gru", params, settings=SETTINGS)
    assert result.score == error("rmse", folds[0].actual, result.forecast)
    assert result.naive_score == error("rmse", folds[0].actual, priced["close"].to_numpy()[59:89])
    assert result.score < 1.2 * result.naive_score

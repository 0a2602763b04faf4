"""A study of quantiles from its trials to the step that comes next, on SQLite."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from kallos_data import FeatureTables, prepare_darts_timeseries
from kallos_models import QUANTILES, forecast_quantiles
from kallos_tune import (
    ConfigError,
    ForecasterSettings,
    ForeignForecasts,
    Recipe,
    StudyMismatchError,
    TuningSettings,
    current_definition,
    evaluate_forecaster,
    evaluate_forecasts,
    evaluate_schedule,
    forecast_next,
    load_study_data,
    load_trained,
    pinball_loss,
    rerun_trial,
    stored_verdict,
    study_result,
    train_forecaster,
    train_schedule,
    verdict_lines,
)
from kallos_tune.evaluation.fold import evaluate_fold
from kallos_tune.evaluation.forecast_record import forecast_from_text
from kallos_tune.study_definition import DEFINITION
from kallos_tune.trial_attributes import FORECASTS, MADE_WITH

LAST = datetime(2021, 4, 30, tzinfo=UTC)
COLUMNS = ["q05", "q25", "q50", "q75", "q95"]
ABOUT = ForeignForecasts(
    asset_id="X", target_col="ret", tables=FeatureTables("history", None), feature_groups={}, look_back=8
)


@pytest.fixture
def trained(quantile_model):
    return load_trained(quantile_model / "model")


def test_a_trial_is_scored_by_the_pinball_loss_and_keeps_medians(quantile_study, database, groups, settings):
    settings = settings.changed(likelihood="quantile")
    data = load_study_data("X", "2021-03-31", database, "ret", groups, settings=settings)
    result, trial = study_result(quantile_study), quantile_study.best_trial
    folds = [evaluate_fold(fold, "gru", trial.params, settings=settings) for fold in data.folds]
    assert result.metric == "pinball"
    assert result.fold_scores == [fold.score for fold in folds]
    assert result.best_score == pytest.approx(np.mean(result.fold_scores))
    assert result.fold_naive_scores == trial.user_attrs["fold_naive_scores"] == [*data.naive.fold_scores]
    assert (result.definition["likelihood"], trial.user_attrs[MADE_WITH]["likelihood"]) == ("quantile", "quantile")
    for text, fold in zip(trial.user_attrs[FORECASTS], folds, strict=True):
        assert forecast_from_text(text) == pytest.approx(fold.forecast, rel=1e-6, abs=1e-9)


def test_the_verdict_is_about_the_median_by_absolute_error_and_says_so(quantile_study):
    verdict, result = stored_verdict(quantile_study.user_attrs), study_result(quantile_study)
    assert (verdict.metric, verdict.score_name, verdict.optimism) == ("mae", "pinball", None)
    assert (verdict.search_score, verdict.search_naive_score) == (result.best_score, result.naive_score)
    assert (verdict.search_naive, verdict.search_skill) == (result.naive, result.skill)
    lines = verdict_lines(verdict)
    assert lines[0].startswith("search score (pinball loss of the quantiles, lower is better): ")
    assert any("these skills are of the median forecast, by absolute error (MAE)" in line for line in lines)


def test_a_rerun_has_the_same_scores_and_says_what_they_are(quantile_study, database):
    rerun = rerun_trial(quantile_study, database)
    assert rerun.equal
    assert (rerun.metric, rerun.settings) == ("pinball", {})


def test_quantiles_and_values_are_not_mixed_in_a_study(tune, quantile_study):
    assert current_definition(quantile_study.user_attrs)["likelihood"] == "quantile"
    with pytest.raises(StudyMismatchError, match="likelihood: stored 'quantile', now 'none'"):
        tune(3, end_date="2021-03-31", pruner="none", resume="force")


def test_a_study_from_before_there_were_quantiles_goes_on_without_them(tune, finished_study, database, tmp_path):
    old = {name: value for name, value in finished_study.user_attrs[DEFINITION].items() if name != "likelihood"}
    finished_study.set_user_attr(DEFINITION, old)
    study = tune(4, end_date="2021-03-31", pruner="none")
    assert len(study.trials) == 4
    assert study_result(study).metric == "rmse"
    facts = study_result(study).to_dict() | {"definition": old}
    forecaster = train_forecaster(
        Recipe.of_facts(facts), tmp_path / "m", database, settings=ForecasterSettings(members=1)
    )
    assert not forecaster.has_quantiles
    assert forecaster.card.metric == "rmse"
    with pytest.raises(StudyMismatchError, match="likelihood: stored 'none', now 'quantile'"):
        tune(5, end_date="2021-03-31", pruner="none", likelihood="quantile")


def test_recursive_forecasts_have_no_quantiles():
    with pytest.raises(ConfigError) as caught:
        TuningSettings.of(likelihood="quantile", forecast="recursive")
    assert str(caught.value).startswith("likelihood needs rolling forecasts: a recursive forecast feeds on its own")
    assert str(caught.value).endswith("choose rolling, or no quantiles")


def slow_quantiles(trained, history, groups):
    """Return the members' quantiles of each later day, each from a history that ends the day before, [M, N, Q]."""
    days = history.filter(pl.col("timestamp") > trained.card.last_known)["timestamp"]
    found = []
    for member in trained.members:
        of_member = []
        for day in days:
            seen = history.filter(pl.col("timestamp") <= day)
            fold = prepare_darts_timeseries(seen[:-1], seen[-1:], "ret", groups, scalers=trained.card.scalers)
            scaled = forecast_quantiles(member.model, *fold.val_series(member.hparams.input_chunk_length))[0, 0]
            of_member.append([float(fold.target_scaler.inverse(each)) for each in scaled])
        found.append(of_member)
    return np.array(found)


def test_a_forecaster_is_judged_by_the_mean_of_its_members_quantiles(trained, database, history, groups):
    assert trained.has_quantiles
    assert "They forecast the quantiles 0.05" in (trained.folder / "model-card.md").read_text()
    evaluation = evaluate_forecaster(trained, database)
    each = slow_quantiles(trained, history, groups)
    assert evaluation.quantiles == pytest.approx(each.mean(axis=0), rel=1e-5, abs=1e-8)
    assert evaluation.members == pytest.approx(each[:, :, 2], rel=1e-5, abs=1e-8)
    assert evaluation.data.forecast == pytest.approx(evaluation.quantiles[:, 2])
    assert evaluation.verdict.metric == "mae"

    found, actual = evaluation.of_quantiles, evaluation.data.actual
    assert found.pinball == pytest.approx(pinball_loss(actual, evaluation.quantiles, QUANTILES))
    for coverage, low, high in zip(found.coverage, (1, 0), (3, 4), strict=True):
        inside = (actual >= evaluation.quantiles[:, low]) & (actual <= evaluation.quantiles[:, high])
        assert coverage.share == pytest.approx(inside.mean())
    training = history["ret"].to_numpy()[:90]
    errors = {
        "last value": np.diff(training),
        "training mean": training[1:] - training.mean(),
        "zero": training[1:],
    }[found.naive]
    naive = evaluation.data.naive[found.naive][:, None] + np.quantile(errors, QUANTILES)
    assert found.naive_pinball == pytest.approx(pinball_loss(actual, naive, QUANTILES))

    lines = evaluation.lines()
    assert lines[-4] == "the forecast is the median, and skills are by absolute error (MAE), which a median minimises"
    assert lines[-3].startswith("the 50 % interval held ")
    assert lines[-2].startswith("the 90 % interval held ")
    assert "of 30 steps, Kupiec p" in lines[-2]
    assert lines[-1].startswith("quantiles: pinball loss ")
    assert evaluation.to_dict()["quantiles"]["coverage"][1]["level"] == 0.9
    assert evaluation.forecasts().select(COLUMNS).to_numpy() == pytest.approx(evaluation.quantiles)


def test_where_the_period_overlaps_lines_about_quantiles_say_so_too(trained, database):
    evaluation = evaluate_forecaster(trained, database, start="2021-03-29", end="2021-04-02", allow_overlap=True)
    assert all("overlaps the training span" in line for line in evaluation.lines())


def test_the_same_quantiles_from_elsewhere_are_judged_the_same(trained, database, groups):
    own = evaluate_forecaster(trained, database)
    given = own.forecasts().select("timestamp", *COLUMNS)
    about = replace(ABOUT, feature_groups=groups, metric="mae")
    foreign = evaluate_forecasts(given, about, database)
    assert foreign.verdict == own.verdict
    assert foreign.of_quantiles == own.of_quantiles
    by_number = given.rename({name: f"{quantile:.2f}" for name, quantile in zip(COLUMNS, QUANTILES, strict=True)})
    assert evaluate_forecasts(by_number, about, database).of_quantiles == own.of_quantiles


def test_the_next_step_has_the_quantiles_that_a_look_back_gives_it(trained, database, history, groups):
    found = forecast_next(trained, database, now=LAST, horizon=1)
    (step,) = found.steps
    fold = prepare_darts_timeseries(history, history[:0], "ret", groups, scalers=trained.card.scalers, purge=0)
    expected = []
    for member in trained.members:
        look_back = member.hparams.input_chunk_length
        target = fold.target[len(history) - look_back :].append_values(np.full((1, 1), 9e9, dtype=np.float32))
        covariates = fold.covariates[len(history) - look_back :].append_values(np.full((1, 2), 9e9, dtype=np.float32))
        scaled = forecast_quantiles(member.model, target, covariates)[0, 0]
        expected.append(fold.target_scaler.inverse(scaled))
    assert step.quantiles == pytest.approx(np.mean(expected, axis=0))
    assert step.quantiles[2] == pytest.approx(step.forecast, rel=1e-4, abs=1e-7)
    assert list(step.quantiles) == sorted(step.quantiles)
    assert found.frame().columns == ["time", "forecast", "spread", "price", "low", "high"]
    assert found.frame().row(0)[-2:] == (step.quantiles[0], step.quantiles[-1])
    assert found.to_dict()["steps"][0]["quantiles"] == step.quantiles


def test_later_steps_have_none(trained, database):
    steps = forecast_next(trained, database, now=LAST, horizon=2, hold_features=True)
    assert [step.quantiles is None for step in steps.steps] == [False, True]
    assert steps.frame()["low"].is_null().to_list() == [False, True]


def test_each_step_of_a_schedule_has_the_quantiles_of_the_newest_model(quantile_study, database, tmp_path, monkeypatch):
    monkeypatch.setattr("kallos_tune.forecaster.judging.baseline_forecasts", lambda *_arguments, **_options: {})
    recipe, one = Recipe.of_study(quantile_study), ForecasterSettings(members=1)
    schedule = train_schedule(recipe, tmp_path / "s", database, refit_every="15d", until="2021-04-20", settings=one)
    evaluation, _ = evaluate_schedule(schedule, database)
    first, second = (evaluate_forecaster(model, database).quantiles for model in schedule.models)
    assert evaluation.quantiles == pytest.approx(np.concatenate([first[:15], second]))
    assert evaluation.of_quantiles.n_steps == 30

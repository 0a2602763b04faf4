"""Quantiles scored: against a slow loop, invariant under the target's unit; naive ones, and intervals in words."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kallos_data import FoldTarget
from kallos_models import QUANTILES, fit_forecaster, forecast_recursive
from kallos_tune import ConfigError, TuningSettings, judge_quantiles, read_forecasts
from kallos_tune.evaluation.fold import evaluate_fold, quantiles_of_fold
from kallos_tune.evaluation.naive_scores import naive_scores_of
from kallos_tune.evaluation.quantiles import naive_quantiles, pinball_score
from kallos_tune.forecaster.next_quantiles import next_quantiles
from kallos_tune.forecaster.quantile_columns import quantile_columns_in
from kallos_tune.settings import FoldSettings

QUANTILE = TuningSettings.of(likelihood="quantile", max_epochs=2)
finite = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


def slow_pinball(actual, quantiles, scored):
    losses = []
    for y, row, counts in zip(actual, quantiles, scored, strict=True):
        for q, forecast in zip(QUANTILES, row, strict=True):
            if counts:
                losses.append(q * (y - forecast) if y > forecast else (1 - q) * (forecast - y))
    return sum(losses) / len(losses)


@given(st.data(), st.integers(1, 12), st.floats(1e-6, 1e6), finite)
def test_the_score_is_that_of_a_slow_loop_and_scales_with_the_target(data, n, unit, shift):
    actual = np.array(data.draw(st.lists(finite, min_size=n, max_size=n)))
    quantiles = np.array(data.draw(st.lists(st.tuples(*[finite] * 5), min_size=n, max_size=n)))
    scored = np.array([True, *data.draw(st.lists(st.booleans(), min_size=n - 1, max_size=n - 1))])
    score = pinball_score(actual, quantiles, scored)
    assert score == pytest.approx(slow_pinball(actual, quantiles, scored))
    assert pinball_score(unit * (actual + shift), unit * (quantiles + shift), scored) == pytest.approx(
        unit * score, rel=1e-6, abs=unit * 1e-9
    )


def test_what_is_not_finite_has_no_score_where_it_counts():
    quantiles = np.zeros((2, 5))
    quantiles[1, 4] = np.inf
    assert np.isnan(pinball_score(np.ones(2), quantiles, np.array([True, True])))
    assert pinball_score(np.ones(2), quantiles, np.array([True, False])) == pytest.approx(np.mean(QUANTILES))


@pytest.mark.parametrize(("transform", "exact"), [("none", True), ("difference", True), ("log_difference", False)])
def test_a_validation_loss_is_put_into_the_targets_unit(make_folds, history, params, transform, exact):
    price = history.with_columns(ret=100 * np.exp(history["ret"].cum_sum()))
    fold = make_folds(history if transform == "none" else price, target_transform=transform)[0]
    scored, scaled = fold.val_observed, fold.target.values()[fold.val_start :, 0]
    quantiles = np.sort(np.random.default_rng(0).normal(size=(30, 5)), axis=1)
    values = np.stack([fold.rolling_to_target_unit(each) for each in quantiles.T], axis=1)
    loss = fold.pinball_in_target_unit(slow_pinball(scaled, quantiles, scored))
    assert loss == pytest.approx(slow_pinball(fold.actual, values, scored), rel=1e-5 if exact else 0.05)
    # Quantiles are sorted before they are scored, which brings them nearer.
    losses: list[float] = []
    result = evaluate_fold(fold, "gru", params, settings=QUANTILE, on_epoch=lambda _, each: losses.append(each))
    assert result.score <= fold.pinball_in_target_unit(min(losses)) * (1 + (1e-5 if exact else 0.05))


@pytest.mark.parametrize("model_name", ["gru", "tcn"])
def test_a_fold_of_quantiles_keeps_the_median(folds, params, model_name):
    result = evaluate_fold(folds[0], model_name, params, settings=QUANTILE, chosen_epoch=1)
    assert result.forecast.shape == result.out_of_sample.shape == (30,)
    actual, naive = folds[0].actual, naive_quantiles(folds[0].truth, FoldSettings(), around_zero=True)
    scores = [slow_pinball(actual, each, np.ones(30)) for each in naive.values()]
    assert result.naive_score == pytest.approx(min(scores))
    again = evaluate_fold(folds[0], model_name, params, settings=QUANTILE)
    assert (again.score, again.forecast.tolist()) == (result.score, result.forecast.tolist())


def test_scores_of_a_fold_go_with_the_unit_of_the_target(make_folds, history, params):
    plain = evaluate_fold(make_folds(history)[0], "gru", params, settings=QUANTILE)
    scaled = evaluate_fold(
        make_folds(history.with_columns(pl.col("ret") * 1024 + 512))[0], "gru", params, settings=QUANTILE
    )
    assert scaled.score == pytest.approx(1024 * plain.score, rel=1e-3)
    assert scaled.naive_score == pytest.approx(1024 * plain.naive_score)


def test_naive_quantiles_are_the_naive_forecast_plus_those_of_its_errors():
    train, val = np.array([1.0, 4, 2, 8, 5, 7]), np.array([3.0, 6, 1])
    target = FoldTarget.of(train, val)
    found = naive_quantiles(target, FoldSettings(), around_zero=True)
    of_changes, of_values = np.quantile(np.diff(train), QUANTILES), np.quantile(train[1:], QUANTILES)
    assert found["last value"] == pytest.approx(np.array([7.0, 3, 6])[:, None] + of_changes)
    assert found["training mean"] == pytest.approx(np.tile(of_values, (3, 1)))
    assert found["zero"] == pytest.approx(np.tile(of_values, (3, 1)))
    scores = [slow_pinball(val, found[name], np.ones(3)) for name in ("last value", "training mean")]
    assert naive_scores_of([target], QUANTILE).score == pytest.approx(min(scores))


def test_of_a_price_the_errors_are_relative_and_unobserved_steps_count_for_nothing():
    train, val = np.array([1.0, 2, 2, 6, 12, 12]), np.array([24.0, 30])
    observed = np.array([True, True, False, True, True, True])
    target = FoldTarget.of(train, val, train_observed=observed, transform="log_difference")
    found = naive_quantiles(target, FoldSettings(), with_mean=False)
    of_changes = np.exp(np.quantile(np.log([2, 2, 1]), QUANTILES))
    assert found["last value"] == pytest.approx(np.array([12.0, 24])[:, None] * of_changes)


@pytest.mark.parametrize("purge", [0, 2])
def test_the_next_step_is_what_a_rolling_forecast_says_of_it(make_folds, history, params, purge):
    fold = make_folds(history, purge=purge)[0]
    target, covariates = fold.train_series()
    fit = fit_forecaster("gru", {**params, "output_chunk_shift": purge}, target, covariates, settings=QUANTILE.training)
    member = type("M", (), {"model": fit.model, "hparams": fit.hparams})
    quantiles = next_quantiles([member], fold)
    first = quantiles_of_fold(fit.model, fold, params["input_chunk_length"] + purge)[0]
    assert quantiles == pytest.approx(first, rel=1e-5, abs=1e-7)
    recursive = forecast_recursive(fit.model, 1, target, covariates)[:, 0]
    assert quantiles[2] == pytest.approx(fold.recursive_to_target_unit(recursive)[0], rel=1e-4, abs=1e-6)


def normal_quantiles(n, spread=1.0):
    return np.tile(spread * stats.norm.ppf(QUANTILES), (n, 1))


def test_true_quantiles_of_gaussian_steps_hold_what_they_promise():
    actual = np.random.default_rng(2).normal(size=4000)
    found = judge_quantiles(
        actual, normal_quantiles(4000), QUANTILES, naive="zero", naive_forecasts=normal_quantiles(4000, 2)
    )
    assert [coverage.share for coverage in found.coverage] == pytest.approx([0.5, 0.9], abs=0.02)
    assert [coverage.mean_width for coverage in found.coverage] == pytest.approx([1.349, 3.290], abs=1e-3)
    assert all(coverage.kupiec_p > 0.05 for coverage in found.coverage)
    assert found.pinball < found.naive_pinball
    assert found.skill == pytest.approx(1 - found.pinball / found.naive_pinball)


@pytest.mark.parametrize(("spread", "said"), [(0.6, "too narrow, do not rely on it"), (1.6, "too wide")])
def test_intervals_that_do_not_hold_what_they_promise_are_named(spread, said):
    actual = np.random.default_rng(2).normal(size=400)
    quantiles = normal_quantiles(400, spread)
    lines = judge_quantiles(actual, quantiles, QUANTILES, naive="zero", naive_forecasts=quantiles).lines()
    assert [line.endswith(said) for line in lines] == [True, True, False]


def test_what_was_found_in_words():
    actual = np.where(np.arange(200) < 25, 3.0, 0.0)
    quantiles = np.tile([-0.055, -0.02, 0.0, 0.02, 0.055], (200, 1))
    found = judge_quantiles(
        actual, quantiles, QUANTILES, naive="training mean", naive_forecasts=2 * quantiles, horizon=3
    )
    half, most, loss = found.lines()
    assert half.startswith("the 50 % interval held 87.5 % of 200 steps, Kupiec p < 0.001; mean width 0.04: too wide")
    assert most == (
        "the 90 % interval held 87.5 % of 200 steps, Kupiec p = 0.25; mean width 0.11 (each forecast looks 3 steps "
        "ahead, so steps overlap and p is too small)"
    )
    assert loss == (
        "quantiles: pinball loss 0.1887, 0.6 % better than the training mean with the quantiles of its errors over the "
        "training (0.1899); no verdict rests on it"
    )


def test_bounds_that_cross_are_told():
    quantiles = normal_quantiles(50)
    quantiles[:3, [0, 4]] = quantiles[:3, [4, 0]]
    lines = judge_quantiles(np.zeros(50), quantiles, QUANTILES, naive="zero", naive_forecasts=quantiles).lines()
    assert "its bounds crossed at 3 steps and were exchanged" in lines[1]
    assert "crossed" not in lines[0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["q05", "q95"], "forecasts hold the quantiles q05, q95 and not q25, q50, q75: give all five, or none"),
        (["0.5", "q50"], "forecasts hold the quantile 0.5 twice, as 0.5 and q50: keep one"),
    ],
)
def test_some_quantiles_alone_are_refused(columns, message):
    with pytest.raises(ConfigError) as caught:
        quantile_columns_in(["timestamp", *columns])
    assert str(caught.value) == message


def test_a_file_of_quantiles(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("timestamp,0.05,0.25,0.50,0.75,0.95,0.1\n2021-04-01,-2,-1,0.5,1,2,7\n")
    frame = read_forecasts(path)
    assert frame.columns == ["timestamp", "forecast", "q05", "q25", "q50", "q75", "q95"]
    assert frame.row(0)[1:] == (0.5, -2, -1, 0.5, 1, 2)
    path.write_text("timestamp,forecast,q05,q25,q50,q75,q95\n2021-04-01,0,-2,-1,0.5,1,x\n")
    with pytest.raises(ConfigError, match="line 2: q95 is 'x', which cannot be read"):
        read_forecasts(path)

"""Each formula against a slow reading, a closed form or another package; size and power by simulation."""

import itertools
from math import sqrt

import numpy as np
import pytest
import statsmodels.api as sm
import xarray as xr
from arch.bootstrap import SPA
from scipy import stats
from scores.stats.statistical_tests import diebold_mariano as dm_of_scores

from kallos_tune.verdict.accuracy import error_of, losses_of, r2_out_of_sample, skill_of
from kallos_tune.verdict.clark_west import clark_west_terms, clark_west_test
from kallos_tune.verdict.detectable import LEVEL, detectable_skill
from kallos_tune.verdict.diebold_mariano import diebold_mariano_test
from kallos_tune.verdict.hinges import hinges_of
from kallos_tune.verdict.mean_test import long_run_variance, mean_above_zero, standard_error
from kallos_tune.verdict.resampling import N_RESAMPLES, best_of_many, block_length, skill_interval
from kallos_tune.verdict.windows import window_interval


def forecasts(n=150, seed=0, signal=0.1):
    """Return truth, a forecast that knows a little of it, and a naive one."""
    rng = np.random.default_rng(seed)
    forecast = np.sqrt(signal) * rng.normal(size=n)
    actual = 0.1 + forecast + np.sqrt(1 - signal) * rng.normal(size=n)
    return actual, forecast, np.full(n, 0.05)


def test_skill_in_closed_form():
    actual, forecast, naive = np.zeros(4), np.array([3.0, 0, 0, 4]), np.full(4, 5.0)
    assert error_of("rmse", losses_of("rmse", actual, forecast)) == 2.5
    assert skill_of("rmse", *(losses_of("rmse", actual, each) for each in (forecast, naive))) == 0.5
    assert skill_of("mae", *(losses_of("mae", actual, each) for each in (forecast, naive))) == 1 - 1.75 / 5
    assert r2_out_of_sample(actual, forecast, naive) == 0.75


def test_skill_where_the_naive_forecast_makes_no_error():
    assert skill_of("rmse", np.zeros(3), np.zeros(3)) == 0
    assert skill_of("rmse", np.ones(3), np.zeros(3)) is None


def test_clark_west_terms_as_the_paper_has_them():
    actual, forecast, naive = forecasts()
    by_hand = [
        (y - f0) ** 2 - ((y - f1) ** 2 - (f0 - f1) ** 2) for y, f1, f0 in zip(actual, forecast, naive, strict=True)
    ]
    assert clark_west_terms(actual, forecast, naive) == pytest.approx(by_hand)


def test_clark_west_one_step_ahead_is_a_t_test_of_its_terms():
    actual, forecast, naive = forecasts()
    ours = clark_west_test(actual, forecast, naive)
    theirs = stats.ttest_1samp(clark_west_terms(actual, forecast, naive), 0, alternative="greater")
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def overlapping(n=200, horizon=4, seed=1):
    """Return values of which neighbours overlap."""
    return np.convolve(np.random.default_rng(seed).normal(0.1, 1, n + horizon - 1), np.ones(horizon), "valid")


def long_run_variance_by_hand(values, horizon):
    n, mean = len(values), sum(values) / len(values)
    in_full = bartlett = 0.0
    for i, j in itertools.product(range(n), range(n)):
        if abs(i - j) < horizon:
            product = (values[i] - mean) * (values[j] - mean) / n
            in_full += product
            bartlett += (1 - abs(i - j) / horizon) * product
    return max(in_full, bartlett)


@pytest.mark.parametrize("horizon", [1, 2, 4, 9])
def test_long_run_variance_equals_a_loop(horizon):
    for seed in range(3):
        values = overlapping(n=60, seed=seed)
        assert long_run_variance(values, horizon) == pytest.approx(long_run_variance_by_hand(values.tolist(), horizon))


@pytest.mark.parametrize("horizon", [1, 2, 4, 6])
def test_long_run_variance_with_bartlett_weights_is_that_of_statsmodels(horizon):
    # Where neighbours swing, the sum of an odd number of lags in full is negative.
    values = np.array([1.0, -1.0] * 40) + np.random.default_rng(0).normal(0, 0.1, 80)
    hac = sm.OLS(values, np.ones(80)).fit(cov_type="HAC", cov_kwds={"maxlags": horizon - 1})
    assert long_run_variance(values, horizon) == pytest.approx(80 * hac.bse[0] ** 2)


def test_the_small_sample_correction_in_closed_form():
    values = overlapping(n=50, horizon=3)
    expected = sqrt(long_run_variance(values, 3) / 50) / sqrt((50 + 1 - 6 + 3 * 2 / 50) / 50)
    assert standard_error(values, 3) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "statistic", "p"),
    [(np.zeros(12), 0.0, 1.0), (np.full(12, 0.1), None, 0.0), (np.full(12, -0.1), None, 1.0)],
)
def test_values_without_variance(values, statistic, p):
    result = mean_above_zero(values)
    assert (result.statistic, result.p) == (statistic, p)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_diebold_mariano_is_that_of_scores(metric):
    actual, forecast, naive = forecasts()
    gains = losses_of(metric, actual, naive) - losses_of(metric, actual, forecast)
    row = xr.DataArray([gains], dims=["lead", "step"], coords={"lead": [1], "h": ("lead", [1])})
    theirs = dm_of_scores(row, "lead", "h", method="HLN", statistic_distribution="t")
    ours = diebold_mariano_test(actual, forecast, naive, metric=metric)
    assert ours.statistic == pytest.approx(theirs.dm_test_stat.item())
    assert ours.p == pytest.approx(1 - theirs.confidence_gt_0.item())


def test_diebold_mariano_of_overlapping_steps_by_hand():
    horizon, n = 3, 150
    actual, forecast, naive = forecasts(n)
    gains = (actual - naive) ** 2 - (actual - forecast) ** 2
    hac = sm.OLS(gains, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": horizon - 1})
    correction = sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    ours = diebold_mariano_test(actual, forecast, naive, metric="rmse", horizon=horizon)
    assert ours.statistic == pytest.approx(correction * hac.tvalues[0])
    assert ours.p == pytest.approx(stats.t.sf(correction * hac.tvalues[0], n - 1))


def test_diebold_mariano_without_a_difference_says_nothing_and_warns_of_nothing(recwarn):
    actual, forecast, _ = forecasts()
    result = diebold_mariano_test(actual, forecast, forecast, metric="rmse")
    assert (result.statistic, result.p) == (0.0, 1.0)
    assert not recwarn.list


def nested_forecasts(n_draws, n_steps, *, horizon=1, n_train=200, n_features=3, memory=0.0, seed=0):
    """Return truths [n_draws, n_steps] in which nothing can be foreseen, and forecasts of regressions on noise."""
    rng = np.random.default_rng(seed)
    n = n_train + n_steps
    shocks = rng.standard_t(4, size=(n_draws, n + horizon - 1))
    actual = np.lib.stride_tricks.sliding_window_view(shocks, horizon, axis=1).sum(axis=2)
    features = rng.normal(size=(n_draws, n, n_features))
    for step in range(1, n):
        features[:, step] = memory * features[:, step - 1] + sqrt(1 - memory**2) * features[:, step]
    past, known = features[:, : n_train - horizon], actual[:, : n_train - horizon]
    weights = np.linalg.solve(past.mT @ past, past.mT @ known[..., None])
    return actual[:, n_train:], (features[:, n_train:] @ weights)[..., 0]


@pytest.mark.parametrize(("horizon", "n_steps", "memory"), [(1, 168, 0.0), (1, 20, 0.0), (5, 100, 0.95)])
def test_one_time_in_twenty_clark_west_sees_a_signal_where_there_is_none(horizon, n_steps, memory):
    actual, forecast = nested_forecasts(600, n_steps, horizon=horizon, memory=memory)
    naive = np.zeros(n_steps)
    said_yes = sum(
        clark_west_test(y, f, naive, horizon=horizon).p < 0.05 for y, f in zip(actual, forecast, strict=True)
    )
    # 30 are due; 99.9 % of binomial draws at 5 % lie between 15 and 49.
    assert 15 <= said_yes <= 49


def of_correlation(correlation, n_steps, n_draws, seed=0):
    rng = np.random.default_rng(seed)
    forecast = correlation * rng.normal(size=(n_draws, n_steps))
    return forecast + sqrt(1 - correlation**2) * rng.normal(size=(n_draws, n_steps)), forecast


@pytest.mark.parametrize(("multiple", "power"), [(1.0, 0.80), (0.5, 0.29), (1.5, 0.99)])
def test_clark_west_finds_the_detectable_skill_four_times_in_five(multiple, power):
    n_steps = 168
    needed = 2.8016 / sqrt(n_steps)
    actual, forecast = of_correlation(multiple * needed, n_steps, 500)
    p_values = [clark_west_test(y, f, np.zeros(n_steps)).p for y, f in zip(actual, forecast, strict=True)]
    found = np.mean([p < LEVEL for p in p_values])
    # Φ(multiple · 2.8016 - 1.960), give or take the spread of 500 draws
    assert power == pytest.approx(stats.norm.cdf(multiple * 2.8016 - 1.960), abs=0.01)
    assert found == pytest.approx(power, abs=3.3 * sqrt(power * (1 - power) / 500))


def test_the_detectable_skill_of_independent_steps_in_closed_form():
    actual, forecast = of_correlation(0.001, 50_000, 1)
    expected = 1 - sqrt(1 - 2.8016**2 / 50_000)
    assert detectable_skill(actual[0], forecast[0], np.zeros(50_000)) == pytest.approx(expected, rel=0.03)


def test_the_detectable_skill_is_that_of_any_size_and_unit():
    actual, forecast, naive = forecasts()
    once = detectable_skill(actual, forecast, naive)
    assert detectable_skill(actual, naive + 5 * (forecast - naive), naive) == pytest.approx(once)
    assert detectable_skill(3e-5 * actual, 3e-5 * forecast, 3e-5 * naive) == pytest.approx(once)


def test_the_detectable_skill_of_a_forecast_that_is_the_naive_one():
    actual, _, naive = forecasts(100)
    assert detectable_skill(actual, naive, naive) == pytest.approx(1 - sqrt(1 - 0.28016**2), rel=1e-4)


def test_nothing_shows_where_one_step_decides():
    actual, forecast = np.zeros(12), np.zeros(12)
    actual[3], forecast[3] = 1.0, 1.0
    assert detectable_skill(actual, forecast, np.zeros(12)) is None


@pytest.mark.parametrize(("n_out", "seed"), [*((1, seed) for seed in range(6)), (2, 0)])
def test_the_steps_a_skill_hinges_on_are_the_best_of_all_sets(seed, n_out):
    # 100 steps of which most weigh nothing, and are alike, so that all sets can be tried.
    rng = np.random.default_rng(seed)
    n = 100 * n_out
    losses, naive_losses = np.full((2, n), 0.01)
    few, alike = np.split(rng.permutation(n), [12])
    losses[few], naive_losses[few] = rng.exponential(size=(2, 12))
    hinges = hinges_of("rmse", losses, naive_losses)
    skills = {
        out: skill_of("rmse", np.delete(losses, out), np.delete(naive_losses, out))
        for out in itertools.combinations([*few, *alike[:n_out]], n_out)
    }
    whole = skill_of("rmse", losses, naive_losses)
    worst = (min if whole > 0 else max)(skills, key=skills.get)
    assert hinges.skill_without == pytest.approx(skills[worst])
    assert set(hinges.steps) == set(worst)
    assert hinges.sign_turns == (whole * skills[worst] <= 0)


@pytest.mark.parametrize(("gain", "turns"), [(6.0, True), (1.0, False)])
def test_a_skill_of_one_day_hinges_on_it(gain, turns):
    losses, naive_losses = np.full(50, 1.0), np.full(50, 1.0 if turns else 1.1)
    naive_losses[20] += gain
    hinges = hinges_of("mae", losses, naive_losses)
    assert (hinges.steps.tolist(), hinges.sign_turns) == ([20], turns)
    assert hinges.skill_without == pytest.approx(0 if turns else 1 - 1 / 1.1)


def test_a_loss_of_one_day_hinges_on_it_too():
    losses, naive_losses = np.full(50, 1.0), np.full(50, 1.1)
    losses[20] += 9
    hinges = hinges_of("mae", losses, naive_losses)
    assert (hinges.steps.tolist(), hinges.sign_turns) == ([20], True)
    assert hinges.skill_without > 0


def test_no_difference_hinges_on_nothing():
    assert not hinges_of("rmse", np.ones(20), np.ones(20)).sign_turns
    assert not hinges_of("rmse", np.zeros(20), np.zeros(20)).sign_turns


def test_the_interval_of_independent_steps_is_near_the_normal_one():
    # The skill by absolute errors is a ratio of means: its standard error by the delta method.
    rng = np.random.default_rng(0)
    naive_losses = rng.exponential(size=800)
    losses = 0.9 * naive_losses + rng.exponential(0.1, size=800)
    low, high = skill_interval("mae", losses, naive_losses, block=1)
    skill = 1 - losses.mean() / naive_losses.mean()
    error = np.std(losses - (1 - skill) * naive_losses) / naive_losses.mean() / sqrt(800)
    assert (low, high) == pytest.approx((skill - 1.96 * error, skill + 1.96 * error), abs=0.25 * error)


def test_the_interval_of_what_never_differs_is_one_point():
    losses = forecasts()[0] ** 2
    assert skill_interval("rmse", losses, losses, block=3) == (0, 0)


def test_a_resample_without_an_error_to_compare_with_makes_no_interval():
    naive_losses = np.zeros(10)
    naive_losses[0] = 1
    assert skill_interval("rmse", np.ones(10), naive_losses, block=1) is None


def test_the_interval_of_windows_in_closed_form():
    # Windows that lost 1, 2 and 3 where the naive forecast lost 2 each: a ratio of 1 ± t(2) · (1/2) / √3.
    losses, window = np.array([1.0, 0, 2, 1, 1, 1]), np.array([2, 2, 3, 4, 4, 4])
    naive_losses = np.array([1.0, 1, 2, 1, 0.5, 0.5])
    reach = stats.t.ppf(0.975, 2) * 0.5 / sqrt(3)
    assert window_interval("mae", losses, naive_losses, window) == pytest.approx((-reach, min(reach, 1)))
    low, high = window_interval("rmse", losses, naive_losses, window)
    assert (low, high) == pytest.approx((1 - sqrt(1 + reach), 1 - sqrt(max(1 - reach, 0))))


def test_windows_too_few_or_without_error_have_no_interval():
    assert window_interval("rmse", np.ones(5), np.ones(5), np.full(5, 2)) is None
    assert window_interval("rmse", np.ones(4), np.zeros(4), np.array([2, 2, 3, 3])) is None


def test_the_interval_of_windows_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    window, missed, n_draws = np.repeat(np.arange(4), 40), 0, 600
    for _ in range(n_draws):
        losses, naive_losses = np.repeat(rng.gamma(8, size=(2, 4)), 40, axis=1)  # each window has a loss of its own
        low, high = window_interval("mae", losses, naive_losses, window)
        missed += not low <= 0 <= high
    assert 0.02 < missed / n_draws < 0.08


def test_blocks_grow_with_what_hangs_together():
    ones = np.ones(400)
    alone = block_length(1 + 0.1 * overlapping(400, 1), ones)
    together = block_length(1 + 0.1 * overlapping(400, 20), ones)
    assert 1 <= alone < 5 < together
    assert block_length(ones, ones) == 1
    assert block_length(ones, ones, at_least=7) == 7
    assert block_length(np.ones(5), np.ones(5), at_least=7) == 5


def test_a_step_that_stands_alone_makes_blocks_all_the_same(recwarn):
    losses = np.zeros(30)
    losses[4] = 1
    assert 1 <= block_length(losses, np.ones(30)) <= 30
    assert not recwarn.list


def spa_by_hand(gains, n_resamples=4000):
    """Hansen's consistent p for independent steps, by drawing steps one by one."""
    n, rng = len(gains), np.random.default_rng(5)
    spread = gains.std(axis=0)
    means = gains.mean(axis=0)
    recentred = np.where(means >= -spread / sqrt(n) * sqrt(2 * np.log(np.log(n))), means, 0)
    best = (means / spread).max()
    drawn = np.array([(gains[rng.integers(n, size=n)].mean(axis=0) - recentred) / spread for _ in range(n_resamples)])
    return np.mean(drawn.max(axis=1) > best)


@pytest.mark.parametrize("shift", [0.02, 0.1, 0.15])
def test_the_best_of_many_against_a_slow_reading(shift):
    rng = np.random.default_rng(3)
    gains = rng.normal(size=(200, 6)) * [1, 1, 2, 5, 1, 1] + [shift, 0, 0, 0, -0.5, -1]
    p = best_of_many([10 - gain for gain in gains.T], np.full(200, 10.0), block=1)
    assert p == pytest.approx(spa_by_hand(gains), abs=0.04)


@pytest.mark.parametrize("shift", [-0.05, 0.02, 0.12])
@pytest.mark.parametrize("block", [1, 5])
def test_the_best_of_many_is_that_of_arch(shift, block):
    rng = np.random.default_rng(3)
    gains = rng.normal([shift, 0, shift / 2, -0.02, -0.5, -1], size=(200, 6))
    ours = best_of_many([10 - gain for gain in gains.T], np.full(200, 10.0), block=block, seed=7)
    # arch leaves gains in their own unit, whatever its argument studentize says.
    theirs = SPA(np.zeros(200), -gains / gains.std(axis=0), block, N_RESAMPLES, seed=np.random.default_rng(7))
    theirs.compute()
    assert ours == pytest.approx(theirs.pvalues["consistent"], abs=1e-9)


def test_the_best_of_models_that_never_differ_is_no_better():
    losses = np.ones(20)
    assert best_of_many([losses, losses], losses, block=2) == 1
    assert best_of_many([losses / 2], losses, block=2) == 0


def test_resampling_is_the_same_each_time():
    actual, forecast, naive = forecasts()
    losses, naive_losses = losses_of("rmse", actual, forecast), losses_of("rmse", actual, naive)
    once = skill_interval("rmse", losses, naive_losses, block=2, seed=4)
    assert skill_interval("rmse", losses, naive_losses, block=2, seed=4) == once
    assert skill_interval("rmse", losses, naive_losses, block=2, seed=5) != once

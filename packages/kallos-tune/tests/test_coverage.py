"""Coverage and Kupiec's test in closed form, at its edges and by size; the pinball loss against scikit-learn's."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from kallos_tune import ConfigError
from kallos_tune.verdict.coverage import coverage_of, kupiec_statistic, pinball_loss


def test_what_lies_inside_below_and_above_is_counted():
    actual = np.array([0.0, 1, 2, 3, -5, 9])
    found = coverage_of(actual, np.zeros(6), np.full(6, 2.0), level=0.9)
    assert (found.n_steps, found.n_inside, found.n_below, found.n_above) == (6, 3, 1, 2)
    assert (found.share, found.mean_width, found.level, found.n_crossed) == (0.5, 2, 0.9, 0)


@given(st.integers(2, 300), st.data(), st.floats(0.01, 0.99))
def test_the_statistic_in_closed_form(n, data, allowed):
    x = data.draw(st.integers(1, n - 1))
    promised = (n - x) * log(1 - allowed) + x * log(allowed)
    seen = (n - x) * log(1 - x / n) + x * log(x / n)
    assert kupiec_statistic(n, x, allowed) == pytest.approx(-2 * (promised - seen), abs=1e-9)


@pytest.mark.parametrize(("outside", "expected"), [(0, -2 * 50 * log(0.9)), (50, -2 * 50 * log(0.1))])
def test_none_and_all_outside_in_closed_form(outside, expected):
    actual = np.where(np.arange(50) < outside, 2.0, 0.0)
    found = coverage_of(actual, np.full(50, -1.0), np.ones(50), level=0.9)
    assert found.kupiec_statistic == pytest.approx(expected)
    assert found.kupiec_p == pytest.approx(stats.chi2.sf(expected, 1))


def test_as_many_outside_as_promised_say_nothing():
    assert kupiec_statistic(100, 10, 0.1) == pytest.approx(0)
    actual = np.where(np.arange(100) < 10, 2.0, 0.0)
    assert coverage_of(actual, np.full(100, -1.0), np.ones(100), level=0.9).kupiec_p == pytest.approx(1)


@given(st.integers(1, 200), st.data(), st.floats(0.05, 0.5))
def test_more_or_fewer_outside_than_promised_speak_against_it(n, data, allowed):
    x = data.draw(st.integers(0, n))
    away = 1 if x / n > allowed else -1
    if 0 <= x + away <= n:
        assert kupiec_statistic(n, x + away, allowed) >= kupiec_statistic(n, x, allowed) - 1e-9


def test_of_intervals_that_hold_what_they_promise_one_in_twenty_is_refused():
    actual = np.random.default_rng(0).normal(size=(2000, 400))
    reach = np.full(400, stats.norm.ppf(0.95))
    ps = np.array([coverage_of(row, -reach, reach, level=0.9).kupiec_p for row in actual])
    assert np.mean(ps < 0.05) == pytest.approx(0.05, abs=0.02)


def test_bounds_that_cross_are_exchanged_and_counted():
    rng = np.random.default_rng(1)
    actual, low = rng.normal(size=(2, 40))
    high = low + 1
    crossed = np.arange(40) < 7
    found = coverage_of(actual, np.where(crossed, high, low), np.where(crossed, low, high), level=0.5)
    assert found == replace(coverage_of(actual, low, high, level=0.5), n_crossed=7)


@pytest.mark.parametrize("quantiles", [[0.5], [0.05, 0.25, 0.5, 0.75, 0.95]])
def test_the_pinball_loss_is_that_of_scikit_learn(quantiles):
    rng = np.random.default_rng(0)
    actual, forecasts = rng.normal(size=60), rng.normal(size=(60, len(quantiles)))
    theirs = [mean_pinball_loss(actual, forecasts[:, k], alpha=each) for k, each in enumerate(quantiles)]
    assert pinball_loss(actual, forecasts, quantiles) == pytest.approx(np.mean(theirs))


def test_the_true_quantiles_lose_least():
    rng = np.random.default_rng(0)
    actual, quantiles = rng.normal(size=4000), [0.05, 0.5, 0.95]
    true = np.tile(stats.norm.ppf(quantiles), (4000, 1))
    assert all(pinball_loss(actual, true, quantiles) < pinball_loss(actual, true + by, quantiles) for by in (-0.2, 0.2))


ROW = np.zeros(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: coverage_of(ROW, ROW, ROW, level=1.0),
            "level must lie between 0 and 1, not be 1.0: 0.9 for the quantiles 0.05 and 0.95",
        ),
        (
            lambda: coverage_of(ROW, ROW[:2], ROW, level=0.9),
            "low must have a value for each of 3 steps, one at least, not 2",
        ),
        (
            lambda: coverage_of(ROW[:0], ROW[:0], ROW[:0], level=0.9),
            "actual must have a value for each of 0 steps, one at least, not 0",
        ),
        (
            lambda: coverage_of(ROW, ROW, ROW * np.nan, level=0.9),
            "high has 3 values that are infinite or not a number: leave such steps out",
        ),
        (
            lambda: pinball_loss(ROW, np.zeros((3, 1)), [1.5]),
            "quantiles must lie between 0 and 1, one at least, not be [1.5]",
        ),
        (
            lambda: pinball_loss(ROW, np.zeros((3, 2)), [0.5]),
            "quantile_forecasts have the shape (3, 2), and 3 steps of 1 quantiles need (3, 1)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ConfigError) as caught:
        call()
    assert str(caught.value) == message

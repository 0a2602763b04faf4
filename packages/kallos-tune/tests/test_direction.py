"""The share of right signs and its test, against a slow reading, a closed form, invariances and its size on noise."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kallos_tune import ConfigError
from kallos_tune.verdict.direction import Direction, direction_of, rank_correlation


def signs(up_up, up_down, down_up, down_down):
    """Return truth and forecast of a table: how often it went up and that was said, and so on."""
    actual = np.repeat([1.0, 1.0, -1.0, -1.0], [up_up, up_down, down_up, down_down])
    forecast = np.repeat([1.0, -1.0, 1.0, -1.0], [up_up, up_down, down_up, down_down])
    return actual, forecast


def test_a_table_in_closed_form():
    found = direction_of(*signs(30, 20, 10, 40))
    assert (found.n_steps, found.n_still) == (100, 0)
    assert (found.share_right, found.share_up, found.share_forecast_up) == (0.7, 0.5, 0.4)
    assert found.share_by_chance == pytest.approx(0.5 * 0.4 + 0.5 * 0.6)
    # (0.7 - 0.5) / √(0.25 / 100 - 0.25 · 0.04 / 100 - ... ): of this table all terms but two vanish.
    variance = 0.5 * 0.5 / 100 - (0 + (2 * 0.4 - 1) ** 2 * 0.25) / 100 - 4 * 0.25 * 0.24 / 100**2
    assert found.statistic == pytest.approx(0.2 / sqrt(variance))
    assert found.p == pytest.approx(stats.norm.sf(found.statistic))


tables = st.tuples(*[st.integers(1, 60)] * 4)


@given(tables)
def test_the_statistic_is_the_correlation_of_the_signs(table):
    actual, forecast = signs(*table)
    n = len(actual)
    found = direction_of(actual, forecast)
    assert found.statistic == pytest.approx(n / sqrt(n - 1) * np.corrcoef(actual, forecast)[0, 1], abs=1e-9)


def by_the_paper(actual, forecast):
    """Read Pesaran and Timmermann's formulas step by step."""
    n = len(actual)
    hits = sum(1 for y, x in zip(actual, forecast, strict=True) if y * x > 0) / n
    p_y = sum(1 for y in actual if y > 0) / n
    p_x = sum(1 for x in forecast if x > 0) / n
    p_star = p_y * p_x + (1 - p_y) * (1 - p_x)
    v_hits = p_star * (1 - p_star) / n
    v_star = (2 * p_y - 1) ** 2 * p_x * (1 - p_x) / n + (2 * p_x - 1) ** 2 * p_y * (1 - p_y) / n
    v_star += 4 * p_y * p_x * (1 - p_y) * (1 - p_x) / n**2
    return (hits - p_star) / sqrt(v_hits - v_star)


@pytest.mark.parametrize("seed", range(4))
def test_the_statistic_as_the_paper_has_it(seed):
    rng = np.random.default_rng(seed)
    actual = rng.normal(0.2, 1, 90)
    forecast = 0.3 * actual + rng.normal(0.1, 1, 90)
    assert direction_of(actual, forecast).statistic == pytest.approx(by_the_paper(actual.tolist(), forecast.tolist()))


@given(tables, st.floats(1e-6, 1e6))
def test_neither_the_unit_nor_up_and_down_changed_over_means_anything(table, unit):
    actual, forecast = signs(*table)
    found = direction_of(actual, forecast)
    assert direction_of(unit * actual, forecast / unit) == found
    flipped = direction_of(-actual, -forecast)
    assert (flipped.statistic, flipped.share_right) == pytest.approx((found.statistic, found.share_right))
    opposite = direction_of(actual, -forecast)
    assert opposite.statistic == pytest.approx(-found.statistic)
    assert opposite.share_right == pytest.approx(1 - found.share_right)


def test_a_price_goes_up_or_down_from_its_last_value():
    known = 100 + np.arange(8.0)
    moved, said = np.array([1, -1, 2, -3, 1, 1, -1, 2.0]), np.array([1, 1, 1, -1, -1, 1, -1, 1.0])
    assert direction_of(known + moved, known + said, known) == direction_of(moved, said)
    assert rank_correlation(known + moved, known + said, known) == rank_correlation(moved, said)
    assert direction_of(known + moved, known + said).share_right == 1  # of what means nothing


def test_steps_without_a_direction_are_left_out_and_counted():
    actual = np.array([1, 0, -1, 2, -2, 1.0])
    forecast = np.array([1, 1, -1, 0, 2, 1.0])
    found = direction_of(actual, forecast)
    assert (found.n_steps, found.n_still, found.share_right) == (4, 2, 0.75)
    kept = [0, 2, 4, 5]
    assert found.statistic == direction_of(actual[kept], forecast[kept]).statistic


@pytest.mark.parametrize(
    ("actual", "forecast", "why"),
    [
        ([1, -1, 1], [1, 1, 1], "every forecast is up, and the test needs both"),
        ([1, -1, 1], [-1, -1, -1], "every forecast is down, and the test needs both"),
        ([1, 1, 1], [1, -1, 1], "every step went up, and the test needs both"),
        ([-1, -1, -1], [1, -1, 1], "every step went down, and the test needs both"),
        ([1], [1], "every forecast is up, and the test needs both"),
        ([1, -1, 1], [0, 0, 0], "no step has a direction that was forecast"),
        ([], [], "no step has a direction that was forecast"),
    ],
)
def test_where_there_is_no_test_it_is_said_why(actual, forecast, why):
    found = direction_of(np.array(actual, dtype=float), np.array(forecast, dtype=float))
    assert (found.untested, found.p, found.statistic) == (why, None, None)


def test_the_share_is_told_where_the_test_is_not():
    found = direction_of(np.array([1.0, 1, -1, 1]), np.ones(4))
    assert (found.share_right, found.share_by_chance, found.share_forecast_up) == (0.75, 0.75, 1)


def test_overlapping_steps_are_not_tested():
    found = direction_of(*signs(30, 20, 10, 40), horizon=3)
    assert found.share_right == 0.7
    assert found.p is None
    assert found.untested == "forecasts 3 steps ahead overlap, and the test needs steps that do not"


def test_without_a_step_nothing_is_told():
    expected = Direction(n_steps=0, n_still=2, untested="no step has a direction that was forecast")
    assert direction_of(np.zeros(2), np.ones(2)) == expected


def test_of_signs_that_mean_nothing_one_in_twenty_is_found():
    rng = np.random.default_rng(5)
    draws = rng.normal(size=(2, 2000, 150)) + np.array([0.3, -0.2])[:, None, None]
    ps = np.array([direction_of(actual, forecast).p for actual, forecast in zip(*draws, strict=True)])
    assert np.mean(ps < 0.05) == pytest.approx(0.05, abs=0.015)
    assert np.mean(ps < 0.5) == pytest.approx(0.5, abs=0.05)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ConfigError) as caught:
        direction_of(np.ones(3), np.ones(2))
    assert str(caught.value) == "forecast has 2 steps, and the truth 3: give one for each"


def test_the_rank_correlation_is_that_of_ranks():
    rng = np.random.default_rng(0)
    actual, forecast = rng.normal(size=(2, 50))
    ranks = [np.argsort(np.argsort(each)) for each in (actual, forecast)]
    assert rank_correlation(actual, forecast) == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert rank_correlation(actual, np.exp(actual)) == pytest.approx(1)


@pytest.mark.parametrize(("actual", "forecast"), [([1, 2, 3], [2, 2, 2]), ([1, 1, 1], [1, 2, 3]), ([1], [2]), ([], [])])
def test_what_has_no_order_has_no_rank_correlation(actual, forecast, recwarn):
    assert rank_correlation(np.array(actual, dtype=float), np.array(forecast, dtype=float)) is None
    assert not recwarn.list

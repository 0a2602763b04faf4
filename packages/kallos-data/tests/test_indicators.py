"""Indicators: causality, scaling laws and slow references, then the default feature groups."""

import math
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law
from numpy.testing import assert_allclose

from kallos_data import (
    DataQualityError,
    MissingColumnsError,
    compute_indicators,
    default_feature_groups,
    simulate_market,
)
from kallos_data.prices.indicators import INDICATORS

PER_PRICE = ["macd", "macd_signal", "macd_diff", "atr", "ema_10", "ema_50", "bb_middle"]
UNCHANGED = [name for name in INDICATORS if name not in PER_PRICE]
WARM_UP = {
    "rsi": 14,
    "mfi": 14,
    "macd": 33,
    "macd_signal": 33,
    "macd_diff": 33,
    "atr": 14,
    "adx": 27,
    "ema_10": 9,
    "ema_50": 49,
    "bb_middle": 19,
    "bb_width": 19,
    "stoch_k": 17,
    "stoch_d": 17,
    "roc_1": 1,
    "roc_3": 3,
    "roc_7": 7,
    "log_return": 1,
}

markets = st.builds(simulate_market, st.integers(60, 120), seed=st.integers(0, 10_000))


def values(frame: pl.DataFrame, name: str) -> np.ndarray:
    return frame[name].cast(pl.Float64).fill_null(math.nan).to_numpy()


def with_factor(frame: pl.DataFrame, factor: float, *columns: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(columns) * factor)


@law(7)
@given(markets, st.data())
def test_rows_after_t_change_nothing_up_to_t(market, data):
    cut = data.draw(st.integers(0, len(market)))
    other = with_factor(market[cut:], data.draw(st.floats(0.1, 10)), "open", "high", "low", "close", "volume")
    changed = compute_indicators(pl.concat([market[:cut], other]))
    assert changed[:cut].equals(compute_indicators(market)[:cut])
    assert changed[:cut].equals(compute_indicators(market[:cut]))


@law(7)
@given(markets, st.floats(-17, 13).map(lambda power: 10**power), st.floats(-12, 12).map(lambda power: 10**power))
def test_units_of_price_and_volume_do_not_matter(market, price_unit, volume_unit):
    before = compute_indicators(market)
    scaled = with_factor(with_factor(market, price_unit, "open", "high", "low", "close"), volume_unit, "volume")
    after = compute_indicators(scaled)
    for name in UNCHANGED:
        assert_allclose(values(after, name), values(before, name), rtol=1e-6, atol=1e-9, err_msg=name)
    for name in PER_PRICE:
        tolerance = 1e-9 * price_unit * market["close"].max()
        assert_allclose(values(after, name), price_unit * values(before, name), atol=tolerance, err_msg=name)


def test_bands_keep_their_width_after_a_fall_to_a_millionth():
    market = simulate_market(200, seed=4)
    fallen = with_factor(market[100:], 1e-6, "open", "high", "low", "close")
    width = values(compute_indicators(pl.concat([market[:100], fallen])), "bb_width")
    assert_allclose(width[120:], values(compute_indicators(market), "bb_width")[120:], rtol=1e-6)


@pytest.fixture(scope="module")
def market():
    return simulate_market(150, seed=7)


@pytest.fixture(scope="module")
def found(market):
    return compute_indicators(market)


def test_columns_and_warm_up(market, found):
    assert found.columns == ["timestamp", *INDICATORS]
    assert found["timestamp"].equals(market["timestamp"])
    for name, steps in WARM_UP.items():
        assert found[name].null_count() == steps, name
        assert found[name][steps:].is_finite().all(), name


@pytest.mark.parametrize("n_rows", range(6))
def test_short_frames_are_warming_up(n_rows):
    found = compute_indicators(simulate_market(10)[:n_rows])
    assert found.shape == (n_rows, 1 + len(INDICATORS))
    assert set(found.drop("timestamp").dtypes) == {pl.Float64}
    for name, steps in WARM_UP.items():
        assert found[name].null_count() == min(n_rows, steps), name


def test_ema_against_its_recursion(market, found):
    close = market["close"].to_list()
    mean = sum(close[:10]) / 10
    for step in range(10, len(close)):
        mean += 2 / 11 * (close[step] - mean)
    assert found["ema_10"][-1] == pytest.approx(mean)


def test_rsi_against_wilders_recursion(market, found):
    change = np.diff(market["close"].to_numpy())
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    mean_gain, mean_loss = gain[:14].mean(), loss[:14].mean()
    for step in range(14, len(change)):
        mean_gain = (13 * mean_gain + gain[step]) / 14
        mean_loss = (13 * mean_loss + loss[step]) / 14
    assert found["rsi"][-1] == pytest.approx(100 * mean_gain / (mean_gain + mean_loss))


def test_mfi_against_its_sums(market, found):
    typical = market.select((pl.col("high") + pl.col("low") + pl.col("close")) / 3).to_series().to_numpy()
    flow = typical * market["volume"].to_numpy()
    up = np.diff(typical) > 0
    rising, falling = flow[1:][-14:][up[-14:]].sum(), flow[1:][-14:][~up[-14:]].sum()
    assert found["mfi"][-1] == pytest.approx(100 * rising / (rising + falling))


def test_windows_against_slices(market, found):
    close, high, low = (market[name].to_numpy() for name in ("close", "high", "low"))
    for row in (30, 90, 149):
        window = close[row - 19 : row + 1]
        assert found["bb_middle"][row] == pytest.approx(window.mean())
        assert found["bb_width"][row] == pytest.approx(4 * window.std() / window.mean())
        fast = [
            100 * (close[t] - low[t - 13 : t + 1].min()) / (high[t - 13 : t + 1].max() - low[t - 13 : t + 1].min())
            for t in range(row - 2, row + 1)
        ]
        assert found["stoch_k"][row] == pytest.approx(np.mean(fast))
        assert found["stoch_d"][row] == pytest.approx(found["stoch_k"][row - 2 : row + 1].mean())
        for steps in (1, 3, 7):
            assert found[f"roc_{steps}"][row] == pytest.approx(100 * (close[row] / close[row - steps] - 1))
        assert found["log_return"][row] == pytest.approx(math.log(close[row] / close[row - 1]))
    assert_allclose(values(found, "macd_diff"), values(found, "macd") - values(found, "macd_signal"))


def test_a_market_that_stands_still_has_finite_indicators():
    still = simulate_market(80).with_columns(pl.lit(5.0).alias(name) for name in ("open", "high", "low", "close"))
    found = compute_indicators(still)
    assert found["bb_width"][-1] == 0
    assert found["log_return"][-1] == 0
    assert found.select(pl.exclude("timestamp").is_infinite().any()).row(0) == (False,) * len(INDICATORS)


def test_missing_columns_and_values_are_refused(market):
    with pytest.raises(MissingColumnsError, match="no column 'high', 'volume'"):
        compute_indicators(market.drop("high", "volume"))
    holed = market.with_columns(pl.when(pl.int_range(pl.len()) != 3).then("close"))
    with pytest.raises(
        DataQualityError, match=re.escape("column 'close' is missing, infinite or not positive in 1 of 150 rows")
    ):
        compute_indicators(holed)


def test_default_groups_of_everything_known():
    known = ["volume", "quote_asset_volume", "trades", "open", "high", "low", "close", "news", *INDICATORS]
    assert default_feature_groups(known, "log_return") == {
        "volume_features": ["volume", "quote_asset_volume", "trades"],
        "bounded_features": ["rsi", "mfi", "adx", "stoch_k", "stoch_d"],
        "unbounded_features": ["macd", "macd_signal", "macd_diff", "atr", "bb_width"],
        "roc_features": ["roc_1", "roc_3", "roc_7"],
    }
    assert default_feature_groups(["close", "log_return"], "close") == {"log_return_features": ["log_return"]}
    assert default_feature_groups([], "close") == {}

"""The simulator's signal against least squares, and its laws."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import (
    ConfigError,
    FeatureScaler,
    compute_indicators,
    default_feature_groups,
    frame_frequency,
    regularise,
    simulate_market,
)

signals = st.floats(0, 1, exclude_max=True)
seeds = st.integers(0, 2**32)


def default_features(n_steps: int, *, signal: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the scaled default features of each step, and the log return of the step after it."""
    market = simulate_market(n_steps, signal=signal, seed=seed)
    frame = regularise(market.join(compute_indicators(market), on="timestamp", maintain_order="left"))
    groups = default_feature_groups(frame.columns, "log_return")
    features = FeatureScaler.fit(frame, groups).transform(frame)
    log_return = frame["log_return"].to_numpy()
    return np.column_stack([features, log_return])[:-1], log_return[1:]


def rmse_ratio(features: np.ndarray, target: np.ndarray) -> float:
    """Return the RMSE of least squares over that of zero; a few weights cannot overfit so many steps."""
    design = np.column_stack([np.ones(len(target)), features])
    errors = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(np.sqrt(np.mean(errors**2) / np.mean(target**2)))


@pytest.mark.parametrize("signal", [0.0, 0.2, 0.5, 0.9])
def test_least_squares_on_the_default_features_reaches_the_closed_form(signal):
    features, target = default_features(20_000, signal=signal, seed=11)
    assert rmse_ratio(features, target) == pytest.approx(math.sqrt(1 - signal), abs=0.01)


def test_volume_alone_carries_the_signal():
    market = simulate_market(20_000, signal=0.5, seed=2)
    target = np.diff(np.log(market["close"].to_numpy()))
    volume = np.log1p(market["volume"].to_numpy())[:-1, None]
    assert rmse_ratio(volume, target) == pytest.approx(math.sqrt(0.5), abs=0.01)
    assert rmse_ratio(target[:-1, None], target[1:]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("signal", [0.0, 0.5, 0.95])
def test_returns_have_the_volatility_asked_for_and_no_memory(signal):
    returns = compute_indicators(simulate_market(20_000, signal=signal, seed=5))["log_return"].drop_nulls().to_numpy()
    assert returns.std() == pytest.approx(0.03, rel=0.03)
    assert abs(returns.mean()) < 4 * 0.03 / math.sqrt(20_000)
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 4 / math.sqrt(20_000)
    early, late = returns[:10_000].std(), returns[10_000:].std()
    assert early == pytest.approx(late, rel=0.05)


@law(10)
@given(st.integers(1, 300), signals, seeds, st.floats(1e-4, 0.3))
def test_rows_are_consistent(n_steps, signal, seed, volatility):
    market = simulate_market(n_steps, signal=signal, seed=seed, volatility=volatility)
    assert len(market) == n_steps
    low, high = market["low"], market["high"]
    assert ((low <= market["open"]) & (low <= market["close"])).all()
    assert ((high >= market["open"]) & (high >= market["close"])).all()
    assert (low > 0).all()
    assert (market["volume"] > 0).all()
    assert market["open"][1:].equals(market["close"][:-1].rename("open"))


@law(5)
@given(st.integers(1, 100), st.integers(0, 100), signals, seeds)
def test_a_longer_market_begins_with_the_shorter(n_steps, more, signal, seed):
    short = simulate_market(n_steps, signal=signal, seed=seed)
    assert short.equals(simulate_market(n_steps, signal=signal, seed=seed))
    assert short.equals(simulate_market(n_steps + more, signal=signal, seed=seed)[:n_steps])
    assert not short.equals(simulate_market(n_steps, signal=signal, seed=seed + 1))


def test_times_are_as_asked_for():
    daily = simulate_market(3)
    assert daily.schema["timestamp"] == pl.Datetime("us", "UTC")
    assert daily["timestamp"][0] == datetime(2019, 1, 1, tzinfo=UTC)
    hourly = simulate_market(5, start="2020-02-03T04:00", frequency=timedelta(hours=1), start_price=2.5)
    assert hourly["timestamp"][0] == datetime(2020, 2, 3, 4, tzinfo=UTC)
    assert frame_frequency(hourly) == timedelta(hours=1)
    assert hourly["open"][0] == 2.5


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"signal": 1.0}, "signal must be 0 or more and less than 1, not 1.0"),
        ({"signal": -0.1}, "signal must be .* not -0.1"),
        ({"signal": math.nan}, "signal must be .* not nan"),
        ({"n_steps": 0}, "n_steps must be 1 or more, not 0"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"frequency": timedelta(0)}, "frequency must be more than 0, not 0:00:00"),
        ({"volatility": 0.0}, "volatility must be more than 0, as 0.03 for 3 % a step, not 0.0"),
        ({"start_price": math.inf}, "start_price must be more than 0 and finite, not inf"),
        ({"start": "tomorrow"}, "start must be a date as .*, not 'tomorrow'"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        simulate_market(**setting)

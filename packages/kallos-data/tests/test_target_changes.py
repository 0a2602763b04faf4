"""Changes of a target: learnt since the last value known, put back exactly, blind to holes and to what comes later."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from law_sizes import law

from kallos_data import ConfigError, DataQualityError, FoldTarget, choose_target_transform, get_walk_forward_splits
from kallos_data.folds.target_scaler import TargetScaler

pytest.importorskip("darts", reason="the extra kallos-data[darts] is not installed")
pytest.importorskip("statsmodels", reason="the extra kallos-data[darts] is not installed")

from darts import TimeSeries

from kallos_data import prepare_darts_timeseries

PRICES = arrays(np.float64, 60, elements=st.floats(1e-9, 1e9))
ANY = arrays(np.float64, 60, elements=st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9))
MASKS = arrays(np.bool_, 60)
CHANGES = ("difference", "log_difference")


def fold_target(values, seen, purge, transform):
    """Return 40 steps to train on, a purge at their end, and 20 to validate with; the first step is observed."""
    seen = seen | (np.arange(60) == 0)
    train = slice(40 - purge)
    return FoldTarget.of(
        values[train],
        values[40:],
        purge=purge,
        train_observed=seen[train],
        val_observed=seen[40:],
        transform=transform,
    )


def scaler_of(target):
    of_training = target.learnable & (np.arange(60) < target.n_train)
    rows = pl.DataFrame({"y": target.values[of_training]})
    return TargetScaler.fit(rows, "y", target_transform=target.transform, known=target.known[of_training])


@given(values=ANY, seen=MASKS, purge=st.integers(0, 5))
def test_what_is_known_and_what_has_a_change_equal_a_loop(values, seen, purge):
    target = fold_target(values, seen, purge, "difference")
    for step in range(60):
        reached = step - purge
        before = [place for place in range(max(reached, 0)) if target.observed[place]]
        expected = target.values[before[-1]] if before else np.nan
        np.testing.assert_array_equal(target.known[step], expected)
        # The step that the change counts from; over the purge, the last of the training window stands for it.
        start = reached - 1
        if target.n_train <= start < 40:
            start = target.n_train - 1
        assert target.learnable[step] == (target.observed[step] and start >= 0 and bool(target.observed[start]))
    of_training = [place for place in range(target.n_train) if target.observed[place]]
    assert target.known_at_start == target.values[of_training[-1]]


@given(values=PRICES, seen=MASKS, purge=st.integers(0, 5))
def test_a_log_change_put_back_is_the_value(values, seen, purge):
    target = fold_target(values, seen | (np.arange(60) < 12), purge, "log_difference")
    scaler, learnable, known = scaler_of(target), target.learnable, target.known
    put_back = scaler.inverse(scaler.transform(target.values, known), known)
    np.testing.assert_allclose(put_back[learnable], target.values[learnable], rtol=1e-9)


@given(values=ANY, purge=st.integers(0, 5))
def test_a_change_put_back_is_the_value(values, purge):
    target = fold_target(values, np.ones(60, dtype=bool), purge, "difference")
    scaler, learnable, known = scaler_of(target), target.learnable, target.known
    put_back = scaler.inverse(scaler.transform(target.values, known), known)
    # A difference of large numbers keeps their absolute precision.
    rounding = 1e-15 * np.abs(values).max()
    np.testing.assert_allclose(put_back[learnable], target.values[learnable], rtol=1e-9, atol=rounding)


@given(values=PRICES)
def test_changes_of_steps_in_a_row_add_up_to_the_values(values):
    target = fold_target(values, np.ones(60, dtype=bool), 0, "log_difference")
    scaler = scaler_of(target)
    scaled = scaler.transform(target.values, target.known)[40:]
    np.testing.assert_allclose(scaler.inverse_in_a_row(scaled, target.known_at_start), values[40:], rtol=1e-9)


@given(values=PRICES, seen=MASKS, purge=st.integers(0, 5), transform=st.sampled_from(CHANGES))
def test_a_forecast_of_no_change_is_the_last_value_known_to_the_last_digit(values, seen, purge, transform):
    target = fold_target(values, seen | (np.arange(60) < 12), purge, transform)
    scaler, known = scaler_of(target), target.known[40:]
    np.testing.assert_array_equal(scaler.inverse(np.zeros(20, dtype=np.float32), known), known)
    in_a_row = scaler.inverse_in_a_row(np.zeros(20, dtype=np.float32), target.known_at_start)
    np.testing.assert_array_equal(in_a_row, np.full(20, target.known_at_start))


def test_changes_are_divided_by_their_root_mean_square():
    train = pl.DataFrame({"y": [10.0, 13.0, 9.0, 9.0]})
    scaler = TargetScaler.fit(train, "y", target_transform="difference")
    assert (scaler.mean, scaler.std) == (0.0, pytest.approx(np.sqrt((9 + 16 + 0) / 3)))
    still = TargetScaler.fit(pl.DataFrame({"y": [2.0, 2.0]}), "y", target_transform="log_difference")
    assert (still.mean, still.std) == (0.0, 1.0)
    with pytest.raises(ConfigError, match="known must be given, since difference counts from the last value known"):
        scaler.transform(np.ones(3))


@given(factor=st.integers(-13, 13), seed=st.integers(0, 2**32 - 1))
def test_the_unit_of_a_price_changes_nothing_learnt(factor, seed):
    price = np.exp(np.random.default_rng(seed).normal(size=60).cumsum())
    scaled = []
    for values in (price, price * 10.0**factor):
        target = fold_target(values, np.ones(60, dtype=bool), 0, "log_difference")
        scaled.append(scaler_of(target).transform(values, target.known)[1:])
    np.testing.assert_allclose(*scaled, rtol=1e-6, atol=1e-9)


# Whole folds, as series.


def market(n_rows=100, seed=0):
    rng = np.random.default_rng(seed)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    log_return = rng.normal(0.001, 0.03, n_rows)
    return pl.DataFrame(
        {
            "timestamp": pl.datetime_range(start, start + timedelta(days=n_rows - 1), "1d", eager=True),
            "close": 100 * np.exp(log_return.cumsum()),
            "log_return": log_return,
            "volume": rng.lognormal(5, 1, n_rows),
        }
    )


def last_fold(frame, purge=0):
    return list(get_walk_forward_splits(frame, train_length=40, val_length=20, purge=purge))[-1]


def prepared(frame, transform, *, purge=0, observed=None, target_col="close"):
    groups = {"volume_features": ["volume"]}
    return prepare_darts_timeseries(
        *last_fold(frame, purge), target_col, groups, observed=observed, target_transform=transform
    )


def test_the_log_change_of_a_price_is_its_log_return():
    frame = market()
    fold = prepared(frame, "log_difference")
    returns = frame["log_return"].to_numpy()
    scale = np.sqrt(np.mean(returns[1:80] ** 2))
    assert fold.target_scaler.std == pytest.approx(scale)
    np.testing.assert_allclose(fold.target.values()[1:, 0], returns[1:] / scale, rtol=1e-5)
    assert fold.target.values()[0, 0] == 0
    assert fold.observed.tolist() == [False] + [True] * 99
    np.testing.assert_array_equal(fold.actual, frame["close"].to_numpy()[80:])


@pytest.mark.parametrize("purge", [0, 3])
@pytest.mark.parametrize("transform", CHANGES)
def test_a_perfect_forecast_is_the_truth(purge, transform):
    fold = prepared(market(), transform, purge=purge)
    learnt = fold.target.values()[fold.val_start :, 0]
    np.testing.assert_allclose(fold.rolling_to_target_unit(learnt), fold.actual, rtol=1e-6)
    for step in (fold.val_start, fold.val_start + 7):
        forecast = fold.target[step : step + 1]
        np.testing.assert_allclose(fold.to_target_unit(forecast), fold.truth.values[step : step + 1], rtol=1e-6)


@pytest.mark.parametrize("transform", CHANGES)
def test_a_forecast_of_many_steps_counts_from_the_last_value_known(transform):
    fold = prepared(market(), transform)
    of_val = fold.target[fold.val_start :]
    np.testing.assert_allclose(fold.to_target_unit(of_val), fold.actual, rtol=1e-5)
    np.testing.assert_allclose(fold.recursive_to_target_unit(of_val.values()[:, 0]), fold.actual, rtol=1e-5)
    later = TimeSeries.from_times_and_values(of_val.time_index + timedelta(days=20), of_val.values())
    with pytest.raises(ConfigError, match=r"forecast begins at 2020-04-10 .*, which is no step of this fold"):
        fold.to_target_unit(later)
    purged = prepared(market(), transform, purge=2)
    with pytest.raises(ConfigError, match=r"forecast has 20 steps, and with a purge of 2 .* one step at a time"):
        purged.to_target_unit(of_val)


@law(5)
@given(seed=st.integers(1, 2**20), purge=st.integers(0, 4), row=st.integers(80, 99), transform=st.sampled_from(CHANGES))
def test_what_lies_after_a_step_changes_nothing_before_it(seed, purge, row, transform):
    frame, other = market(), market(seed=seed)
    folds = [prepared(each, transform, purge=purge) for each in (frame, pl.concat([frame[:row], other[row:]]))]
    for before in (
        lambda fold: fold.target.values()[:row],
        # Of a forecast of the row itself all is known before it, too.
        lambda fold: fold.truth.known[1 : row + 1],
        lambda fold: fold.rolling_to_target_unit(np.full(20, 0.3, np.float32))[: row - 79],
    ):
        np.testing.assert_array_equal(before(folds[0]), before(folds[1]))


@pytest.mark.parametrize("transform", ["none", *CHANGES])
def test_the_root_of_a_validation_loss_in_the_targets_unit(transform):
    fold = prepared(market(), transform)
    learnt = fold.target.values()[fold.val_start :, 0]
    forecast = learnt + np.random.default_rng(1).normal(0, 0.1, 20).astype(np.float32)
    rmse = np.sqrt(np.mean((fold.rolling_to_target_unit(forecast) - fold.actual) ** 2))
    told = fold.rmse_in_target_unit(float(np.mean((forecast - learnt) ** 2)))
    assert told == pytest.approx(rmse, rel=0.05 if transform == "log_difference" else 1e-5)


@pytest.mark.parametrize("transform", ["none", *CHANGES])
def test_a_pinball_loss_in_the_targets_unit(transform):
    fold = prepared(market(), transform)
    learnt = fold.target.values()[fold.val_start :, 0]
    forecast = learnt + np.random.default_rng(1).normal(0, 0.1, 20).astype(np.float32)

    def pinball(actual, forecast):
        return float(np.mean(np.maximum(0.9 * (actual - forecast), 0.1 * (forecast - actual))))

    told = fold.pinball_in_target_unit(pinball(learnt, forecast))
    true = pinball(fold.actual, fold.rolling_to_target_unit(forecast))
    assert told == pytest.approx(true, rel=0.05 if transform == "log_difference" else 1e-4)


def test_steps_after_a_hole_have_no_change():
    frame = market()
    seen = frame.select("timestamp", observed=~pl.int_range(pl.len()).is_in([30, 31, 85]))
    fold = prepared(frame, "log_difference", observed=seen)
    without = {0, 30, 31, 32, 85, 86}
    assert np.flatnonzero(~fold.observed).tolist() == sorted(without)
    assert (fold.target.values()[sorted(without), 0] == 0).all()
    # What is filled is no value known, whatever it is filled with.
    filled = frame.with_columns(close=pl.when(pl.int_range(pl.len()).is_in([30, 31, 85])).then(1e6).otherwise("close"))
    np.testing.assert_array_equal(
        prepared(filled, "log_difference", observed=seen).target.values(), fold.target.values()
    )
    every_other = frame.select("timestamp", observed=pl.int_range(pl.len()) % 2 == 0)
    with pytest.raises(DataQualityError, match="no step of the training window has a change of close"):
        prepared(frame, "difference", observed=every_other)


def test_no_logarithm_of_zero():
    frame = market().with_columns(close=pl.when(pl.int_range(pl.len()) == 85).then(0.0).otherwise("close"))
    message = (
        "target_transform is log_difference, which needs values above 0, and close is 0 at 2020-03-26 00:00Z: choose"
    )
    with pytest.raises(ConfigError, match=message):
        prepared(frame, "log_difference")
    assert prepared(frame, "auto").target_scaler.target_transform == "difference"
    with pytest.raises(ConfigError, match=r"target_transform must be one of auto, none, .*, not 'log'"):
        prepared(frame, "log")


def test_the_choice_for_a_fold_knows_its_training_window():
    assert prepared(market(), "auto").target_scaler.target_transform == "log_difference"
    assert prepared(market(), "auto", target_col="log_return").target_scaler.target_transform == "none"


# What is chosen.

RNG = np.random.default_rng(3)
NOISE = RNG.normal(size=600)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.exp(0.03 * NOISE.cumsum()), "log_difference"),
        (NOISE.cumsum(), "difference"),
        (np.where(np.arange(600) == 400, 0.0, np.exp(0.03 * NOISE.cumsum())), "difference"),
        (NOISE, "none"),
        (np.exp(NOISE), "none"),
        # A return over seven days, at every day.
        (np.convolve(NOISE, np.ones(7), mode="valid"), "none"),
        (np.exp(np.arange(600) / 64), "log_difference"),
        (np.full(600, 3.0), "none"),
        (np.exp(0.03 * NOISE.cumsum())[:19], "none"),
    ],
)
def test_the_choice(values, expected):
    for factor in (1.0, 1e-9, 1e9):
        assert choose_target_transform(values * factor) == expected


def test_the_choice_knows_of_later_values_only_whether_they_have_logarithms():
    price = np.exp(0.03 * NOISE.cumsum())
    assert choose_target_transform(price, positive=False) == "difference"

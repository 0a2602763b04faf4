"""A training without a validation window, and later rows scaled as that training scaled them."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from kallos_data import ConfigError, FeatureScaler, TargetScaler, get_walk_forward_splits

pytest.importorskip("darts", reason="the extra kallos-data[darts] is not installed")

from kallos_data import prepare_darts_timeseries

GROUPS = {"volume_features": ["volume"], "unbounded_features": ["macd"]}


def market(n_rows: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "timestamp": pl.datetime_range(start, start + timedelta(days=n_rows - 1), "1d", eager=True),
            "close": 100 * np.exp(np.cumsum(rng.normal(0, 0.03, n_rows))),
            "volume": rng.lognormal(5, 1, n_rows),
            "macd": rng.normal(0, 3, n_rows),
        }
    )


def last_fold(purge):
    return list(get_walk_forward_splits(market(), train_length=60, val_length=20, purge=purge))[-1]


@pytest.mark.parametrize("purge", [0, 3])
@pytest.mark.parametrize("transform", ["none", "difference", "log_difference"])
def test_a_training_alone_is_that_of_the_fold_it_begins(purge, transform):
    train, val = last_fold(purge)
    whole = prepare_darts_timeseries(train, val, "close", GROUPS, target_transform=transform)
    alone = prepare_darts_timeseries(train, val[:0], "close", GROUPS, target_transform=transform, purge=purge)
    assert (alone.n_train, alone.n_val, alone.purge) == (len(train), 0, purge)
    assert alone.train_series() == whole.train_series()
    assert alone.target_scaler == whole.target_scaler
    assert alone.feature_scaler.to_dict() == whole.feature_scaler.to_dict()
    assert (alone.train_observed == whole.train_observed).all()


def test_without_rows_to_validate_the_purge_must_be_given():
    train, val = last_fold(0)
    with pytest.raises(ConfigError, match="purge must be given where there is no row to validate with"):
        prepare_darts_timeseries(train, val[:0], "close", GROUPS)


def test_a_purge_that_is_not_that_of_the_times_is_refused():
    with pytest.raises(ConfigError, match="purge is 2, and 3 steps lie between the two windows"):
        prepare_darts_timeseries(*last_fold(3), "close", GROUPS, purge=2)


@pytest.mark.parametrize("transform", ["none", "log_difference"])
def test_later_rows_are_scaled_as_the_earlier_training_scaled_them(transform):
    train, val = last_fold(0)
    first = prepare_darts_timeseries(train[:70], train[70:], "close", GROUPS, target_transform=transform)
    scalers = (
        FeatureScaler.from_dict(json.loads(json.dumps(first.feature_scaler.to_dict()))),
        TargetScaler.from_dict(json.loads(json.dumps(first.target_scaler.to_dict()))),
    )
    later = prepare_darts_timeseries(train, val, "close", GROUPS, scalers=scalers)
    assert later.truth.transform == transform
    assert later.target[: len(train)].values() == pytest.approx(first.target.values(), nan_ok=True)
    assert later.covariates[: len(train)] == first.covariates
    assert later.n_val == len(val)


def test_scalers_of_other_features_are_refused():
    train, val = last_fold(0)
    fold = prepare_darts_timeseries(train, val, "close", GROUPS)
    scalers = (fold.feature_scaler, fold.target_scaler)
    with pytest.raises(ConfigError, match="scalers are those of volume, macd, and the features are macd"):
        prepare_darts_timeseries(train, val, "close", {"unbounded_features": ["macd"]}, scalers=scalers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": [1.0, 0.0]}, "finite scales above 0"),
        ({"centre": [float("nan"), 0.0]}, "finite centres"),
        ({"centre": [1.0]}, "one group, centre and scale a column"),
        ({"groups": ["volume_features", "pickle"]}, "unknown groups: pickle"),
    ],
)
def test_what_cannot_be_a_feature_scaler_is_refused(change, message):
    fold = prepare_darts_timeseries(*last_fold(0), "close", GROUPS)
    with pytest.raises(ConfigError, match=message):
        FeatureScaler.from_dict(fold.feature_scaler.to_dict() | change)


@pytest.mark.parametrize("change", [{"std": 0.0}, {"mean": float("inf")}, {"target_transform": "auto"}])
def test_what_cannot_be_a_target_scaler_is_refused(change):
    with pytest.raises(ConfigError, match="must have a finite mean, a finite scale above 0 and a transform"):
        TargetScaler.from_dict(TargetScaler(0.0, 1.0, "difference").to_dict() | change)

"""Scalers equal scikit-learn's own, look at the training window only, and invert."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from law_sizes import law
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler

from kallos_data import ConfigError, DataQualityError, FeatureScaler, MissingColumnsError
from kallos_data.folds.feature_groups import GROUP_NAMES
from kallos_data.folds.target_scaler import TargetScaler

RNG = np.random.default_rng(3)
TRAIN = pl.DataFrame(
    {
        "volume": RNG.lognormal(5, 2, 200),
        "trades": RNG.lognormal(3, 1, 200),
        "rsi": RNG.uniform(0, 100, 200),
        "macd": RNG.standard_t(2, 200),
        "roc": 50 * RNG.standard_t(2, 200),
        "ret": RNG.normal(0, 0.03, 200),
    }
)
GROUPS = {
    "volume_features": ["volume", "trades"],
    "bounded_features": ["rsi"],
    "unbounded_features": ["macd"],
    "roc_features": ["roc"],
    "log_return_features": ["ret"],
}

# Whose transform lets a factor through: a multiple of the column is scaled to the same values.
SCALED_BY_A_NUMBER = {"bounded_features", "unbounded_features", "log_return_features"}


def signed_log(values):
    return np.where(values < 0, -np.log(1 - np.minimum(values, 0)), np.log(1 + np.maximum(values, 0)))


REFERENCE = {
    "volume_features": make_pipeline(FunctionTransformer(np.log1p), StandardScaler()),
    "bounded_features": MinMaxScaler(),
    "unbounded_features": RobustScaler(quantile_range=(5, 95)),
    "roc_features": make_pipeline(FunctionTransformer(signed_log), StandardScaler()),
    "log_return_features": StandardScaler(),
}


def test_there_is_a_reference_for_every_group():
    assert set(REFERENCE) == set(GROUP_NAMES)


@pytest.mark.parametrize("group", GROUP_NAMES)
def test_equals_the_scikit_learn_pipeline(group):
    later = TRAIN.select(pl.all() * 1.7)
    scaler = FeatureScaler.fit(TRAIN, {group: GROUPS[group]})
    reference = REFERENCE[group].fit(TRAIN.select(GROUPS[group]).to_numpy())
    for frame in (TRAIN, later):
        expected = reference.transform(frame.select(GROUPS[group]).to_numpy())
        np.testing.assert_allclose(scaler.transform(frame), expected, rtol=1e-5, atol=1e-6)


def test_columns_stand_in_the_order_of_the_groups():
    scaler = FeatureScaler.fit(TRAIN, GROUPS)
    assert scaler.columns == ("volume", "trades", "rsi", "macd", "roc", "ret")
    assert scaler.transform(TRAIN).shape == (200, 6)
    assert scaler.transform(TRAIN).dtype == np.float32


@law(7)
@given(later=arrays(np.float64, (5, 6), elements=st.floats(0, 1e6)))
def test_later_rows_change_nothing_before_them(later):
    scaler = FeatureScaler.fit(TRAIN, GROUPS)
    whole = pl.concat([TRAIN, pl.DataFrame(later, schema=TRAIN.columns, orient="row")])
    np.testing.assert_array_equal(scaler.transform(whole)[:200], scaler.transform(TRAIN))


def test_pandas_and_polars_scale_alike():
    np.testing.assert_array_equal(
        FeatureScaler.fit(TRAIN.to_pandas(), GROUPS).transform(TRAIN.to_pandas()),
        FeatureScaler.fit(TRAIN, GROUPS).transform(TRAIN),
    )


def test_json_round_trip_is_exact():
    scaler = FeatureScaler.fit(TRAIN, GROUPS)
    restored = FeatureScaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
    np.testing.assert_array_equal(restored.transform(TRAIN), scaler.transform(TRAIN))


@pytest.mark.parametrize("group", GROUP_NAMES)
def test_a_constant_column_scales_to_finite_values(group):
    constant = pl.DataFrame({"x": [3.0] * 20})
    assert np.isfinite(FeatureScaler.fit(constant, {group: ["x"]}).transform(constant)).all()


def test_no_features_is_an_empty_array():
    assert FeatureScaler.fit(TRAIN, {}).transform(TRAIN).shape == (200, 0)


@given(
    values=arrays(np.float64, st.integers(2, 30), elements=st.floats(-1e6, 1e6, width=32)),
)
def test_target_scaling_inverts(values):
    scaler = TargetScaler.fit(pl.DataFrame({"y": values}), "y")
    assert scaler.mean == pytest.approx(values.mean(), abs=1e-6 * (1 + np.abs(values).max()))
    tolerance = 1e-6 * (1 + np.abs(values).max())
    np.testing.assert_allclose(scaler.inverse(scaler.transform(values)), values, atol=tolerance)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            {"price_features": ["ret"]},
            "feature_groups has no group 'price_features': the groups are volume_features, bounded",
        ),
        (
            {"roc_features": ["roc"], "bounded_features": ["roc"]},
            "feature_groups has column 'roc' in roc_features and in bounded_features: name it once",
        ),
        ({"roc_features": ["ret"]}, "feature_groups has the target 'ret' in roc_features: leave it out"),
        ({"roc_features": "roc"}, "feature_groups must have a list of names as roc_features, not the text"),
    ],
)
def test_wrong_groups_are_refused(groups, message):
    with pytest.raises(ConfigError, match=message):
        FeatureScaler.fit(TRAIN, groups, target_col="ret")


def test_a_missing_column_is_named():
    with pytest.raises(MissingColumnsError, match="feature_groups names 'rzi', but the frame has no") as error:
        FeatureScaler.fit(TRAIN, {"bounded_features": ["rzi"]})
    assert error.value.missing == ["rzi"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_a_value_that_is_no_number_is_named(bad):
    frame = pl.DataFrame({"x": [1.0, 2.0, bad, 4.0]})
    with pytest.raises(DataQualityError, match=r"column 'x' is (nan|inf) in row 2"):
        FeatureScaler.fit(frame, {"bounded_features": ["x"]})
    with pytest.raises(DataQualityError, match=r"column 'x' is (nan|inf) in row 2"):
        TargetScaler.fit(pd.DataFrame({"x": [1.0, 2.0, bad, 4.0]}), "x")


def test_a_negative_volume_is_refused():
    with pytest.raises(DataQualityError, match=r"column 'ret' of volume_features holds -.*put the column in unbounded"):
        FeatureScaler.fit(TRAIN, {"volume_features": ["ret"]})


@given(factor=st.integers(-13, 13), seed=st.integers(0, 2**32 - 1), group=st.sampled_from(sorted(SCALED_BY_A_NUMBER)))
def test_the_unit_of_a_column_changes_no_scaled_value(factor, seed, group):
    values = np.random.default_rng(seed).lognormal(size=50)
    small = pl.DataFrame({"x": values, "y": values})
    large = small * 10.0**factor
    scaled = [FeatureScaler.fit(frame, {group: ["x"]}).transform(frame) for frame in (small, large)]
    np.testing.assert_allclose(scaled[0], scaled[1], rtol=1e-5, atol=1e-6)
    targets = [TargetScaler.fit(frame, "y").transform(frame["y"].to_numpy()) for frame in (small, large)]
    np.testing.assert_allclose(targets[0], targets[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("group", sorted(SCALED_BY_A_NUMBER))
def test_a_column_is_constant_only_where_it_is(group):
    rare = np.zeros(100)
    rare[::40] = 3e-9
    frame = pl.DataFrame({"rare": rare, "constant": np.full(100, 1e-12)})
    scaled = FeatureScaler.fit(frame, {group: ["rare", "constant"]}).transform(frame)
    assert np.abs(scaled[:, 0]).max() > 0.5
    assert np.abs(scaled[:, 1]).max() < 1e-20


@pytest.mark.parametrize("group", sorted(SCALED_BY_A_NUMBER))
def test_rare_values_are_no_constant_however_small(group):
    rare = np.zeros(40)
    rare[-1] = 1.0
    scaled = []
    for size in (1.0, 1e-200, 1e200):
        frame = pl.DataFrame({"a": rare * size})
        scaled.append(FeatureScaler.fit(frame, {group: ["a"]}).transform(frame))
        assert np.isfinite(scaled[-1]).all()
    np.testing.assert_allclose(scaled[1], scaled[0], rtol=1e-5)
    np.testing.assert_allclose(scaled[2], scaled[0], rtol=1e-5)

"""A fold in Darts series: one timeline, scaled on the training window, honest about purged steps."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import ConfigError, DataQualityError, FeatureScaler, MissingColumnsError, get_walk_forward_splits

pytest.importorskip("darts", reason="the extra kallos-data[darts] is not installed")

from kallos_data import prepare_darts_timeseries

GROUPS = {"volume_features": ["volume"], "unbounded_features": ["macd"]}


def market(n_rows: int, *, step: timedelta = timedelta(days=1), seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "timestamp": pl.datetime_range(start, start + (n_rows - 1) * step, step, eager=True),
            "ret": rng.normal(0.001, 0.03, n_rows),
            "volume": rng.lognormal(5, 1, n_rows),
            "macd": rng.normal(0, 3, n_rows),
        }
    )


def last_fold(frame, **kwargs):
    lengths = {"train_length": 40, "val_length": 20} | kwargs
    return list(get_walk_forward_splits(frame, **lengths))[-1]


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(hours=1), timedelta(minutes=15), timedelta(weeks=1)])
@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_one_unbroken_timeline_in_float32(step, kind):
    frame = market(100, step=step)
    train, val = last_fold(frame if kind == "polars" else frame.to_pandas())
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)

    assert (fold.n_train, fold.n_val, fold.purge, fold.val_start) == (80, 20, 0, 80)
    assert fold.target.dtype == fold.covariates.dtype == np.float32
    assert list(fold.covariates.components) == ["volume", "macd"]
    expected = pd.DatetimeIndex(frame["timestamp"].dt.replace_time_zone(None).to_numpy())
    assert list(fold.target.time_index) == list(expected) == list(fold.covariates.time_index)
    assert list(fold.val_times) == list(expected[80:])


def test_the_training_window_alone_sets_the_scale():
    frame = market(100)
    train, val = last_fold(frame)
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)

    target = fold.train_series()[0].values()[:, 0]
    assert target.mean() == pytest.approx(0, abs=1e-6)
    assert target.std() == pytest.approx(1, abs=1e-6)
    scaler = FeatureScaler.fit(train, GROUPS)
    np.testing.assert_array_equal(fold.covariates.values()[80:], scaler.transform(val))


@law(5)
@given(seed=st.integers(0, 2**20), purge=st.integers(0, 5), data=st.data())
def test_values_after_any_row_change_nothing_before_it(seed, purge, data):
    """Replace everything from a row of the validation window on: every earlier number stays, bit for bit."""
    frame, other = market(80), market(80, seed=seed + 1)
    row = data.draw(st.integers(60, 79))
    changed = pl.concat([frame[:row], other[row:]])
    folds = [prepare_darts_timeseries(*last_fold(each, purge=purge), "ret", GROUPS) for each in (frame, changed)]

    def before(fold):
        return np.hstack([fold.target.values(), fold.covariates.values()])[:row]

    np.testing.assert_array_equal(before(folds[0]), before(folds[1]))


def test_purged_steps_repeat_the_last_training_row():
    frame = market(80)
    train, val = last_fold(frame, purge=3)
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)

    assert (fold.n_train, fold.purge, fold.n_val, len(fold.target)) == (57, 3, 20, 80)
    values = np.hstack([fold.target.values(), fold.covariates.values()])
    np.testing.assert_array_equal(values[57:60], np.repeat(values[56:57], 3, axis=0))
    assert len(fold.train_series()[0]) == 57


def test_the_validation_series_brings_its_context():
    train, val = last_fold(market(80))
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)
    target, covariates = fold.val_series(look_back=7)

    assert len(target) == len(covariates) == 27
    np.testing.assert_array_equal(target.values()[:7], fold.train_series()[0].values()[-7:])
    assert len(fold.val_series(look_back=60)[0]) == 80
    with pytest.raises(ConfigError, match="look_back must be 60 or less, the steps before the validation window"):
        fold.val_series(look_back=61)


def test_scaled_back_it_is_the_data():
    train, val = last_fold(market(80))
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)
    np.testing.assert_allclose(fold.to_target_unit(fold.target[fold.val_start :]), val["ret"].to_numpy(), atol=1e-7)
    np.testing.assert_array_equal(fold.actual, val["ret"].to_numpy())
    np.testing.assert_array_equal(fold.train_actual, train["ret"].to_numpy())


def test_no_features_no_covariates():
    fold = prepare_darts_timeseries(*last_fold(market(80)), "ret", {})
    assert fold.covariates is None
    assert fold.train_series()[1] is None


def test_gaps_and_reversed_windows_are_refused():
    frame = market(80)
    train, val = last_fold(frame)
    with_gap = train.filter(pl.col("timestamp") != train["timestamp"][10])
    with pytest.raises(DataQualityError, match="not regular steps of 1 day"):
        prepare_darts_timeseries(with_gap, val, "ret", GROUPS)
    with pytest.raises(DataQualityError, match="not regular steps"):
        prepare_darts_timeseries(val, train, "ret", GROUPS)
    with pytest.raises(DataQualityError, match="a fold needs 2 rows to train on, and has 1"):
        prepare_darts_timeseries(train[:1], val, "ret", GROUPS)


def test_missing_columns_are_named():
    train, val = last_fold(market(80))
    with pytest.raises(MissingColumnsError, match="target_col names 'close', but the frame has no such column: it has"):
        prepare_darts_timeseries(train, val, "close", {})
    with pytest.raises(MissingColumnsError, match="no column 'timestamp'"):
        prepare_darts_timeseries(train.drop("timestamp"), val, "ret", {})


def mask(frame, filled):
    return frame.select("timestamp", observed=~pl.int_range(pl.len()).is_in(sorted(filled)))


@law(7)
@given(filled=st.sets(st.integers(0, 99), max_size=30), purge=st.integers(0, 5))
def test_filled_steps_are_marked_and_fitted_on_by_no_scaler(filled, purge):
    frame = market(100)
    train, val = last_fold(frame, purge=purge)
    of_train = [place not in filled for place in range(80 - purge)]
    of_val = [place not in filled for place in range(80, 100)]
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS, observed=mask(frame, filled))
    assert fold.observed.tolist() == [*of_train, *[False] * purge, *of_val]
    assert fold.train_observed.tolist() == of_train
    assert fold.val_observed.tolist() == of_val
    # The scalers know the observed rows alone.
    alone = FeatureScaler.fit(train.filter(of_train), GROUPS)
    np.testing.assert_array_equal(fold.feature_scaler.centre, alone.centre)
    np.testing.assert_array_equal(fold.feature_scaler.scale, alone.scale)


def test_all_steps_are_observed_unless_said_otherwise():
    train, val = last_fold(market(100), purge=2)
    assert prepare_darts_timeseries(train, val, "ret", GROUPS).observed.sum() == 98


def test_a_window_without_anything_observed_is_refused():
    frame = market(100)
    train, val = last_fold(frame)
    with pytest.raises(DataQualityError, match=r"no step from 2020-03-21 .* is observed"):
        prepare_darts_timeseries(train, val, "ret", GROUPS, observed=mask(frame, range(80, 100)))
    with pytest.raises(DataQualityError, match="10 of 20 steps of a window are not said to be observed"):
        prepare_darts_timeseries(train, val, "ret", GROUPS, observed=mask(frame[:90], ()))
    with pytest.raises(MissingColumnsError, match="observed"):
        prepare_darts_timeseries(train, val, "ret", GROUPS, observed=frame)


def test_working_days_follow_one_another():
    days = market(140).filter(pl.col("timestamp").dt.weekday() < 6)
    train, val = last_fold(days)
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)
    assert list(fold.target.time_index) == list(
        pd.DatetimeIndex(days["timestamp"].dt.replace_time_zone(None).to_numpy())
    )


def test_days_of_a_zone_with_summer_time_are_days():
    days = market(100).to_pandas().set_index("timestamp").tz_localize(None).tz_localize("America/New_York")
    train, val = last_fold(days)
    fold = prepare_darts_timeseries(train, val, "ret", GROUPS)
    assert list(fold.target.time_index) == list(days.index.tz_localize(None))


def test_steps_are_observed_or_not_and_once_each():
    frame = market(100)
    train, val = last_fold(frame)
    said = mask(frame, {3})
    for wrong, words in (
        (said.with_columns(pl.col("observed").cast(pl.Int64)), "column 'observed' holds Int64, not true and false"),
        (pl.concat([said, said]), "the frame of observed steps has a time in several rows"),
    ):
        with pytest.raises(DataQualityError, match=words):
            prepare_darts_timeseries(train, val, "ret", GROUPS, observed=wrong)

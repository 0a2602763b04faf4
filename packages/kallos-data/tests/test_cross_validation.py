"""Walk-forward folds for scikit-learn's cross-validators."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from kallos_data import (
    ConfigError,
    DataQualityError,
    InsufficientDataError,
    WalkForwardSplit,
    get_walk_forward_splits,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.standard_normal(200)


@given(n=st.integers(20, 300), n_splits=st.integers(2, 6), purge=st.integers(0, 5), rolling=st.booleans())
def test_the_indices_are_those_of_time_series_split_with_the_same_windows(n, n_splits, purge, rolling):
    ours = WalkForwardSplit(n_splits, val_share=0.5, purge=purge, window="rolling" if rolling else "expanding")
    val_length = int(n * 0.5) // n_splits
    most = n - n_splits * val_length - purge if rolling else None
    theirs = TimeSeriesSplit(n_splits, max_train_size=most, test_size=val_length, gap=purge)
    rows = np.zeros((n, 1))
    pairs = list(zip(ours.split(rows), theirs.split(rows), strict=True))
    assert len(pairs) == n_splits == ours.get_n_splits(rows)
    for (train, val), (their_train, their_val) in pairs:
        np.testing.assert_array_equal(train, their_train)
        np.testing.assert_array_equal(val, their_val)


def test_the_windows_are_those_of_the_splits_of_frames():
    frame = pd.DataFrame(X, index=pd.date_range("2024-01-01", periods=len(X)))
    ours = WalkForwardSplit(n_splits=4, val_share=0.2, purge=2)
    slices = get_walk_forward_splits(frame, train_length=160, val_length=10, purge=2)
    for (train, val), (of_train, of_val) in zip(ours.split(frame), slices, strict=True):
        pd.testing.assert_frame_equal(frame.iloc[train], of_train)
        pd.testing.assert_frame_equal(frame.iloc[val], of_val)


def test_scikit_learn_cross_validates_with_it():
    cv = WalkForwardSplit(n_splits=3, purge=1)
    scores = cross_val_score(Ridge(), X, Y, cv=cv)
    by_hand = [Ridge().fit(X[train], Y[train]).score(X[val], Y[val]) for train, val in cv.split(X)]
    np.testing.assert_allclose(scores, by_hand)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1000.0]}, cv=cv).fit(X, Y)
    assert search.best_params_ == {"alpha": 0.1}
    assert search.n_splits_ == 3


def test_unsorted_times_are_refused():
    index = pd.DatetimeIndex(["2024-01-02", "2024-01-01", *pd.date_range("2024-02-01", periods=30)])
    with pytest.raises(DataQualityError, match="does not strictly increase"):
        next(WalkForwardSplit().split(pd.DataFrame({"x": range(32)}, index=index)))


@given(n_splits=st.integers(2, 5), purge=st.integers(0, 10))
def test_the_rows_said_to_be_needed_are_enough(n_splits, purge):
    split = WalkForwardSplit(n_splits, purge=purge)
    with pytest.raises(InsufficientDataError, match=f"a walk-forward of {n_splits} folds needs at least") as error:
        next(split.split(range(3)))
    assert len(list(split.split(range(error.value.needed)))) == n_splits


@pytest.mark.parametrize("wrong", [{"n_splits": 1}, {"val_share": 0.0}, {"val_share": 1.0}])
def test_impossible_splits_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        WalkForwardSplit(**wrong)


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-01-01", periods=200, tz="Europe/Berlin"),
        pd.period_range("2024-01-01", periods=200, freq="D"),
        pd.Index(pd.date_range("2024-01-01", periods=200).date),
        pd.MultiIndex.from_product([["BTC"], pd.date_range("2024-01-01", periods=200)]),
    ],
    ids=["times", "periods", "days", "levels"],
)
def test_whatever_times_rows_of_pandas_have_are_checked(index):
    frame, series = pd.DataFrame(X, index=index), pd.Series(Y, index=index)
    for rows, target in ((frame, series), (series, None), (X, series)):
        assert len(list(WalkForwardSplit().split(rows, target))) == 5
    for rows, target in ((frame[::-1], Y), (series[::-1], None), (X, series[::-1])):
        with pytest.raises(DataQualityError, match="does not strictly increase"):
            next(WalkForwardSplit().split(rows, target))


def test_rows_without_times_are_taken_as_they_are():
    for rows in (X.tolist(), pd.Series(Y), pd.DataFrame(X, index=[f"row {n}" for n in range(200)])):
        assert len(list(WalkForwardSplit().split(rows))) == 5


def test_assets_one_below_another_are_no_history():
    times = pd.date_range("2024-01-01", periods=100)
    frame = pd.DataFrame(X, index=pd.MultiIndex.from_product([["BTC", "ETH"], times]))
    with pytest.raises(DataQualityError, match="does not strictly increase"):
        next(WalkForwardSplit().split(frame))

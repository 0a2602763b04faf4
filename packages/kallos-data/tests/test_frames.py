"""Frames of polars and pandas, with their times in a column or in an index."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kallos_data import (
    DataQualityError,
    MissingColumnsError,
    calculate_dynamic_wf_kwargs,
    compute_indicators,
    get_walk_forward_splits,
    regularise,
    simulate_market,
)
from kallos_data.bars.ohlcv import clean_ohlcv
from kallos_data.frames import as_polars, like, times_of, to_pandas

MARKET = simulate_market(60, seed=3)


def as_index(zone: str | None, name: str | None) -> pd.DataFrame:
    return to_pandas(MARKET, zone=zone, name=name)


FORMS = pytest.mark.parametrize(
    "pandas",
    [as_index("UTC", "Date"), as_index(None, None), as_index("Asia/Hong_Kong", "timestamp"), as_index("UTC", None)],
    ids=["named", "naive", "elsewhere", "unnamed"],
)


@FORMS
def test_an_index_of_times_is_as_good_as_a_column(pandas):
    assert_frame_equal(as_polars(pandas), MARKET)
    pd.testing.assert_frame_equal(like(MARKET, pandas), pandas, check_freq=False)


@FORMS
def test_every_function_gives_back_the_form_it_was_given(pandas):
    windows = calculate_dynamic_wf_kwargs(pandas, min_train_length=20, min_val_length=5)
    for train, val in get_walk_forward_splits(pandas, **windows):
        pd.testing.assert_frame_equal(pd.concat([train, val]), pandas[: len(train) + len(val)])
    pd.testing.assert_frame_equal(regularise(pandas), pandas, check_freq=False)
    indicators = compute_indicators(pandas)
    assert indicators.index.equals(pandas.index)
    expected = compute_indicators(MARKET).fill_null(float("nan"))
    assert_frame_equal(as_polars(indicators), expected)
    assert_frame_equal(clean_ohlcv(pandas), MARKET)


def test_a_column_of_times_stays_one():
    pandas = to_pandas(MARKET).reset_index()
    assert regularise(pandas).columns.tolist() == MARKET.columns
    assert_frame_equal(as_polars(pandas), MARKET)


def test_what_the_clocks_show():
    index = pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin")
    days = [datetime(2024, 3, 30, tzinfo=UTC), datetime(2024, 3, 31, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)]
    frame = pd.DataFrame({"x": 1.0}, index=index)
    assert times_of(frame, by_clock=True).to_list() == days
    assert times_of(frame.reset_index(names="timestamp"), by_clock=True).to_list() == days
    assert times_of(frame).to_list() == index.tz_convert("UTC").to_pydatetime().tolist()


def test_a_frame_without_times_is_refused():
    with pytest.raises(MissingColumnsError, match="whose index holds no times either"):
        times_of(pd.DataFrame({"x": np.zeros(3)}))
    with pytest.raises(DataQualityError, match="holds String, not times"):
        times_of(pl.DataFrame({"timestamp": ["2024-01-01"]}))


def test_columns_are_named_by_texts():
    times = pd.date_range("2024-01-01", periods=3)
    for name in (0, ("Close", "BTC-USD")):
        with pytest.raises(DataQualityError) as caught:
            regularise(pd.DataFrame([[1.0]] * 3, index=times, columns=pd.Index([name])))
        assert str(caught.value) == f"a column is named by {name!r}, which is no text: name the columns by texts"


def test_truth_may_be_missing():
    times = pd.date_range("2024-01-01", periods=3)
    frame = pd.DataFrame({"a": pd.array([True, None, False], dtype="boolean")}, index=times)
    assert regularise(frame)["a"].tolist() == [1.0, 1.0, 0.0]

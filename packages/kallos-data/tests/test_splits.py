"""The laws of walk-forward splitting, on random lengths and against a naive reference."""

import doctest
from datetime import UTC, datetime, timedelta

import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from law_sizes import law

from kallos_data import (
    ConfigError,
    DataQualityError,
    InsufficientDataError,
    MissingColumnsError,
    calculate_dynamic_wf_kwargs,
    get_walk_forward_splits,
)
from kallos_data.folds import splits

START = datetime(2020, 1, 1, tzinfo=UTC)

lengths = st.fixed_dictionaries(
    {
        "train_length": st.integers(1, 60),
        "val_length": st.integers(1, 30),
        "purge": st.integers(0, 20),
        "window": st.sampled_from(["expanding", "rolling"]),
    }
)


def frame_of(n_rows: int) -> pl.DataFrame:
    times = pl.datetime_range(START, START + timedelta(days=n_rows - 1), "1d", eager=True)
    return pl.DataFrame({"timestamp": times, "row": range(n_rows)})


def rows(part: pl.DataFrame) -> list[int]:
    return part["row"].to_list()


@given(n_rows=st.integers(2, 200), kwargs=lengths)
def test_laws(n_rows, kwargs):
    assume(kwargs["purge"] < kwargs["train_length"] and n_rows >= kwargs["train_length"] + kwargs["val_length"])
    folds = [(rows(train), rows(val)) for train, val in get_walk_forward_splits(frame_of(n_rows), **kwargs)]

    assert folds
    for train, val in folds:
        assert max(train) + kwargs["purge"] < min(val)
        assert len(val) == kwargs["val_length"]
        assert train == list(range(train[0], train[-1] + 1))
        if kwargs["window"] == "expanding":
            assert train[0] == 0
            assert len(train) >= kwargs["train_length"] - kwargs["purge"]
        else:
            assert len(train) == kwargs["train_length"] - kwargs["purge"]
    covered = [row for _, val in folds for row in val]
    assert covered == list(range(covered[0], n_rows))
    assert covered[0] - kwargs["train_length"] < kwargs["val_length"]  # no further fold would have fitted


@given(n_rows=st.integers(2, 200), kwargs=lengths)
def test_equals_a_walk_backwards_from_the_end(n_rows, kwargs):
    """Reference: cut validation windows off the end of a list while a training window remains."""
    assume(kwargs["purge"] < kwargs["train_length"] and n_rows >= kwargs["train_length"] + kwargs["val_length"])
    history, expected = list(range(n_rows)), []
    while len(history) >= kwargs["train_length"] + kwargs["val_length"]:
        before, val = history[: -kwargs["val_length"]], history[-kwargs["val_length"] :]
        train = before if kwargs["window"] == "expanding" else before[-kwargs["train_length"] :]
        expected.insert(0, (train[: len(train) - kwargs["purge"]], val))
        history = before
    folds = [(rows(train), rows(val)) for train, val in get_walk_forward_splits(frame_of(n_rows), **kwargs)]
    assert folds == expected


@given(
    n_rows=st.integers(1, 3000),
    target_folds=st.integers(2, 12),
    val_share=st.floats(0.05, 0.95),
    min_train_length=st.integers(1, 300),
    min_val_length=st.integers(1, 100),
    purge=st.integers(0, 30),
    window=st.sampled_from(["expanding", "rolling"]),
)
def test_dynamic_kwargs_give_the_folds_that_the_data_allow(
    n_rows, target_folds, val_share, min_train_length, min_val_length, purge, window
):
    frame = frame_of(n_rows)
    settings = {
        "target_folds": target_folds,
        "val_share": val_share,
        "min_train_length": min_train_length,
        "min_val_length": min_val_length,
        "purge": purge,
        "window": window,
    }

    def fits(folds: int) -> bool:
        return min_train_length + purge + folds * min_val_length <= n_rows

    if not fits(2):
        with pytest.raises(InsufficientDataError) as error:
            calculate_dynamic_wf_kwargs(frame, **settings)
        assert error.value.found == n_rows
        assert error.value.needed == min_train_length + purge + 2 * min_val_length
        return
    folds = list(get_walk_forward_splits(frame, **calculate_dynamic_wf_kwargs(frame, **settings)))
    assert len(folds) == max(folds for folds in range(2, target_folds + 1) if fits(folds))
    assert all(len(train) >= min_train_length for train, _ in folds)
    assert all(len(val) >= min_val_length for _, val in folds)


@given(
    min_train_length=st.integers(1, 120),
    min_val_length=st.integers(1, 40),
    purge=st.integers(0, 200),
    window=st.sampled_from(["expanding", "rolling"]),
)
def test_the_purge_counts_in_the_least_length(min_train_length, min_val_length, purge, window):
    """The least history that is said to be needed suffices, purge included; one row less is refused."""
    least = {"min_train_length": min_train_length, "min_val_length": min_val_length, "purge": purge, "window": window}
    with pytest.raises(InsufficientDataError) as error:
        calculate_dynamic_wf_kwargs(frame_of(1), **least)
    needed = error.value.needed
    with pytest.raises(InsufficientDataError, match=f"needs at least {needed} rows, and there are {needed - 1}: load"):
        calculate_dynamic_wf_kwargs(frame_of(needed - 1), **least)
    kwargs = calculate_dynamic_wf_kwargs(frame_of(needed), **least)
    folds = list(get_walk_forward_splits(frame_of(needed), **kwargs))
    assert len(folds) == 2
    assert min(len(train) for train, _ in folds) == min_train_length
    assert {len(val) for _, val in folds} == {min_val_length}
    assert all(rows(val)[0] - rows(train)[-1] == purge + 1 for train, val in folds)


def test_defaults_on_six_years_of_days():
    frame = frame_of(2190)
    kwargs = calculate_dynamic_wf_kwargs(frame)
    assert kwargs == {"train_length": 1535, "val_length": 131, "purge": 0, "window": "expanding"}
    assert len(list(get_walk_forward_splits(frame, **kwargs))) == 5


@law(5)
@given(n_rows=st.integers(5, 60), kind=st.sampled_from(["polars", "pandas"]))
def test_a_frame_comes_back_as_it_came(n_rows, kind):
    frame = frame_of(n_rows)
    given_frame = frame if kind == "polars" else frame.to_pandas()
    for (train, val), (expected_train, expected_val) in zip(
        get_walk_forward_splits(given_frame, train_length=2, val_length=2),
        get_walk_forward_splits(frame, train_length=2, val_length=2),
        strict=True,
    ):
        assert type(train) is type(val) is type(given_frame)
        assert list(train["row"]) == rows(expected_train)
        assert list(val["row"]) == rows(expected_val)


def test_slices_share_memory_with_the_frame():
    frame = frame_of(40).to_pandas()
    for train, val in get_walk_forward_splits(frame, train_length=10, val_length=10):
        for part in (train, val):
            assert part["row"].to_numpy().base is not None
            assert pd.api.types.is_integer_dtype(part["row"])
            first = part.index[0]
            assert part["row"].to_numpy().ctypes.data == frame["row"].to_numpy()[first:].ctypes.data


def test_it_is_a_generator():
    splits = get_walk_forward_splits(frame_of(40), train_length=10, val_length=10)
    assert len(next(splits)[0]) == 10
    assert [len(train) for train, _ in splits] == [20, 30]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"train_length": 0, "val_length": 1}, "train_length must be 1 or more rows, not 0"),
        ({"train_length": 5, "val_length": 0}, "val_length must be 1 or more rows, not 0"),
        ({"train_length": 5, "val_length": 1, "purge": 5}, "purge must be 0 or more and less than the 5 training rows"),
        ({"train_length": 5, "val_length": 1, "purge": -1}, "not -1"),
        ({"train_length": 5, "val_length": 1, "window": "sliding"}, "window must be 'expanding' or 'rolling', not 'sl"),
    ],
)
def test_impossible_windows_are_refused(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        next(get_walk_forward_splits(frame_of(20), **kwargs))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target_folds": 1}, "target_folds must be 2 or more, not 1"),
        ({"val_share": 1.0}, "val_share must be more than 0 and less than 1, not 1.0"),
        ({"purge": -1}, "purge must be 0 or more, not -1"),
        ({"min_train_length": 0}, "min_train_length must be 1 or more, not 0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        calculate_dynamic_wf_kwargs(frame_of(500), **settings)


def test_a_short_history_says_what_is_needed():
    with pytest.raises(InsufficientDataError, match="needs at least 30 rows, and there are 20: load a longer history"):
        next(get_walk_forward_splits(frame_of(20), train_length=20, val_length=10))


@pytest.mark.parametrize("disorder", ["reversed", "duplicated"])
def test_time_that_does_not_increase_is_refused(disorder):
    frame = frame_of(10)
    frame = frame.reverse() if disorder == "reversed" else pl.concat([frame[:5], frame[4:]])
    with pytest.raises(DataQualityError, match="does not strictly increase: sort the frame"):
        next(get_walk_forward_splits(frame, train_length=3, val_length=3))


def test_a_frame_without_time_is_refused():
    with pytest.raises(MissingColumnsError, match="no column 'timestamp': it has 'row'"):
        next(get_walk_forward_splits(frame_of(10).drop("timestamp"), train_length=3, val_length=3))


def test_the_examples_in_the_documentation_run():
    assert doctest.testmod(splits, raise_on_error=True).attempted >= 4

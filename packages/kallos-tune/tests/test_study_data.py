"""What a study is run on: filled steps, and what is said when the data have changed."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from kallos_data import DataQualityError
from kallos_tune import StudyMismatchError, load_study_data
from kallos_tune.evaluation.fold import evaluate_fold


@pytest.fixture
def load(database, groups, settings):
    def run(*, end_date="2021-04-30", **changes):
        return load_study_data("X", end_date, database, "ret", groups, settings=settings.changed(**changes))

    return run


def without(history: pl.DataFrame, *days: str) -> pl.DataFrame:
    return history.filter(~pl.col("timestamp").dt.strftime("%Y-%m-%d").is_in(days))


def test_filled_steps_are_counted_in_each_fold(load, history, database, write_history):
    assert load().n_filled == [(0, 0), (0, 0)]
    write_history(database, without(history, "2021-02-01", "2021-02-02", "2021-04-29"))
    data = load()
    assert data.n_filled == [(2, 0), (2, 1)]
    assert [int((~fold.observed).sum()) for fold in data.folds] == [2, 3]
    assert data.frame.filter(~data.observed["observed"])["volume"].to_list() == [0.0] * 3


def test_a_filled_step_moves_no_score(load, history, database, write_history, params):
    write_history(database, without(history, "2021-04-29"))
    data = load(max_epochs=1)
    result = evaluate_fold(data.folds[-1], "gru", params, settings=data.settings)
    seen = data.folds[-1].val_observed
    actual = data.splits[-1][1]["ret"].to_numpy()
    assert not seen.all()
    assert result.score == pytest.approx(float(np.sqrt(np.mean((result.forecast - actual)[seen] ** 2))))
    assert result.naive_score == pytest.approx(data.naive_scores[-1])


def test_a_fold_without_any_observed_step_is_refused(load, history, database, write_history):
    # The folds validate the days from the 80th and from the 100th on.
    hole = pl.int_range(pl.len()).is_between(75, 104)
    write_history(database, history.with_columns(ret=pl.when(~hole).then("ret")))
    with pytest.raises(DataQualityError, match="fold 1 has no observed step to score"):
        load(max_gap=60)


def test_the_target_that_looks_ahead_ends_the_history(load, history, database, write_history):
    ahead = history.with_columns(ret=pl.col("ret").shift(-7))
    write_history(database, ahead)
    data = load(purge=7)
    assert data.frame["timestamp"][-1] == history["timestamp"][-8]
    assert data.n_filled == [(0, 0), (0, 0)]


def test_a_constant_target_is_refused(load, history, database, write_history):
    write_history(database, history.with_columns(ret=pl.lit(0.5)))
    with pytest.raises(
        DataQualityError, match=r"'ret' is 0\.5 in all 120 observed steps: there is nothing to forecast"
    ):
        load()


def test_added_rows_are_told_with_the_end_date_that_matches(tune, history, database, write_history):
    write_history(database, history[:-1])
    tune(end_date="2021-04-30")
    write_history(database, history)
    with pytest.raises(
        StudyMismatchError, match="rows added after 2021-04-29: with that as end date the study resumes"
    ):
        tune(2, end_date="2021-04-30")
    assert len(tune(2, end_date="2021-04-29").trials) == 2


def test_a_last_bar_that_changed_is_told(tune, history, database, write_history):
    tune()
    write_history(database, history.with_columns(ret=pl.when(pl.int_range(pl.len()) == 119).then(9.0).otherwise("ret")))
    with pytest.raises(StudyMismatchError, match="the last bar alone, of 2021-04-30, has changed"):
        tune(2)


def test_the_months_that_changed_are_named(tune, history, database, write_history):
    tune()
    in_february = pl.col("timestamp").dt.month() == 2
    write_history(database, history.with_columns(signal=pl.when(in_february).then(0.0).otherwise("signal")))
    with pytest.raises(
        StudyMismatchError, match=r"on other data \(the data differ in 2021-02, and in no other month\)"
    ):
        tune(2)
    write_history(database, history.with_columns(signal=-pl.col("signal")))
    with pytest.raises(StudyMismatchError, match="the data differ in every month"):
        tune(2)


def test_which_steps_are_observed_is_part_of_the_data(load, history, database, write_history):
    whole = load()
    zero = pl.col("timestamp") == datetime(2021, 2, 1, tzinfo=UTC)
    before = history.row(30, named=True)
    filling = {"ret": before["ret"], "signal": before["signal"], "volume": 0.0}
    write_history(
        database,
        history.with_columns(pl.when(zero).then(value).otherwise(name).alias(name) for name, value in filling.items()),
    )
    same_values = load()
    write_history(database, without(history, "2021-02-01"))
    filled = load()
    assert filled.frame.equals(same_values.frame)
    hashes = {data.definition("gru")["data_hash"] for data in (whole, same_values, filled)}
    assert len(hashes) == 3

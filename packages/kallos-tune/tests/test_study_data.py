"""What a study is run on: filled steps, and what is said when the data have changed."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
import sqlalchemy

from kallos_data import DataQualityError, InsufficientDataError
from kallos_tune import StudyMismatchError, load_study_data
from kallos_tune.data_fingerprint import change_of, fingerprint_of, frame_hash
from kallos_tune.evaluation.fold import evaluate_fold
from kallos_tune.evaluation.naive_scores import naive_scores_of


@pytest.fixture
def load(database, groups, settings):
    def run(*, end_date="2021-04-30", feature_groups=groups, **changes):
        return load_study_data("X", end_date, database, "ret", feature_groups, settings=settings.changed(**changes))

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
    alone = naive_scores_of(data.targets[-1:], data.settings)
    seen = data.folds[-1].val_observed
    actual = data.splits[-1][1]["ret"].to_numpy()
    assert not seen.all()
    assert result.score == pytest.approx(float(np.sqrt(np.mean((result.forecast - actual)[seen] ** 2))))
    assert result.naive_score == alone.score


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


@pytest.mark.parametrize(("purge", "warned"), [(0, True), (6, True), (7, False)])
def test_a_purge_shorter_than_the_target_looks_ahead_is_told(
    load, history, database, write_history, caplog, purge, warned
):
    write_history(database, history.with_columns(ret=pl.col("ret").shift(-7)))
    load(purge=purge)
    words = f"the 7 last rows have no ret yet, and the purge is {purge}: if it looks that many steps ahead"
    assert (words in caplog.text) == warned
    assert ("set the purge to 7" in caplog.text) == warned


def test_a_fold_that_observes_nothing_after_its_first_look_back_is_refused(load, history, database, write_history):
    # Look-backs reach over 8 steps: the fourth is context of the first forecast in training.
    hole = pl.int_range(pl.len()).is_between(4, 80)
    write_history(database, history.with_columns(ret=pl.when(~hole).then("ret")))
    with pytest.raises(DataQualityError, match="fold 1 has no observed step to train on, from 2021-01-09"):
        load(max_gap=90)


def test_a_purge_that_leaves_nothing_to_train_on_is_refused(load):
    with pytest.raises(InsufficientDataError, match="training fold 1 with a purge of 60 steps after a look-back of 8"):
        load(purge=60)


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


def test_of_intraday_rows_added_the_end_date_that_matches_has_its_time():
    times = pl.datetime_range(datetime(2021, 1, 30, tzinfo=UTC), datetime(2021, 2, 1, 7, tzinfo=UTC), "1h", eager=True)
    hours = pl.DataFrame({"timestamp": times, "ret": np.arange(len(times), dtype=float)})
    until = hours.filter(pl.col("timestamp") <= datetime(2021, 1, 31, tzinfo=UTC))
    change = change_of(fingerprint_of(until), frame_hash(until), hours)
    assert change is not None
    assert "rows added after 2021-01-31T00:00: with that" in change


def test_a_hole_among_added_rows_is_no_change_of_the_others(tune, history, database, write_history):
    write_history(database, history[:100])
    tune()
    write_history(database, without(history, "2021-04-28"))
    with pytest.raises(StudyMismatchError, match="rows added after 2021-04-10: with that as end date"):
        tune(2)
    assert len(tune(2, end_date="2021-04-10").trials) == 2


def test_a_new_hole_changes_its_own_month_alone(tune, history, database, write_history):
    tune()
    write_history(database, without(history, "2021-02-03"))
    with pytest.raises(StudyMismatchError, match="the data differ in 2021-02, and in no other month"):
        tune(2)


def test_a_feature_may_be_named_observed(load, history, database, write_history):
    """It is hashed as any other, also where some steps are filled."""
    kept = without(history, "2021-02-01")
    hashes = set()
    for sign in (1, -1):
        write_history(database, kept.with_columns(signal=sign * pl.col("signal")))
        with sqlalchemy.create_engine(database).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE history RENAME COLUMN signal TO observed")
        hashes.add(load(feature_groups={"unbounded_features": ["observed"]}).definition("gru")["data_hash"])
    assert len(hashes) == 2


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

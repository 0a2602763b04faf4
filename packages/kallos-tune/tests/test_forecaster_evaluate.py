"""A forecaster judged on later steps, anybody's forecasts judged on the same ones, and the step that comes next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import polars as pl
import pytest

from kallos_data import (
    DataQualityError,
    FeatureTables,
    InsufficientDataError,
    MissingColumnsError,
    prepare_darts_timeseries,
)
from kallos_data import KallosError as DataError
from kallos_models import forecast_rolling
from kallos_tune import (
    ConfigError,
    ForecasterSettings,
    ForeignForecasts,
    KallosError,
    NewestSteps,
    Recipe,
    count_look,
    evaluate_forecaster,
    evaluate_forecasts,
    forecast_next,
    load_card,
    load_trained,
    newest_steps,
    require_later_rows,
    train_forecaster,
)

LAST = datetime(2021, 4, 30, tzinfo=UTC)
TABLES = FeatureTables(market="history", indicators=None)
ABOUT = ForeignForecasts(asset_id="X", target_col="ret", tables=TABLES, feature_groups={}, look_back=8)


@pytest.fixture(scope="module")
def model(trained_on_finished_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    trained_on_finished_study(partial(train_forecaster, folder=folder, settings=ForecasterSettings(members=2)))
    return folder


@pytest.fixture
def trained(model, finished_study):
    return load_trained(model)


def later(history):
    return history.filter(pl.col("timestamp") > datetime(2021, 3, 31, tzinfo=UTC))


def slow_forecast(trained, history, groups):
    """Return the members' forecasts of each later day, each from a history that ends the day before."""
    rows = []
    for member in trained.members:
        look_back = member.hparams.input_chunk_length
        of_member = []
        for day in later(history)["timestamp"]:
            seen = history.filter(pl.col("timestamp") <= day)
            fold = prepare_darts_timeseries(seen[:-1], seen[-1:], "ret", groups, scalers=trained.card.scalers)
            scaled = forecast_rolling(member.model, *fold.val_series(look_back))[0, 0, 0]
            of_member.append(float(fold.target_scaler.inverse(np.array(scaled))))
        rows.append(of_member)
    return np.array(rows)


def test_each_step_is_forecast_from_what_was_known_the_day_before(trained, database, history, groups):
    evaluation = evaluate_forecaster(trained, database)
    days = later(history)
    assert evaluation.data.times.tolist() == days["timestamp"].dt.replace_time_zone(None).to_list()
    assert evaluation.data.actual == pytest.approx(days["ret"].to_numpy())
    assert evaluation.members == pytest.approx(slow_forecast(trained, history, groups), rel=1e-5, abs=1e-8)
    assert evaluation.data.forecast == pytest.approx(evaluation.members.mean(axis=0))
    assert evaluation.mean_spread == pytest.approx(evaluation.members.std(axis=0, ddof=1).mean())


def test_naive_forecasts_know_the_training_and_the_day_before(trained, database, history):
    data = evaluate_forecaster(trained, database).data
    ret = history["ret"].to_numpy()
    assert data.naive["last value"] == pytest.approx(ret[89:-1])
    assert data.naive["training mean"] == pytest.approx(np.full(30, ret[:90].mean()))
    assert data.naive["zero"] == pytest.approx(np.zeros(30))
    errors = {
        "last value": np.mean((ret[1:90] - ret[:89]) ** 2),
        "training mean": np.mean((ret[1:90] - ret[:90].mean()) ** 2),
        "zero": np.mean(ret[1:90] ** 2),
    }
    assert data.to_beat == min(errors, key=errors.__getitem__)


def test_nothing_after_a_step_moves_its_forecast(trained, database, history, write_history):
    before = evaluate_forecaster(trained, database).data.forecast
    changed = history.with_columns(
        pl.when(pl.col("timestamp") >= datetime(2021, 4, 20, tzinfo=UTC))
        .then(pl.col(name) + 3)
        .otherwise(name)
        .alias(name)
        for name in ("ret", "signal", "volume")
    )
    write_history(database, changed)
    after = evaluate_forecaster(trained, database).data.forecast
    # That of the 20th itself is made from the 19th.
    assert after[:20] == pytest.approx(before[:20], rel=1e-6)
    assert abs(after[20:] - before[20:]).max() > 1e-3


def test_a_part_of_the_period(trained, database):
    whole = evaluate_forecaster(trained, database)
    part = evaluate_forecaster(trained, database, start="2021-04-06", end="2021-04-25")
    assert part.data.forecast == pytest.approx(whole.data.forecast[5:25])
    assert (part.verdict.first, part.verdict.last, part.verdict.n_steps) == ("2021-04-06", "2021-04-25", 20)


def test_overlap_is_refused_and_where_allowed_said_in_every_line(trained, database):
    with pytest.raises(ConfigError, match="start must lie after 2021-03-31 00:00Z, the last step that had a part"):
        evaluate_forecaster(trained, database, start="2021-03-15")
    evaluation = evaluate_forecaster(trained, database, start="2021-03-15", allow_overlap=True)
    assert evaluation.verdict.first == "2021-03-15"
    assert evaluation.lines()
    assert all("overlaps the training span" in line for line in evaluation.lines())


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ({"start": "2021-04-20", "end": "2021-04-10"}, "start must not lie after the end 2021-04-10"),
        ({"end": "2021-03-31"}, "end must lie after 2021-03-31 00:00Z, the last step that had a part in the training"),
        ({"start": "2022-01-01"}, "start leaves no observed step: those after the training are 2021-04-01"),
    ],
)
def test_a_period_without_steps_is_refused(trained, database, period, message):
    with pytest.raises(ConfigError, match=message):
        evaluate_forecaster(trained, database, **period)


def test_a_period_with_nothing_before_it_to_look_back_on_is_refused(trained, database):
    with pytest.raises(InsufficientDataError, match=r"a first forecast of X after 2020-12-31 .*judge later steps"):
        evaluate_forecaster(trained, database, start="2021-01-01", allow_overlap=True)


def test_nothing_after_the_training_yet(trained, database, history, write_history):
    write_history(database, history[:90])
    with pytest.raises(InsufficientDataError, match=r"a look at ret after 2021-03-31 00:00Z.*wait for later rows"):
        evaluate_forecaster(trained, database)


def test_too_few_steps_are_not_judged_but_told(trained, database):
    evaluation = evaluate_forecaster(trained, database, end="2021-04-05")
    assert evaluation.verdict.conclusion == "not judged"
    assert "verdict: none, because" in evaluation.lines()[0]


def test_a_feature_that_is_missing_in_the_table_is_named(trained, database, history, write_history):
    write_history(database, history.with_columns(signal=pl.lit(None, dtype=pl.Float64)))
    with pytest.raises(DataQualityError, match="column 'signal' of X has no value in this range: choose others, or"):
        evaluate_forecaster(trained, database)


def test_rows_of_another_step_are_refused(trained, database, history, write_history):
    hours = history.with_columns(
        timestamp=pl.lit(datetime(2021, 1, 1, tzinfo=UTC)) + pl.int_range(pl.len()) * timedelta(hours=1)
    )
    write_history(database, hours)
    with pytest.raises(DataQualityError):
        evaluate_forecaster(trained, database)


def test_the_same_forecasts_from_elsewhere_are_judged_the_same(trained, database, groups):
    own = evaluate_forecaster(trained, database)
    given = own.forecasts().select("timestamp", "forecast")
    foreign = evaluate_forecasts(given, replace(ABOUT, feature_groups=groups), database)
    assert foreign.verdict == own.verdict
    assert {each.name for each in foreign.scores} - {"the forecast"} == {each.name for each in own.scores} - {
        trained.what
    }


def forecasts(history, **changes):
    return later(history).select("timestamp", forecast=pl.col("ret") * 0.5).with_columns(**changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: pl.concat([frame, frame[:1]]), "forecasts hold 2021-04-01 00:00Z twice"),
        (
            lambda frame: frame.with_columns(forecast=pl.lit(None, pl.Float64)),
            "forecasts have no number for 2021-04-01",
        ),
        (lambda frame: frame[:0], "forecasts hold no step"),
        (
            lambda frame: frame.with_columns(pl.col("timestamp") + timedelta(hours=3)),
            "forecasts are for 2021-04-01 03:00Z, which is no step of the history",
        ),
        (
            lambda frame: frame.with_columns(forecast=pl.lit(-1e300)),
            "forecasts have -1e\\+300 for 2021-04-01 00:00Z, too large to reckon with",
        ),
        (
            lambda frame: frame.with_columns(pl.col("timestamp") + timedelta(days=60)),
            "forecasts begin at 2021-05-31 00:00Z, and the history ends with 2021-04-30 00:00Z: ingest newer rows",
        ),
    ],
)
def test_forecasts_that_cannot_be_judged_are_refused(database, history, change, message):
    with pytest.raises(ConfigError, match=message):
        evaluate_forecasts(change(forecasts(history)), ABOUT, database)


def test_the_time_of_a_step_is_no_target(database, history):
    with pytest.raises(MissingColumnsError, match="the history of X has no column 'timestamp'"):
        evaluate_forecasts(forecasts(history), replace(ABOUT, target_col="timestamp"), database)


def test_forecasts_of_the_first_days_have_nothing_to_be_compared_with(database, history):
    early = history.select("timestamp", forecast="ret")[10:]
    with pytest.raises(InsufficientDataError, match="baselines beside forecasts from 2021-01-11 00:00Z on"):
        evaluate_forecasts(early, ABOUT, database)


def test_looks_at_overlapping_periods_are_counted(finished_study):
    def day(number):
        return datetime(2021, 4, number, tzinfo=UTC)

    assert count_look(finished_study, day(1), day(10), what="a") == 1
    assert count_look(finished_study, day(11), day(20), what="a") == 1
    assert count_look(finished_study, day(10), day(12), what="b") == 3
    assert count_look(finished_study, day(1), day(10), what="a") == 3


def test_looks_are_told_in_the_lines(trained, database):
    lines = evaluate_forecaster(trained, database, looks=4).lines()
    assert any("looked at 4 times" in line for line in lines)


def test_the_next_step_is_the_forecast_that_later_turns_out_to_be_judged(trained, database, history, write_history):
    judged = evaluate_forecaster(trained, database)
    write_history(database, history[:100])
    ahead = forecast_next(trained, database, now=datetime(2021, 4, 11, 12, tzinfo=UTC))
    (step,) = ahead.steps
    assert step.time == datetime(2021, 4, 11, tzinfo=UTC)
    assert step.forecast == pytest.approx(judged.data.forecast[10], rel=1e-5)
    assert step.spread == pytest.approx(judged.members[:, 10].std(ddof=1), rel=1e-4)
    assert ahead.known_until == datetime(2021, 4, 10, tzinfo=UTC)
    assert ahead.age_steps == pytest.approx(0.5)


def test_old_rows_are_refused(trained, database):
    words = "max_age is 2 steps of 1 day, and the newest bar, of 2021-04-30 00:00Z, ended 2 days 12 h ago: ingest"
    with pytest.raises(ConfigError, match=words):
        forecast_next(trained, database, now=LAST + timedelta(days=3.5))
    assert forecast_next(trained, database, now=LAST + timedelta(days=3.5), max_age=3).age_steps == 2.5


def test_what_is_refused_is_known_before_the_networks_are_loaded(trained, database, monkeypatch):
    card = load_card(trained.folder)
    assert card == trained.card
    now = LAST + timedelta(days=1.5)
    for wrong, words in (
        ({"now": LAST + timedelta(days=90)}, "ended 89 days ago"),
        ({"horizon": 3}, "later steps would have to know signal, volume"),
        ({"asset_id": "ETH"}, "'ETH' is not in table"),
    ):
        with pytest.raises((DataError, KallosError), match=words):
            newest_steps(card, database, **{"now": now, **wrong})
    newest = newest_steps(card, database, now=now)
    assert (newest.known_until, newest.age) == (LAST, timedelta(days=0.5))
    once = forecast_next(trained, "sqlite:///none.db", now=now, newest=newest)
    assert once == forecast_next(trained, database, now=now)
    require_later_rows(card, database)
    for after, words in (
        ("2021-04-30", "the table ends with 2021-04-30 00:00Z"),
        ("2030-01-01", "the table ends with"),
    ):
        with pytest.raises(InsufficientDataError, match=words):
            require_later_rows(replace(card, known_until=f"{after}T00:00:00+00:00"), database)
    with pytest.raises((DataError, KallosError), match="'ETH' is not in table"):
        require_later_rows(card, database, asset_id="ETH")
    # Another model has come in its place since.
    other = replace(newest, card=replace(card, study_name="another"))
    with pytest.raises((DataError, KallosError), match=r"none\.db"):
        forecast_next(trained, "sqlite:///none.db", now=now, newest=other)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(days=1245, hours=3), "1245 days"),
        (timedelta(days=10, hours=23), "10 days"),
        (timedelta(days=2, hours=12), "2 days 12 h"),
        (timedelta(days=1, minutes=59), "1 day"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(hours=9, minutes=59), "9 h 59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(minutes=2, seconds=50), "2 min"),
        (timedelta(seconds=59), "less than a minute"),
    ],
)
def test_ages_are_told_in_whole_units(age, words):
    assert NewestSteps(None, "BTC", None, age).age_in_words == words


@pytest.mark.parametrize("horizon", [0, 10**9])
def test_a_horizon_that_nobody_can_wait_for_is_refused(trained, database, horizon):
    with pytest.raises(ConfigError, match=f"horizon must be from 1 to 1000, not {horizon}"):
        forecast_next(trained, database, horizon=horizon, hold_features=True)


def test_steps_beyond_the_next_need_features_that_nobody_knows(trained, database):
    now = LAST + timedelta(days=1)
    with pytest.raises(ConfigError, match="horizon must be 1, not 3: later steps would have to know signal, volume"):
        forecast_next(trained, database, horizon=3, now=now)
    ahead = forecast_next(trained, database, horizon=3, hold_features=True, now=now)
    assert [step.time.day for step in ahead.steps] == [1, 2, 3]
    assert ahead.held == ("signal", "volume")
    assert ahead.steps[0].forecast == pytest.approx(
        forecast_next(trained, database, now=now).steps[0].forecast, rel=1e-6
    )


def test_with_a_purge_the_step_forecast_lies_beyond_it(tune, database, tmp_path):
    study = tune(1, end_date="2021-03-31", pruner="none", purge=3)
    trained = train_forecaster(Recipe.of_study(study), tmp_path / "model", database)
    ahead = forecast_next(trained, database, now=LAST + timedelta(days=1))
    assert ahead.steps[0].time == LAST + timedelta(days=4)
    assert evaluate_forecaster(trained, database).verdict.horizon == 4
    with pytest.raises(ConfigError, match="horizon must be 1, not 2: the target looks 3 steps ahead"):
        forecast_next(trained, database, horizon=2, now=LAST + timedelta(days=1))


def test_steps_that_nobody_forecast_are_told(database, history):
    given = forecasts(history)
    some = given.filter(pl.int_range(pl.len()) % 3 == 0)
    lines = evaluate_forecasts(some, ABOUT, database).lines()
    assert (
        "18 of 28 steps in between were not forecast, and are not judged: who chooses the steps can choose the result"
        in lines
    )
    assert not [line for line in evaluate_forecasts(given, ABOUT, database).lines() if "were not forecast" in line]


def test_forecasts_of_what_is_to_come_are_not_judged_yet(database, history, caplog):
    given = forecasts(history)
    to_come = given[-1:].with_columns(pl.col("timestamp") + timedelta(days=2))
    with caplog.at_level("INFO"):
        assert evaluate_forecasts(pl.concat([given, to_come]), ABOUT, database).verdict.n_steps == 30
    assert "not judged yet are forecasts of steps after 2021-04-30 00:00Z, the last one known: 1" in caplog.text

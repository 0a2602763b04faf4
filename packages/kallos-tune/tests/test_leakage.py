"""A table whose future cannot be seen passes; a column or a computation that holds it is found."""

from datetime import UTC, datetime

import polars as pl
import pytest

from kallos_data import InsufficientDataError, ingest_frame, simulate_market
from kallos_tune import TuningSettings, check_leakage
from kallos_tune.leakage import changes

GROUPS = {"volume_features": ["volume"], "bounded_features": ["rsi"], "roc_features": ["roc_1"]}
SETTINGS = TuningSettings.of(target_folds=2)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('leakage') / 'prices.db'}"
    market = simulate_market(420, signal=0.0, seed=3)
    ingest_frame(market, "CLEAN", url)
    following = market["close"].log().diff().shift(-1).fill_null(0.0)
    ingest_frame(market.with_columns(trades=following.exp() * 1000), "PLANTED", url)
    return url


def test_nothing_moves_before_the_date_and_the_rest_does(url):
    found = check_leakage("CLEAN", url, "log_return", GROUPS, settings=SETTINGS, date="2020-01-15")
    assert (found.moved, found.max_difference, found.suspects, found.clean) == ([], 0.0, [], True)
    assert found.date == datetime(2020, 1, 15, tzinfo=UTC)
    assert found.recomputed
    assert found.n_changed == 420 - 380
    assert (found.n_forecasts, found.n_moved_after) == (22, 19)
    assert found.n_rows > 300
    assert found.n_folds >= 3
    assert found.n_folds_until == 2
    # What lies in the table is looked at, too, and the closest comes first.
    closest = [abs(each.correlation) for each in found.readings]
    assert {each.column for each in found.readings} == {"volume", "rsi", "roc_1"}
    assert closest == sorted(closest, reverse=True)
    assert closest[0] < 0.5


def test_a_column_that_holds_the_next_return_is_named(url):
    groups = {"volume_features": ["volume", "trades"]}
    found = check_leakage("PLANTED", url, "log_return", groups, settings=SETTINGS)
    (suspect,) = found.suspects
    assert (suspect.column, suspect.reading, suspect.certain) == ("trades", "value", True)
    assert suspect.correlation > 0.99
    assert str(suspect) == "trades has a rank correlation of +1.00 with the target one step later"
    assert (found.moved, found.clean) == ([], False)


def test_indicators_that_look_ahead_are_found(url, monkeypatch):
    honest = changes.compute_indicators

    def centred(frame):
        computed = honest(frame)
        ahead = frame["close"].shift(-2).fill_null(strategy="forward") / frame["close"]
        return computed.with_columns(pl.col("rsi") + ahead)

    monkeypatch.setattr(changes, "compute_indicators", centred)
    monkeypatch.setattr(changes, "_alike", lambda *_: True)
    found = check_leakage("CLEAN", url, "log_return", GROUPS, settings=SETTINGS, date="2020-01-15")
    assert not found.clean
    assert found.max_difference > 0
    (words, *_) = found.moved
    assert words.startswith("rows up to the date: 2 of ")
    assert any(each.startswith("forecasts up to the step after the date") for each in found.moved)


def test_a_loader_that_fills_backward_would_be_found(url, monkeypatch):
    from kallos_tune.leakage import check

    honest = check.load_study_data

    def careless(*arguments, **settings):
        data = honest(*arguments, **settings)
        later = data.frame["volume"].mean()
        frame = data.frame.with_columns(volume=pl.col("volume") - later)
        return check.StudyData(**{**{name: getattr(data, name) for name in data.__dataclass_fields__}, "frame": frame})

    monkeypatch.setattr(check, "load_study_data", careless)
    found = check_leakage("CLEAN", url, "log_return", GROUPS, settings=SETTINGS, date="2020-01-15")
    assert [words.split(":")[0] for words in found.moved] == ["rows up to the date"]


def test_prices_that_hold_the_next_one_are_suspected(url):
    market = simulate_market(420, signal=0.0, seed=3)
    following = market["close"].shift(-1).fill_null(strategy="forward")
    ingest_frame(market.with_columns(trades=following), "LEVEL", url)
    found = check_leakage("LEVEL", url, "close", {"volume_features": ["trades"]}, settings=SETTINGS)
    readings = [(each.column, each.reading) for each in found.suspects]
    assert readings in (
        [("trades", "change")],
        [("trades", "relative change")],
    )


def test_a_date_needs_steps_on_both_sides(url):
    for date, words in (
        ("2018-01-01", "steps on both sides of 2018-01-01"),
        ("2030-01-01", "steps on both sides of 2030-01-01"),
        ("2019-02-20", "a study of two folds needs at least 180 rows"),
    ):
        with pytest.raises(InsufficientDataError, match=words):
            check_leakage("CLEAN", url, "log_return", GROUPS, settings=SETTINGS, date=date)


def test_changes_leave_what_comes_before_alone(url):
    from kallos_data import read_asset_rows

    rows = read_asset_rows(url, "CLEAN")
    changer = changes.Changer.of(rows)
    date = datetime(2020, 1, 15, tzinfo=UTC)
    before = pl.col("timestamp") <= date
    for also_rows in (False, True):
        changed = changer.after(date, 1, also_rows=also_rows)
        assert changed.market.filter(before).equals(rows.market.filter(before))
        after = changed.market.filter(~before)
        assert (len(after) < 40) == also_rows
        joined = after.join(rows.market, on="timestamp", suffix="_old")
        assert (joined["close"] != joined["close_old"]).all()
        assert joined["close"].is_finite().all()

"""What costs next to nothing: each baseline against a slow loop, and that none of them knows the future."""

import logging

import numpy as np
import polars as pl
import pytest
from darts import TimeSeries
from darts.models import Theta
from darts.utils.utils import SeasonalityMode
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit
from threadpoolctl import threadpool_info, threadpool_limits

from kallos_data import get_walk_forward_splits, prepare_darts_timeseries
from kallos_tune import ConfigError
from kallos_tune.evaluation import baselines, local_baselines
from kallos_tune.evaluation.baselines import baseline_forecasts, season_of
from kallos_tune.evaluation.local_baselines import drift_forecasts, seasonal_forecasts, theta_forecasts
from kallos_tune.evaluation.regression_baselines import PENALTIES, OnWeighted, lightgbm_forecasts, ridge_forecasts
from kallos_tune.verdict.baseline_names import BASELINE_WORDS, baseline_in_words

LOOK_BACK = 4


@pytest.fixture
def priced(history):
    return history.with_columns(ret=100 * pl.col("ret").cum_sum().exp())


@pytest.fixture(params=[("none", 0), ("none", 2), ("log_difference", 0), ("difference", 2)], ids=str)
def fold(request, make_folds, history, priced):
    transform, purge = request.param
    frame = history if transform == "none" else priced
    return make_folds(frame, target_transform=transform, purge=purge, val_length=14)[0]


def known_up_to(fold, step):
    """Return what is known of the target when a validation step is forecast: its last value repeated over holes."""
    values = []
    for place in range(fold.val_start + step - fold.purge):
        if fold.truth.observed[place]:
            values.append(fold.truth.values[place])
        elif values:
            values.append(values[-1])
    return np.array(values)


def by_loop(fold, forecast):
    return [forecast(known_up_to(fold, step)) for step in range(fold.n_val)]


def test_drift_is_a_line_from_the_first_value_through_the_last(fold):
    def line(known):
        return known[-1] + (1 + fold.purge) * (known[-1] - known[0]) / (len(known) - 1)

    assert drift_forecasts(fold) == pytest.approx(by_loop(fold, line), rel=1e-9)


@pytest.mark.parametrize("season", [2, 7])
def test_the_season_before_is_the_nearest_whole_season_that_is_known(fold, season):
    ahead = 1 + fold.purge
    whole = season * -(-ahead // season)
    expected = by_loop(fold, lambda known: known[len(known) - 1 + ahead - whole])
    assert seasonal_forecasts(fold, season) == pytest.approx(expected)


def test_theta_is_fitted_anew_on_the_newest_steps_known(fold, monkeypatch):
    monkeypatch.setattr(local_baselines, "THETA_WINDOW", 40)

    def theta(known):
        newest = TimeSeries.from_values(known[-40:])
        return Theta(season_mode=SeasonalityMode.NONE).fit(newest).predict(1 + fold.purge).values()[-1, 0]

    assert theta_forecasts(fold) == pytest.approx(by_loop(fold, theta), rel=1e-6)


def samples(fold, steps):
    """Return what a regression reads for steps of a fold, one row each."""
    rows = []
    for step in steps:
        stop = step - fold.purge
        seen = slice(stop - LOOK_BACK, stop)
        rows.append(np.concatenate([fold.target.values()[seen, 0], fold.covariates.values()[seen].ravel()]))
    return np.array(rows, dtype=float)


def ridge_by_hand(fold):
    learnt = [step for step in range(LOOK_BACK + fold.purge, fold.n_train) if fold.observed[step]]
    known, came = samples(fold, learnt), fold.target.values()[learnt, 0].astype(float)
    losses = []
    for penalty in PENALTIES:
        of_splits = []
        for train, test in TimeSeriesSplit(5, gap=fold.purge).split(known):
            fitted = Ridge(penalty).fit(known[train], came[train])
            of_splits.append(np.mean((fitted.predict(known[test]) - came[test]) ** 2))
        losses.append(np.mean(of_splits))
    ridge = Ridge(PENALTIES[int(np.argmin(losses))]).fit(known, came)
    scaled = ridge.predict(samples(fold, range(fold.val_start, fold.val_start + fold.n_val)))
    return fold.target_scaler.inverse(scaled, fold.truth.known[fold.val_start :])


def test_ridge_learns_the_training_window_and_picks_its_penalty_in_the_order_of_time(fold):
    assert ridge_forecasts(fold, LOOK_BACK) == pytest.approx(ridge_by_hand(fold), rel=1e-5, abs=1e-7)


def test_what_can_be_foreseen_is_found(make_folds, history):
    fold = make_folds(history, train_length=90, val_length=30)[0]
    for forecast in (ridge_forecasts(fold, LOOK_BACK), lightgbm_forecasts(fold, LOOK_BACK)):
        assert np.sqrt(np.mean((forecast - fold.actual) ** 2)) < 0.9 * np.std(fold.actual)


def test_samples_without_weight_are_neither_learnt_nor_part_of_a_split():
    rng = np.random.default_rng(0)
    known, came = rng.normal(size=(40, 3)), rng.normal(size=40)
    weight = np.ones(40)
    weight[[3, 20]] = 0
    spoilt = np.where(weight == 0, 1e6, came)
    fits = [OnWeighted(Ridge()).fit(known, each, sample_weight=weight).predict(known) for each in (came, spoilt)]
    np.testing.assert_array_equal(*fits)
    np.testing.assert_allclose(fits[0], Ridge().fit(known[weight > 0], came[weight > 0]).predict(known))


def test_steps_that_were_not_observed_are_not_learnt(make_folds, history):
    missing = pl.int_range(pl.len()).is_in([20, 41])
    observed = history.select("timestamp", observed=~missing)
    fold = make_folds(history, observed=observed)[0]
    assert not fold.observed[[20, 41]].any()
    assert ridge_forecasts(fold, LOOK_BACK) == pytest.approx(ridge_by_hand(fold), rel=1e-5, abs=1e-7)
    assert drift_forecasts(fold) == pytest.approx(
        by_loop(fold, lambda known: known[-1] + (known[-1] - known[0]) / (len(known) - 1))
    )


@pytest.mark.parametrize(("transform", "purge"), [("none", 0), ("none", 2), ("log_difference", 0), ("difference", 3)])
def test_no_baseline_forecast_knows_what_comes_after(make_folds, history, priced, transform, purge):
    """Whatever is changed from a step on, forecasts up to it, and over the purge after it, stay what they were."""
    frame = history if transform == "none" else priced
    fold, *_ = make_folds(frame, target_transform=transform, purge=purge, val_length=14)
    first_forecasts = baseline_forecasts(fold, look_back=LOOK_BACK, season=2)
    assert set(first_forecasts) == set(BASELINE_WORDS) - (set() if transform != "none" else {"drift"})
    rng = np.random.default_rng(purge)
    for step in (0, int(rng.integers(1, 7))):
        later = pl.int_range(pl.len()) >= fold.val_start + step
        other = frame.with_columns(
            pl.when(later).then(pl.col(name) * rng.uniform(1.5, 3)).otherwise(name).alias(name)
            for name in ("ret", "signal", "volume")
        )
        changed, *_ = make_folds(other, target_transform=transform, purge=purge, val_length=14)
        for name, forecast in baseline_forecasts(changed, look_back=LOOK_BACK, season=2).items():
            same = step + 1 + purge
            np.testing.assert_array_equal(forecast[:same], first_forecasts[name][:same], err_msg=name)
            assert (forecast[same:] != first_forecasts[name][same:]).any(), name


def test_the_same_seed_gives_the_same_forecasts(make_folds, history):
    fold = make_folds(history, val_length=10)[0]
    first, second = (baseline_forecasts(fold, look_back=LOOK_BACK, season=None, seed=3) for _ in range(2))
    assert list(first) == ["theta", "ridge", "lightgbm"]
    for name, forecast in first.items():
        assert forecast.shape == (10,)
        np.testing.assert_array_equal(forecast, second[name])


def test_baselines_take_one_thread_and_give_the_others_back(folds, monkeypatch):
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    seen = []
    monkeypatch.setattr(baselines, "ridge_forecasts", lambda *_: seen.append(threads()) or np.zeros(30))
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        baseline_forecasts(folds[0], look_back=LOOK_BACK, season=None)
        assert threads() == before == [2] * len(before)
    assert seen == [[1] * len(before)]


def test_without_features_the_look_back_of_the_target_is_read(history):
    train, val = next(iter(get_walk_forward_splits(history, train_length=60, val_length=30)))
    fold = prepare_darts_timeseries(train, val, "ret", {}, target_transform="none")
    assert np.isfinite(ridge_forecasts(fold, LOOK_BACK)).all()


def test_without_lightgbm_the_others_are_there_and_the_extra_is_named(folds, monkeypatch, caplog):
    monkeypatch.setattr(baselines, "find_spec", lambda _: None)
    with caplog.at_level(logging.INFO):
        assert list(baseline_forecasts(folds[0], look_back=LOOK_BACK, season=7)) == ["seasonal", "theta", "ridge"]
    first, *compared_with = caplog.messages
    assert first == "lightgbm is not installed: the extra kallos-tune[lightgbm] adds boosted trees to the baselines"
    assert [message.removesuffix(", to compare with") for message in compared_with] == [
        "forecasting by the value of one season before",
        "forecasting by the Theta method",
        "forecasting by a ridge regression on the same features",
    ]


def fails(*_):
    raise ValueError("singular")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (fails, "singular"),
        (lambda *_: np.array([0.0, np.nan] * 15), "15 of its forecasts are infinite or not a number"),
        (lambda *_: np.zeros(3), "its training window is too short: it has forecasts of 3 of 30 steps"),
    ],
)
def test_a_baseline_that_fails_is_left_out_and_says_why(folds, monkeypatch, caplog, make, reason):
    monkeypatch.setattr(baselines, "ridge_forecasts", make)
    assert "ridge" not in baseline_forecasts(folds[0], look_back=LOOK_BACK, season=None)
    assert caplog.messages == [
        f"ridge (a ridge regression on the same features) is left out of the baselines: {reason}"
    ]


def test_what_would_take_hours_is_left_out(folds, monkeypatch, caplog):
    monkeypatch.setattr(local_baselines, "MOST_THETA_FITS", 29)
    assert "theta" not in baseline_forecasts(folds[0], look_back=LOOK_BACK, season=None)
    why = "it is fitted anew for every step, and 30 steps are more than 29"
    assert caplog.messages == [f"theta (the Theta method) is left out of the baselines: {why}"]


TOO_LONG = (
    "look_back must be 59 or less with 60 training steps and a purge of 0, not 60: train on a longer history, or look "
    "back less"
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"look_back": 0}, "look_back must be 1 or more, not 0"),
        ({"season": 0}, "season must be 1 or more, not 0"),
        (
            {"look_back": 60},
            TOO_LONG,
        ),
    ],
)
def test_impossible_numbers_are_refused(folds, changes, message):
    with pytest.raises(ConfigError) as caught:
        baseline_forecasts(folds[0], **({"look_back": LOOK_BACK, "season": None} | changes))
    assert str(caught.value) == message


@pytest.mark.parametrize(("step", "season"), [(86_400, 7), (3_600, 24), (14_400, None), (None, None)])
def test_days_have_weeks_and_hours_have_days(step, season):
    assert season_of(step) == season


def test_every_baseline_has_words():
    assert baseline_in_words("ridge") == "a ridge regression on the same features"
    assert baseline_in_words("mine") == "the baseline 'mine'"

"""Errors in closed form, and naive forecasts against a loop."""

from math import sqrt

import numpy as np
import pytest

from kallos_data import FoldTarget, get_walk_forward_splits
from kallos_tune import FoldSettings, TuningSettings
from kallos_tune.evaluation.naive_scores import naive_scores_of
from kallos_tune.evaluation.scoring import error, naive_forecasts


def test_errors_in_closed_form():
    actual, forecast = np.array([0.0, 0.0, 0.0, 0.0]), np.array([1.0, -1.0, 3.0, -5.0])
    assert error("rmse", actual, forecast) == pytest.approx(sqrt((1 + 1 + 9 + 25) / 4))
    assert error("mae", actual, forecast) == pytest.approx((1 + 1 + 3 + 5) / 4)


def naive_score(target, **settings):
    return naive_scores_of([target], TuningSettings.of(**settings)).score


def naive_by_hand(train, gap, val, *, rolling, metric):
    """Walk through the validation window step by step, looking only at what is known at each."""
    timeline = [*train, *[train[-1]] * gap, *val]
    errors = {"last": [], "mean": [], "zero": []}
    for step, truth in enumerate(val):
        known = timeline[: len(train) + step] if rolling else train
        errors["last"].append(known[-1] - truth)
        errors["mean"].append(sum(train) / len(train) - truth)
        errors["zero"].append(truth)
    norm = {
        "rmse": lambda values: sqrt(sum(value**2 for value in values) / len(values)),
        "mae": lambda values: sum(map(abs, values)) / len(values),
    }[metric]
    rivals = ["last", "mean", *(["zero"] if min(train) < 0 < max(train) else [])]
    return min(norm(errors[name]) for name in rivals)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
@pytest.mark.parametrize(("forecast", "purge"), [("rolling", 0), ("rolling", 3), ("recursive", 0)])
@pytest.mark.parametrize("target", ["ret", "volume", "level"])
def test_naive_score_equals_a_loop(metric, forecast, purge, target, history):
    history = history.with_columns(level=history["ret"].cum_sum())
    for train, val in get_walk_forward_splits(history, train_length=60, val_length=20, purge=purge):
        expected = naive_by_hand(
            train[target].to_list(), purge, val[target].to_list(), rolling=forecast == "rolling", metric=metric
        )
        fold = FoldTarget.of(train[target].to_numpy(), val[target].to_numpy(), purge=purge)
        score = naive_score(fold, metric=metric, forecast=forecast, purge=purge)
        assert score == pytest.approx(expected, rel=1e-9)


def naive_of_observed_by_hand(train, train_observed, gap, val, observed):
    """As above with RMSE, rolling, where only observed values are known, scored and averaged."""
    known = [value for value, seen in zip(train, train_observed, strict=True) if seen]
    mean, squares = sum(known) / len(known), {"last": [], "mean": []}
    squares |= {"zero": []} if min(known) < 0 < max(known) else {}
    waiting = [None] * gap  # a value is known once the purge has passed
    for truth, seen in zip(val, observed, strict=True):
        if seen:
            squares["last"].append((known[-1] - truth) ** 2)
            squares["mean"].append((mean - truth) ** 2)
            squares.get("zero", []).append(truth**2)
        waiting.append(truth if seen else None)
        if (arrived := waiting.pop(0)) is not None:
            known.append(arrived)
    return min(sqrt(sum(each) / len(each)) for each in squares.values())


@pytest.mark.parametrize("purge", [0, 3])
@pytest.mark.parametrize("level", [False, True])
def test_filled_values_are_neither_known_nor_scored(purge, level):
    rng = np.random.default_rng(purge)
    values = rng.standard_normal(120)
    values = values.cumsum() if level else values
    train, val = values[: 80 - purge], values[80:]
    train_observed, observed = rng.random(len(train)) < 0.8, rng.random(40) < 0.7
    # What is filled with makes no difference.
    for filling in (0.0, 1e6):
        filled = [np.where(seen, each, filling) for each, seen in ((train, train_observed), (val, observed))]
        target = FoldTarget.of(*filled, purge=purge, train_observed=train_observed, val_observed=observed)
        score = naive_score(target, purge=purge)
        assert score == pytest.approx(naive_of_observed_by_hand(train, train_observed, purge, val, observed))


@pytest.mark.parametrize("transform", ["difference", "log_difference"])
@pytest.mark.parametrize("forecast", ["rolling", "recursive"])
def test_the_mean_is_no_rival_of_a_walk(forecast, transform):
    values = 50 + np.random.default_rng(0).standard_normal(100).cumsum()
    train, val, settings = values[:80], values[80:], FoldSettings(forecast=forecast)
    target = FoldTarget.of(train, val, transform=transform)
    known = values[79:99] if forecast == "rolling" else values[79]
    assert naive_forecasts(target, settings).keys() == {"last value"}
    assert naive_score(target, forecast=forecast) == error("rmse", val, np.broadcast_to(known, 20))


def test_the_mean_is_a_rival_of_what_only_seems_to_walk():
    values = 50 + np.random.default_rng(0).standard_normal(100)
    target = FoldTarget.of(values[:80], values[80:], transform="difference")
    expected = error("rmse", values[80:], np.full(20, values[:80].mean()))
    assert naive_score(target) == expected < error("rmse", values[80:], values[79:99])


def test_zero_is_a_rival_of_what_swings_around_it():
    target = FoldTarget.of(np.array([1.0, -2.0, 4.0]), np.array([3.0, 5.0]))
    forecasts = naive_forecasts(target, FoldSettings(), around_zero=True)
    assert {name: each.tolist() for name, each in forecasts.items()} == {
        "last value": [4.0, 3.0],
        "training mean": [1.0, 1.0],
        "zero": [0.0, 0.0],
    }


def test_errors_of_filled_steps_do_not_count():
    seen = np.array([True, False, True])
    assert error("rmse", np.zeros(3), np.array([3.0, 1e9, 4.0]), seen) == pytest.approx(sqrt(12.5))
    assert error("mae", np.zeros(3), np.array([3.0, np.nan, 4.0]), seen) == pytest.approx(3.5)

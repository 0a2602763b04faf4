"""Errors in closed form, and naive forecasts against a loop."""

from math import sqrt

import numpy as np
import pytest

from kallos_data import get_walk_forward_splits
from kallos_tune import FoldSettings
from kallos_tune.evaluation.scoring import error, naive_score


def test_errors_in_closed_form():
    actual, forecast = np.array([0.0, 0.0, 0.0, 0.0]), np.array([1.0, -1.0, 3.0, -5.0])
    assert error("rmse", actual, forecast) == pytest.approx(sqrt((1 + 1 + 9 + 25) / 4))
    assert error("mae", actual, forecast) == pytest.approx((1 + 1 + 3 + 5) / 4)


def naive_by_hand(train, gap, val, *, rolling, metric):
    """Walk through the validation window step by step, looking only at what is known at each."""
    timeline = [*train, *[train[-1]] * gap, *val]
    errors = {"last": [], "mean": []}
    for step, truth in enumerate(val):
        known = timeline[: len(train) + step] if rolling else train
        errors["last"].append(known[-1] - truth)
        errors["mean"].append(sum(train) / len(train) - truth)
    norm = {
        "rmse": lambda values: sqrt(sum(value**2 for value in values) / len(values)),
        "mae": lambda values: sum(map(abs, values)) / len(values),
    }[metric]
    return min(norm(errors["last"]), norm(errors["mean"]))


@pytest.mark.parametrize("metric", ["rmse", "mae"])
@pytest.mark.parametrize(("forecast", "purge"), [("rolling", 0), ("rolling", 3), ("recursive", 0)])
@pytest.mark.parametrize("target", ["ret", "volume", "level"])
def test_naive_score_equals_a_loop(metric, forecast, purge, target, history):
    history = history.with_columns(level=history["ret"].cum_sum())
    for train, val in get_walk_forward_splits(history, train_length=60, val_length=20, purge=purge):
        settings = FoldSettings(metric=metric, forecast=forecast, purge=purge)
        expected = naive_by_hand(
            train[target].to_list(), purge, val[target].to_list(), rolling=forecast == "rolling", metric=metric
        )
        assert naive_score(train[target].to_numpy(), val[target].to_numpy(), settings) == pytest.approx(
            expected, rel=1e-9
        )

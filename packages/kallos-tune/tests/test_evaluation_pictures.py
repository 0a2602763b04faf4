"""Pictures of a judged period show its own numbers."""

from datetime import timedelta

import numpy as np
import pytest

from kallos_data import Step
from kallos_tune import Evaluation, plot_evaluation
from kallos_tune.forecaster.evaluation import Judged
from kallos_tune.forecaster.pictures import cumulated_gain
from kallos_tune.verdict.hold_out import HoldOut, judge_hold_out


@pytest.fixture
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    actual, forecast = rng.normal(size=(2, 40))
    times = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]").astype("datetime64[us]")
    naive = {"zero": np.zeros(40), "last value": np.ones(40)}
    data = HoldOut(times=times, actual=actual, forecast=forecast, naive=naive, to_beat="zero", known=np.zeros(40))
    of = Judged(
        what="one gru network",
        asset_id="X",
        target_col="ret",
        metric="rmse",
        around_zero=True,
        step=Step(timedelta(days=1)),
        look_back=5,
    )
    verdict = judge_hold_out(data, metric="rmse", horizon=1)
    return Evaluation(of, data, forecast[None], {}, verdict, {}, (), 0)


def test_the_gain_is_the_errors_of_the_naive_forecast_less_the_forecast_s(evaluation):
    data, total = evaluation.data, 0.0
    for step, gain in enumerate(cumulated_gain(evaluation)):
        total += data.actual[step] ** 2 - (data.actual[step] - data.forecast[step]) ** 2
        assert gain == pytest.approx(total, abs=1e-12)


def test_each_picture_draws_every_step(evaluation):
    figures = plot_evaluation(evaluation)
    assert list(figures) == ["forecasts", "cumulated_gain", "residuals"]
    data = evaluation.data
    truth, forecast = figures["forecasts"].axes[0].lines
    assert np.array_equal(truth.get_ydata(), data.actual)
    assert np.array_equal(forecast.get_ydata(), data.forecast)
    assert np.array_equal(figures["cumulated_gain"].axes[0].lines[-1].get_ydata(), cumulated_gain(evaluation))
    (residuals,) = figures["residuals"].axes[0].collections
    ends = [segment[1][1] for segment in residuals.get_segments()]
    assert ends == pytest.approx(data.actual - data.forecast)
    titles = [figure.axes[0].get_title(loc="left") for figure in figures.values()]
    assert titles == [
        "X: ret and its forecast by one gru network",
        "X: squared errors saved against a forecast of zero, cumulated; rising is better",
        "X: ret less its forecast",
    ]

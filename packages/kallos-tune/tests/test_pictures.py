"""What the pictures of a hold-out period show, and that better is up."""

import sys

import numpy as np
import pytest

from kallos_tune import ConfigError, MissingMatplotlibError, plot_hold_out


@pytest.fixture
def period():
    rng = np.random.default_rng(0)
    actual = rng.normal(size=90)
    return {
        "times": np.datetime64("2022-01-01") + np.arange(90),
        "actual": actual,
        "forecast": 0.4 * actual,
        "naive": np.zeros(90),
    }


def test_three_figures_that_can_be_written(period, tmp_path):
    figures = plot_hold_out(**period, title="BTC in 2022")
    assert list(figures) == ["forecast", "gain", "residuals"]
    for name, figure in figures.items():
        assert figure.get_suptitle() == "BTC in 2022"
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_forecast_and_truth_stand_in_one_picture_with_the_interval_behind(period):
    (axis,) = plot_hold_out(**period, title="t", low=period["forecast"] - 1, high=period["forecast"] + 1)[
        "forecast"
    ].axes
    truth, forecast = axis.lines
    np.testing.assert_array_equal(truth.get_ydata(), period["actual"])
    np.testing.assert_array_equal(forecast.get_ydata(), period["forecast"])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["interval", "truth", "forecast"]


def test_the_gain_adds_up_what_the_forecast_saves_and_rises_where_it_is_better(period):
    (axis,) = plot_hold_out(**period, title="t", naive_name="a forecast of zero")["gain"].axes
    gain = axis.lines[0].get_ydata()
    assert gain[-1] == pytest.approx((1 - 0.6**2) * np.sum(period["actual"] ** 2))
    assert (np.diff(gain) > 0).all()
    swapped = period | {"forecast": period["naive"], "naive": period["forecast"]}
    (other,) = plot_hold_out(**swapped, title="t")["gain"].axes
    np.testing.assert_allclose(other.lines[0].get_ydata(), -gain)
    assert axis.get_title(loc="left") == (
        "up is better: the line rises while the forecast beats a forecast of zero, and falls while it loses"
    )


def test_residuals_are_truth_less_forecast(period):
    over_time, counted = plot_hold_out(**period, title="t")["residuals"].axes
    np.testing.assert_allclose(over_time.lines[1].get_ydata(), 0.6 * period["actual"])
    assert sum(bar.get_width() for bar in counted.patches) == 90


def test_one_step_can_be_drawn(period, tmp_path):
    one = {name: row[:1] for name, row in period.items()}
    for figure in plot_hold_out(**one, title="t").values():
        figure.savefig(tmp_path / "one.png")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forecast": np.zeros(3)}, "forecast has 3 values, and there are 90 times: draw one step or more"),
        ({"low": np.zeros(90)}, "high is missing: an interval has two bounds"),
        (
            dict.fromkeys(["times", "actual", "forecast", "naive"], np.zeros(0)),
            "actual has 0 values, and there are 0 times: draw one step or more",
        ),
    ],
)
def test_what_does_not_fit_is_refused(period, changes, message):
    with pytest.raises(ConfigError) as caught:
        plot_hold_out(**(period | changes), title="t")
    assert str(caught.value) == message


def test_without_matplotlib_it_is_said_what_to_install(period, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingMatplotlibError, match="pip install"):
        plot_hold_out(**period, title="t")

"""Baselines that are fitted anew at every step, on the target alone: drift, seasonal, Theta.

Darts' own models, in the target's own unit. A step without a value of its own repeats the last one known, so that each
forecast rests on exactly what was known ``1 + purge`` steps before.
"""

import warnings
from typing import Final

import numpy as np
from darts import TimeSeries
from darts.models import NaiveDrift, NaiveSeasonal, Theta
from darts.models.forecasting.forecasting_model import LocalForecastingModel
from darts.utils.utils import SeasonalityMode

from kallos_data import FoldSeries

from .scoring import Floats

THETA_WINDOW: Final = 250
"""Newest steps that Theta is fitted on."""
MOST_FITS: Final = 50_000
"""Steps at most of a window that drift and season are fitted for, one by one, at a millisecond or two each."""
MOST_THETA_FITS: Final = 3_000
"""The same of Theta, whose smoothing is optimised at each: some 25 ms."""


def drift_forecasts(fold: FoldSeries) -> Floats:
    """Return the last value known plus its average change since the beginning of the training window, [T_val]."""
    return _rolling(NaiveDrift(), fold, window=None, most=MOST_FITS)


def seasonal_forecasts(fold: FoldSeries, season: int) -> Floats:
    """Return the value known of the same place in the season before, ``season`` steps or a multiple, [T_val]."""
    return _rolling(NaiveSeasonal(season), fold, window=max(season, 3), most=MOST_FITS)


def theta_forecasts(fold: FoldSeries) -> Floats:
    """Return what the Theta method without a season makes of the newest :data:`THETA_WINDOW` steps known, [T_val].

    Assimakopoulos, Nikolopoulos (2000), "The theta model: a decomposition approach to forecasting", International
    Journal of Forecasting 16(4).
    """
    with warnings.catch_warnings():
        # Of thousands of fits some stop early, and what they found by then is used.
        warnings.filterwarnings("ignore", module="statsmodels")
        model = Theta(season_mode=SeasonalityMode.NONE)
        return _rolling(model, fold, window=THETA_WINDOW, most=MOST_THETA_FITS)


def _rolling(model: LocalForecastingModel, fold: FoldSeries, *, window: int | None, most: int) -> Floats:
    if fold.n_val > most:
        raise ValueError(f"it is fitted anew for every step, and {fold.n_val} steps are more than {most}")
    series = _last_known(fold)
    start = len(series) - fold.n_val - fold.purge  # the first step that each forecast passes on its way
    forecasts = model.historical_forecasts(
        series,
        forecast_horizon=1 + fold.purge,
        train_length=None if window is None else min(window, start),
        start=start,
        start_format="position",
        retrain=True,
        last_points_only=True,
        show_warnings=False,
    )
    assert isinstance(forecasts, TimeSeries)
    return forecasts.values(copy=False)[:, 0]


def _last_known(fold: FoldSeries) -> TimeSeries:
    """Return the last value observed at or before each step, from the first observed one on."""
    truth = fold.truth
    first = int(np.argmax(truth.observed))
    places = np.maximum.accumulate(np.where(truth.observed, np.arange(len(truth.values)), first))
    return TimeSeries.from_times_and_values(fold.target.time_index[first:], truth.values[places][first:, None])

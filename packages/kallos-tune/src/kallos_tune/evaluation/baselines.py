"""Forecasts that cost next to nothing, to stand beside a model's: who cannot beat these need not train.

==========  ============================================================================================
name        forecast of each step, from what was known ``1 + purge`` steps before
==========  ============================================================================================
drift       the last value plus its average change; only where changes are learnt
seasonal    the value of one season before; only where a season is given
theta       the Theta method without a season, on the newest 250 steps
ridge       a ridge regression on the look-back of target and features
lightgbm    boosted trees on the same; only with the extra ``kallos-tune[lightgbm]``
==========  ============================================================================================
"""

import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
from threadpoolctl import threadpool_limits

from kallos_data import FoldSeries

from ..errors import ConfigError
from ..verdict.baseline_names import DRIFT, LIGHTGBM, RIDGE, SEASONAL, THETA, baseline_in_words
from .local_baselines import drift_forecasts, seasonal_forecasts, theta_forecasts
from .regression_baselines import lightgbm_forecasts, ridge_forecasts
from .scoring import Floats

_logger = logging.getLogger(__name__)


def season_of(step_seconds: float | None) -> int | None:
    """Return the steps of a season: 7 of days, 24 of hours, None of any other step.

    Parameters
    ----------
    step_seconds : float or None
        Length of a step; None where steps are of several lengths, as working days are.
    """
    return {86_400.0: 7, 3_600.0: 24}.get(step_seconds or 0.0)


def baseline_forecasts(fold: FoldSeries, *, look_back: int, season: int | None, seed: int = 0) -> dict[str, Floats]:
    """Return rolling forecasts of the validation window by what costs next to nothing.

    Parameters
    ----------
    fold : FoldSeries
        From :func:`kallos_data.prepare_darts_timeseries`.
    look_back : int
        Steps that the regressions read, as ``input_chunk_length`` of a forecaster.
    season : int or None
        Steps of a season, from :func:`season_of`; None for none.
    seed : int, default 0
        Of the boosted trees.

    Returns
    -------
    dict of str to numpy.ndarray, float64, [T_val]
        In the target's own unit, by the names of the module's table. A baseline that fails is left out, and a warning
        says why.

    Raises
    ------
    ConfigError
        Where the look-back or the season is below 1, or the training window is too short for the look-back.
    """
    for name, number in {"look_back": look_back, "season": season}.items():
        if number is not None and number < 1:
            raise ConfigError(f"must be 1 or more, not {number}", name)
    longest = fold.n_train - fold.purge - 1
    if look_back > longest:
        raise ConfigError(
            f"must be {longest} or less with {fold.n_train} training steps and a purge of {fold.purge}, not "
            f"{look_back}: train on a longer history, or look back less",
            "look_back",
        )
    # Threads of OpenBLAS wait for each other by spinning: on tables as small as these, two that share their cores with
    # other processes take longer than one. And a sum has the same last digit on any number of cores.
    with threadpool_limits(1, user_api="blas"):
        forecasts = {
            name: _forecast(name, make, fold.n_val) for name, make in _makers(fold, look_back, season, seed).items()
        }
    return {name: forecast for name, forecast in forecasts.items() if forecast is not None}


def _makers(fold: FoldSeries, look_back: int, season: int | None, seed: int) -> dict[str, Callable[[], Floats]]:
    makers: dict[str, Callable[[], Floats]] = {}
    if fold.truth.transform != "none":
        makers[DRIFT] = partial(drift_forecasts, fold)
    if season is not None:
        makers[SEASONAL] = partial(seasonal_forecasts, fold, season)
    makers |= {THETA: partial(theta_forecasts, fold), RIDGE: partial(ridge_forecasts, fold, look_back)}
    if find_spec("lightgbm") is None:
        _logger.info("lightgbm is not installed: the extra kallos-tune[lightgbm] adds boosted trees to the baselines")
    else:
        makers[LIGHTGBM] = partial(lightgbm_forecasts, fold, look_back, seed=seed)
    return makers


def _forecast(name: str, make: Callable[[], Floats], n_steps: int) -> Floats | None:
    _logger.info("forecasting by %s, to compare with", baseline_in_words(name))
    try:
        forecast = make()
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the verdict does without this baseline
        _warn(name, str(error) or type(error).__name__)
        return None
    if len(forecast) != n_steps:
        _warn(name, f"its training window is too short: it has forecasts of {len(forecast)} of {n_steps} steps")
        return None
    n_wrong = int((~np.isfinite(forecast)).sum())
    if n_wrong:
        _warn(name, f"{n_wrong} of its forecasts are infinite or not a number")
        return None
    return forecast


def _warn(name: str, reason: str) -> None:
    _logger.warning("%s (%s) is left out of the baselines: %s", name, baseline_in_words(name), reason)

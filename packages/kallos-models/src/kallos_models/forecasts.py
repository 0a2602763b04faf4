"""What a fitted forecaster says: step by step along a timeline, or far ahead from one point of it."""

from contextlib import nullcontext

import numpy as np
import torch
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.data import SequentialTorchTrainingDataset
from numpy.typing import NDArray
from torch import Tensor

from .darts_bridge import predict
from .errors import ConfigError
from .interrupts import interrupts_reach_caller
from .lightning_silence import quiet_lightning
from .loss import ForecastQuantiles, median_of
from .windows import batches


def forecast_rolling(
    model: TorchForecastingModel, target: TimeSeries, past_covariates: TimeSeries | None = None
) -> NDArray[np.float32]:
    """Forecast along a timeline, each time from the look-back before, in batches.

    The same as ``model.predict`` for one look-back after another, without a series and a trainer for each.

    Parameters
    ----------
    model : TorchForecastingModel
        From :func:`kallos_models.fit_forecaster`. Of one with quantiles it is the median that is forecast.
    target : TimeSeries, [T, C]
        Scaled as in training; its first ``input_chunk_length + output_chunk_shift`` steps serve as context alone.
    past_covariates : TimeSeries, optional
        As in training, over the same steps at least.

    Returns
    -------
    numpy.ndarray, float32, [T - input_chunk_length - output_chunk_shift - S + 1, S, C]
        S steps (``output_chunk_length``) from every point, the first of them the earliest that the context allows.

    Raises
    ------
    ConfigError
        Where the model is not fitted, or the target is too short for one forecast.
    """
    outputs = _along(model, target, past_covariates)
    return (outputs.squeeze(-1) if model.likelihood is None else median_of(outputs)).cpu().numpy()


def forecast_quantiles(
    model: TorchForecastingModel, target: TimeSeries, past_covariates: TimeSeries | None = None
) -> NDArray[np.float32]:
    """Forecast quantiles along a timeline, each time from the look-back before, in batches.

    They are sorted at every step, so that they never cross: that brings them no further from the true ones
    (Chernozhukov, Fernández-Val and Galichon 2010, "Quantile and Probability Curves Without Crossing").

    Parameters
    ----------
    model : TorchForecastingModel
        Trained for the likelihood "quantile" on a target of one component.
    target : TimeSeries, [T, 1]
        As of :func:`forecast_rolling`.
    past_covariates : TimeSeries, optional
        As in training, over the same steps at least.

    Returns
    -------
    numpy.ndarray, float32, [T - input_chunk_length - output_chunk_shift - S + 1, S, Q]
        S steps from every point as of :func:`forecast_rolling`, each with the Q quantiles of
        :data:`kallos_models.QUANTILES`.

    Raises
    ------
    ConfigError
        Where the model is not fitted or forecasts no quantiles, or the target is too short for one forecast or has
        several components.
    """
    if model.likelihood is None:
        raise ConfigError('forecasts no quantiles: train it with likelihood="quantile"', "model")
    if target.n_components != 1:
        raise ConfigError(f"has {target.n_components} components, and quantiles are forecast of one alone", "target")
    return _along(model, target, past_covariates)[:, :, 0].sort(dim=-1).values.cpu().numpy()


def forecast_recursive(
    model: TorchForecastingModel, n: int, target: TimeSeries, past_covariates: TimeSeries | None = None
) -> NDArray[np.float32]:
    """Forecast far ahead, feeding the model its own forecasts of the target.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted. Of one with quantiles it is the median that is forecast and fed back.
    n : int
        Steps to forecast.
    target : TimeSeries, [T, C]
        Ends at the last step known.
    past_covariates : TimeSeries, optional
        Must reach to the step before the last one forecast: more than is known when a real forecast is made.

    Returns
    -------
    numpy.ndarray, float32, [n, C]

    Raises
    ------
    KeyboardInterrupt, SystemExit
        Where it is stopped.
    """
    likelihood = model.likelihood
    medians = likelihood.medians() if isinstance(likelihood, ForecastQuantiles) else nullcontext()
    with quiet_lightning(), interrupts_reach_caller(), medians:
        forecast = model.predict(
            n=n, series=target, past_covariates=past_covariates, verbose=False, show_warnings=False
        )
    assert isinstance(forecast, TimeSeries)
    return forecast.values(copy=False)


@torch.no_grad()
def _along(model: TorchForecastingModel, target: TimeSeries, past_covariates: TimeSeries | None) -> Tensor:
    """Return what a model says from every point of a timeline, oldest first, ``[N, S, C, P]``."""
    module = model.model
    if module is None:
        raise ConfigError("is not fitted, so it cannot forecast: fit it first", "model")
    n_ahead = model.output_chunk_length
    needed = model.input_chunk_length + model.output_chunk_shift + n_ahead
    if len(target) < needed:
        raise ConfigError(f"has {len(target)} steps and one forecast needs {needed}: give more context", "target")
    dataset = SequentialTorchTrainingDataset(
        target.astype("float32"),
        past_covariates=None if past_covariates is None else past_covariates.astype("float32"),
        input_chunk_length=model.input_chunk_length,
        output_chunk_length=n_ahead,
        output_chunk_shift=model.output_chunk_shift,
        use_static_covariates=False,
    )
    module.eval()
    device = next(module.parameters()).device
    forecasts = [predict(module, batch)[:, -n_ahead:] for batch in batches(dataset, device)]
    # Newest first, as in training.
    return torch.cat(forecasts).flip(0)

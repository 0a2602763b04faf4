"""What a fitted forecaster says: step by step along a timeline, or far ahead from one point of it."""

import numpy as np
import torch
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.data import SequentialTorchTrainingDataset
from numpy.typing import NDArray

from .darts_bridge import predict
from .errors import ConfigError
from .interrupts import interrupts_reach_caller
from .lightning_silence import quiet_lightning
from .windows import batches


@torch.no_grad()
def forecast_rolling(
    model: TorchForecastingModel, target: TimeSeries, past_covariates: TimeSeries | None = None
) -> NDArray[np.float32]:
    """Forecast along a timeline, each time from the look-back before, in batches.

    The same as ``model.predict`` for one look-back after another, without a series and a trainer for each.

    Parameters
    ----------
    model : TorchForecastingModel
        From :func:`kallos_models.fit_forecaster`.
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
    return torch.cat(forecasts).flip(0).cpu().numpy()


def forecast_recursive(
    model: TorchForecastingModel, n: int, target: TimeSeries, past_covariates: TimeSeries | None = None
) -> NDArray[np.float32]:
    """Forecast far ahead, feeding the model its own forecasts of the target.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted.
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
    with quiet_lightning(), interrupts_reach_caller():
        forecast = model.predict(
            n=n, series=target, past_covariates=past_covariates, verbose=False, show_warnings=False
        )
    assert isinstance(forecast, TimeSeries)
    return forecast.values(copy=False)

"""One fold: fit, predict, score."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel

from kallos_data import FoldSeries
from kallos_data.scaling import Floats
from kallos_models import TrainingSettings, fit_forecaster, quiet_lightning

from .scoring import error, naive_score
from .settings import TuningSettings


@dataclass(frozen=True, slots=True)
class FoldResult:
    """A scored fold.

    Attributes
    ----------
    score : float
        Error of the forecast, in the target's unit.
    naive_score : float
        Error of the better naive forecast.
    forecast : numpy.ndarray, float64, [T_val]
        In the target's unit.
    epochs, best_epoch : int
        Epochs trained, and the one whose weights were scored.
    seconds : float
        Wall time of fit, predict and score.
    """

    score: float
    naive_score: float
    forecast: Floats
    epochs: int
    best_epoch: int
    seconds: float


def evaluate_fold(
    fold: FoldSeries,
    model_name: str,
    params: Mapping[str, int | float],
    *,
    settings: TuningSettings | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> FoldResult:
    """Train a model on a fold and score its forecast of the validation window.

    Parameters
    ----------
    fold : FoldSeries
        From :func:`kallos_data.prepare_darts_timeseries`.
    model_name : str
        One of :func:`kallos_models.available_models`.
    params : mapping
        Hyperparameters; see :class:`kallos_models.Hyperparameters`.
    settings : TuningSettings, optional
        Its defaults where left out.
    on_epoch : callable, optional
        Called after every epoch with its number and validation loss.

    Returns
    -------
    FoldResult

    Raises
    ------
    kallos_models.KallosError
        Where the model cannot be built, or its training diverges.
    """
    settings = settings or TuningSettings()
    started = time.perf_counter()
    hparams = {**params, "output_chunk_shift": settings.purge}
    look_back = int(params["input_chunk_length"]) + settings.purge
    target, covariates = fold.train_series()
    val_target, val_covariates = fold.val_series(look_back)
    fit = fit_forecaster(
        model_name,
        hparams,
        target,
        covariates,
        val_target=val_target,
        val_past_covariates=val_covariates,
        settings=TrainingSettings(
            max_epochs=settings.max_epochs,
            patience=settings.patience,
            seed=settings.seed,
            accelerator=settings.accelerator,
        ),
        on_epoch=on_epoch,
    )
    predict = forecast_rolling if settings.forecast == "rolling" else forecast_recursive
    with quiet_lightning():
        forecast = predict(fit.model, fold, look_back)
    return FoldResult(
        score=error(settings.metric, fold.actual, forecast),
        naive_score=naive_score(fold, settings),
        forecast=forecast,
        epochs=fit.epochs,
        best_epoch=fit.best_epoch or fit.epochs,
        seconds=time.perf_counter() - started,
    )


def forecast_rolling(model: TorchForecastingModel, fold: FoldSeries, look_back: int) -> Floats:
    """Predict each validation step from what was known the step before, in one batch.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted, with ``output_chunk_length=1`` and ``output_chunk_shift=fold.purge``.
    fold : FoldSeries
    look_back : int
        Steps from the first one read to the one predicted: input chunk and purge.

    Returns
    -------
    numpy.ndarray, float64, [T_val]
        In the target's unit.
    """
    origins = range(fold.val_start - fold.purge, len(fold.target) - fold.purge)
    n_read = look_back - fold.purge

    def windows(series: TimeSeries) -> list[TimeSeries]:
        return [series[origin - n_read : origin] for origin in origins]

    forecasts = model.predict(
        n=1,
        series=windows(fold.target),
        past_covariates=None if fold.covariates is None else windows(fold.covariates),
        batch_size=fold.n_val,
        verbose=False,
        show_warnings=False,
    )
    return np.concatenate([fold.to_target_unit(forecast) for forecast in forecasts])


def forecast_recursive(model: TorchForecastingModel, fold: FoldSeries, look_back: int) -> Floats:
    """Predict the whole validation window by autoregression; parameters as in :func:`forecast_rolling`.

    The model is fed its own predictions of the target and the true covariates of the validation window.
    """
    start = fold.val_start - look_back
    forecast = model.predict(
        n=fold.n_val,
        series=fold.target[start : fold.val_start],
        past_covariates=None if fold.covariates is None else fold.covariates[start:],
        verbose=False,
        show_warnings=False,
    )
    assert isinstance(forecast, TimeSeries)
    return fold.to_target_unit(forecast)

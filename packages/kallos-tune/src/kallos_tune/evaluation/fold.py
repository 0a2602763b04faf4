"""One fold: fit, predict, score."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel

from kallos_data import FoldSeries
from kallos_models import Fit, fit_forecaster, forecast_quantiles, forecast_recursive, forecast_rolling

from ..settings import Forecast, TuningSettings
from .naive_scores import naive_scores_of
from .quantiles import MEDIAN, pinball_score
from .scoring import Floats, error


@dataclass(frozen=True, slots=True)
class FoldResult:
    """A scored fold.

    Attributes
    ----------
    score : float
        Error of the forecast at the observed steps, in the target's unit; of quantiles their mean pinball loss.
    naive_score : float
        That of the naive forecast which the scores of the study are compared with, in this fold.
    forecast : numpy.ndarray, float64, [T_val]
        In the target's unit; of quantiles the median.
    epochs, best_epoch : int
        Epochs trained, and the one whose weights were scored.
    seconds : float
        Wall time of fit, predict and score.
    out_of_sample : numpy.ndarray, float64, [T_val], or None
        The forecast with the weights of the epoch that was chosen before; None without one, or where the training did
        not get there.
    """

    score: float
    naive_score: float
    forecast: Floats
    epochs: int
    best_epoch: int
    seconds: float
    out_of_sample: Floats | None = None


def evaluate_fold(
    fold: FoldSeries,
    model_name: str,
    params: Mapping[str, int | float],
    *,
    settings: TuningSettings | None = None,
    chosen_epoch: int | None = None,
    naive_score: float | None = None,
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
    chosen_epoch : int, optional
        An epoch chosen without this fold, with whose weights the window is forecast, too.
    naive_score : float, optional
        What the naive forecast scores here that is the hardest to beat over all folds of the study. Where left out,
        the fold is taken for all there is.
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
    hparams = {**params, "output_chunk_shift": settings.folds.purge}
    look_back = int(params["input_chunk_length"]) + settings.folds.purge
    target, covariates = fold.train_series()
    val_target, val_covariates = fold.val_series(look_back)
    fit = fit_forecaster(
        model_name,
        hparams,
        target,
        covariates,
        val_target=val_target,
        val_past_covariates=val_covariates,
        observed=fold.train_observed,
        val_observed=fold.observed[fold.val_start - look_back :],
        settings=settings.training,
        snapshot_epoch=chosen_epoch,
        on_epoch=on_epoch,
    )
    score, forecast = _scored(fit, fold, look_back, settings)
    return FoldResult(
        score=score,
        naive_score=naive_scores_of([fold.truth], settings).score if naive_score is None else naive_score,
        forecast=forecast,
        epochs=fit.epochs,
        best_epoch=fit.best_epoch or fit.epochs,
        out_of_sample=_out_of_sample(fit, fold, look_back, settings.folds.forecast),
        seconds=time.perf_counter() - started,
    )


def _scored(fit: Fit, fold: FoldSeries, look_back: int, settings: TuningSettings) -> tuple[float, Floats]:
    """Return the score of a fold, and its forecast."""
    if settings.training.likelihood == "quantile":
        quantiles = quantiles_of_fold(fit.model, fold, look_back)
        return pinball_score(fold.actual, quantiles, fold.val_observed), quantiles[:, MEDIAN]
    forecast = forecast_fold(fit.model, fold, look_back, settings.folds.forecast)
    return error(settings.folds.metric, fold.actual, forecast, fold.val_observed), forecast


def _out_of_sample(fit: Fit, fold: FoldSeries, look_back: int, mode: Forecast) -> Floats | None:
    if not fit.snapshot:
        return None
    fit.use_snapshot()
    return forecast_fold(fit.model, fold, look_back, mode)


def forecast_fold(model: TorchForecastingModel, fold: FoldSeries, look_back: int, mode: Forecast) -> Floats:
    """Forecast the validation window of a fold.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted, with ``output_chunk_length=1`` and ``output_chunk_shift=fold.purge``. Of one with quantiles it is the
        median that is forecast.
    fold : FoldSeries
    look_back : int
        Steps from the first one read to the one predicted: input chunk and purge.
    mode : {"rolling", "recursive"}
        Each step from what was known the step before, or the whole window by autoregression: the model is then fed its
        own predictions of the target, and the true covariates of the validation window.

    Returns
    -------
    numpy.ndarray, float64, [T_val]
        In the target's unit.
    """
    if mode == "rolling":
        return fold.rolling_to_target_unit(forecast_rolling(model, *fold.val_series(look_back))[:, 0, 0])
    start = fold.val_start - look_back
    covariates = None if fold.covariates is None else fold.covariates[start:]
    scaled = forecast_recursive(model, fold.n_val, fold.target[start : fold.val_start], covariates)
    return fold.recursive_to_target_unit(scaled[:, 0])


def quantiles_of_fold(model: TorchForecastingModel, fold: FoldSeries, look_back: int) -> Floats:
    """Forecast the quantiles of a fold's validation steps, each from what was known the step before.

    What puts a forecast back into the target's unit is increasing, so a quantile stays one.

    Parameters
    ----------
    model : TorchForecastingModel
        Fitted for the likelihood "quantile", as :func:`forecast_fold` needs it.
    fold : FoldSeries
    look_back : int
        Steps from the first one read to the one predicted: input chunk and purge.

    Returns
    -------
    numpy.ndarray, float64, [T_val, Q]
        In the target's unit, of :data:`kallos_models.QUANTILES`, ascending at every step.
    """
    scaled = forecast_quantiles(model, *fold.val_series(look_back))[:, 0]
    return np.stack([fold.rolling_to_target_unit(each) for each in scaled.T], axis=1)

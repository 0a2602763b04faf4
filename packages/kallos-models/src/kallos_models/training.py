"""Train a forecaster by name: seeded, stopped early, left with the weights of its best epoch."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from torch import Tensor

from .best_epoch import BestEpoch, Snapshot
from .errors import ConfigError, TrainingDivergedError
from .hyperparameters import Hyperparameters
from .lightning_silence import quiet_lightning
from .loop import WITHOUT, LoopTrainer
from .registry import create_model, read_hyperparameters
from .settings import TrainingSettings, accelerator
from .windows import Mask

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fit:
    """A trained forecaster and how its training went.

    Attributes
    ----------
    model : TorchForecastingModel
        Fitted, with the weights of ``best_epoch`` (of the last epoch where nothing was validated). It is float32, and
        so must be the series its ``predict`` takes.
    hparams : Hyperparameters
        As trained: ``n_epochs`` and ``random_state`` are those of the settings, where they took their place.
    epochs : int
        Epochs trained.
    best_epoch : int or None
        The epoch with the lowest validation loss, counted from 1; None without validation.
    best_val_loss : float or None
        The mean squared error of its forecasts of the validation steps, in the squared unit of the series given; of
        quantiles their mean pinball loss, in the unit of the series; None without validation.
    snapshot : mapping of str to Tensor
        The weights of the epoch that a snapshot was asked of; empty where the training did not get there.
    """

    model: TorchForecastingModel
    hparams: Hyperparameters
    epochs: int
    best_epoch: int | None
    best_val_loss: float | None
    snapshot: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])

    def use_snapshot(self) -> None:
        """Give the model the weights of the snapshot in place of those of the best epoch.

        Raises
        ------
        ConfigError
            Where there is no snapshot.
        """
        if not self.snapshot:
            raise ConfigError("was not taken: the training ended before it, or was not asked for it", "snapshot")
        assert self.model.model is not None
        self.model.model.load_state_dict(self.snapshot)


def trainer_kwargs(settings: TrainingSettings | None = None) -> dict[str, Any]:
    """Return keyword arguments of a quiet Lightning trainer that writes nothing to disk.

    Parameters
    ----------
    settings : TrainingSettings, optional
        The defaults where left out.

    Returns
    -------
    dict[str, Any]
        New objects in every call.

    Raises
    ------
    ConfigError
        Where the settings ask for a device that is not there.
    """
    settings = settings or TrainingSettings()
    return {"max_epochs": settings.max_epochs, "accelerator": accelerator(settings.device), **WITHOUT}


def fit_forecaster(
    model_name: str,
    hparams: Hyperparameters | Mapping[str, Any],
    target: TimeSeries,
    past_covariates: TimeSeries | None = None,
    *,
    val_target: TimeSeries | None = None,
    val_past_covariates: TimeSeries | None = None,
    observed: Mask | None = None,
    val_observed: Mask | None = None,
    settings: TrainingSettings | None = None,
    snapshot_epoch: int | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Fit:
    """Create and train a forecaster.

    The same seed, series and number of torch threads give bitwise the same weights on a CPU, whatever ran before in the
    process; the global random states are left alone. Series are cast to float32, their static covariates left out.
    Nothing is written to disk.

    Parameters
    ----------
    model_name : str
        One of :func:`kallos_models.available_models`.
    hparams : Hyperparameters or Mapping[str, Any]
        ``settings.max_epochs`` takes the place of its ``n_epochs``; its ``random_state``, where given, takes the place
        of ``settings.seed``.
    target : TimeSeries
        Scaled training target, ``[T, C]``.
    past_covariates : TimeSeries, optional
        Scaled covariates known up to the present, ``[T, F]``.
    val_target : TimeSeries, optional
        Validation target. Begin it ``input_chunk_length + output_chunk_shift`` steps before the first step to validate,
        since those are its context. Without it ``max_epochs`` are trained and the last weights kept.
    val_past_covariates : TimeSeries, optional
        Covariates of the validation target.
    observed, val_observed : numpy.ndarray, bool, [T], optional
        Which steps of ``target`` and of ``val_target`` have values of their own. The others are context: no sample that
        would forecast one is trained on or validated. All where left out.
    settings : TrainingSettings, optional
        The defaults where left out.
    snapshot_epoch : int, optional
        An epoch, counted from 1, whose weights are kept beside the best ones: one that was chosen before. The training
        is not stopped before it (``max_epochs`` and a loss that is not finite still end it), and the best epoch is the
        one it would have been otherwise.
    on_epoch : Callable[[int, float], None], optional
        Called after every epoch with its number, counted from 1, and its validation loss (its mean training loss
        without validation). What it raises ends the training and reaches the caller.

    Raises
    ------
    UnknownModelError
        Where no architecture has that name.
    ConfigError
        Where a hyperparameter cannot be used, a series is too short for one sample, validation series do not match, or
        nothing observed is left to train on or to validate.
    TrainingDivergedError
        Where no epoch had a finite loss, or the weights left are not finite.
    """
    settings = settings or TrainingSettings()
    hparams = _with_settings(read_hyperparameters(model_name, hparams), settings)
    _check_series(hparams, target, past_covariates, val_target, val_past_covariates)
    _check_observed(hparams, "observed", observed, target)
    _check_observed(hparams, "val_observed", val_observed, val_target)
    kwargs = trainer_kwargs(settings)
    best = None if val_target is None else BestEpoch(settings.patience, settings.min_delta)
    snapshot = None if snapshot_epoch is None else Snapshot(snapshot_epoch)
    with quiet_lightning():
        model = create_model(model_name, hparams, kwargs, likelihood=settings.likelihood)
        trainer = LoopTrainer(
            best=best,
            on_epoch=on_epoch or _ignore,
            snapshot=snapshot,
            observed=observed,
            val_observed=val_observed,
            **kwargs,
        )
        model.fit(
            _prepared(target),
            past_covariates=_prepared(past_covariates),
            val_series=_prepared(val_target),
            val_past_covariates=_prepared(val_past_covariates),
            trainer=trainer,
        )
    _check_finite(model, hparams, trainer, best)
    kept = {} if snapshot is None else snapshot.weights
    if best is None:
        return Fit(model, hparams, trainer.epochs, None, None, kept)
    logger.debug("%s: %d epochs, best %s with loss %.6g", model_name, trainer.epochs, best.epoch, best.loss)
    return Fit(model, hparams, trainer.epochs, best.epoch, best.loss, kept)


def _ignore(epoch: int, loss: float) -> None:
    pass


def _with_settings(hparams: Hyperparameters, settings: TrainingSettings) -> Hyperparameters:
    seed = settings.seed if hparams.random_state is None else hparams.random_state
    return replace(hparams, n_epochs=settings.max_epochs, random_state=seed)


def _check_series(
    hparams: Hyperparameters,
    target: TimeSeries,
    past_covariates: TimeSeries | None,
    val_target: TimeSeries | None,
    val_past_covariates: TimeSeries | None,
) -> None:
    needed = hparams.input_chunk_length + hparams.output_chunk_shift + hparams.output_chunk_length
    for name, series in (("target", target), ("val_target", val_target)):
        if series is not None and len(series) < needed:
            raise ConfigError(
                f"has {len(series)} steps and one sample needs {needed}: a look-back of {hparams.input_chunk_length}, "
                f"a shift of {hparams.output_chunk_shift} and a forecast of {hparams.output_chunk_length}; "
                "give more steps or shorten those",
                name,
            )
    if val_target is None and val_past_covariates is not None:
        raise ConfigError("need a validation target beside them: give both or neither", "val_past_covariates")
    if val_target is not None and (past_covariates is None) != (val_past_covariates is None):
        absent = "past_covariates" if past_covariates is None else "val_past_covariates"
        raise ConfigError("are missing: training and validation need the same covariates", absent)


def _check_observed(hparams: Hyperparameters, name: str, observed: Mask | None, series: TimeSeries | None) -> None:
    if observed is None:
        return
    n_steps = 0 if series is None else len(series)
    if observed.shape != (n_steps,):
        raise ConfigError(f"must have one value a step, {n_steps}, not the shape {observed.shape}", name)
    forecast = np.lib.stride_tricks.sliding_window_view(
        observed[hparams.input_chunk_length + hparams.output_chunk_shift :], hparams.output_chunk_length
    )
    if not forecast.all(axis=1).any():
        raise ConfigError(
            "leaves no sample: every forecast of the series would hold a step that was not observed", name
        )


def _prepared(series: TimeSeries | None) -> TimeSeries | None:
    return None if series is None else series.astype("float32").with_static_covariates(None)


def _check_finite(
    model: TorchForecastingModel, hparams: Hyperparameters, trainer: LoopTrainer, best: BestEpoch | None
) -> None:
    """Raise where the training left nothing to forecast with."""
    if best is not None and best.epoch is None:
        raise TrainingDivergedError(trainer.epochs, hparams.learning_rate, f"validation loss is {trainer.loss}")
    if best is None and not math.isfinite(trainer.loss):
        raise TrainingDivergedError(trainer.epochs, hparams.learning_rate, f"training loss is {trainer.loss}")
    assert model.model is not None
    if not all(bool(torch.isfinite(weights).all()) for weights in model.model.parameters()):
        raise TrainingDivergedError(trainer.epochs, hparams.learning_rate, "weights are not finite")

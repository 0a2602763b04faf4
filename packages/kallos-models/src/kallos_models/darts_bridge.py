"""What Kallos assumes about the inside of Darts and Lightning: private names, and attributes that no document promises.

Nothing else in this package touches those, so that a release which changes them breaks here alone; each assumption has
a contract test that names it. Data flows from Darts to the training loop::

    model.fit(…, trainer=trainer)  ->  trainer.fit(model=module, datamodule=…, ckpt_path=None)
    datamodule                     ->  training_data   datasets and batch size
    dataset                        ->  one_series      the series and the geometry of its samples
    module and batch               ->  predict, training_loss, validation_loss
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.models.forecasting.block_rnn_model import _BlockRNNModule  # pyright: ignore[reportPrivateUsage]
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.utils.data import ModuleStage, ShiftedTorchTrainingDataset, TorchTrainingBatch
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from torch import Tensor, nn

BlockRNNModule: TypeAlias = _BlockRNNModule
"""Darts' module of the GRU and the LSTM."""
DataModule = TorchDataModule
"""What Darts hands to a trainer."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a model is trained on.

    Attributes
    ----------
    train : ShiftedTorchTrainingDataset
        Samples of the training series.
    val : ShiftedTorchTrainingDataset or None
        Samples of the validation series, where there is one.
    batch_size : int
        Samples in a training step.
    """

    train: ShiftedTorchTrainingDataset
    val: ShiftedTorchTrainingDataset | None
    batch_size: int


@dataclass(frozen=True, slots=True)
class OneSeries:
    """A dataset of one series, and where its samples lie; Darts counts them from the newest.

    Attributes
    ----------
    target : TimeSeries
        The series whose steps are forecast.
    covariates : TimeSeries or None
        Past covariates, which may begin before the target.
    n_samples : int
        Samples of the dataset.
    look_back, future, shift : int
        Steps read, steps to be forecast, and steps from the first one read to the first one forecast.
    """

    target: TimeSeries
    covariates: TimeSeries | None
    n_samples: int
    look_back: int
    future: int
    shift: int


def training_data(datamodule: DataModule) -> TrainingData:
    """Return the datasets and the batch size that Darts hands to a trainer."""
    train, val = datamodule.train_dataset, datamodule.val_dataset
    assert isinstance(train, ShiftedTorchTrainingDataset)
    assert val is None or isinstance(val, ShiftedTorchTrainingDataset)
    return TrainingData(train, val, datamodule.batch_size)


def one_series(dataset: ShiftedTorchTrainingDataset) -> OneSeries:
    """Return the series of a dataset that holds one, and the geometry of its samples."""
    covariates = dataset.past_covariates
    return OneSeries(
        target=dataset.series[0],
        covariates=None if covariates is None else covariates[0],
        n_samples=len(dataset),
        look_back=dataset.input_chunk_length,
        future=dataset.output_chunk_length,
        shift=dataset.shift,
    )


def place(trainer: pl.Trainer, module: PLForecastingModule) -> torch.device:
    """Move a module to the trainer's device, which is returned; then the trainer knows it and can save it."""
    trainer.strategy.connect(module)
    device = trainer.strategy.root_device
    module.to(device)
    return device


def predict(module: PLForecastingModule, batch: TorchTrainingBatch) -> Tensor:
    """Return what a module forecasts from the look-backs of a batch, ``[N, S, C, P]``; the last steps are the forecast.

    P is the number of the likelihood's parameters: 1 without one.
    """
    return _output(module, batch, ModuleStage.PREDICT)


def training_loss(module: PLForecastingModule, batch: TorchTrainingBatch) -> Tensor:
    """Return the loss of a training step."""
    return _loss(module, _output(module, batch, ModuleStage.TRAIN), batch.future_target, module.train_criterion)


def validation_loss(module: PLForecastingModule, batch: TorchTrainingBatch) -> Tensor:
    """Return the mean loss over the samples of a validation batch."""
    return _loss(module, _output(module, batch, ModuleStage.VALIDATE), batch.future_target, module.val_criterion)


def n_targets(module: PLForecastingModule) -> int:
    """Return how many components the target of a module has."""
    return module.n_targets


class ConnectingTrainer(pl.Trainer):
    """Trains nothing: it leaves a module as it was built, and knows it from then on, as after a training."""

    def fit(  # pyright: ignore[reportIncompatibleMethodOverride] - what Darts passes
        self, model: PLForecastingModule, **_: object
    ) -> None:
        """Take note of a module."""
        self.strategy.connect(model)


def exchange_gru(module: BlockRNNModule, replace: Callable[[nn.GRU], nn.GRU]) -> None:
    """Replace the GRU inside Darts' module of it."""
    assert isinstance(module.rnn, nn.GRU)
    module.rnn = replace(module.rnn)


def _output(module: PLForecastingModule, batch: TorchTrainingBatch, stage: ModuleStage) -> Tensor:
    output: Any = module(batch.to_module_input(stage))
    return output.prediction


def _loss(
    module: PLForecastingModule, output: Tensor, target: Tensor | None, criterion: Callable[..., Tensor]
) -> Tensor:
    likelihood: Any = module.likelihood
    if likelihood is None:
        return criterion(output.squeeze(-1), target)
    return likelihood.compute_loss(output, target, None)

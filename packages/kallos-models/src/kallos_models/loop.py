"""The training loop: what Lightning's does for these models, without its bookkeeping at every step.

It is a Lightning trainer whose ``fit`` is a plain loop, so that Darts hands it its models and data as to any other. It
draws the same random numbers in the same order, and so trains the same weights.
"""

from collections.abc import Callable, Iterable
from typing import Final

import pytorch_lightning as pl
import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from darts.utils.data.torch_datasets.training_dataset import ShiftedTorchTrainingDataset
from darts.utils.data.torch_datasets.utils import ModuleStage, TorchTrainingBatch
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader

from .best_epoch import BestEpoch
from .windows import Windows

# Without gradients large batches are as good; they are bounded for the memory of long windows.
_LARGE_BATCH: Final = 512


class LoopTrainer(pl.Trainer):
    """Trains one model once.

    Parameters
    ----------
    max_epochs : int
        Epochs at most.
    best : BestEpoch or None
        Decides by the validation loss when to stop, and has its best weights restored however the training ends; None
        trains to the last epoch.
    on_epoch : callable
        Called after every epoch with its number, counted from 1, and its validation loss; without validation, its mean
        training loss. A training whose loss is not finite ends after that.
    **kwargs
        As for any Lightning trainer.

    Attributes
    ----------
    epochs : int
        Epochs trained.
    loss : float
        The loss of the last of them, NaN before the first.
    """

    def __init__(
        self, *, max_epochs: int, best: BestEpoch | None, on_epoch: Callable[[int, float], None], **kwargs: object
    ) -> None:
        super().__init__(max_epochs=max_epochs, **kwargs)  # pyright: ignore[reportArgumentType] - checked by Lightning
        self.epochs = 0
        self.loss = float("nan")
        self._n_epochs = max_epochs
        self._best = best
        self._on_epoch = on_epoch

    def fit(  # pyright: ignore[reportIncompatibleMethodOverride] - Darts passes these
        self, model: PLForecastingModule, datamodule: TorchDataModule, ckpt_path: str | None = None
    ) -> None:
        """Train a model on the samples of a data module."""
        assert ckpt_path is None
        self.strategy.connect(model)
        device = self.strategy.root_device
        model.to(device)
        assert isinstance(datamodule.train_dataset, ShiftedTorchTrainingDataset)
        train = batches(datamodule.train_dataset, device, batch_size=datamodule.batch_size, shuffle=True)
        val = None
        if datamodule.val_dataset is not None:
            assert isinstance(datamodule.val_dataset, ShiftedTorchTrainingDataset)
            val = batches(datamodule.val_dataset, device)
        try:
            self._train(model, train, val)
        finally:
            if self._best is not None:
                self._best.restore(model)
            model.eval()

    def _train(
        self, model: PLForecastingModule, train: Iterable[TorchTrainingBatch], val: Iterable[TorchTrainingBatch] | None
    ) -> None:
        optimizer = model.configure_optimizers()
        assert isinstance(optimizer, optim.Optimizer)
        for epoch in range(1, self._n_epochs + 1):
            train_losses = _train_epoch(model, train, optimizer)
            loss = train_losses.mean() if val is None else _validate(model, val)
            self.epochs, self.loss = epoch, float(loss)
            goes_on = bool(torch.isfinite(loss)) if self._best is None else self._best.see(epoch, self.loss, model)
            self._on_epoch(epoch, self.loss)
            if not goes_on:
                return


def batches(
    dataset: ShiftedTorchTrainingDataset,
    device: torch.device,
    *,
    batch_size: int = _LARGE_BATCH,
    shuffle: bool = False,
) -> Iterable[TorchTrainingBatch]:
    """Return the samples of a Darts dataset of one series in batches, newest first or shuffled anew by each reading.

    Parameters
    ----------
    dataset : ShiftedTorchTrainingDataset
        Without future or static covariates and weights: what the architectures of this library make of a series.
    device : torch.device
        Where the batches shall be; the series are moved there once.
    batch_size : int, default 512
    shuffle : bool, default False
        By torch's global random state, as torch's own loader does.
    """
    return DataLoader(Windows.of(dataset, device), batch_size=batch_size, shuffle=shuffle, collate_fn=_as_it_is)


def _as_it_is(batch: TorchTrainingBatch) -> TorchTrainingBatch:
    return batch


def _train_epoch(model: PLForecastingModule, train: Iterable[TorchTrainingBatch], optimizer: optim.Optimizer) -> Tensor:
    """Train one epoch and return the loss of each batch."""
    model.train()
    losses: list[Tensor] = []
    for batch in train:
        loss = _loss(model, batch, ModuleStage.TRAIN, model.train_criterion)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


@torch.no_grad()
def _validate(model: PLForecastingModule, val: Iterable[TorchTrainingBatch]) -> Tensor:
    """Return the mean loss over the samples."""
    model.eval()
    losses: list[Tensor] = []
    sizes: list[int] = []
    for batch in val:
        losses.append(_loss(model, batch, ModuleStage.VALIDATE, model.val_criterion))
        sizes.append(len(batch.past_target))
    weights = torch.tensor(sizes, dtype=losses[0].dtype, device=losses[0].device)
    return torch.stack(losses) @ weights / weights.sum()


def _loss(model: PLForecastingModule, batch: TorchTrainingBatch, stage: ModuleStage, criterion: nn.Module) -> Tensor:
    prediction: Tensor = model(batch.to_module_input(stage)).prediction
    return criterion(prediction.squeeze(-1), batch.future_target)

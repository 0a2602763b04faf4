"""The training loop: what Lightning's does for these models, without its bookkeeping at every step.

It is a Lightning trainer whose ``fit`` is a plain loop, so that Darts hands it its models and data as to any other. It
draws the same random numbers in the same order, and so trains the same weights.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytorch_lightning as pl
import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.utils.data import TorchTrainingBatch
from torch import Tensor, optim

from .best_epoch import BestEpoch, Snapshot
from .darts_bridge import DataModule, place, training_data, training_loss, validation_loss
from .errors import ConfigError
from .windows import Mask, batches

WITHOUT: Final = {
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}
"""Arguments of a Lightning trainer with the only values that the loop can follow: it does none of that."""


class LoopTrainer(pl.Trainer):
    """Trains one model once.

    Parameters
    ----------
    max_epochs : int
        Most epochs to train.
    best : BestEpoch or None
        Decides by the validation loss when to stop, and has its best weights restored however the training ends; None
        trains to the last epoch.
    on_epoch : callable
        Called after every epoch with its number, counted from 1, and its validation loss; without validation, its mean
        training loss. A training whose loss is not finite ends after that.
    snapshot : Snapshot, optional
        An epoch before which the training is not stopped, unless its loss is not finite. What follows the epoch at
        which it would have been stopped is never the best.
    accelerator : str, default "cpu"
        Lightning's word for the device.
    observed, val_observed : numpy.ndarray, bool, optional
        Steps of the training and of the validation series that may be forecast; all where left out.
    **arguments
        Other arguments of a Lightning trainer, with the values of :data:`WITHOUT`.

    Attributes
    ----------
    epochs : int
        Epochs trained.
    loss : float
        The loss of the last of them, NaN before the first.

    Raises
    ------
    ConfigError
        For an argument or a value that the loop would have to ignore.
    """

    def __init__(
        self,
        *,
        max_epochs: int,
        best: BestEpoch | None,
        on_epoch: Callable[[int, float], None],
        snapshot: Snapshot | None = None,
        accelerator: str = "cpu",
        observed: Mask | None = None,
        val_observed: Mask | None = None,
        **arguments: object,
    ) -> None:
        for name, value in arguments.items():
            _refuse_unless_without(name, value)
        followed: dict[str, Any] = {**WITHOUT, "max_epochs": max_epochs, "accelerator": accelerator}
        super().__init__(**followed)
        self.epochs = 0
        self.loss = float("nan")
        self._n_epochs = max_epochs
        self._best = best
        self._snapshot = snapshot
        self._on_epoch = on_epoch
        self._observed, self._val_observed = observed, val_observed

    def fit(  # pyright: ignore[reportIncompatibleMethodOverride] - what Darts passes
        self, model: PLForecastingModule, datamodule: DataModule, ckpt_path: str | None = None
    ) -> None:
        """Train a model on the samples of a data module.

        Raises
        ------
        ConfigError
            Where a checkpoint is to be resumed from.
        """
        if ckpt_path is not None:
            raise ConfigError("cannot be resumed from: this training loop begins with a new model", "ckpt_path")
        device = place(self, model)
        data = training_data(datamodule)
        train = batches(data.train, device, batch_size=data.batch_size, shuffle=True, observed=self._observed)
        val = None if data.val is None else batches(data.val, device, observed=self._val_observed)
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
        stopped = False
        for epoch in range(1, self._n_epochs + 1):
            train_losses = _train_epoch(model, train, optimizer)
            loss = train_losses.mean() if val is None else _validate(model, val)
            self.epochs, self.loss = epoch, float(loss)
            if self._best is not None and not stopped:
                stopped = not self._best.see(epoch, self.loss, model)
            waits = self._snapshot is not None and self._snapshot.see(epoch, model)
            self._on_epoch(epoch, self.loss)
            if not math.isfinite(self.loss) or (stopped and not waits):
                return


def _refuse_unless_without(name: str, value: object) -> None:
    if name not in WITHOUT:
        raise ConfigError(
            "is an argument that this training loop does not follow: leave it out, or train with Lightning's own "
            "loop, by the fit of a model from create_model",
            name,
        )
    if value is not WITHOUT[name] and (isinstance(value, bool) or value != WITHOUT[name]):
        raise ConfigError(f"must be {WITHOUT[name]!r} for this training loop, not {value!r}", name)


def _train_epoch(model: PLForecastingModule, train: Iterable[TorchTrainingBatch], optimizer: optim.Optimizer) -> Tensor:
    """Train one epoch and return the loss of each batch."""
    model.train()
    losses: list[Tensor] = []
    for batch in train:
        loss = training_loss(model, batch)
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
        losses.append(validation_loss(model, batch))
        sizes.append(len(batch.past_target))
    weights = torch.tensor(sizes, dtype=losses[0].dtype, device=losses[0].device)
    return torch.stack(losses) @ weights / weights.sum()

"""What happens between the epochs of a training: the best weights are kept, and each epoch is reported."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytorch_lightning as pl
import torch
from torch import Tensor

MONITORED: Final = "val_loss"


class BestWeights(pl.Callback):
    """Keep the weights of the epoch with the lowest validation loss in memory, and restore them when training ends.

    They are restored however it ends: at the last epoch, by early stopping, or by an exception. A loss that is not
    finite is never the best. One object serves one fit.

    Attributes
    ----------
    epoch : int or None
        The best epoch, counted from 1; None while there is none.
    loss : float
        Its validation loss; infinite while there is none.
    """

    def __init__(self) -> None:
        self.epoch: int | None = None
        self.loss = math.inf
        self._weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights where they are the best so far."""
        if trainer.sanity_checking or MONITORED not in trainer.callback_metrics:
            return
        loss = float(trainer.callback_metrics[MONITORED])
        if math.isfinite(loss) and loss < self.loss:
            self.epoch, self.loss = trainer.current_epoch + 1, loss
            self._weights = {name: value.detach().cpu().clone() for name, value in pl_module.state_dict().items()}

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Restore the best weights."""
        self._restore(pl_module)

    def on_exception(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,
        exception: BaseException,  # noqa: ARG002
    ) -> None:
        """Restore the best weights."""
        self._restore(pl_module)

    def _restore(self, pl_module: pl.LightningModule) -> None:
        if self._weights:
            pl_module.load_state_dict(self._weights)
            self._weights = {}


class EpochReport(pl.Callback):
    """Count the epochs, hand the loss of each to the caller, and end a training whose loss is not finite.

    Parameters
    ----------
    on_epoch : Callable[[int, float], None], optional
        Called after every epoch with its number, counted from 1, and its validation loss; without validation, the mean
        of its training losses, weighted by batch. What it raises ends the training and reaches the caller.

    Attributes
    ----------
    epochs : int
        Epochs finished.
    loss : float
        The loss of the last of them, NaN before the first.
    """

    def __init__(self, on_epoch: Callable[[int, float], None] | None = None) -> None:
        self.epochs = 0
        self.loss = math.nan
        self._on_epoch = on_epoch
        self._batch_losses: list[Tensor] = []

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        outputs: Tensor | Mapping[str, Any] | None,
        batch: object,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Note the loss of a batch."""
        if isinstance(outputs, Mapping):
            self._batch_losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Report the epoch."""
        validated = trainer.callback_metrics.get(MONITORED)
        mean = torch.stack(self._batch_losses).mean() if validated is None else validated
        self._batch_losses.clear()
        self.epochs, self.loss = trainer.current_epoch + 1, float(mean)
        if not math.isfinite(self.loss):
            trainer.should_stop = True
        if self._on_epoch is not None:
            self._on_epoch(self.epochs, self.loss)

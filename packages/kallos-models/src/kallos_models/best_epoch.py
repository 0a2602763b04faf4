"""Whose weights are kept: those of the best epoch, and of an epoch named before the training began."""

import math

from torch import Tensor, nn


class BestEpoch:
    """Keeps the weights of the epoch with the lowest validation loss in memory.

    A loss that is not finite is never the best. One object serves one training.

    Parameters
    ----------
    patience : int
        Epochs in a row without a better loss after which to stop.
    min_delta : float
        By how much a loss must fall to count as better for the patience.

    Attributes
    ----------
    epoch : int or None
        The best epoch, counted from 1; None while there is none.
    loss : float
        Its validation loss; infinite while there is none.
    """

    def __init__(self, patience: int, min_delta: float) -> None:
        self.epoch: int | None = None
        self.loss = math.inf
        self._patience = patience
        self._min_delta = min_delta
        self._to_beat = math.inf
        self._waited = 0
        self._weights: dict[str, Tensor] = {}

    def see(self, epoch: int, loss: float, module: nn.Module) -> bool:
        """Take note of an epoch's loss, keep its weights where it is the best, and return whether to train on."""
        if not math.isfinite(loss):
            return False
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self._keep(module)
        if loss < self._to_beat - self._min_delta:
            self._to_beat, self._waited = loss, 0
        else:
            self._waited += 1
        return self._waited < self._patience

    def restore(self, module: nn.Module) -> None:
        """Give a module the weights of the best epoch, where there is one."""
        if self._weights:
            module.load_state_dict(self._weights)

    def _keep(self, module: nn.Module) -> None:
        weights = module.state_dict()
        if not self._weights:
            self._weights = _copied(module)
            return
        for name, value in weights.items():
            self._weights[name].copy_(value)


class Snapshot:
    """Keeps the weights of one epoch, whatever its loss; a training goes on until it is there.

    Parameters
    ----------
    epoch : int
        Counted from 1.

    Attributes
    ----------
    epoch : int
    weights : dict of str to Tensor
        Empty until then.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.weights: dict[str, Tensor] = {}

    def see(self, epoch: int, module: nn.Module) -> bool:
        """Keep the weights of the epoch, and return whether it is still to come."""
        if epoch == self.epoch:
            self.weights = _copied(module)
        return epoch < self.epoch


def _copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}

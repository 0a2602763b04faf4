"""Which epoch of a training was the best, and when to stop waiting for a better one."""

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
            self._weights = {name: value.clone() for name, value in weights.items()}
            return
        for name, value in weights.items():
            self._weights[name].copy_(value)

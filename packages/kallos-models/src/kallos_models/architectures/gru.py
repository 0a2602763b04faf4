"""Gated recurrent units (Cho et al. 2014)."""

from collections.abc import Callable, Mapping
from typing import Any

from darts.models.forecasting.block_rnn_model import BlockRNNModel, _BlockRNNModule
from torch import nn

from ..hyperparameters import Hyperparameters
from ..recurrence import TapeLightGRU
from ._recurrent import build_recurrent


class GRUModule(_BlockRNNModule):
    """Darts' own module of a GRU, the GRU itself replaced by one that trains sooner with the same parameters."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Darts' own
        super().__init__(**kwargs | {"name": "GRU"})
        assert isinstance(self.rnn, nn.GRU)
        self.rnn = TapeLightGRU.of(self.rnn)


def build(hparams: Hyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> BlockRNNModel:
    """Build ``hidden_dim`` units in each of ``n_rnn_layers`` layers, with dropout between the layers."""
    return build_recurrent(GRUModule, hparams, shared, note)

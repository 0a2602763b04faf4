"""Gated recurrent units (Cho et al. 2014)."""

from collections.abc import Callable, Mapping
from typing import Any

from darts.models.forecasting.block_rnn_model import BlockRNNModel

from ..darts_bridge import BlockRNNModule, exchange_gru
from ..hyperparameters import Hyperparameters
from ..recurrence import TapeLightGRU
from ._recurrent import build_recurrent


class GRUModule(BlockRNNModule):
    """Darts' module of a GRU, the GRU itself replaced by one with the same parameters that trains faster."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Darts' own
        super().__init__(**kwargs | {"name": "GRU"})
        exchange_gru(self, TapeLightGRU.of)


def build(hparams: Hyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> BlockRNNModel:
    """Build ``hidden_dim`` units in each of ``n_rnn_layers`` layers, with dropout between the layers."""
    return build_recurrent(GRUModule, hparams, shared, note)

"""What the GRU and the LSTM have in common."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from darts.models.forecasting.block_rnn_model import BlockRNNModel, CustomBlockRNNModule

from ..darts_bridge import BlockRNNModule, exchange_gru
from ..hyperparameters import Hyperparameters
from ..recurrence import TapeLightGRU
from ._idle_dropout import IDLE_DROPOUT


class GRUModule(BlockRNNModule):
    """Darts' module of a GRU, the GRU itself replaced by one with the same parameters that trains faster."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Darts' own
        super().__init__(**kwargs | {"name": "GRU"})
        exchange_gru(self, TapeLightGRU.of)


def build_recurrent(
    cell: type[CustomBlockRNNModule] | Literal["LSTM"],
    hparams: Hyperparameters,
    shared: Mapping[str, Any],
) -> BlockRNNModel:
    """Build a stack of recurrent layers whose last state is mapped linearly to the forecast."""
    # Of a single layer torch would warn.
    dropout = 0.0 if IDLE_DROPOUT.holds(asdict(hparams)) else hparams.dropout
    return BlockRNNModel(
        model=cell, hidden_dim=hparams.hidden_dim, n_rnn_layers=hparams.n_rnn_layers, dropout=dropout, **shared
    )

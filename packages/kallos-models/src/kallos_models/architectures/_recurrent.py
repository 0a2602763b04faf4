"""What the GRU and the LSTM have in common."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from darts.models.forecasting.block_rnn_model import BlockRNNModel, CustomBlockRNNModule

from ..darts_bridge import BlockRNNModule, exchange_gru
from ..hyperparameters import Hyperparameters
from ..recurrence import TapeLightGRU


class GRUModule(BlockRNNModule):
    """Darts' module of a GRU, the GRU itself replaced by one with the same parameters that trains faster."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Darts' own
        super().__init__(**kwargs | {"name": "GRU"})
        exchange_gru(self, TapeLightGRU.of)


def build_recurrent(
    cell: type[CustomBlockRNNModule] | Literal["LSTM"],
    hparams: Hyperparameters,
    shared: Mapping[str, Any],
    note: Callable[[str], None],
) -> BlockRNNModel:
    """Build a stack of recurrent layers whose last state is mapped linearly to the forecast."""
    dropout = hparams.dropout
    if hparams.n_rnn_layers == 1 and dropout > 0:
        note("dropout acts between recurrent layers only, so with n_rnn_layers=1 it is not used")
        dropout = 0.0
    return BlockRNNModel(
        model=cell, hidden_dim=hparams.hidden_dim, n_rnn_layers=hparams.n_rnn_layers, dropout=dropout, **shared
    )

"""Long short-term memory (Hochreiter and Schmidhuber 1997)."""

from collections.abc import Callable, Mapping
from typing import Any

from darts.models.forecasting.block_rnn_model import BlockRNNModel

from ..hyperparameters import Hyperparameters
from ._recurrent import build_recurrent


def build(hparams: Hyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> BlockRNNModel:
    """Build ``hidden_dim`` units in each of ``n_rnn_layers`` layers, with dropout between the layers."""
    return build_recurrent("LSTM", hparams, shared, note)

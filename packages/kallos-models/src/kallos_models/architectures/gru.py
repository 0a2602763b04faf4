"""Gated recurrent units (Cho et al. 2014)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..hyperparameters import Hyperparameters
from ._idle_dropout import IDLE_DROPOUT

if TYPE_CHECKING:
    from darts.models.forecasting.block_rnn_model import BlockRNNModel

WITHOUT_EFFECT = (IDLE_DROPOUT,)


def build(hparams: Hyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> "BlockRNNModel":  # noqa: ARG001
    """Build ``hidden_dim`` units in each of ``n_rnn_layers`` layers, with dropout between the layers."""
    from ._recurrent import GRUModule, build_recurrent  # noqa: PLC0415 - imports torch

    return build_recurrent(GRUModule, hparams, shared)

"""Dense encoder and decoder over the flattened look-back (Das et al. 2023)."""

from collections.abc import Callable, Mapping
from typing import Any

from darts.models.forecasting.tide_model import TiDEModel

from ..hyperparameters import Hyperparameters


def build(hparams: Hyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> TiDEModel:  # noqa: ARG001
    """Build ``n_rnn_layers`` dense encoder and as many decoder blocks, ``hidden_dim`` wide; all settings apply."""
    return TiDEModel(
        hidden_size=hparams.hidden_dim,
        num_encoder_layers=hparams.n_rnn_layers,
        num_decoder_layers=hparams.n_rnn_layers,
        dropout=hparams.dropout,
        **shared,
    )

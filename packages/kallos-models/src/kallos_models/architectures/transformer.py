"""Encoder and decoder with attention (Vaswani et al. 2017)."""

from collections.abc import Callable, Mapping
from typing import Any

from darts.models.forecasting.transformer_model import TransformerModel

from ..hyperparameters import Hyperparameters

HEADS = 4
# The ratio of the inner to the outer width in section 3.3 of the paper.
FEEDFORWARD_RATIO = 4


def build(hparams: Hyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> TransformerModel:
    """Build ``n_rnn_layers`` encoder and as many decoder layers, ``hidden_dim`` wide, rounded up to whole heads."""
    width = -(-hparams.hidden_dim // HEADS) * HEADS
    if width != hparams.hidden_dim:
        note(f"hidden_dim={hparams.hidden_dim} is widened to {width}, a multiple of its {HEADS} attention heads")
    return TransformerModel(
        d_model=width,
        nhead=HEADS,
        num_encoder_layers=hparams.n_rnn_layers,
        num_decoder_layers=hparams.n_rnn_layers,
        dim_feedforward=FEEDFORWARD_RATIO * width,
        dropout=hparams.dropout,
        **shared,
    )

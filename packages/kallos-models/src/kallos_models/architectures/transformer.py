"""Encoder and decoder with attention (Vaswani et al. 2017)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING, Any, Final

from ..declared_settings import document_settings, setting
from ..hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from darts.models.forecasting.transformer_model import TransformerModel


@document_settings
@dataclass(frozen=True, slots=True)
class TransformerHyperparameters(Hyperparameters):
    """Hyperparameters of a transformer."""

    n_heads: int = setting(
        4, "Attention heads of each layer; hidden_dim is rounded up to whole heads.", least=1, most=16
    )
    # The default is that of section 3.3 of the paper.
    feedforward_ratio: int = setting(
        4, "Width of the feed-forward part of each layer, in multiples of hidden_dim.", least=1, most=16
    )


HYPERPARAMETERS: Final = TransformerHyperparameters


def build(
    hparams: TransformerHyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]
) -> "TransformerModel":
    """Build ``n_rnn_layers`` encoder and as many decoder layers, ``hidden_dim`` wide, rounded up to whole heads."""
    from darts.models.forecasting.transformer_model import TransformerModel  # noqa: PLC0415 - imports torch

    # The sines and cosines of the positions come in pairs.
    unit = lcm(2, hparams.n_heads)
    width = -(-hparams.hidden_dim // unit) * unit
    if width != hparams.hidden_dim:
        multiple = "a multiple" if unit == hparams.n_heads else "an even multiple"
        heads = f"{hparams.n_heads} attention head{'' if hparams.n_heads == 1 else 's'}"
        note(f"hidden_dim={hparams.hidden_dim} is widened to {width}, {multiple} of its {heads}")
    return TransformerModel(
        d_model=width,
        nhead=hparams.n_heads,
        num_encoder_layers=hparams.n_rnn_layers,
        num_decoder_layers=hparams.n_rnn_layers,
        dim_feedforward=hparams.feedforward_ratio * width,
        dropout=hparams.dropout,
        **shared,
    )

"""Dense encoder and decoder over the flattened look-back (Das et al. 2023)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..declared_settings import document_settings, setting
from ..hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from darts.models.forecasting.tide_model import TiDEModel


@document_settings
@dataclass(frozen=True, slots=True)
class TiDEHyperparameters(Hyperparameters):
    """Hyperparameters of TiDE."""

    temporal_width_past: int = setting(
        4, "Width that the past covariates of a step are projected to; 0 takes them as they are.", least=0, most=1_024
    )
    decoder_output_dim: int = setting(16, "Width of what the decoder says of each step forecast.", least=1, most=1_024)


HYPERPARAMETERS: Final = TiDEHyperparameters


def build(hparams: TiDEHyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> "TiDEModel":  # noqa: ARG001
    """Build ``n_rnn_layers`` dense encoder and as many decoder blocks, ``hidden_dim`` wide; all settings apply."""
    from darts.models.forecasting.tide_model import TiDEModel  # noqa: PLC0415 - imports torch

    return TiDEModel(
        hidden_size=hparams.hidden_dim,
        num_encoder_layers=hparams.n_rnn_layers,
        num_decoder_layers=hparams.n_rnn_layers,
        temporal_width_past=hparams.temporal_width_past,
        decoder_output_dim=hparams.decoder_output_dim,
        dropout=hparams.dropout,
        **shared,
    )

"""Temporal convolutions (Bai, Kolter and Koltun 2018)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..declared_settings import document_settings, setting
from ..errors import ConfigError
from ..hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from darts.models.forecasting.tcn_model import TCNModel

DILATION_BASE = 2
SMALLEST_KERNEL = 3


@document_settings
@dataclass(frozen=True, slots=True)
class TCNHyperparameters(Hyperparameters):
    """Hyperparameters of a temporal convolutional network."""

    kernel_size: int | None = setting(
        None,
        "Steps that each convolution sees; by default the least, from 3, with which the network spans the look-back.",
        least=2,
        most=100_000,
    )


HYPERPARAMETERS: Final = TCNHyperparameters


def build(hparams: TCNHyperparameters, shared: Mapping[str, Any], note: Callable[[str], None]) -> "TCNModel":
    """Build ``n_rnn_layers`` residual blocks of ``hidden_dim`` filters, whose kernels span the whole look-back."""
    look_back = hparams.input_chunk_length
    if look_back <= max(hparams.output_chunk_length, 1):
        raise ConfigError(
            f"must be above 1 and above the {hparams.output_chunk_length} steps that a tcn forecasts at once, "
            f"not {look_back}",
            "input_chunk_length",
        )
    from darts.models.forecasting.tcn_model import TCNModel  # noqa: PLC0415 - imports torch

    kernel = hparams.kernel_size or spanning_kernel(look_back, hparams.n_rnn_layers)
    if kernel >= look_back:
        kernel = look_back - 1
        note(f"kernels are cut to {kernel}, since they must be shorter than input_chunk_length={look_back}")
    return TCNModel(
        num_filters=hparams.hidden_dim,
        num_layers=hparams.n_rnn_layers,
        kernel_size=kernel,
        dilation_base=DILATION_BASE,
        dropout=hparams.dropout,
        **shared,
    )


def spanning_kernel(look_back: int, n_blocks: int) -> int:
    """Return the least kernel size, at least 3, with which the last output sees every step of the look-back.

    Each block has two causal convolutions of kernel k, dilated by 2 to the power of the blocks below it; the receptive
    field of n blocks is therefore 1 + 2 (k - 1) (2^n - 1) steps.
    """
    reach_per_tap = 2 * (DILATION_BASE**n_blocks - 1)
    return max(SMALLEST_KERNEL, 1 - (1 - look_back) // reach_per_tap)

"""One meaning of the training and the validation loss for every architecture, with and without quantiles."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from darts.utils.likelihood_models import QuantileRegression
from torch import Tensor, nn

from .settings import QUANTILES


class ForecastLoss(nn.MSELoss):
    """Mean squared error; outside training, of the forecast steps alone.

    Some architectures (the TCN) learn from an output at every step of the look-back. In validation those steps would
    mix the score of the training window into that of the validation window.

    Parameters
    ----------
    n_steps : int
        Steps forecast at once: the last ones of the output.
    """

    def __init__(self, n_steps: int) -> None:
        super().__init__()
        self.n_steps = n_steps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the loss of ``input`` and ``target``, both ``[N, T, C]``."""
        if self.training:
            return super().forward(input, target)
        return super().forward(input[:, -self.n_steps :], target[:, -self.n_steps :])


class ForecastQuantiles(QuantileRegression):
    """Mean pinball loss over the steps and over :data:`kallos_models.QUANTILES` (Koenker and Bassett 1978).

    Where no gradients are asked for, as in validation, it is that of the forecast steps alone, as in
    :class:`ForecastLoss`.

    Parameters
    ----------
    n_steps : int
        Steps forecast at once: the last ones of the output.
    """

    def __init__(self, n_steps: int) -> None:
        super().__init__(list(QUANTILES))
        self.n_steps = n_steps
        self._samples_are_medians = False

    def compute_loss(self, model_output: Tensor, target: Tensor, sample_weight: Tensor) -> Tensor:
        """Return the loss of quantiles ``[N, T, C, Q]`` for a target ``[N, T, C]``."""
        if not torch.is_grad_enabled():
            model_output, target = model_output[:, -self.n_steps :], target[:, -self.n_steps :]
        return super().compute_loss(model_output, target, sample_weight) / len(QUANTILES)

    def sample(self, model_output: Tensor) -> Tensor:
        """Return a value ``[N, T, C]`` drawn between the quantiles, or inside :meth:`medians` their median."""
        return median_of(model_output) if self._samples_are_medians else super().sample(model_output)

    @contextmanager
    def medians(self) -> Generator[None]:
        """Have Darts' ``predict`` forecast medians, and feed them back, inside the ``with`` block."""
        self._samples_are_medians = True
        try:
            yield
        finally:
            self._samples_are_medians = False


def median_of(quantiles: Tensor) -> Tensor:
    """Return the median ``[N, T, C]`` of quantiles ``[N, T, C, Q]``, whatever order training left them in."""
    return quantiles.median(dim=-1).values

"""One meaning of the validation loss for every architecture."""

from torch import Tensor, nn


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

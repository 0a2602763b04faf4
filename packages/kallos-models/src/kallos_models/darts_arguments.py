"""The keyword arguments that every Darts torch model takes in the same way."""

from collections.abc import Mapping
from typing import Any

from torch import optim

from .hyperparameters import Hyperparameters
from .loss import ForecastLoss, ForecastQuantiles
from .settings import Likelihood


def shared_arguments(
    hparams: Hyperparameters, pl_trainer_kwargs: Mapping[str, Any] | None = None, likelihood: Likelihood = "none"
) -> dict[str, Any]:
    """Return what is the same for all architectures, new objects in every call.

    Parameters
    ----------
    hparams : Hyperparameters
        Of which those are read that every architecture has.
    pl_trainer_kwargs : Mapping[str, Any], optional
        Handed to the Lightning trainer; none for Darts' own presets.
    likelihood : {"none", "quantile"}, default "none"
        What is forecast: a value, or quantiles.

    Returns
    -------
    dict[str, Any]
        Keyword arguments of the Darts model: chunk lengths, batch size, epochs, loss, optimiser, seed. Nothing is
        written to disk by a model built with them.
    """
    arguments: dict[str, Any] = {
        "input_chunk_length": hparams.input_chunk_length,
        "output_chunk_length": hparams.output_chunk_length,
        "output_chunk_shift": hparams.output_chunk_shift,
        "batch_size": hparams.batch_size,
        "n_epochs": hparams.n_epochs,
        "loss_fn": ForecastLoss(hparams.output_chunk_length),
        "optimizer_cls": optim.Adam,
        "optimizer_kwargs": _of_adam(hparams),
        "random_state": hparams.random_state,
        "pl_trainer_kwargs": dict(pl_trainer_kwargs or {}),
        "save_checkpoints": False,
        "log_tensorboard": False,
        "force_reset": True,
    }
    if likelihood == "quantile":
        # Darts takes the loss from it, and no longer from loss_fn.
        arguments["likelihood"] = ForecastQuantiles(hparams.output_chunk_length)
    return arguments


def _of_adam(hparams: Hyperparameters) -> dict[str, float]:
    decay = {"weight_decay": hparams.weight_decay} if hparams.weight_decay else {}
    return {"lr": hparams.learning_rate, **decay}

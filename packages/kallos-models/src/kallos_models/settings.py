"""How a forecaster is trained, whatever its architecture."""

from dataclasses import dataclass
from typing import Final, Literal

from .declared_settings import check_settings, document_settings, setting
from .errors import ConfigError
from .hyperparameters import LARGEST_SEED, MOST_EPOCHS

Device = Literal["cpu", "cuda", "mps", "auto"]
Likelihood = Literal["none", "quantile"]

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What a model of the likelihood "quantile" forecasts, in this order."""


@document_settings
@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Length, stopping, seed, device and loss of a training.

    Raises
    ------
    ConfigError
        Where a value has the wrong type or is out of bounds.
    """

    max_epochs: int = setting(100, "Most epochs to train.", least=1, most=MOST_EPOCHS)
    patience: int = setting(5, "Epochs in a row without a better validation loss after which training stops.", least=1)
    min_delta: float = setting(
        0.0, "Least fall of the validation loss, in its own unit, that the patience counts as better.", least=0
    )
    seed: int = setting(0, "Seed of initial weights, dropout and the order of batches.", least=0, most=LARGEST_SEED)
    device: Device = setting("cpu", "Where models are trained; auto takes a GPU where torch sees one.")
    likelihood: Likelihood = setting(
        "none",
        "What a model forecasts: a value, or the quantiles 0.05, 0.25, 0.5, 0.75 and 0.95, trained on their pinball "
        "loss.",
    )

    def __post_init__(self) -> None:
        check_settings(self)


def accelerator(device: Device) -> str:
    """Return Lightning's word for a device.

    Raises
    ------
    ConfigError
        Where torch sees no such device.
    """
    require_device(device)
    return "gpu" if device == "cuda" else device


def require_device(device: Device) -> None:
    """Refuse a device that this machine does not have; imports torch only where a GPU is asked for.

    Parameters
    ----------
    device : {"cpu", "cuda", "mps", "auto"}
        As in :class:`TrainingSettings`; ``"cpu"`` and ``"auto"`` are always there.

    Raises
    ------
    ConfigError
        Where torch sees no such device.
    """
    if device not in ("cuda", "mps"):
        return
    import torch  # noqa: PLC0415 - settings are made where no model is

    there = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if not there:
        raise ConfigError(f"cannot be {device!r}: torch sees no such GPU on this machine; choose cpu or auto", "device")

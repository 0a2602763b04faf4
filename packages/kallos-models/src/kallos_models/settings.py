"""How a forecaster is trained, whatever its architecture."""

from dataclasses import dataclass
from typing import Literal, get_args

from .errors import ConfigError
from .hyperparameters import real, seed, whole

Device = Literal["cpu", "cuda", "mps", "auto"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Length, stopping, seed and place of a training.

    Parameters
    ----------
    max_epochs : int, default 100
        Epochs at most.
    patience : int, default 10
        Epochs without a better validation loss after which training stops.
    min_delta : float, default 0.0
        By how much a validation loss must fall, in its own unit, to count as better for the patience.
    seed : int, default 0
        Seed of weights, dropout and batch order, where the hyperparameters have no ``random_state``.
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
        Where to train; ``"auto"`` takes a GPU where torch sees one.

    Raises
    ------
    ConfigError
        Where a value has the wrong type or lies outside its range.
    """

    max_epochs: int = 100
    patience: int = 10
    min_delta: float = 0.0
    seed: int = 0
    device: Device = "cpu"

    def __post_init__(self) -> None:
        whole("max_epochs", self.max_epochs, least=1)
        whole("patience", self.patience, least=1)
        seed("seed", self.seed)
        if real("min_delta", self.min_delta) < 0:
            raise ConfigError(f"min_delta must be at least 0, not {self.min_delta!r}")
        if self.device not in get_args(Device):
            raise ConfigError(f"device must be one of {', '.join(get_args(Device))}, not {self.device!r}")


def accelerator(device: Device) -> str:
    """Return Lightning's word for a device.

    Raises
    ------
    ConfigError
        Where torch does not see such a device.
    """
    if device in ("cuda", "mps"):
        _require_gpu(device)
    return "gpu" if device == "cuda" else device


def _require_gpu(device: Device) -> None:
    import torch  # noqa: PLC0415 - settings are made where no model is

    there = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if not there:
        raise ConfigError(f"device={device!r} is not there: torch sees no such GPU; choose 'cpu' or 'auto'")

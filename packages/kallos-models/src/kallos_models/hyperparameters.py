"""The hyperparameters that every architecture has; one with others of its own declares them in a subclass."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Final, Self

from .declared_settings import check_settings, document_settings, setting
from .errors import ConfigError

LARGEST_SEED: Final = 2**32 - 1
"""NumPy takes no larger one."""
MOST_EPOCHS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class WithoutEffect:
    """What an architecture declares of a hyperparameter that does nothing where another has a certain value.

    Attributes
    ----------
    name : str
        The one that does nothing.
    beside, value : str, int
        Where it does not.
    why : str
        To follow its name: "acts between recurrent layers only".
    """

    name: str
    beside: str
    value: int
    why: str

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether it is so among these values; of one that is 0 nothing was expected."""
        return values[self.beside] == self.value and bool(values[self.name])


@document_settings
@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What defines a model, in the same words for every architecture.

    Some architectures have further ones of their own, see :func:`kallos_models.hyperparameters_of`.

    The upper bounds lie far beyond any use: they keep what is read from a file from asking for all memory there is.

    Raises
    ------
    ConfigError
        Where a value has the wrong type or is out of bounds.
    """

    hidden_dim: int = setting(64, "Width of the hidden layers.", least=1, most=16_384)
    n_rnn_layers: int = setting(
        1, "Depth: recurrent layers, encoder and decoder layers, or residual blocks.", least=1, most=64
    )
    dropout: float = setting(0.1, "Share of activations dropped in training.", least=0, below=1)
    batch_size: int = setting(64, "Samples in a training step.", least=1, most=1_000_000)
    input_chunk_length: int = setting(50, "Look-back, in steps.", least=1, most=100_000)
    learning_rate: float = setting(1e-3, "Step size of Adam.", above=0)
    weight_decay: float = setting(
        0.0, "Weight of Adam's penalty on the squares of the weights; 0 is none.", least=0, most=1
    )
    output_chunk_length: int = setting(1, "Steps forecast at once.", least=1, most=10_000)
    output_chunk_shift: int = setting(
        0, "Steps skipped between the look-back and the first step forecast.", least=0, most=10_000
    )
    n_epochs: int = setting(
        100,
        "Epochs where the model's own fit trains it; fit_forecaster takes them from its settings.",
        least=1,
        most=MOST_EPOCHS,
    )
    random_state: int | None = setting(
        None, "Seed of initial weights, dropout and the order of batches.", least=0, most=LARGEST_SEED
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Read hyperparameters by name, for instance from JSON or a trial.

        Parameters
        ----------
        values : Mapping[str, Any]
            Names and values; a name left out keeps its default.

        Raises
        ------
        ConfigError
            For a name that is no hyperparameter, or a value that is out of bounds.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            names = ", ".join(repr(name) for name in unknown)
            close = get_close_matches(unknown[0], known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ConfigError(f"unknown hyperparameter {names}: {hint}known are {', '.join(known)}")
        return cls(**values)

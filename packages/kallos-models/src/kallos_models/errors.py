"""Everything that can be wrong with a request for a model, its training or its file.

Every class carries its facts as attributes, also subclasses the built-in error it resembles, and can be pickled, so
that it crosses processes.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class KallosError(Exception):
    """Base of every error that kallos-models raises on purpose."""


class ConfigError(KallosError, ValueError):
    """A hyperparameter or training setting cannot be used as given."""


class UnknownModelError(KallosError, LookupError):
    """No architecture has the name asked for.

    Attributes
    ----------
    name : str
        The name asked for.
    known : Sequence[str]
        The names there are.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        close = get_close_matches(self.name.lower(), self.known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"no model {self.name!r}: {hint}known are {', '.join(self.known)}"


class TrainingDivergedError(KallosError, ArithmeticError):
    """Training ended in losses or weights that are not finite.

    Attributes
    ----------
    epoch : int
        The epoch, counted from 1, after which this was seen.
    learning_rate : float
        The learning rate trained with.
    what : str
        What is not finite.
    """

    def __init__(self, epoch: int, learning_rate: float, what: str) -> None:
        super().__init__(epoch, learning_rate, what)
        self.epoch = epoch
        self.learning_rate = learning_rate
        self.what = what

    def __str__(self) -> str:
        return (
            f"training diverged: {self.what} after epoch {self.epoch} at learning rate {self.learning_rate:g}; "
            "lower the learning rate or check the series for extreme or missing values"
        )


class ModelFileError(KallosError, OSError):
    """A saved forecaster cannot be written or read."""

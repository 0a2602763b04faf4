"""Everything that can be wrong with a request for a model, its training or its file.

Every class carries its facts as attributes and also subclasses the built-in error it resembles.
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
        self.name = name
        self.known = known
        close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        super().__init__(f"no model {name!r}: {hint}known are {', '.join(known)}")


class TrainingDivergedError(KallosError, ArithmeticError):
    """Training ended in losses or weights that are not finite.

    Attributes
    ----------
    epoch : int
        The epoch, counted from 1, after which this was seen.
    learning_rate : float
        The learning rate trained with.
    """

    def __init__(self, epoch: int, learning_rate: float, *, what: str) -> None:
        self.epoch = epoch
        self.learning_rate = learning_rate
        super().__init__(
            f"training diverged: {what} after epoch {epoch} at learning rate {learning_rate:g}; "
            "lower the learning rate or check the series for extreme or missing values"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _diverged, (self.epoch, self.learning_rate, str(self))


def _diverged(epoch: int, learning_rate: float, message: str) -> TrainingDivergedError:
    """Rebuild the error in another process."""
    error = TrainingDivergedError(epoch, learning_rate, what="")
    error.args = (message,)
    return error


class ModelFileError(KallosError, OSError):
    """A saved forecaster cannot be written or read."""

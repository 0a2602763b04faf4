"""Everything that can be wrong with a request for a model, its training or its files.

Every error says what is wrong in ``problem`` and which argument that is about in ``parameter``, carries its facts as
attributes, also subclasses the built-in error it resembles, and can be pickled, so that it crosses processes.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class KallosError(Exception):
    """Base of every error that kallos-models raises on purpose.

    Attributes
    ----------
    problem : str
        What is wrong and what to do, without the name of the argument: "must be 1 or more, not 0".
    parameter : str or None
        The argument that it is about, as Python spells it, such as "max_epochs".
    """

    def __init__(self, problem: str, parameter: str | None = None) -> None:
        super().__init__(problem, parameter)
        self.problem = problem
        self.parameter = parameter

    def __str__(self) -> str:
        return f"{self.parameter} {self.problem}" if self.parameter else self.problem


class ConfigError(KallosError, ValueError):
    """A hyperparameter, a training setting or a series cannot be used as given."""


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
        close = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        super().__init__(f"must be one of {', '.join(known)}, not {name!r}{hint}", "model_name")
        self.args = (name, known)
        self.name = name
        self.known = known


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
        super().__init__(
            f"training diverged: {what} after epoch {epoch} at learning rate {learning_rate:g}; "
            "lower the learning rate or check the series for extreme or missing values"
        )
        self.args = (epoch, learning_rate, what)
        self.epoch = epoch
        self.learning_rate = learning_rate
        self.what = what


class ModelFileError(KallosError, OSError):
    """A saved forecaster cannot be written or read."""
